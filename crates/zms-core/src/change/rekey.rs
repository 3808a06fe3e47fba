//! Gives pending scopes new keys, parents first, one commit each. spec/revocation.md#re-keying

use zms_crypto::{CryptoRng, Key, envelope::seal, parts::Parts};

use super::{
    Author, ChangeError, Junk, revoke::sweep_expired, sign::Next, target, token::next_roster,
};
use crate::{
    batch::{Batch, MemberPut, ScopePut},
    child::{ChildContent, StoredChild, children_root, seal_child},
    id::{ScopeId, VaultId},
    keyring::Depth,
    open::{Members, OpenError, OpenScope, Opening, Places, Reading, Stands},
    path::ScopePath,
    record::{RecordPlace, StoredRecord, records_root, seal_record},
    revision::{CLOSED, Revision, SignedMessage, message_hash},
    roster::{MemberPart, Right, Rights},
    scope::{Lineage, NodeKeys},
};

/// Whether what a leaving writer spoiled is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoiled {
    /// Report it and stop.
    Report,
    /// Leave it out: the administrator has seen and confirmed it.
    LeaveOut,
}

/// One step towards an empty list of pending scopes.
pub struct Step {
    /// What to commit.
    pub batch: Batch,
    /// The scope that it re-keys; `None` where it takes out expired members, or notes that a
    /// pending scope is gone from the tree.
    pub path: Option<ScopePath>,
    /// How many scopes were pending before it.
    pub pending: usize,
}

/// The next step, or `None` where nothing is pending. Each starts from a fresh opening, so that
/// children born meanwhile are seen.
///
/// # Errors
/// [`ChangeError::NotAdministrator`]; [`ChangeError::Junk`] with all that stops the step.
pub fn next(
    opening: &Opening<'_>,
    spoiled: Spoiled,
    rng: &mut dyn CryptoRng,
) -> Result<Option<Step>, ChangeError> {
    let members = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    let pending = &opening.roster().pending;
    if pending.is_empty() {
        return Ok(None);
    }
    // Who has expired is taken out first: a re-key grants to none of them.
    if let Some(batch) = sweep_expired(opening)? {
        return Ok(Some(Step { batch, path: None, pending: pending.len() }));
    }
    let places = opening.places()?;
    let (mut highest, mut hidden) = (None::<(&Stands, Right)>, None);
    for (scope, right) in pending.iter() {
        match places.only(scope) {
            // No proven list of children leads there any more: nothing is left to re-key.
            Ok(None) => {
                let mut rest = pending.clone();
                rest.remove(scope);
                let roster = next_roster(opening, &members, rest, |_| {});
                let batch = Batch { roster: Some(roster), ..Batch::after(opening) };
                return Ok(Some(Step { batch, path: None, pending: pending.len() }));
            }
            // Parents first, else a child's new key would lie sealed under one that the leaving
            // member holds.
            Ok(Some(stands)) if !below_pending(stands, pending) => {
                let depth = |stands: &Stands| stands.lineage.len();
                if highest.is_none_or(|(held, _)| depth(stands) < depth(held)) {
                    highest = Some((stands, right));
                }
            }
            Ok(Some(_)) => {}
            Err(error) => hidden = Some(error),
        }
    }
    // What is hidden now may come to light once what hides it is re-keyed or closed.
    let Some((stands, right)) = highest else {
        return hidden.map_or(Ok(None), |error| Err(error.into()));
    };
    let named = named(&members)?;
    let rekey = Rekey { opening, members: &members, places: &places, named, right, spoiled };
    let batch = match opening.way(&stands.path, Reading::Last) {
        Ok(way) if target(&way).head.epoch < u32::MAX => rekey.renew(&way, rng)?,
        // A key without a next epoch is junk too.
        Ok(_) | Err(OpenError::Integrity(_)) => rekey.close(stands)?,
        Err(error) => return Err(error.into()),
    };
    Ok(Some(Step { batch, path: Some(stands.path.clone()), pending: pending.len() }))
}

