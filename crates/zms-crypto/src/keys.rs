//! Symmetric keys: 32 bytes on the heap, locked and wiped.

use rand_core::CryptoRng;

use crate::{lock::lock, secret::Secret};

/// Length of every symmetric key and seed, in bytes.
pub const KEY_LEN: usize = 32;

/// A 32-byte symmetric key or seed.
///
/// Boxed, so that moving it copies a pointer and leaves no stray bytes behind.
pub struct Key(Box<Secret<[u8; KEY_LEN]>>);

impl Key {
    /// Makes a key by letting `fill` write it in place.
    pub fn fill(fill: impl FnOnce(&mut [u8; KEY_LEN])) -> Self {
        let mut key = Box::new(Secret::new([0; KEY_LEN]));
        lock(key.expose());
        fill(key.expose_mut());
        Self(key)
    }

    /// Copies a key out of a buffer that the caller wipes.
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        Self::fill(|key| key.copy_from_slice(bytes))
    }

    /// Makes a new random key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self::fill(|key| rng.fill_bytes(key))
    }

    /// A second custody of the same key, named so that it is a decision and not an accident.
    pub fn duplicate(&self) -> Self {
        Self::from_bytes(self.0.expose())
    }

    /// Lends the bare key.
    pub fn expose(&self) -> &[u8; KEY_LEN] {
        self.0.expose()
    }
}
