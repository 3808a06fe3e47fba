//! Ed25519 signatures, verified strictly (RFC 8032; `verify_strict` refuses small-order keys and
//! non-canonical encodings).

use ed25519_dalek::Signer;

use crate::{derive::derive_key, keys::Key, purpose::Purpose};

/// Length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 64;

/// A signature of 64 bytes; says nothing until verified.
pub type Signature = [u8; SIGNATURE_LEN];

/// The signature does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signature does not verify")]
pub struct Unverified;

/// Signs; wiped on drop. Boxed, so that moving it leaves no copy behind.
pub struct SigningKey(Box<ed25519_dalek::SigningKey>);

impl SigningKey {
    /// The signing key that `key` yields for a purpose.
    pub fn derive(key: &Key, purpose: Purpose) -> Self {
        // EXPOSE: the Ed25519 seed.
        Self(Box::new(ed25519_dalek::SigningKey::from_bytes(derive_key(key, purpose).expose())))
    }

    /// The public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Signature {
        self.0.sign(message).to_bytes()
    }
}

/// The public half of a [`SigningKey`]: 32 bytes that may not even be a point until used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifyingKey(pub [u8; 32]);

impl VerifyingKey {
    /// Verifies strictly.
    ///
    /// # Errors
    /// [`Unverified`] for any other message or key, a weak key, or a malleable encoding.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), Unverified> {
        ed25519_dalek::VerifyingKey::from_bytes(&self.0)
            .and_then(|key| key.verify_strict(message, &(*signature).into()))
            .map_err(|_| Unverified)
    }
}
