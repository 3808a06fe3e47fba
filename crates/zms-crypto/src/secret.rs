//! The one wrapper for what must not leak.

use zeroize::Zeroize;

/// A value that is wiped when dropped.
///
/// It has no `Debug`, `Display`, `Clone`, `Serialize` or `==`, so it can not be printed, copied
/// or compared by accident. [`Secret::expose`] is the only way in, and each use says why.
pub struct Secret<T: Zeroize>(T);

/// Secret bytes of any length.
pub type SecretBytes = Secret<Vec<u8>>;

/// Secret text, for example a token about to be shown once.
pub type SecretText = Secret<String>;

impl<T: Zeroize> Secret<T> {
    /// Takes a value into custody.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Lends the bare value.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Lends the bare value to be filled in place.
    pub const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl From<&[u8]> for SecretBytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}
