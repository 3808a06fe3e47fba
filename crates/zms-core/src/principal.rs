//! Who can hold a key: owner, token, agent, administrator. spec/principals.md

use zms_crypto::{
    Key, Purpose,
    derive::derive_key,
    digest::sha256,
    parts::Parts,
    sign::{Signature, SigningKey, VerifyingKey},
    text::SeedKind,
};

use crate::id::PrincipalId;

/// What a line in the roster says a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A program's token.
    Service = 1,
    /// An AI agent's token.
    Agent = 2,
    /// The owner, or a second administrator: right 3 on the root, and R.
    Administrator = 3,
}

impl Kind {
    /// Reads the number of a line.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Service),
            2 => Some(Self::Agent),
            3 => Some(Self::Administrator),
            _ => None,
        }
    }
}

impl From<SeedKind> for Kind {
    fn from(kind: SeedKind) -> Self {
        match kind {
            SeedKind::Service => Self::Service,
            SeedKind::Agent => Self::Agent,
            SeedKind::Administrator | SeedKind::Master => Self::Administrator,
        }
    }
}

impl From<Kind> for SeedKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Service => Self::Service,
            Kind::Agent => Self::Agent,
            Kind::Administrator => Self::Administrator,
        }
    }
}

/// `SHA-256(LP("zms/v1/principal-id", vk))[..16]`.
pub fn principal_id(vk: &VerifyingKey) -> PrincipalId {
    let hash = sha256(&[&Parts::tagged("zms/v1/principal-id").bytes(&vk.0).finish()]);
    PrincipalId(*hash.first_chunk().expect("a hash has 32 bytes"))
}

/// A seed at work: what it signs, what it opens, and its public face.
pub struct Principal {
    seed: Key,
    kind: Kind,
    sign: SigningKey,
    vk: VerifyingKey,
    id: PrincipalId,
}

impl Principal {
    /// Derives a principal from its seed. `kind` is what the text form of the seed said.
    pub fn from_seed(kind: Kind, seed: Key) -> Self {
        let sign = SigningKey::derive(&seed, Purpose::PRINCIPAL_SIGN);
        let vk = sign.verifying_key();
        Self { id: principal_id(&vk), seed, kind, sign, vk }
    }

    /// A second custody of the same seed, named so that it is a decision and not an accident.
    pub fn duplicate(&self) -> Self {
        Self::from_seed(self.kind, self.seed.duplicate())
    }

    /// Public id.
    pub const fn id(&self) -> PrincipalId {
        self.id
    }

    /// The kind that the seed's text form claims; the line must agree.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Public signing key.
    pub const fn verifying_key(&self) -> VerifyingKey {
        self.vk
    }

    /// The seed, for writing its text form or key file.
    pub const fn seed(&self) -> &Key {
        &self.seed
    }

    /// W, which wraps this principal's keyring.
    pub fn wrap_key(&self) -> Key {
        derive_key(&self.seed, Purpose::PRINCIPAL_WRAP)
    }

    /// The key of the personal values that its owner keeps on one machine. Nobody else derives it.
    pub fn personal_key(&self) -> Key {
        derive_key(&self.seed, Purpose::PRINCIPAL_PERSONAL)
    }

    /// The key of request MACs; an engine keeps a copy, and it opens nothing.
    pub fn request_key(&self) -> Key {
        derive_key(&self.seed, Purpose::PRINCIPAL_REQUEST)
    }

    /// Signs a message as this principal.
    pub fn sign(&self, message: &[u8]) -> Signature {
        self.sign.sign(message)
    }
}
