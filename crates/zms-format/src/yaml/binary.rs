//! `!!binary`: bytes as base64 (RFC 4648), in as many lines as the writer liked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::Value;

/// Decodes `text`; `None` if it is not base64 with its padding.
pub(crate) fn decode(text: &[u8]) -> Option<Value> {
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
    digits.extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
    // As large as base64 can need, so that nothing is moved and left behind.
    let mut bytes = Zeroizing::new(vec![0; digits.len()]);
    let length = STANDARD.decode_slice(&digits, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(Value::new(std::mem::take(&mut *bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_whole_or_not_at_all() {
        let decoded = |text: &[u8]| decode(text).map(|value| value.expose().clone());
        assert_eq!(decoded(b"/w\n A=\t"), Some(vec![0xff, 0]));
        assert_eq!(decoded(b""), Some(vec![]));
        for text in [b"/w".as_slice(), b"/wA", b"/w=A", b"_w==", b"/x==", b"canary!!", b"===="] {
            assert_eq!(decoded(text), None, "{}", text.escape_ascii());
        }
    }
}
