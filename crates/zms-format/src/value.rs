//! What a value is made of, and how long it may be.

/// The bytes of one secret value.
pub type Value = zms_crypto::secret::SecretBytes;

/// Longest value a reader accepts, in bytes (1 MiB).
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;

/// Longest name a reader accepts, in bytes.
pub const MAX_NAME_BYTES: usize = 255;
