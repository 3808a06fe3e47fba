//! Deterministic CBOR (RFC 8949 section 4.2.1): a reader encodes again and compares, so that
//! one message has one encoding, with no other key, tag, float or trailing byte.

use minicbor::{Decode, Encode};
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
    if *encode(&value, bytes.len() + 64) == bytes { Ok(value) } else { Err(Malformed) }
}
