//! Work on a warehouse, by one thread, that somebody else may stop.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::run::workers::TICK;
use crate::warehouse::Warehouse;

/// Sets a flag at its end, and at that of a panic.
struct Over<'flag>(&'flag AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Does work on the session of `warehouse`, whose statements are interrupted once `cancelled` is set.
///
/// Again and again: a statement that begins after the flag was set must be met as well.
pub fn stoppable<T>(warehouse: &dyn Warehouse, cancelled: &AtomicBool, work: impl FnOnce() -> T) -> T {
    let interrupt = warehouse.interrupter();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                if cancelled.load(Ordering::Relaxed) {
                    interrupt();
                }
                std::thread::park_timeout(TICK);
            }
        });
        let held = Over(&over);
        let done = work();
        drop(held);
        watch.thread().unpark();
        done
    })
}
