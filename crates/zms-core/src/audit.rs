//! Audit entries: a hash chain of ids, never of names. spec/audit.md

mod checkpoint;
mod walk;

pub use checkpoint::{Checkpoint, MAX_NOTE, Note};
pub use walk::{Bad, Fault, Walk, Walked};
use zms_crypto::{digest::sha256, parts::Parts};

use crate::id::{PrincipalId, ScopeId, VaultId};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Action {
    /// Secrets of a scope were read.
    Read = 1,
    /// A scope was written.
    Write = 2,
    /// The tree was shaped.
    Shape = 3,
    /// A member joined.
    Grant = 4,
    /// A member left.
    Revoke = 5,
    /// A scope was re-keyed.
    Rekey = 6,
    /// The vault was made.
    Init = 7,
    /// What a scope was, and is no more, was read.
    ReadPast = 8,
    /// A scope could be read by a member that was revoked, up to this revision.
    Expose = 9,
    /// The master key was replaced.
    Succeed = 10,
    /// The whole vault was copied into a backup.
    Backup = 11,
    /// The vault became what a backup holds.
    Restore = 12,
    /// A scope was put into a bundle file, as sealed as it is.
    Bundle = 13,
    /// The roster was signed anew, as it was.
    Refresh = 14,
    /// An answer was sealed for whoever has its wrapping token.
    Wrap = 15,
    /// A sealed answer was given to whoever had its wrapping token.
    Unwrap = 16,
}

impl Action {
    /// Reads the number of an entry.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Read,
            2 => Self::Write,
            3 => Self::Shape,
            4 => Self::Grant,
            5 => Self::Revoke,
            6 => Self::Rekey,
            7 => Self::Init,
            8 => Self::ReadPast,
            9 => Self::Expose,
            10 => Self::Succeed,
            11 => Self::Backup,
            12 => Self::Restore,
            13 => Self::Bundle,
            14 => Self::Refresh,
            15 => Self::Wrap,
            16 => Self::Unwrap,
            _ => return None,
        })
    }

    /// What people call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Shape => "shape",
            Self::Grant => "grant",
            Self::Revoke => "revoke",
            Self::Rekey => "re-key",
            Self::Init => "init",
            Self::ReadPast => "read past",
            Self::Expose => "expose",
            Self::Succeed => "succeed",
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Bundle => "bundle",
            Self::Refresh => "refresh",
            Self::Wrap => "wrap",
            Self::Unwrap => "unwrap",
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// It was done.
    Done = 1,
    /// It was refused: unknown, revoked, expired, or out of scope.
    Denied = 2,
    /// It did not verify.
    Integrity = 3,
}

impl Outcome {
    /// Reads the number of an entry.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Done,
            2 => Self::Denied,
            3 => Self::Integrity,
            _ => return None,
        })
    }

    /// What people call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Integrity => "integrity",
        }
    }
}

/// What happened; the store gives it its place in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Unix seconds.
    pub time: u64,
    /// Who.
    pub principal: PrincipalId,
    /// What.
    pub action: Action,
    /// Where, if anywhere.
    pub scope: Option<ScopeId>,
    /// Which revision was read or made; 0 for none.
    pub revision: u64,
    /// How it ended.
    pub outcome: Outcome,
}

impl Event {
    /// The same of each scope, at its revision; itself where no scope is concerned.
    pub fn of_each(self, scopes: impl IntoIterator<Item = (ScopeId, u64)>) -> Vec<Self> {
        let of = |(scope, revision)| Self { scope: Some(scope), revision, ..self.clone() };
        let events: Vec<Self> = scopes.into_iter().map(of).collect();
        if events.is_empty() { vec![self] } else { events }
    }
}

/// An event in its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which chain: 0 on one machine, one per replica on servers.
    pub chain: u64,
    /// Place in the chain, from 1.
    pub seq: u64,
    /// What happened.
    pub event: Event,
    /// Hash of the entry before; zero for the first.
    pub prev_hash: [u8; 32],
    /// Hash of this entry.
    pub hash: [u8; 32],
}

impl Entry {
    /// Chains an event behind the entry before.
    pub fn new(vault: VaultId, chain: u64, seq: u64, prev_hash: [u8; 32], event: Event) -> Self {
        let mut entry = Self { chain, seq, event, prev_hash, hash: [0; 32] };
        entry.hash = entry.computed_hash(vault);
        entry
    }

    /// The hash that this entry must carry.
    pub fn computed_hash(&self, vault: VaultId) -> [u8; 32] {
        let event = &self.event;
        let encoded = Parts::tagged("zms/v1/audit")
            .bytes(vault.as_bytes())
            .u64(self.chain)
            .u64(self.seq)
            .u64(event.time)
            .bytes(event.principal.as_bytes())
            .u8(event.action as u8)
            .bytes(event.scope.as_ref().map_or(&[], ScopeId::as_bytes))
            .u64(event.revision)
            .u8(event.outcome as u8)
            .bytes(&self.prev_hash)
            .finish();
        sha256(&[&encoded])
    }

    /// Whether the entry carries the hash that it must.
    fn fits(&self, vault: VaultId) -> bool {
        self.hash == self.computed_hash(vault)
    }
}

/// One entry of a chain, as somebody saw it. It stands for all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Which chain.
    pub chain: u64,
    /// Its place, from 1.
    pub seq: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// The first entry of a chain that does not fit, by its place; `None` where all do.
pub fn first_bad(vault: VaultId, entries: &[Entry]) -> Option<u64> {
    let mut walk = Walk::new(vault, entries.first()?.chain, []);
    entries.iter().for_each(|entry| walk.take(entry));
    walk.end().bad.map(|bad| bad.seq)
}
