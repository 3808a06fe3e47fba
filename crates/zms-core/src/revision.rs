//! Signed revisions: the one message every write to a scope makes. spec/revision.md

use zms_crypto::{
    digest::sha256,
    parts::{Malformed, Parts, PartsReader},
    sign::Signature,
};

use crate::id::{PrincipalId, ScopeId, VaultId};

const TAG: &str = "zms/v1/revision";

/// Commitment of a revision that closes its scope.
pub const CLOSED: [u8; 32] = [0; 32];

/// Greatest number of a revision: every store can keep it, and nobody reaches it by writing.
pub const LAST_REVISION: u64 = 1 << 62;

/// A signed message as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedMessage {
    /// The LP-encoded message.
    pub message: Vec<u8>,
    /// Ed25519 over the message.
    pub signature: Signature,
}

/// One state of one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The vault.
    pub vault: VaultId,
    /// The scope.
    pub scope: ScopeId,
    /// Generation of the roster that the author verified.
    pub generation: u64,
    /// Epoch of the scope's key, from 1.
    pub epoch: u32,
    /// Number of this revision, from 1.
    pub revision: u64,
    /// Hash of the revision before; zero for the first.
    pub prev_hash: [u8; 32],
    /// Commitment to the scope's key; [`CLOSED`] where the scope ends.
    pub key_commitment: [u8; 32],
    /// Hash of all live records.
    pub records_root: [u8; 32],
    /// Hash of all child entries.
    pub children_root: [u8; 32],
    /// Who signed.
    pub author: PrincipalId,
    /// Unix seconds, the author's word.
    pub created_at: u64,
}

impl Revision {
    /// The message that is signed.
    pub fn encode(&self) -> Vec<u8> {
        Parts::tagged(TAG)
            .bytes(self.vault.as_bytes())
            .bytes(self.scope.as_bytes())
            .u64(self.generation)
            .u32(self.epoch)
            .u64(self.revision)
            .bytes(&self.prev_hash)
            .bytes(&self.key_commitment)
            .bytes(&self.records_root)
            .bytes(&self.children_root)
            .bytes(self.author.as_bytes())
            .u64(self.created_at)
            .finish()
    }

    /// Reads a message. Says nothing about its signature.
    ///
    /// # Errors
    /// [`Malformed`] for anything but exactly these parts, with epoch and numbers from 1, the revision's up to
    /// [`LAST_REVISION`].
    pub fn parse(message: &[u8]) -> Result<Self, Malformed> {
        let mut parts = PartsReader::tagged(message, TAG)?;
        let revision = Self {
            vault: VaultId(parts.array()?),
            scope: ScopeId(parts.array()?),
            generation: parts.u64()?,
            epoch: parts.u32()?,
            revision: parts.u64()?,
            prev_hash: parts.array()?,
            key_commitment: parts.array()?,
            records_root: parts.array()?,
            children_root: parts.array()?,
            author: PrincipalId(parts.array()?),
            created_at: parts.u64()?,
        };
        parts.end()?;
        let numbered = revision.epoch > 0
            && (1..=LAST_REVISION).contains(&revision.revision)
            && revision.generation > 0;
        if numbered { Ok(revision) } else { Err(Malformed) }
    }

    /// Whether this revision ends its scope.
    pub fn closes(&self) -> bool {
        self.key_commitment == CLOSED
    }
}

/// Hash of a signed message without its signature; also what the next one names.
pub fn message_hash(message: &[u8]) -> [u8; 32] {
    sha256(&[message])
}
