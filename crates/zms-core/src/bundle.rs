//! What a store shows: one state of one vault, to be believed only where it verifies.
//! spec/bundle.md

pub mod armour;
pub mod check;
pub mod collect;
mod packed;
pub(crate) mod wire;

use std::{error::Error, fmt};

pub use self::packed::{MAX_PACKED, Packed};
use crate::{
    child::StoredChild,
    id::{NameIndex, PrincipalId, ScopeId, VaultId},
    record::{EndedRecord, StoredRecord},
    revision::SignedMessage,
    roster::MemberPart,
    tree_head::Step,
};
use zms_crypto::sign::Signature;

/// Trouble of the store itself: nothing was read or written, and nothing is said of the vault.
#[derive(Debug)]
pub struct Trouble {
    /// What kind of trouble.
    pub class: TroubleClass,
    /// Its cause, as the driver tells it.
    pub source: Box<dyn Error + Send + Sync>,
}

/// What a person can do about trouble depends on its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TroubleClass {
    /// Somebody holds the database, or it is too slow; try again.
    Busy,
    /// The server of the database can not be reached, or stops or starts.
    Away,
    /// The file is damaged or no database of ours.
    Corrupt,
    /// Written by a newer version.
    Newer,
    /// Its tables are not those that were there when it was opened.
    Schema,
    /// The device is full.
    Full,
    /// The file or its folder can not be written.
    ReadOnly,
    /// It is a copy: a bundle file, which can not be changed and counts nothing.
    Copy,
    /// The file that takes the audit entries of reading from a copy.
    AuditFile,
    /// The server can not be reached, or its answer did not come whole.
    Unreachable,
    /// What answers is no server of ours.
    Foreign,
    /// The server refuses the caller, and says to nobody why.
    Unauthentic,
    /// The server knows the caller and refuses what it asks for.
    Refused,
    /// More was asked for than the server gives out at once.
    TooLarge,
    /// The vault was changed while it was read: read it again from the start.
    Moved,
    /// The server asks its callers to wait.
    Throttled,
    /// The server could not note in its audit what it was asked for.
    Unaudited,
    /// The server is in trouble itself.
    Server,
    /// What the server sent was damaged or changed.
    Garbled,
    /// Anything else.
    Other,
}

impl Trouble {
    /// Wraps a driver's error.
    pub fn new(class: TroubleClass, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { class, source: source.into() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.class {
            TroubleClass::Busy => "the database is locked by another process",
            TroubleClass::Away => "the database can not be reached",
            TroubleClass::Corrupt => "the database is damaged or not a ZMS database",
            TroubleClass::Newer => "the database was written by a newer version of zms",
            TroubleClass::Schema => {
                "the tables of the database are those of another version of zms"
            }
            TroubleClass::Full => "the disk is full",
            TroubleClass::ReadOnly => "the database can not be written",
            TroubleClass::Copy => "a bundle is a copy that can not be changed and counts no uses",
            TroubleClass::AuditFile => "the audit file can not be used",
            TroubleClass::Unreachable => "the server can not be reached",
            TroubleClass::Foreign => "what answers is no server of ZMS",
            TroubleClass::Unauthentic => "the server refused the caller",
            TroubleClass::Refused => "the server refused",
            TroubleClass::TooLarge => "the server gives out less at once",
            TroubleClass::Moved => "the vault was changed while it was read",
            TroubleClass::Throttled => "the server has too much to do",
            TroubleClass::Unaudited => "the server could not note it in its audit",
            TroubleClass::Server => "the server is in trouble",
            TroubleClass::Garbled => "the answer of the server was damaged or changed",
            TroubleClass::Other => "the database can not be used",
        })
    }
}

impl Error for Trouble {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// What the store says of a principal. Only `Member` can be proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Never heard of.
    Unknown,
    /// Was a member, and is no longer.
    Departed {
        /// Unix seconds.
        at: u64,
    },
    /// Is a member.
    Member(Witness),
}

/// A member's line with its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The encoded line.
    pub line: Vec<u8>,
    /// Hash of the sealed escrow.
    pub escrow: [u8; 32],
    /// Hash of the sealed keyring.
    pub keyring: [u8; 32],
    /// From the member's leaf to the tree head.
    pub proof: Vec<Step>,
}

/// Which records of a scope a reader asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All, whole.
    All,
    /// These whole, the others bare.
    Only(Vec<NameIndex>),
}

impl Wanted {
    /// Whether a record is to come whole.
    pub fn includes(&self, name: NameIndex) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(&name),
        }
    }
}

/// One consistent state of a vault, as a store tells it.
///
/// Nothing here is trusted: [`crate::open`] verifies what it uses. Every answer of one bundle
/// comes from the same state. Absent is `None` or empty, trouble is `Err`.
pub trait Bundle {
    /// The vault kept here.
    fn vault(&self) -> Result<Option<VaultId>, Trouble>;
    /// What is known of a principal.
    fn standing(&self, principal: PrincipalId) -> Result<Standing, Trouble>;
    /// A member's sealed keyring.
    fn keyring(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble>;
    /// A member's sealed escrow.
    fn escrow(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble>;
    /// All members' parts, sorted.
    fn members(&self) -> Result<Vec<MemberPart>, Trouble>;
    /// The current roster.
    fn roster(&self) -> Result<Option<SignedMessage>, Trouble>;
    /// Messages of the rosters between version `after` and the current one, both excluded,
    /// ascending.
    fn roster_messages(&self, after: u64) -> Result<Vec<Vec<u8>>, Trouble>;
    /// The newest revision of a scope.
    fn head(&self, scope: ScopeId) -> Result<Option<SignedMessage>, Trouble>;
    /// Messages of the revisions between `after` and the head, both excluded, ascending.
    fn revision_messages(&self, scope: ScopeId, after: u64) -> Result<Vec<Vec<u8>>, Trouble>;
    /// The live records of a scope.
    fn records(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<StoredRecord>, Trouble>;
    /// The child entries of a scope.
    fn children(&self, scope: ScopeId) -> Result<Vec<StoredChild>, Trouble>;
    /// The kept signatures of a scope's revisions before the head, by their numbers, ascending.
    fn signatures(&self, scope: ScopeId) -> Result<Vec<(u64, Signature)>, Trouble>;
    /// The records of a scope that ended, in no order.
    fn ended(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<EndedRecord>, Trouble>;
    /// The sealed way from an epoch of a scope to the one before.
    fn past(&self, scope: ScopeId, epoch: u32) -> Result<Option<Vec<u8>>, Trouble>;
}
