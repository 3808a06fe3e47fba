//! A growing buffer that leaves no copy of a secret behind.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::Value;

/// Bytes written so far. Growing moves them to a new buffer and wipes the old one, which
/// `Vec` alone would not do.
#[derive(Default)]
pub(crate) struct Output(Zeroizing<Vec<u8>>);

impl Output {
    /// Reserves room for `bytes` bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Output {
        Output(Zeroizing::new(Vec::with_capacity(bytes)))
    }

    /// Appends `bytes`.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let room = needed.max(self.0.capacity() * 2);
            let mut grown = Zeroizing::new(Vec::with_capacity(room));
            grown.extend_from_slice(&self.0);
            self.0 = grown; // dropping the old buffer wipes it
        }
        self.0.extend_from_slice(bytes);
    }

    /// Appends `bytes` with every byte that `escape` knows replaced.
    pub(crate) fn push_escaped(
        &mut self,
        bytes: &[u8],
        escape: impl Fn(u8) -> Option<&'static [u8]>,
    ) {
        let mut kept = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if let Some(replacement) = escape(byte) {
                self.push(&bytes[kept..at]);
                self.push(replacement);
                kept = at + 1;
            }
        }
        self.push(&bytes[kept..]);
    }

    /// Appends the base64 of `bytes`, with its padding.
    pub(crate) fn push_base64(&mut self, bytes: &[u8]) {
        let mut encoded = Zeroizing::new([0; 1024]);
        for chunk in bytes.chunks(encoded.len() / 4 * 3) {
            let written = STANDARD.encode_slice(chunk, &mut *encoded);
            let written = written.expect("four bytes for every three");
            self.push(&encoded[..written]);
        }
    }

    /// The bytes written, as a secret.
    pub(crate) fn into_value(mut self) -> Value {
        Value::new(std::mem::take(&mut *self.0))
    }

    /// The bytes written, as text to hand out.
    pub(crate) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_the_bytes_in_order() {
        let mut output = Output::default();
        let mut expected = Vec::new();
        for piece in 0u8..200 {
            output.push(&[piece; 7]);
            expected.extend_from_slice(&[piece; 7]);
        }
        assert_eq!(*output.finish(), expected);
    }

    #[test]
    fn base64_is_the_same_in_pieces() {
        for length in [0, 1, 2, 3, 767, 768, 769, 5000] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut output = Output::default();
            output.push_base64(&bytes);
            assert_eq!(*output.finish(), STANDARD.encode(&bytes).as_bytes());
        }
    }
}