fn below_pending(stands: &Stands, pending: &Rights) -> bool {
    let (_, above) = stands.lineage.split_last().expect("a lineage starts with the root");
    above.iter().any(|scope| pending.on(*scope).is_some())
}

/// Every lineage that a keyring names: made by administrators, so to be believed where a scope's
/// own list of children is not.
fn named(members: &Members<'_>) -> Result<Vec<Lineage>, ChangeError> {
    let mut lineages = Vec::new();
    for member in members.ids() {
        let (_, keyring) = members.keyring(member)?;
        lineages.extend(keyring.entries.into_iter().map(|entry| entry.lineage));
    }
    lineages.sort_unstable();
    lineages.dedup();
    Ok(lineages)
}

struct Rekey<'a> {
    opening: &'a Opening<'a>,
    members: &'a Members<'a>,
    places: &'a Places,
    named: Vec<Lineage>,
    right: Right,
    spoiled: Spoiled,
}

/// A scope that only keyrings still name.
struct Orphan {
    lineage: Lineage,
    /// Its head as the store shows it, unproven.
    signed: SignedMessage,
    number: Revision,
}

/// What of a scope opened, to be sealed under new keys.
struct Content {
    records: Vec<crate::record::Payload>,
    children: Vec<(StoredChild, ChildContent)>,
    /// Scopes below that keyrings name and no list of children holds any more: to be closed, else
    /// they live on under a key that the leaving member may have.
    orphans: Vec<Orphan>,
}

