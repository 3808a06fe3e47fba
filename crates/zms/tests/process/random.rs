//! Seeded choices; the seed is printed, and shown where a test fails.

use std::env;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// A seeded generator.
pub struct Random(ChaCha8Rng);

/// Whether every case is to be run.
pub fn full() -> bool {
    env::var_os("ZMS_TEST_FULL").is_some_and(|value| value == "1")
}

/// How many random values to try.
pub fn cases() -> usize {
    number("ZMS_TEST_CASES").map_or(500, |count| count as usize)
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

impl Random {
    /// From `ZMS_TEST_SEED`, else from the clock.
    pub fn new() -> Self {
        let clock = || {
            let since = std::time::UNIX_EPOCH.elapsed().unwrap();
            u64::from(since.subsec_nanos()) ^ since.as_secs()
        };
        let seed = number("ZMS_TEST_SEED").unwrap_or_else(clock);
        println!("ZMS_TEST_SEED={seed}");
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Another generator, that gives the same for the same seed whoever else is at work.
    pub fn split(&mut self) -> Self {
        Self(ChaCha8Rng::seed_from_u64(self.0.next_u64()))
    }

    /// Below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound as u64) as usize
    }

    /// One of several.
    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    /// Random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// At most `most` of the given, in their order: all of them in a full run.
    pub fn sample<T>(&mut self, mut from: Vec<T>, most: usize) -> Vec<T> {
        while from.len() > most && !full() {
            from.remove(self.below(from.len()));
        }
        from
    }
}
