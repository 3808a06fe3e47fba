//! Argon2id for passphrases (RFC 9106; spec/key-file.md#passphrase).

use argon2::{Algorithm, Argon2, Block, Params, Version};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::{derive::derive_key, keys::Key, purpose::Purpose};

/// Cost parameters, as written into a key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

/// Parameters outside what a reader accepts, found before anything is allocated.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key file asks for passphrase parameters outside 19 MiB..2 GiB, 16 passes, 16 lanes")]
pub struct CostRefused;

impl Cost {
    /// What is written: 256 MiB, 3 passes, 4 lanes; about 1.4 s on one core.
    pub const DEFAULT: Self = Self { memory_kib: 256 * 1024, passes: 3, lanes: 4 };

    /// Checks the bounds that a reader accepts: a file can neither ask for a weak key nor for
    /// more memory and time than a machine has.
    ///
    /// # Errors
    /// [`CostRefused`] outside 19 MiB..2 GiB, passes and lanes 1..16, memory x passes <= 8 GiB.
    pub fn check(self) -> Result<(), CostRefused> {
        const MIB: u32 = 1024;
        let memory = (19 * MIB..=2048 * MIB).contains(&self.memory_kib);
        let work = u64::from(self.memory_kib) * u64::from(self.passes) <= 8 * 1024 * 1024;
        let counts = (1..=16).contains(&self.passes) && (1..=16).contains(&self.lanes);
        if memory && work && counts { Ok(()) } else { Err(CostRefused) }
    }
}

/// The key-encryption key that a passphrase yields. The passphrase is taken in NFC.
///
/// # Errors
/// [`CostRefused`] before any allocation.
pub fn derive_from_passphrase(
    passphrase: &str,
    salt: &[u8; 16],
    cost: Cost,
) -> Result<Key, CostRefused> {
    cost.check()?;
    let params =
        Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(|_| CostRefused)?;
    let mut normal = Zeroizing::new(String::with_capacity(passphrase.len() * 3));
    normal.extend(passphrase.nfc());
    // Ours, so that it is wiped: the last blocks yield the key without the passphrase.
    let mut memory = Zeroizing::new(vec![Block::default(); params.block_count()]);
    let stretched = Key::fill(|out| {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(normal.as_bytes(), salt, out, &mut *memory)
            .expect("parameters and lengths were checked");
    });
    Ok(derive_key(&stretched, Purpose::KEY_FILE_PASSPHRASE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_out_of_range_are_refused_before_allocating() {
        let with = |memory_kib, passes, lanes| Cost { memory_kib, passes, lanes }.check().is_ok();
        assert!(Cost::DEFAULT.check().is_ok());
        assert!(with(19 * 1024, 2, 1));
        assert!(!with(19 * 1024 - 1, 2, 1));
        assert!(!with(u32::MAX, 1, 1));
        assert!(!with(2048 * 1024, 5, 1));
        assert!(!with(256 * 1024, 0, 1));
        assert!(!with(256 * 1024, 3, 17));
    }
}
