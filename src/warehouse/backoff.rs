//! How long to wait before something is tried again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The wait after the first failure; twice as long each time.
const FIRST: Duration = Duration::from_millis(200);

/// Waits that grow, and differ between those that failed together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    limit: Duration,
}

impl Backoff {
    /// Makes waits of at most `limit` each, unless the other side asks for more.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit }
    }

    /// Returns the wait after failure number `attempt`, counted from 1: a random part, half of it at least, of what has
    /// doubled each time; where the other side said how long to stay away (`retry_after`), not less than that.
    pub(super) fn wait(&self, attempt: u32, retry_after: Option<Duration>) -> Duration {
        let doublings = attempt.saturating_sub(1).min(16);
        let whole = FIRST.saturating_mul(2_u32.saturating_pow(doublings)).min(self.limit);
        // Each state is seeded anew: as random as a wait needs to be.
        let parts = RandomState::new().build_hasher().finish() % 1000;
        let jittered = whole / 2 + (whole / 2).mul_f64(f64::from(u32::try_from(parts).unwrap_or(0)) / 1000.0);
        retry_after.map_or(jittered, |asked| asked.max(jittered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_never_undercut_what_was_asked() {
        let backoff = Backoff::new(Duration::from_secs(8));
        for (attempt, whole) in [(1, 200), (2, 400), (3, 800), (6, 6_400), (7, 8_000), (1_000, 8_000)] {
            let (least, most) = (Duration::from_millis(whole / 2), Duration::from_millis(whole));
            for _ in 0..50 {
                let wait = backoff.wait(attempt, None);
                assert!(wait >= least && wait <= most, "{attempt}: {wait:?}");
            }
        }
        assert_eq!(backoff.wait(1, Some(Duration::from_secs(30))), Duration::from_secs(30));
        assert!(backoff.wait(7, Some(Duration::from_millis(1))) >= Duration::from_secs(4));
    }
}