impl Rekey<'_> {
    fn renew(&self, way: &[OpenScope], rng: &mut dyn CryptoRng) -> Result<Batch, ChangeError> {
        let (opening, scope) = (self.opening, target(way));
        let old = scope.keys.node.as_ref().ok_or(ChangeError::NotAdministrator)?;
        let content = self.content(scope)?;
        let new = NodeKeys::new(Key::generate(rng));
        let author = Author::of(opening);
        let put = reseal(&author, scope, old, &new, &content, rng);
        let epoch = put.revision.epoch;
        let mut scopes = vec![put];
        scopes.extend(content.orphans.iter().map(|orphan| closing(&author, orphan)));
        if let Some(parent) = way.len().checked_sub(2).map(|at| &way[at]) {
            scopes.push(hand_down(&author, parent, scope, epoch, &new, rng)?);
        }
        let (members, parts) = self.regrant(scope, epoch, &new, rng)?;
        let mut pending = opening.roster().pending.clone();
        pending.remove(scope.id());
        if self.right >= Right::Read {
            for (stored, _) in &content.children {
                pending.add(stored.child, self.right);
            }
        }
        let roster = next_roster(opening, self.members, pending, |listed| {
            for part in parts {
                listed.retain(|old| old.principal != part.principal);
                listed.push(part);
            }
        });
        Ok(Batch { members, roster: Some(roster), scopes, ..Batch::after(opening) })
    }

    /// Opens all of a scope; what does not open is junk, and only a right to write that has left
    /// can have put it there.
    fn content(&self, scope: &OpenScope) -> Result<Content, ChangeError> {
        let (mut junk, mut records, mut children) = (Vec::new(), Vec::new(), Vec::new());
        for record in scope.stored_records() {
            match scope.open_one(record) {
                Ok((_, payload)) => records.push(payload),
                Err(_) => {
                    junk.push(Junk::Record(scope.path.clone(), record.name_index.to_string()));
                }
            }
        }
        for stored in scope.stored_children() {
            let lineage = [&scope.lineage[..], &[stored.child]].concat();
            let within = |named: &Lineage| named.starts_with(&lineage);
            let graft = self.places.twice(stored.child) && !self.named.iter().any(within);
            match scope.open_child(stored) {
                Ok(child) if !graft => children.push((stored.clone(), child)),
                _ => junk.push(Junk::Child(scope.path.clone(), stored.child)),
            }
        }
        let orphans = if self.right >= Right::Read {
            self.orphans(&scope.lineage, |id| {
                children.iter().any(|(stored, _)| stored.child == id)
            })?
        } else {
            Vec::new()
        };
        let lost = |orphan: &Orphan| Junk::Child(scope.path.clone(), orphan.number.scope);
        junk.extend(orphans.iter().map(lost));
        self.confirm(junk)?;
        Ok(Content { records, children, orphans })
    }

    /// Scopes below a lineage that keyrings name, that are not closed, and whose step below it is
    /// not among the children that are `held`; with their heads as the store shows them.
    fn orphans(
        &self,
        above: &[ScopeId],
        held: impl Fn(ScopeId) -> bool,
    ) -> Result<Vec<Orphan>, ChangeError> {
        let mut orphans = Vec::new();
        for lineage in self.named.iter().filter(|lineage| lineage.starts_with(above)) {
            let Some(step) = lineage.get(above.len()) else { continue };
            let last = *lineage.last().expect("a lineage starts with the root");
            if !held(*step)
                && let Some((signed, number)) = self.opening.head_as_stored(last)?
                && !number.closes()
            {
                orphans.push(Orphan { lineage: lineage.clone(), signed, number });
            }
        }
        Ok(orphans)
    }

    fn confirm(&self, junk: Vec<Junk>) -> Result<(), ChangeError> {
        let left_out = self.right == Right::Write && self.spoiled == Spoiled::LeaveOut;
        if junk.is_empty() || left_out { Ok(()) } else { Err(ChangeError::Junk(junk)) }
    }

    /// New keyrings for all who hold the scope, as the proven roster says.
    fn regrant(
        &self,
        scope: &OpenScope,
        epoch: u32,
        new: &NodeKeys,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Vec<MemberPut>, Vec<MemberPart>), ChangeError> {
        let (mut puts, mut parts) = (Vec::new(), Vec::new());
        for held in self.members.parts() {
            let id = held.principal;
            if self.members.line(id)?.rights.on(scope.id()).is_none() {
                continue;
            }
            let (wrap, mut keyring) = self.members.keyring(id)?;
            for entry in keyring.entries.iter_mut().filter(|entry| entry.lineage == scope.lineage) {
                entry.epoch = epoch;
                entry.key = match entry.depth {
                    Depth::Subtree => new.node().duplicate(),
                    Depth::Exact => new.data().data().duplicate(),
                };
            }
            let keyring = keyring.seal(&wrap, self.opening.vault(), id, rng);
            parts.push(MemberPart { keyring: zms_crypto::digest::sha256(&[&keyring]), ..*held });
            puts.push(MemberPut::Keyring { principal: id, keyring });
        }
        Ok((puts, parts))
    }

    /// Closes a scope that does not verify, and every scope below it that a keyring names.
    fn close(&self, stands: &Stands) -> Result<Batch, ChangeError> {
        self.confirm(vec![Junk::Scope(stands.path.clone())])?;
        let opening = self.opening;
        let id = *stands.lineage.last().expect("a lineage starts with the root");
        let above = stands.path.parent().ok_or(ChangeError::Root)?;
        let mut way = opening.way(&above, Reading::Structure)?;
        let parent = way.pop().expect("a way holds at least its target");
        let held = parent.stored_children().iter();
        let (gone, stay): (Vec<_>, Vec<_>) = held.partition(|child| child.child == id);
        let author = Author::of(opening);
        let root = children_root(stay);
        let mut put = author.revise(Next { children_root: root, ..Next::after(&parent) });
        put.children_gone = gone.iter().map(|child| child.child_index).collect();
        let mut scopes = vec![put];
        let mut closed = self.orphans(&stands.lineage, |_| false)?;
        if let Some((signed, number)) = opening.head_as_stored(id)? {
            closed.push(Orphan { lineage: stands.lineage.clone(), signed, number });
        }
        scopes.extend(closed.iter().map(|orphan| closing(&author, orphan)));
        let mut pending = opening.roster().pending.clone();
        pending.remove(id);
        let roster = next_roster(opening, self.members, pending, |_| {});
        Ok(Batch { roster: Some(roster), scopes, ..Batch::after(opening) })
    }
}

