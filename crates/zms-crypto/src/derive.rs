//! HKDF-SHA256 with the one salt of the protocol (RFC 5869; spec/keys.md#derivation).

use hkdf::Hkdf;
use sha2::Sha256;

use crate::{keys::Key, purpose::Purpose};

const SALT: &[u8] = b"zms/v1";

/// `HK(key, label)`: the same key and purpose give the same answer, always.
pub fn derive_key(key: &Key, purpose: Purpose) -> Key {
    // EXPOSE: HKDF's input keying material.
    let hkdf = Hkdf::<Sha256>::new(Some(SALT), key.expose());
    Key::fill(|out| {
        hkdf.expand(purpose.label(), out).expect("HKDF-SHA256 yields 32 bytes");
    })
}

/// The public commitment to a scope's data key. spec/keys.md#scope-keys
pub fn key_commitment(data: &Key) -> [u8; 32] {
    // EXPOSE: the commitment is published by design; it tells nothing of the key.
    *derive_key(data, Purpose::DATA_COMMIT).expose()
}
