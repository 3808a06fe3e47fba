//! One state of a vault laid open: every answer a store gives, to be edited at will.

use std::collections::{BTreeMap, BTreeSet};

use zms_core::{
    batch::{Batch, MemberPut},
    bundle::{Bundle, Standing, Trouble, Wanted, Witness},
    child::StoredChild,
    id::{PrincipalId, ScopeId, VaultId},
    record::{EndedRecord, Envelope, StoredRecord},
    revision::{Revision, SignedMessage},
    roster::{MemberPart, Roster},
    tree_head::{Step, Tree, proof_positions},
};
use zms_crypto::sign::Signature;

/// A member as a store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) line: Vec<u8>,
    pub(crate) escrow: Vec<u8>,
    pub(crate) keyring: Vec<u8>,
}

/// A scope as a store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) head: SignedMessage,
    /// Messages before the head, by number - 1.
    pub(crate) older: Vec<Vec<u8>>,
    pub(crate) records: Vec<StoredRecord>,
    pub(crate) children: Vec<StoredChild>,
    pub(crate) past: BTreeMap<u32, Vec<u8>>,
    /// Kept signatures of `older`.
    pub(crate) signatures: Vec<(u64, Signature)>,
    pub(crate) ended: Vec<EndedRecord>,
}

/// Everything a store shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) vault: VaultId,
    pub(crate) roster: SignedMessage,
    /// Messages before the roster, by version - 1.
    pub(crate) older: Vec<Vec<u8>>,
    pub(crate) members: BTreeMap<PrincipalId, Member>,
    pub(crate) departed: BTreeMap<PrincipalId, u64>,
    /// Shown instead of the true witnesses.
    pub(crate) witnesses: BTreeMap<PrincipalId, Witness>,
    /// Shown instead of the true list of members.
    pub(crate) listed: Option<Vec<MemberPart>>,
    pub(crate) scopes: BTreeMap<ScopeId, Scope>,
}

impl State {
    /// Reads all of a store's current state, as far as these ids lead.
    pub(crate) fn of(
        bundle: &dyn Bundle,
        scopes: &BTreeSet<ScopeId>,
        principals: &BTreeSet<PrincipalId>,
    ) -> Result<Option<Self>, Trouble> {
        let (Some(vault), Some(roster)) = (bundle.vault()?, bundle.roster()?) else {
            return Ok(None);
        };
        let mut state = Self {
            vault,
            roster,
            older: bundle.roster_messages(0)?,
            members: BTreeMap::new(),
            departed: BTreeMap::new(),
            witnesses: BTreeMap::new(),
            listed: None,
            scopes: BTreeMap::new(),
        };
        for id in principals {
            match bundle.standing(*id)? {
                Standing::Member(Witness { line, .. }) => {
                    let escrow = bundle.escrow(*id)?.unwrap_or_default();
                    let keyring = bundle.keyring(*id)?.unwrap_or_default();
                    state.members.insert(*id, Member { line, escrow, keyring });
                }
                Standing::Departed { at } => drop(state.departed.insert(*id, at)),
                Standing::Unknown => {}
            }
        }
        for id in scopes {
            let Some(head) = bundle.head(*id)? else { continue };
            let epoch = Revision::parse(&head.message).map_or(0, |head| head.epoch);
            let mut past = BTreeMap::new();
            for epoch in 2..=epoch.min(64) {
                past.extend(bundle.past(*id, epoch)?.map(|sealed| (epoch, sealed)));
            }
            let scope = Scope {
                head,
                older: bundle.revision_messages(*id, 0)?,
                records: bundle.records(*id, &Wanted::All)?,
                children: bundle.children(*id)?,
                past,
                signatures: bundle.signatures(*id)?,
                ended: bundle.ended(*id, &Wanted::All)?,
            };
            state.scopes.insert(*id, scope);
        }
        Ok(Some(state))
    }

    pub(crate) fn parts(&self) -> Vec<MemberPart> {
        let part = |(id, held): (&PrincipalId, &Member)| {
            MemberPart::new(*id, &held.line, &held.escrow, &held.keyring)
        };
        self.members.iter().map(part).collect()
    }

    /// The true witness of a member.
    pub(crate) fn witness(&self, principal: PrincipalId) -> Option<Witness> {
        let held = self.members.get(&principal)?;
        let parts: Vec<[u8; 112]> = self.parts().iter().map(MemberPart::encode).collect();
        let tree = Tree::new(parts.iter().map(|part| &part[..]));
        let nodes: Vec<&[u8; 32]> = tree.nodes().collect();
        let at = self.members.range(..principal).count();
        let part = MemberPart::new(principal, &held.line, &held.escrow, &held.keyring);
        let steps = proof_positions(parts.len(), at).into_iter();
        Some(Witness {
            line: held.line.clone(),
            escrow: part.escrow,
            keyring: part.keyring,
            proof: steps.map(|(left, index)| Step { left, hash: *nodes[index] }).collect(),
        })
    }

    pub(crate) fn scope(&mut self, id: ScopeId) -> &mut Scope {
        self.scopes.get_mut(&id).expect("the test names a scope that is there")
    }

    pub(crate) fn head(&self, id: ScopeId) -> Revision {
        Revision::parse(&self.scopes[&id].head.message).expect("the head was made by us")
    }

    pub(crate) fn roster(&self) -> Roster {
        Roster::parse(&self.roster.message).expect("the roster was made by us")
    }

