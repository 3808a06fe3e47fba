//! Symmetric keys: 32 bytes in a place of their own, locked and wiped.

use rand_core::CryptoRng;

use crate::slot::Slot;

/// Length of every symmetric key and seed, in bytes.
pub const KEY_LEN: usize = 32;

/// A 32-byte symmetric key or seed.
///
/// Moving it copies a pointer and leaves no stray bytes behind.
pub struct Key(Slot);

impl Key {
    /// Makes a key by letting `fill` write it in place.
    pub fn fill(fill: impl FnOnce(&mut [u8; KEY_LEN])) -> Self {
        let mut slot = Slot::new();
        fill(slot.bytes_mut());
        Self(slot)
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
        Self::from_bytes(self.0.bytes())
    }

    /// Lends the bare key.
    pub const fn expose(&self) -> &[u8; KEY_LEN] {
        self.0.bytes()
    }
}
