//! All values that were ever handed out, by this process.

use zeroize::Zeroizing;

use super::words::{SHORTEST, Unmaskable, Words};

/// Every value that a program has had since the start. A program keeps what it was started with
/// whatever changes, and what it has started itself outlives it.
#[derive(Default)]
pub(in crate::supervise) struct Known {
    values: Vec<Zeroizing<Vec<u8>>>,
}

impl Known {
    /// Takes in values. Gives what is to be looked for from now on where that is more than before,
    /// and takes in nothing where it is too much.
    pub(in crate::supervise) fn take<'v>(
        &mut self,
        values: impl Iterator<Item = &'v Zeroizing<Vec<u8>>>,
    ) -> Result<Option<Words>, Unmaskable> {
        let before = self.values.len();
        for value in values.filter(|value| value.len() >= SHORTEST) {
            if !self.values.contains(value) {
                self.values.push(value.clone());
            }
        }
        if self.values.len() == before {
            return Ok(None);
        }
        let words = Words::new(self.values.iter().map(|value| value.as_slice()));
        if words.is_err() {
            self.values.truncate(before);
        }
        words.map(Some)
    }

    /// Whether a value is among them.
    pub(in crate::supervise) fn holds(&self, value: &Zeroizing<Vec<u8>>) -> bool {
        self.values.contains(value)
    }

    /// Whether it knows none yet.
    pub(in crate::supervise) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(known: &mut Known, value: &[u8]) -> Result<Option<Words>, Unmaskable> {
        known.take([Zeroizing::new(value.to_vec())].iter())
    }

    #[test]
    fn no_value_is_forgotten_and_none_is_taken_twice() {
        let mut known = Known::default();
        for value in ["first-value", "second-value", "third-value"] {
            assert!(take(&mut known, value.as_bytes()).unwrap().is_some());
        }
        assert!(take(&mut known, b"first-value").unwrap().is_none());
        assert!(take(&mut known, b"abcd").unwrap().is_none());
        assert_eq!(known.values.len(), 3);
    }

    #[test]
    fn what_would_be_too_much_is_not_taken() {
        let mut known = Known::default();
        let piece = |letter: u8| vec![letter; 512 * 1024];
        let fits = (b'a'..=b'z').take_while(|letter| take(&mut known, &piece(*letter)).is_ok());
        let fits = fits.count();
        assert!((1..10).contains(&fits), "{fits}");
        assert_eq!(known.values.len(), fits);
        assert!(take(&mut known, b"another").unwrap().is_some());
    }
}
