//! Whether each revision of a batch is one that readers will accept.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    MAX_SCOPES, Refused, Tree, allow,
    members::{Members, administers},
    require,
};
use crate::{
    batch::{Batch, ScopePut},
    bundle::Wanted,
    child::{StoredChild, children_root},
    id::{ChildIndex, NameIndex, ScopeId},
    path::MAX_DEPTH,
    record::{Envelope, MAX_NOTE, MAX_VALUE, StoredRecord, records_root},
    revision::{Revision, SignedMessage, message_hash},
    roster::Line,
    scope::Lineage,
};

/// Longest envelope in bytes: a value and a note, padded by at most an eighth, with what seals them.
const MAX_ENVELOPE: usize = (MAX_VALUE + MAX_NOTE) / 8 * 9 + 4096;

/// The batch on top of what is stored.
struct Next<'a> {
    tree: &'a dyn Tree,
    members: &'a Members<'a>,
    batch: &'a Batch,
    puts: BTreeMap<ScopeId, &'a ScopePut>,
    /// Where children that begin in the batch stand.
    begun: BTreeMap<ScopeId, ScopeId>,
}

pub(super) fn check(
    tree: &dyn Tree,
    members: &Members<'_>,
    caller: &Line,
    batch: &Batch,
) -> Result<(), Refused> {
    let mut next = Next { tree, members, batch, puts: BTreeMap::new(), begun: BTreeMap::new() };
    for put in &batch.scopes {
        let new = next.puts.insert(put.revision.scope, put).is_none();
        require(new, "a scope is written twice at once")?;
        for child in &put.children {
            let new = next.begun.insert(child.child, put.revision.scope).is_none();
            require(new, "a child begins at two places")?;
        }
    }
    let begin = batch.scopes.iter().filter(|put| put.revision.revision == 1).count() as u64;
    let room = begin == 0 || tree.scopes()?.saturating_add(begin) <= MAX_SCOPES;
    require(room, "the vault holds as many scopes as it may")?;
    batch.scopes.iter().try_for_each(|put| next.check(put, caller))
}

