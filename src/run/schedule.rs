//! Which job may begin, and which never will: the order of a run without threads, clocks or a warehouse.

use std::collections::{BTreeMap, BTreeSet};

/// The jobs that have not begun, by their places in the list of jobs.
pub(super) struct Schedule {
    /// For each job, how many of the jobs that it reads have not succeeded; `None` once it began or was given up.
    waiting: Vec<Option<usize>>,
    /// For each job, those that read it.
    readers: Vec<Vec<usize>>,
    /// Those that may begin: the first first, so that one thread keeps the order of the plan.
    ready: BTreeSet<usize>,
}

impl Schedule {
    /// Takes each job's name and the names of those that it reads; names that are no job's are ignored.
    pub(super) fn new<'job>(jobs: impl Iterator<Item = (&'job str, &'job [String])> + Clone) -> Self {
        let places: BTreeMap<&str, usize> = jobs.clone().enumerate().map(|(place, (name, _))| (name, place)).collect();
        let mut readers = vec![Vec::new(); jobs.clone().count()];
        let mut waiting = Vec::new();
        for (place, (_, depends_on)) in jobs.enumerate() {
            // Once each, however often it is named.
            let read: BTreeSet<usize> =
                depends_on.iter().filter_map(|name| places.get(name.as_str())).copied().collect();
            for &other in &read {
                readers[other].push(place);
            }
            waiting.push(Some(read.len()));
        }
        let ready = (0..waiting.len()).filter(|&place| waiting[place] == Some(0)).collect();
        Self { waiting, readers, ready }
    }

    /// Takes the next job that may begin.
    pub(super) fn next(&mut self) -> Option<usize> {
        let place = self.ready.pop_first()?;
        self.waiting[place] = None;
        Some(place)
    }

    /// Lets those begin that waited for nothing else.
    pub(super) fn succeeded(&mut self, place: usize) {
        for &reader in &self.readers[place] {
            if let Some(missing) = &mut self.waiting[reader] {
                *missing -= 1;
                if *missing == 0 {
                    self.ready.insert(reader);
                }
            }
        }
    }

    /// Gives up everything that reads the job, or reads what does, and returns it in order.
    pub(super) fn failed(&mut self, place: usize) -> Vec<usize> {
        let mut given_up = BTreeSet::new();
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            for &reader in &self.readers[place] {
                if self.waiting[reader].take().is_some() {
                    given_up.insert(reader);
                    open.push(reader);
                }
            }
        }
        given_up.into_iter().collect()
    }

    /// Gives up everything that has not begun, and returns it in order.
    pub(super) fn stop(&mut self) -> Vec<usize> {
        self.ready.clear();
        (0..self.waiting.len()).filter(|&place| self.waiting[place].take().is_some()).collect()
    }

    /// Tells whether nothing is left to begin.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.iter().all(Option::is_none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a b` beside `c <- d <- e`, and `f` that reads `b` and `d`.
    fn schedule() -> Schedule {
        let read: [(&str, &[&str]); 6] =
            [("a", &[]), ("b", &["elsewhere"]), ("c", &[]), ("d", &["c", "c"]), ("e", &["d"]), ("f", &["b", "d"])];
        let jobs = read.map(|(name, read)| (name, read.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()));
        Schedule::new(jobs.iter().map(|(name, read)| (*name, read.as_slice())))
    }

    #[test]
    fn what_reads_nothing_begins_in_order() {
        let mut schedule = schedule();
        assert_eq!(
            [schedule.next(), schedule.next(), schedule.next(), schedule.next()],
            [Some(0), Some(1), Some(2), None]
        );
        assert!(!schedule.is_over());
    }

    #[test]
    fn a_job_begins_when_all_that_it_reads_succeeded() {
        let mut schedule = schedule();
        while schedule.next().is_some() {}
        schedule.succeeded(2);
        assert_eq!(schedule.next(), Some(3));
        schedule.succeeded(3);
        assert_eq!((schedule.next(), schedule.next()), (Some(4), None));
        schedule.succeeded(1);
        assert_eq!(schedule.next(), Some(5));
        assert!(schedule.is_over());
    }

    #[test]
    fn a_failure_takes_down_what_reads_it_and_nothing_else() {
        let mut schedule = schedule();
        while schedule.next().is_some() {}
        assert_eq!(schedule.failed(2), [3, 4, 5]);
        schedule.succeeded(1);
        assert_eq!(schedule.next(), None);
        assert!(schedule.is_over());
    }

    #[test]
    fn a_stop_gives_up_what_has_not_begun() {
        let mut schedule = schedule();
        schedule.next();
        assert_eq!(schedule.stop(), [1, 2, 3, 4, 5]);
        assert!(schedule.is_over());
    }
}
