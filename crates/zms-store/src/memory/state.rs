//! One state, and the next one.

use std::{collections::BTreeMap, sync::Arc};

use zms_core::{
    audit::{Entry, Event},
    batch::{Batch, MemberPut, RosterPut, ScopePut},
    bundle::{Trouble, TroubleClass},
    child::StoredChild,
    id::{ChildIndex, NameIndex, PrincipalId, ScopeId, VaultId, WrappedId},
    pin::RosterPin,
    record::{EndedRecord, StoredRecord},
    revision::{Revision, SignedMessage, message_hash},
    roster::{MemberPart, Roster},
};
use zms_crypto::{Key, sign::VerifyingKey};

use crate::{
    CommitError::{self, Conflict, Exists},
    Mark,
};

/// Everything that is kept.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) vault: Option<VaultId>,
    /// By version - 1.
    pub(super) rosters: Vec<SignedMessage>,
    pub(super) members: BTreeMap<PrincipalId, Member>,
    /// Unix seconds at which a member left.
    pub(super) departed: BTreeMap<PrincipalId, u64>,
    /// Every scope that ever was: a closed one stays.
    pub(super) scopes: BTreeMap<ScopeId, Scope>,
    pub(super) audit: Vec<Entry>,
    /// How often members with a limit were used.
    pub(super) spent: BTreeMap<PrincipalId, u32>,
    /// Requests that were noted, each with the last second in which it may be good.
    pub(super) requests: BTreeMap<(PrincipalId, [u8; 32]), u64>,
    /// Sealed answers that wait, with their last second.
    pub(super) wrapped: BTreeMap<WrappedId, (u64, Arc<Vec<u8>>)>,
    /// Who signs rosters now.
    pub(super) authority: Option<VerifyingKey>,
    /// How many commits there were.
    pub(super) commits: u64,
}

/// A member.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) request_key: Arc<Key>,
    pub(super) line: Vec<u8>,
    pub(super) escrow: Vec<u8>,
    pub(super) keyring: Vec<u8>,
}

impl Member {
    pub(super) fn part(&self, principal: PrincipalId) -> MemberPart {
        MemberPart::new(principal, &self.line, &self.escrow, &self.keyring)
    }
}

/// A scope.
#[derive(Clone, Default)]
pub(super) struct Scope {
    /// By number - 1.
    pub(super) revisions: Vec<SignedMessage>,
    pub(super) records: BTreeMap<NameIndex, StoredRecord>,
    pub(super) ended: Vec<EndedRecord>,
    pub(super) children: BTreeMap<ChildIndex, StoredChild>,
    /// By the epoch whose key opens it.
    pub(super) past: BTreeMap<u32, Vec<u8>>,
}

/// Goes on only where what was promised holds.
fn require(holds: bool) -> Result<(), CommitError> {
    holds.then_some(()).ok_or(Conflict)
}

impl State {
    pub(super) fn mark(&self) -> Mark {
        let roster = self.rosters.last().map(|signed| signed.signature);
        Mark { commits: self.commits, roster }
    }

    /// Makes this the state after a batch. What it leaves behind when it fails is of no use.
    pub(super) fn apply(&mut self, batch: &Batch) -> Result<(), CommitError> {
        match batch.found {
            None if self.vault.is_some() => return Err(Exists),
            None => require(batch.roster.is_some())?,
            Some(pin) => require(self.vault == Some(batch.vault) && self.is_at(&pin))?,
        }
        for (scope, revision) in &batch.unmoved {
            let head = self.scopes.get(scope).map_or(0, |scope| scope.revisions.len() as u64);
            require(head == *revision)?;
        }
        self.vault = Some(batch.vault);
        if let Some(put) = &batch.roster {
            self.put_roster(put)?;
        }
        for principal in &batch.departed {
            require(self.members.remove(principal).is_some())?;
            self.departed.insert(*principal, batch.at);
        }
        for put in &batch.members {
            self.put_member(put)?;
        }
        for put in &batch.scopes {
            self.put_revision(put)?;
        }
        // All that ends before all that begins: the order of scopes in a batch means nothing.
        for put in &batch.scopes {
            self.end_rows(put)?;
        }
        for put in &batch.scopes {
            self.begin_rows(put)?;
        }
        self.authority = batch.authority.map_or(self.authority, |put| Some(put.vk));
        self.commits += 1;
        Ok(())
    }

