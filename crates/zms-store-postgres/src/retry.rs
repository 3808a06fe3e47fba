//! Doing again what lost a race: a few times, further and further apart, at no common beat.

use std::{hash::BuildHasher, thread, time::Duration};

/// How often.
const MOST: u32 = 12;
/// The longest first pause.
const FIRST: Duration = Duration::from_millis(2);
/// The longest pause.
const LONGEST: Duration = Duration::from_millis(250);

/// How often something was done again.
pub(crate) struct Retry {
    done: u32,
    beat: std::hash::RandomState,
}

impl Retry {
    pub(crate) fn new() -> Self {
        Self { done: 0, beat: std::hash::RandomState::new() }
    }

    /// Waits a moment; whether it is worth doing once more.
    pub(crate) fn pause(&mut self) -> bool {
        let worth = self.done < MOST;
        if worth {
            thread::sleep(self.next());
        }
        worth
    }

    /// The next pause: of a range that doubles each time, the place is drawn.
    pub(crate) fn next(&mut self) -> Duration {
        let most = (FIRST * 2_u32.saturating_pow(self.done.min(16))).min(LONGEST);
        let drawn = self.beat.hash_one(self.done) % (most.as_micros() as u64);
        self.done += 1;
        Duration::from_micros(drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_end() {
        let mut retry = Retry::new();
        for done in 0..40 {
            let most = FIRST * 2_u32.pow(done.min(16));
            assert!(retry.next() <= most.min(LONGEST));
        }
        assert!(!retry.pause());
    }

    #[test]
    fn no_two_keep_the_same_beat() {
        let (mut one, mut other) = (Retry::new(), Retry::new());
        assert!((0..8).any(|_| one.next() != other.next()));
    }
}
