//! Ed25519 signatures, verified strictly (RFC 8032; `verify_strict` refuses small-order keys and
//! non-canonical encodings).

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ed25519_dalek::Signer;

use crate::{derive::derive_key, digest::sha256, keys::Key, parts::Parts, purpose::Purpose};

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

/// Signatures that were proven before, for who proves the same ones again and again. It knows them
/// by a hash over key, message and signature, and of none but those that verified.
#[derive(Default)]
pub struct Proven(Mutex<HashSet<[u8; 32]>>);

/// Most signatures that are remembered; then all are forgotten. 32 bytes each.
const MOST_PROVEN: usize = 16_384;

impl Proven {
    /// As [`VerifyingKey::verify`], at once where exactly this was verified before.
    ///
    /// # Errors
    /// [`Unverified`], as there.
    pub fn verify(
        &self,
        key: &VerifyingKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), Unverified> {
        let parts = Parts::tagged("zms/v1/proven").bytes(&key.0).bytes(signature).bytes(message);
        let hash = sha256(&[&parts.finish()]);
        if self.known().contains(&hash) {
            return Ok(());
        }
        key.verify(message, signature)?;
        let mut known = self.known();
        if known.len() >= MOST_PROVEN {
            known.clear();
        }
        known.insert(hash);
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_proven_is_known_and_nothing_beside_it() {
        let key = SigningKey::derive(&Key::from_bytes(&[1; 32]), Purpose::PRINCIPAL_SIGN);
        let other = SigningKey::derive(&Key::from_bytes(&[2; 32]), Purpose::PRINCIPAL_SIGN);
        let (vk, signature) = (key.verifying_key(), key.sign(b"message"));
        let proven = Proven::default();
        for _ in 0..2 {
            assert_eq!(proven.verify(&vk, b"message", &signature), Ok(()));
            assert_eq!(proven.known().len(), 1);
            assert_eq!(proven.verify(&vk, b"messagE", &signature), Err(Unverified));
            assert_eq!(
                proven.verify(&other.verifying_key(), b"message", &signature),
                Err(Unverified)
            );
            for at in 0..SIGNATURE_LEN {
                let mut changed = signature;
                changed[at] ^= 1;
                assert_eq!(proven.verify(&vk, b"message", &changed), Err(Unverified), "{at}");
            }
            // Another way to cut the same bytes.
            assert_eq!(proven.verify(&vk, b"", &signature), Err(Unverified));
            assert_eq!(proven.known().len(), 1, "what does not verify is not remembered");
        }
    }

    #[test]
    fn memory_of_what_was_proven_has_an_end() {
        let key = SigningKey::derive(&Key::from_bytes(&[1; 32]), Purpose::PRINCIPAL_SIGN);
        let (vk, signature) = (key.verifying_key(), key.sign(b"message"));
        let proven = Proven::default();
        let many = (0..MOST_PROVEN).map(|at| sha256(&[&at.to_be_bytes()]));
        proven.known().extend(many);
        assert_eq!(proven.verify(&vk, b"message", &signature), Ok(()));
        assert_eq!(proven.known().len(), 1);
    }
}