    fn is_at(&self, pin: &RosterPin) -> bool {
        self.rosters.last().is_some_and(|current| {
            let said = Roster::parse(&current.message);
            said.is_ok_and(|r| (r.generation, r.version) == (pin.generation, pin.version))
                && message_hash(&current.message) == pin.hash
        })
    }

    fn put_roster(&mut self, put: &RosterPut) -> Result<(), CommitError> {
        require(put.roster.version == self.rosters.len() as u64 + 1)?;
        require(put.roster.prev_hash == hash_of_last(&self.rosters))?;
        self.rosters.push(put.signed.clone());
        Ok(())
    }

    fn put_member(&mut self, put: &MemberPut) -> Result<(), CommitError> {
        match put {
            MemberPut::Joins { principal, line, escrow, keyring, request_key } => {
                require(!self.departed.contains_key(principal))?;
                let member = Member {
                    request_key: Arc::new(request_key.duplicate()),
                    line: line.clone(),
                    escrow: escrow.clone(),
                    keyring: keyring.clone(),
                };
                require(self.members.insert(*principal, member).is_none())
            }
            MemberPut::Keyring { principal, keyring } => {
                let member = self.members.get_mut(principal).ok_or(Conflict)?;
                member.keyring.clone_from(keyring);
                Ok(())
            }
        }
    }

    fn put_revision(&mut self, put: &ScopePut) -> Result<(), CommitError> {
        let scope = self.scopes.entry(put.revision.scope).or_default();
        require(put.revision.revision == scope.revisions.len() as u64 + 1)?;
        require(put.revision.prev_hash == hash_of_last(&scope.revisions))?;
        let closed = scope.revisions.last().is_some_and(closes);
        require(!closed || put.revision.closes())?;
        scope.revisions.push(put.signed.clone());
        Ok(())
    }

    fn end_rows(&mut self, put: &ScopePut) -> Result<(), CommitError> {
        let number = put.revision.revision;
        let scope = self.scopes.entry(put.revision.scope).or_default();
        for index in &put.records_gone {
            let record = scope.records.remove(index).ok_or(Conflict)?;
            scope.ended.push(EndedRecord { record, rev_to: number });
        }
        for index in &put.children_gone {
            require(scope.children.remove(index).is_some())?;
        }
        if put.revision.closes() {
            let rest = std::mem::take(&mut scope.records).into_values();
            scope.ended.extend(rest.map(|record| EndedRecord { record, rev_to: number }));
            scope.children.clear();
        }
        Ok(())
    }

    fn begin_rows(&mut self, put: &ScopePut) -> Result<(), CommitError> {
        let begins = !put.records.is_empty() || !put.children.is_empty();
        require(!(begins && put.revision.closes()))?;
        for child in &put.children {
            require(self.parent(child.child).is_none())?;
            let scope = self.scopes.entry(put.revision.scope).or_default();
            let before = scope.children.insert(child.child_index, child.clone());
            require(before.is_none())?;
        }
        let scope = self.scopes.entry(put.revision.scope).or_default();
        for record in &put.records {
            let before = scope.records.insert(record.name_index, record.clone());
            require(before.is_none())?;
        }
        if let Some(envelope) = &put.past {
            scope.past.insert(put.revision.epoch, envelope.clone());
        }
        Ok(())
    }

    /// The scope that holds a child's live entry.
    pub(super) fn parent(&self, child: ScopeId) -> Option<ScopeId> {
        let holds = |scope: &Scope| scope.children.values().any(|entry| entry.child == child);
        let found = self.scopes.iter().find(|(_, scope)| holds(scope));
        found.map(|(id, _)| *id)
    }

    /// Chains events behind the last entry.
    pub(super) fn append(&mut self, events: &[Event]) -> Result<(), Trouble> {
        for event in events {
            let no_vault = || Trouble::new(TroubleClass::Other, "there is no vault");
            let vault = self.vault.ok_or_else(no_vault)?;
            let prev_hash = self.audit.last().map_or([0; 32], |entry| entry.hash);
            let seq = self.audit.len() as u64 + 1;
            self.audit.push(Entry::new(vault, 0, seq, prev_hash, event.clone()));
        }
        Ok(())
    }
}

/// What the next message of a chain must name.
fn hash_of_last(chain: &[SignedMessage]) -> [u8; 32] {
    chain.last().map_or([0; 32], |signed| message_hash(&signed.message))
}

fn closes(signed: &SignedMessage) -> bool {
    Revision::parse(&signed.message).is_ok_and(|revision| revision.closes())
}
