//! A batch: everything one commit puts, and what must still hold for it. spec/store.md#commit

mod packed;

use zms_crypto::{
    Key,
    parts::Parts,
    sign::{Signature, VerifyingKey},
};

use crate::{
    child::StoredChild,
    id::{ChildIndex, NameIndex, PrincipalId, ScopeId, VaultId},
    pin::{HeadPin, Pins, RosterPin},
    record::StoredRecord,
    revision::{Revision, SignedMessage, message_hash},
    roster::Roster,
    scope::Lineage,
};

/// All or nothing: a store commits every part of it in one transaction, or none.
pub struct Batch {
    /// The vault.
    pub vault: VaultId,
    /// The roster this was made under; the commit fails if it moved. `None` makes the vault.
    pub found: Option<RosterPin>,
    /// Members that join or change.
    pub members: Vec<MemberPut>,
    /// Members that leave.
    pub departed: Vec<PrincipalId>,
    /// The next roster, present wherever a member joins, changes or leaves.
    pub roster: Option<RosterPut>,
    /// The authority that this roster is the first of, with a new vault and with a new vault key.
    pub authority: Option<AuthorityPut>,
    /// New revisions, one per scope.
    pub scopes: Vec<ScopePut>,
    /// Scopes that it looked at and leaves alone, with the number of the head that it saw; the
    /// commit fails if one moved. So nothing is signed meanwhile by a member that leaves.
    pub unmoved: Vec<(ScopeId, u64)>,
    /// Unix seconds.
    pub at: u64,
}

/// A member that joins, or whose keyring changes.
pub enum MemberPut {
    /// A new member.
    Joins {
        /// Its id.
        principal: PrincipalId,
        /// Its encoded line.
        line: Vec<u8>,
        /// Its sealed escrow.
        escrow: Vec<u8>,
        /// Its sealed keyring.
        keyring: Vec<u8>,
        /// The key that an engine checks its requests with. Opens nothing.
        request_key: Key,
    },
    /// A member whose keyring is replaced as a whole.
    Keyring {
        /// Its id.
        principal: PrincipalId,
        /// The new sealed keyring.
        keyring: Vec<u8>,
    },
}

/// The authority that signs rosters from now on. Readers take it from their keyrings; an engine,
/// which opens none, has to be told. spec/roster.md#authority
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthorityPut {
    /// Verifies this roster and those after it.
    pub vk: VerifyingKey,
    /// By the authority before, over [`succession`]; `None` where the vault begins.
    pub endorsement: Option<Signature>,
}

/// What an authority signs to name the one that follows it, with roster `version`.
pub fn succession(
    vault: VaultId,
    version: u64,
    prev_hash: &[u8; 32],
    vk: &VerifyingKey,
) -> Vec<u8> {
    Parts::tagged("zms/v1/authority")
        .bytes(vault.as_bytes())
        .u64(version)
        .bytes(prev_hash)
        .bytes(&vk.0)
        .finish()
}

/// The next roster.
pub struct RosterPut {
    /// What it says.
    pub roster: Roster,
    /// The same, signed.
    pub signed: SignedMessage,
}

impl RosterPut {
    /// What a client has seen once this is committed.
    pub fn pin(&self) -> RosterPin {
        RosterPin {
            generation: self.roster.generation,
            version: self.roster.version,
            hash: message_hash(&self.signed.message),
        }
    }
}

/// The next revision of one scope, and the rows it changes.
pub struct ScopePut {
    /// Ids from the root to the scope.
    pub lineage: Lineage,
    /// What the revision says; the commit fails if the head is not the one before it.
    pub revision: Revision,
    /// The same, signed.
    pub signed: SignedMessage,
    /// Live records that end here.
    pub records_gone: Vec<NameIndex>,
    /// Records that begin here.
    pub records: Vec<StoredRecord>,
    /// Child entries that end here.
    pub children_gone: Vec<ChildIndex>,
    /// Child entries that begin here.
    pub children: Vec<StoredChild>,
    /// For a new epoch: the sealed way to the one before.
    pub past: Option<Vec<u8>>,
}

impl Batch {
    /// The scopes that it writes, each with its new revision.
    pub fn revisions(&self) -> impl Iterator<Item = (ScopeId, u64)> {
        self.scopes.iter().map(|put| (put.revision.scope, put.revision.revision))
    }

    /// What its author has seen once it is committed.
    pub fn pins(&self) -> Pins {
        let heads = self.scopes.iter().map(|put| {
            let hash = message_hash(&put.signed.message);
            (put.lineage.clone(), HeadPin { revision: put.revision.revision, hash })
        });
        Pins {
            roster: self.roster.as_ref().map(RosterPut::pin).or(self.found),
            heads: heads.collect(),
        }
    }
}
