//! Deterministic CBOR (RFC 8949 section 4.2.1): a reader encodes again and compares, so that
//! one message has one encoding, with no other key, tag, float or trailing byte.

use minicbor::{Decode, Encode, encode::Write};
use zeroize::Zeroizing;
use zms_crypto::parts::Malformed;

/// Encodes into a buffer that is wiped. `capacity` covers the whole encoding, so that growing
/// leaves no unwiped copy behind.
pub(crate) fn encode<T: Encode<()>>(value: &T, capacity: usize) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(capacity));
    minicbor::encode(value, &mut *out).expect("a vector takes every encoding");
    debug_assert!(out.len() <= capacity, "{} > {capacity}", out.len());
    out
}

/// Decodes the one encoding of a value.
pub(crate) fn decode<'b, T: Decode<'b, ()> + Encode<()>>(bytes: &'b [u8]) -> Result<T, Malformed> {
    let value: T = minicbor::decode(bytes).map_err(|_| Malformed)?;
    let mut again = Same(bytes);
    minicbor::encode(&value, &mut again).map_err(|_| Malformed)?;
    if again.0.is_empty() { Ok(value) } else { Err(Malformed) }
}

/// Takes an encoding that is the same as this one; it is compared where it is written, so that
/// comparing makes no copy.
struct Same<'b>(&'b [u8]);

impl Write for Same<'_> {
    type Error = Malformed;

    fn write_all(&mut self, written: &[u8]) -> Result<(), Malformed> {
        self.0 = self.0.strip_prefix(written).ok_or(Malformed)?;
        Ok(())
    }
}