/// The scope's next revision: a new epoch with every live record and child entry sealed anew.
fn reseal(
    author: &Author<'_>,
    scope: &OpenScope,
    old: &NodeKeys,
    new: &NodeKeys,
    content: &Content,
    rng: &mut dyn CryptoRng,
) -> ScopePut {
    let (vault, data) = (author.vault, new.data());
    let next = Next::after(scope);
    let epoch = scope.head.epoch + 1;
    let place = RecordPlace { vault, scope: scope.id(), epoch, rev_from: next.revision };
    let records: Vec<StoredRecord> =
        content.records.iter().map(|payload| seal_record(&data, &place, payload, rng)).collect();
    let at = crate::child::ParentPlace { epoch, ..scope.parent_place() };
    let reseal_child = |(stored, child): &(StoredChild, ChildContent)| {
        seal_child(new, &at, stored.child, stored.child_epoch, child, rng)
    };
    let children: Vec<StoredChild> = content.children.iter().map(reseal_child).collect();
    let mut put = author.revise(Next {
        epoch,
        key_commitment: data.commitment(),
        records_root: records_root(&records),
        children_root: children_root(&children),
        ..next
    });
    put.records_gone = scope.stored_records().iter().map(|record| record.name_index).collect();
    put.records = records;
    put.children_gone = scope.stored_children().iter().map(|child| child.child_index).collect();
    put.children = children;
    put.past = Some(seal_past(vault, scope.id(), epoch, old, new, rng));
    put
}

/// `Seal(P, LP("zms/v1/aad/past", vault, scope, epoch - 1), D || P of epoch - 1)`.
fn seal_past(
    vault: VaultId,
    scope: ScopeId,
    epoch: u32,
    old: &NodeKeys,
    new: &NodeKeys,
    rng: &mut dyn CryptoRng,
) -> Vec<u8> {
    let aad = Parts::tagged("zms/v1/aad/past")
        .bytes(vault.as_bytes())
        .bytes(scope.as_bytes())
        .u32(epoch - 1)
        .finish();
    // EXPOSE: the old keys are about to be sealed under the new one.
    let keys = zeroize::Zeroizing::new(
        [&old.data().data().expose()[..], &old.past().expose()[..]].concat(),
    );
    seal(&new.past(), &aad, &keys, rng)
}

/// The parent's next revision, whose child entry carries the new key.
fn hand_down(
    author: &Author<'_>,
    parent: &OpenScope,
    scope: &OpenScope,
    epoch: u32,
    new: &NodeKeys,
    rng: &mut dyn CryptoRng,
) -> Result<ScopePut, ChangeError> {
    let node = parent.keys.node.as_ref().ok_or(ChangeError::NotAdministrator)?;
    let name = scope.path.segments().last().expect("only the root has no parent").clone();
    let content = ChildContent { name, node: new.node().duplicate() };
    let entry = seal_child(node, &parent.parent_place(), scope.id(), epoch, &content, rng);
    let held = parent.stored_children().iter();
    let children = held.map(|child| if child.child == scope.id() { &entry } else { child });
    let mut put =
        author.revise(Next { children_root: children_root(children), ..Next::after(parent) });
    put.children_gone = vec![entry.child_index];
    put.children = vec![entry];
    Ok(put)
}

/// A last revision on top of whatever the store shows as a scope's head.
fn closing(author: &Author<'_>, orphan: &Orphan) -> ScopePut {
    author.revise(Next {
        lineage: orphan.lineage.clone(),
        epoch: orphan.number.epoch,
        revision: orphan.number.revision + 1,
        prev_hash: message_hash(&orphan.signed.message),
        key_commitment: CLOSED,
        records_root: records_root([]),
        children_root: children_root([]),
    })
}
