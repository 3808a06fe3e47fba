//! SHA-256 and HMAC-SHA256 (FIPS 180-4, FIPS 198-1).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::keys::Key;

/// SHA-256 of the given pieces, one after another.
pub fn sha256(pieces: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for piece in pieces {
        hasher.update(piece);
    }
    hasher.finalize().into()
}

/// HMAC-SHA256 of a message.
pub fn hmac_sha256(key: &Key, message: &[u8]) -> [u8; 32] {
    // EXPOSE: the MAC's key.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes any key length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Whether a message has this HMAC-SHA256, found in the same time wherever they differ.
pub fn hmac_verifies(key: &Key, message: &[u8], mac: &[u8; 32]) -> bool {
    // EXPOSE: the MAC's key.
    let mut again =
        Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes any key length");
    again.update(message);
    again.verify_slice(mac).is_ok()
}
