//! The roster: who may read and write, and who is still in. spec/roster.md

mod escrow;
mod line;
mod member;
mod range;

pub use escrow::Escrow;
pub use line::{Limits, Line, Right, Rights};
pub use member::{MemberPart, members_root};
pub use range::Range;
use zms_crypto::{
    Key, Purpose,
    parts::{Malformed, Parts, PartsReader},
    sign::{SigningKey, VerifyingKey},
};

use crate::{id::VaultId, revision::SignedMessage};

const TAG: &str = "zms/v1/roster";

/// The authority: signs rosters, derived from R.
pub fn authority(vault_key: &Key) -> SigningKey {
    SigningKey::derive(vault_key, Purpose::VAULT_AUTHORITY)
}

/// One state of the list of members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// The vault.
    pub vault: VaultId,
    /// From 1; a restore raises it, and pins of lower ones are void.
    pub generation: u64,
    /// From 1; each change adds one.
    pub version: u64,
    /// Hash of the roster before; zero for the first.
    pub prev_hash: [u8; 32],
    /// Unix seconds.
    pub issued_at: u64,
    /// Tree head over all members.
    pub members_root: [u8; 32],
    /// Rights of members that left whose scopes are still to re-key.
    pub pending: Rights,
}

impl Roster {
    /// The message that the authority signs.
    pub fn encode(&self) -> Vec<u8> {
        Parts::tagged(TAG)
            .bytes(self.vault.as_bytes())
            .u64(self.generation)
            .u64(self.version)
            .bytes(&self.prev_hash)
            .u64(self.issued_at)
            .bytes(&self.members_root)
            .bytes(&self.pending.encode())
            .finish()
    }

    /// Reads a message. Says nothing about its signature.
    ///
    /// # Errors
    /// [`Malformed`] for anything but exactly these parts.
    pub fn parse(message: &[u8]) -> Result<Self, Malformed> {
        let mut parts = PartsReader::tagged(message, TAG)?;
        let roster = Self {
            vault: VaultId(parts.array()?),
            generation: parts.u64()?,
            version: parts.u64()?,
            prev_hash: parts.array()?,
            issued_at: parts.u64()?,
            members_root: parts.array()?,
            pending: Rights::parse(parts.bytes()?)?,
        };
        parts.end()?;
        if roster.generation > 0 && roster.version > 0 { Ok(roster) } else { Err(Malformed) }
    }

    /// Signs as the authority.
    pub fn sign(&self, authority: &SigningKey) -> SignedMessage {
        let message = self.encode();
        SignedMessage { signature: authority.sign(&message), message }
    }

    /// Verifies the authority's signature and reads the roster.
    ///
    /// # Errors
    /// [`Malformed`] where either fails.
    pub fn verify(signed: &SignedMessage, authority: &VerifyingKey) -> Result<Self, Malformed> {
        authority.verify(&signed.message, &signed.signature).map_err(|_| Malformed)?;
        Self::parse(&signed.message)
    }
}
