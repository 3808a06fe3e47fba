//! When to read again: changes that come quickly one after the other count as one.

use std::time::{Duration, Instant};

/// How often the vault is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long nothing may change before it is read.
const QUIET: Duration = Duration::from_millis(600);
/// How long changes that do not end are waited for.
const LONGEST: Duration = Duration::from_secs(5);
/// How long after a failed read the next one is tried, at first and at most.
const AGAIN: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(60)];

/// What is known of changes.
pub(super) struct Watch {
    look: Instant,
    /// The first and the last change that is not read yet.
    changed: Option<(Instant, Instant)>,
    /// When to try again what failed, and how long was waited.
    again: Option<(Instant, Duration)>,
}

impl Watch {
    /// Nothing is known.
    pub(super) fn new(now: Instant) -> Self {
        Self { look: now + LOOK, changed: None, again: None }
    }

    /// Whether it is time to look at the vault.
    pub(super) fn looks(&mut self, now: Instant) -> bool {
        let due = now >= self.look;
        if due {
            self.look = now + LOOK;
        }
        due
    }

    /// Something has changed.
    pub(super) fn change(&mut self, now: Instant) {
        let first = self.changed.map_or(now, |(first, _)| first);
        self.changed = Some((first, now));
    }

    /// When there is something to do.
    pub(super) fn due(&self) -> Instant {
        let reads = [self.reads_at(), self.again.map(|(at, _)| at)];
        reads.into_iter().flatten().fold(self.look, Instant::min)
    }

    fn reads_at(&self) -> Option<Instant> {
        self.changed.map(|(first, last)| (last + QUIET).min(first + LONGEST))
    }

    /// Whether it is time to read, once.
    pub(super) fn reads(&mut self, now: Instant) -> bool {
        let changed = self.reads_at().is_some_and(|at| at <= now);
        let again = self.again.is_some_and(|(at, _)| at <= now);
        if changed {
            self.changed = None;
        }
        changed || again
    }

    /// The read has succeeded.
    pub(super) fn succeeded(&mut self) {
        self.again = None;
    }

    /// The read has failed: it is tried again, less and less often.
    pub(super) fn failed(&mut self, now: Instant) {
        let wait = self.again.map_or(AGAIN[0], |(_, wait)| (wait * 2).min(AGAIN[1]));
        self.again = Some((now + wait, wait));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin() -> Instant {
        crate::environment::instant()
    }

    /// Reads of two hundred changes, so far apart.
    fn reads(apart: Duration) -> Vec<Duration> {
        let begin = begin();
        let mut watch = Watch::new(begin);
        let mut reads = Vec::new();
        let mut now = begin;
        let end = begin + apart * 200 + Duration::from_secs(10);
        let mut changes = 0;
        while now < end {
            now += Duration::from_millis(1);
            while changes < 200 && now >= begin + apart * changes {
                watch.change(now);
                changes += 1;
            }
            if watch.reads(now) {
                reads.push(now - begin);
            }
        }
        reads
    }

    #[test]
    fn changes_that_come_quickly_are_one() {
        for apart in [0, 1, 10] {
            let last = Duration::from_millis(apart * 199);
            let reads = reads(Duration::from_millis(apart));
            assert_eq!(reads.len(), 1, "{apart} {reads:?}");
            assert!(reads[0] >= last + QUIET && reads[0] <= last + QUIET * 2, "{apart} {reads:?}");
        }
    }

    #[test]
    fn changes_that_do_not_end_are_read_all_the_same_and_the_last_one_too() {
        let reads = reads(Duration::from_millis(100));
        assert!((4..=5).contains(&reads.len()), "{reads:?}");
        assert!(reads.windows(2).all(|two| two[1] - two[0] >= QUIET));
        assert!(*reads.last().unwrap() >= Duration::from_millis(100 * 199));
    }

    #[test]
    fn what_failed_is_tried_again_less_and_less_often() {
        let mut now = begin();
        let mut watch = Watch::new(now);
        let mut waits = Vec::new();
        for _ in 0..8 {
            watch.failed(now);
            let before = now;
            while !watch.reads(now) {
                now += Duration::from_millis(500);
            }
            waits.push((now - before).as_secs());
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
        watch.succeeded();
        assert!(!watch.reads(now + LONGEST * 100));
    }
}