    /// Takes a batch in without asking whether it fits: what a store that lies does.
    pub(crate) fn apply(&mut self, batch: &Batch) {
        for id in &batch.departed {
            self.members.remove(id);
            self.departed.insert(*id, batch.at);
        }
        for put in &batch.members {
            match put {
                MemberPut::Joins { principal, line, escrow, keyring, .. } => {
                    let (line, escrow, keyring) = (line.clone(), escrow.clone(), keyring.clone());
                    self.members.insert(*principal, Member { line, escrow, keyring });
                }
                MemberPut::Keyring { principal, keyring } => {
                    let held = self.members.get_mut(principal).expect("a member");
                    held.keyring.clone_from(keyring);
                }
            }
        }
        if let Some(put) = &batch.roster {
            let before = std::mem::replace(&mut self.roster, put.signed.clone());
            self.older.push(before.message);
        }
        for put in &batch.scopes {
            self.revise(put.revision.scope, put.signed.clone());
            let scope = self.scope(put.revision.scope);
            let closes = put.revision.closes();
            let (gone, stay): (Vec<_>, Vec<_>) = std::mem::take(&mut scope.records)
                .into_iter()
                .partition(|record| closes || put.records_gone.contains(&record.name_index));
            let rev_to = put.revision.revision;
            scope.ended.extend(gone.into_iter().map(|record| EndedRecord { record, rev_to }));
            scope.records = stay;
            scope.records.extend(put.records.iter().cloned());
            scope.children.retain(|child| !put.children_gone.contains(&child.child_index));
            scope.children.extend(put.children.iter().cloned());
            scope.past.extend(put.past.iter().map(|sealed| (put.revision.epoch, sealed.clone())));
            if closes {
                scope.children.clear();
            }
        }
    }

    /// Puts a head on top of a scope's chain, or begins the scope.
    pub(crate) fn revise(&mut self, id: ScopeId, head: SignedMessage) {
        match self.scopes.get_mut(&id) {
            Some(scope) => {
                let before = std::mem::replace(&mut scope.head, head);
                scope.older.push(before.message);
                scope.signatures.push((scope.older.len() as u64, before.signature));
            }
            None => {
                let scope = Scope {
                    head,
                    older: Vec::new(),
                    records: Vec::new(),
                    children: Vec::new(),
                    past: BTreeMap::new(),
                    signatures: Vec::new(),
                    ended: Vec::new(),
                };
                self.scopes.insert(id, scope);
            }
        }
    }
}

fn behind(older: &[Vec<u8>], after: u64) -> Vec<Vec<u8>> {
    let after = usize::try_from(after).unwrap_or(usize::MAX).min(older.len());
    older[after..].to_vec()
}

fn shown(record: &StoredRecord, wanted: &Wanted) -> StoredRecord {
    let mut record = record.clone();
    if !wanted.includes(record.name_index) {
        record.envelope = Envelope::Bare(record.envelope.hash());
    }
    record
}

impl Bundle for State {
    fn vault(&self) -> Result<Option<VaultId>, Trouble> {
        Ok(Some(self.vault))
    }

    fn standing(&self, principal: PrincipalId) -> Result<Standing, Trouble> {
        let lie = self.witnesses.get(&principal).cloned();
        let gone = || self.departed.get(&principal).copied();
        Ok(match lie.or_else(|| self.witness(principal)) {
            Some(witness) => Standing::Member(witness),
            None => gone().map_or(Standing::Unknown, |at| Standing::Departed { at }),
        })
    }

    fn keyring(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.members.get(&principal).map(|held| held.keyring.clone()))
    }

    fn escrow(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.members.get(&principal).map(|held| held.escrow.clone()))
    }

    fn members(&self) -> Result<Vec<MemberPart>, Trouble> {
        Ok(self.listed.clone().unwrap_or_else(|| self.parts()))
    }

    fn roster(&self) -> Result<Option<SignedMessage>, Trouble> {
        Ok(Some(self.roster.clone()))
    }

    fn roster_messages(&self, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        Ok(behind(&self.older, after))
    }

    fn head(&self, scope: ScopeId) -> Result<Option<SignedMessage>, Trouble> {
        Ok(self.scopes.get(&scope).map(|scope| scope.head.clone()))
    }

    fn revision_messages(&self, scope: ScopeId, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        Ok(self.scopes.get(&scope).map_or_else(Vec::new, |scope| behind(&scope.older, after)))
    }

    fn records(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<StoredRecord>, Trouble> {
        let live = self.scopes.get(&scope).map_or(&[][..], |scope| &scope.records);
        Ok(live.iter().map(|record| shown(record, wanted)).collect())
    }

    fn children(&self, scope: ScopeId) -> Result<Vec<StoredChild>, Trouble> {
        Ok(self.scopes.get(&scope).map_or_else(Vec::new, |scope| scope.children.clone()))
    }

    fn signatures(&self, scope: ScopeId) -> Result<Vec<(u64, Signature)>, Trouble> {
        Ok(self.scopes.get(&scope).map_or_else(Vec::new, |scope| scope.signatures.clone()))
    }

    fn ended(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<EndedRecord>, Trouble> {
        let ended = self.scopes.get(&scope).map_or(&[][..], |scope| &scope.ended);
        let as_wanted = |ended: &EndedRecord| EndedRecord {
            record: shown(&ended.record, wanted),
            rev_to: ended.rev_to,
        };
        Ok(ended.iter().map(as_wanted).collect())
    }

    fn past(&self, scope: ScopeId, epoch: u32) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.scopes.get(&scope).and_then(|scope| scope.past.get(&epoch).cloned()))
    }
}