impl Next<'_> {
    fn check(&self, put: &ScopePut, caller: &Line) -> Result<(), Refused> {
        let head = &put.revision;
        let signed = Revision::parse(&put.signed.message);
        let signed = signed.map_err(|_| Refused::Wrong("a revision is malformed"))?;
        require(signed == *head, "a revision is not the one that is signed")?;
        require(head.vault == self.batch.vault, "a revision is another vault's")?;
        let stored = self.tree.head(head.scope)?;
        let before = stored.as_ref().map(parsed).transpose()?;
        let number = before.as_ref().map_or(0, |before| before.revision);
        let hash = stored.as_ref().map_or([0; 32], |stored| message_hash(&stored.message));
        if head.prev_hash != hash || head.revision.checked_sub(1) != Some(number) {
            return Err(Refused::Moved);
        }
        let generation = head.generation == self.members.generation;
        require(generation, "a revision is of another generation")?;
        let author = self.members.line(head.author)?;
        let author = author.ok_or(Refused::Wrong("a revision is by no member"))?;
        let verified = author.vk.verify(&put.signed.message, &put.signed.signature);
        require(verified.is_ok(), "a revision's signature does not verify")?;
        require(author.covers(head.created_at), "a revision is of a time its author is not in")?;
        let admin = administers(&author);
        let own = head.author == caller.principal || administers(caller);
        allow(own, "a revision is somebody else's")?;
        let lineage = self.lineage(head.scope)?;
        if let Some(lineage) = &lineage {
            require(*lineage == put.lineage, "a scope stands elsewhere")?;
            require(lineage.len() <= MAX_DEPTH + 1, "a scope stands too deep")?;
            allow(author.writes(lineage), "the author may not write there")?;
        } else {
            // A scope that is in no list any more: only its last words can follow.
            allow(admin && head.closes(), "the scope is not in the tree")?;
        }
        self.check_epoch(put, before.as_ref(), admin)?;
        if head.closes() {
            allow(admin, "only an administrator removes a scope")?;
            let empty =
                head.records_root == records_root([]) && head.children_root == children_root([]);
            return require(empty, "a removed scope holds something");
        }
        self.check_records(put)?;
        self.check_children(put, admin)
    }

    /// Ids from the root to a scope, as they are once the batch is kept; `None` for one that is in
    /// no list of children, before it or after.
    fn lineage(&self, scope: ScopeId) -> Result<Option<Lineage>, Refused> {
        let (root, mut at, mut lineage) = (self.batch.vault.root(), scope, vec![scope]);
        while at != root {
            let above = match self.begun.get(&at) {
                Some(parent) => Some(*parent),
                None => self.tree.parent(at)?,
            };
            let Some(above) = above else { return Ok(None) };
            require(!lineage.contains(&above), "a scope stands below itself")?;
            require(lineage.len() <= MAX_DEPTH, "a scope stands too deep")?;
            lineage.push(above);
            at = above;
        }
        lineage.reverse();
        Ok(Some(lineage))
    }

    fn check_epoch(
        &self,
        put: &ScopePut,
        before: Option<&Revision>,
        admin: bool,
    ) -> Result<(), Refused> {
        let head = &put.revision;
        let Some(before) = before else {
            require(head.revision == 1 && head.epoch == 1, "a scope begins with 1")?;
            require(put.past.is_none(), "a scope begins without a past")?;
            let root = head.scope == self.batch.vault.root();
            let planted = root || self.begun.contains_key(&head.scope);
            return require(planted, "a scope begins in no list");
        };
        if before.closes() {
            return require(head.closes(), "a scope that was removed goes on");
        }
        if head.epoch == before.epoch {
            let same = head.closes() || head.key_commitment == before.key_commitment;
            require(same, "a scope has another key in the same epoch")?;
            return require(put.past.is_none(), "a past comes without a new epoch");
        }
        allow(admin, "only an administrator gives a scope new keys")?;
        require(before.epoch.checked_add(1) == Some(head.epoch), "an epoch is left out")?;
        require(put.past.is_some(), "a new epoch comes without the way to the one before")?;
        let root = head.scope == self.batch.vault.root();
        require(root || self.begun.contains_key(&head.scope), "a new epoch is not in the list")
    }

    fn check_records(&self, put: &ScopePut) -> Result<(), Refused> {
        let head = &put.revision;
        let held = self.tree.records(head.scope, &Wanted::Only(Vec::new()))?;
        let mut live: BTreeMap<NameIndex, &StoredRecord> =
            held.iter().map(|record| (record.name_index, record)).collect();
        for index in &put.records_gone {
            require(live.remove(index).is_some(), "a record ends that is not there")?;
        }
        for record in &put.records {
            let Envelope::Whole(sealed) = &record.envelope else {
                return Err(Refused::Wrong("a record comes without its content"));
            };
            require(sealed.len() <= MAX_ENVELOPE, "a record is too long")?;
            require(record.rev_from == head.revision, "a record is of another revision")?;
            let new = live.insert(record.name_index, record).is_none();
            require(new, "a record begins where one is")?;
        }
        let epoch = live.values().all(|record| record.epoch == head.epoch);
        require(epoch, "a record is of another epoch")?;
        let root_holds_none = live.is_empty() || head.scope != self.batch.vault.root();
        require(root_holds_none, "the top of the vault holds records")?;
        let root = records_root(live.into_values()) == head.records_root;
        require(root, "the records are not those that are signed")
    }

    fn check_children(&self, put: &ScopePut, admin: bool) -> Result<(), Refused> {
        let head = &put.revision;
        let held = self.tree.children(head.scope)?;
        let mut live: BTreeMap<ChildIndex, &StoredChild> =
            held.iter().map(|child| (child.child_index, child)).collect();
        let mut gone = Vec::new();
        for index in &put.children_gone {
            let child = live.remove(index);
            gone.push(child.ok_or(Refused::Wrong("a child ends that is not there"))?);
        }
        for child in &put.children {
            require(child.envelope.len() <= MAX_NOTE, "a child entry is too long")?;
            let epoch = self.epoch(child.child)?;
            require(epoch == Some(child.child_epoch), "a child is of another epoch")?;
            let old = gone.iter().find(|old| old.child == child.child);
            match old {
                Some(old) if old.child_index == child.child_index => {}
                Some(_) => allow(admin, "only an administrator renames a scope")?,
                None => self.require_unborn(child.child)?,
            }
            let new = live.insert(child.child_index, child).is_none();
            require(new, "a child begins where one is")?;
        }
        for old in gone {
            if self.begun.get(&old.child) != Some(&head.scope) {
                allow(admin, "only an administrator removes a scope")?;
            }
        }
        let ids: BTreeSet<ScopeId> = live.values().map(|child| child.child).collect();
        require(ids.len() == live.len(), "a child stands at two places")?;
        let root = children_root(live.into_values()) == head.children_root;
        require(root, "the children are not those that are signed")
    }

    /// An id that was ever a scope, or is the top of the vault, is nobody's new child.
    fn require_unborn(&self, child: ScopeId) -> Result<(), Refused> {
        let unborn = child != self.batch.vault.root() && self.tree.head(child)?.is_none();
        let born = self.puts.get(&child).is_some_and(|put| put.revision.revision == 1);
        require(unborn && born, "a child is another scope")
    }

    /// The epoch of a scope once the batch is kept.
    fn epoch(&self, scope: ScopeId) -> Result<Option<u32>, Refused> {
        if let Some(put) = self.puts.get(&scope) {
            return Ok(Some(put.revision.epoch));
        }
        let head = self.tree.head(scope)?.as_ref().map(parsed).transpose()?;
        Ok(head.map(|head| head.epoch))
    }
}

fn parsed(signed: &SignedMessage) -> Result<Revision, Refused> {
    let revision = Revision::parse(&signed.message);
    revision.map_err(|_| Refused::Wrong("a stored revision is malformed"))
}
