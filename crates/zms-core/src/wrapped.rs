//! Answers that wait, sealed, for whoever brings their wrapping token: once, and not for long.
//! spec/wrapped.md

use minicbor::{Decode, Encode, bytes::ByteSlice};
use zms_crypto::{
    CryptoRng, Key, Purpose, SecretBytes,
    derive::derive_key,
    envelope::{Unopened, open_box, seal_box},
    parts::Parts,
    secret::SecretText,
    text::{MalformedText, encode_wrapping, parse_wrapping},
};

use crate::{
    cbor,
    id::{PrincipalId, ScopeId, VaultId, WrappedId},
};

/// Largest answer in bytes.
pub const MAX_ANSWER: usize = 1 << 20;
/// Longest wait in seconds: 32 days.
pub const MAX_TTL: u64 = 32 * 86_400;
/// Most bytes, sealed, that a vault keeps of answers that wait.
pub const MAX_KEPT: u64 = 64 << 20;

/// What opens one answer: the vault that keeps it, and a seed that is used for nothing else.
pub struct WrappingToken {
    vault: VaultId,
    seed: Key,
}

impl WrappingToken {
    /// Makes a new one.
    pub fn generate(vault: VaultId, rng: &mut dyn CryptoRng) -> Self {
        Self { vault, seed: Key::generate(rng) }
    }

    /// Reads its text. spec/text.md#wrapping-tokens
    ///
    /// # Errors
    /// [`MalformedText`].
    pub fn parse(text: &str) -> Result<Self, MalformedText> {
        parse_wrapping(text).map(|(vault, seed)| Self { vault: VaultId(vault), seed })
    }

    /// Its text.
    pub fn text(&self) -> SecretText {
        encode_wrapping(&self.vault.0, &self.seed)
    }

    /// The vault that keeps the answer.
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    /// What the answer is kept by. It opens nothing, and is what people see of the token.
    pub fn id(&self) -> WrappedId {
        let id = derive_key(&self.seed, Purpose::WRAPPED_ID);
        // EXPOSE: half of a key that is used as a name, and as nothing else.
        WrappedId(*id.expose().first_chunk().expect("a key has 32 bytes"))
    }

    fn key(&self) -> Key {
        derive_key(&self.seed, Purpose::WRAPPED_SEAL)
    }

    fn associated_data(&self) -> Vec<u8> {
        let parts = Parts::tagged("zms/v1/aad/wrapped").bytes(self.vault.as_bytes());
        parts.bytes(self.id().as_bytes()).finish()
    }
}

/// An answer that waits.
pub struct Wrapped {
    /// What is given out.
    pub answer: SecretBytes,
    /// What was asked for.
    pub path: String,
    /// Unix seconds.
    pub created_at: u64,
    /// How long it waits, in seconds.
    pub ttl: u64,
    /// Who had it wrapped.
    pub principal: PrincipalId,
    /// The scopes that it tells of, each with its revision.
    pub scopes: Vec<(ScopeId, u64)>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct ScopeWire {
    #[n(0)]
    scope: ScopeId,
    #[n(1)]
    revision: u64,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct WrappedWire<'b> {
    #[b(1)]
    answer: &'b ByteSlice,
    #[b(2)]
    path: &'b str,
    #[n(3)]
    created_at: u64,
    #[n(4)]
    ttl: u64,
    #[n(5)]
    principal: PrincipalId,
    #[n(6)]
    scopes: Vec<ScopeWire>,
}

impl Wrapped {
    /// The last unix second in which it is given out.
    pub const fn expires(&self) -> u64 {
        self.created_at.saturating_add(self.ttl)
    }

    /// Seals it for a token.
    pub fn seal(&self, token: &WrappingToken, rng: &mut dyn CryptoRng) -> Vec<u8> {
        let scopes = self.scopes.iter().map(|&(scope, revision)| ScopeWire { scope, revision });
        // EXPOSE: it is about to be sealed.
        let answer = self.answer.expose();
        let capacity = answer.len() + self.path.len() + self.scopes.len() * 32 + 96;
        let wire = WrappedWire {
            answer: answer[..].into(),
            path: &self.path,
            created_at: self.created_at,
            ttl: self.ttl,
            principal: self.principal,
            scopes: scopes.collect(),
        };
        let encoded = cbor::encode(&wire, capacity);
        seal_box(&token.key(), &token.associated_data(), &encoded, rng)
    }

    /// Opens what was sealed for a token.
    ///
    /// # Errors
    /// [`Unopened`], whichever check fails.
    pub fn open(token: &WrappingToken, sealed: &[u8]) -> Result<Self, Unopened> {
        let opened = open_box(&token.key(), &token.associated_data(), sealed)?;
        // EXPOSE: parsed in place; the answer is copied into custody of its own.
        let wire: WrappedWire<'_> = cbor::decode(opened.expose()).map_err(|_| Unopened)?;
        if wire.answer.len() > MAX_ANSWER || wire.ttl > MAX_TTL {
            return Err(Unopened);
        }
        Ok(Self {
            answer: SecretBytes::from(&wire.answer[..]),
            path: wire.path.to_owned(),
            created_at: wire.created_at,
            ttl: wire.ttl,
            principal: wire.principal,
            scopes: wire.scopes.into_iter().map(|it| (it.scope, it.revision)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;

    fn answer() -> Wrapped {
        Wrapped {
            answer: SecretBytes::from(&b"the answer"[..]),
            path: "secret/data/shop".to_owned(),
            created_at: 1_800_000_000,
            ttl: 60,
            principal: PrincipalId([3; 16]),
            scopes: vec![(ScopeId([4; 16]), 7)],
        }
    }

    #[test]
    fn what_is_sealed_for_a_token_opens_as_it_was() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let token = WrappingToken::generate(VaultId([7; 16]), &mut rng);
        let sealed = answer().seal(&token, &mut rng);
        let text = token.text();
        let again = WrappingToken::parse(text.expose()).expect("just written");
        assert!(again.vault() == token.vault() && again.id() == token.id());
        let opened = Wrapped::open(&again, &sealed).expect("its own");
        assert_eq!(opened.answer.expose(), b"the answer");
        assert_eq!((opened.path.as_str(), opened.expires()), ("secret/data/shop", 1_800_000_060));
        assert_eq!((opened.principal, &opened.scopes), (PrincipalId([3; 16]), &answer().scopes));
        let shown = String::from_utf8_lossy(&sealed);
        assert!(!shown.contains("answer") && !shown.contains("shop"));
    }

    #[test]
    fn attack_no_other_token_vault_or_byte_opens_it() {
        let mut rng = ChaCha20Rng::from_seed([2; 32]);
        let token = WrappingToken::generate(VaultId([7; 16]), &mut rng);
        let sealed = answer().seal(&token, &mut rng);
        let elsewhere = WrappingToken { vault: VaultId([8; 16]), seed: token.seed.duplicate() };
        assert!(elsewhere.id() == token.id() && Wrapped::open(&elsewhere, &sealed).is_err());
        let other = WrappingToken::generate(token.vault(), &mut rng);
        assert!(Wrapped::open(&other, &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(Wrapped::open(&token, &changed).is_err(), "byte {at}");
        }
    }
}
