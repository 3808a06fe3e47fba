//! Gives pending scopes new keys, parents first, one commit each. spec/revocation.md#re-keying

pub(super) mod salvage;
pub(super) mod seal;

use zms_crypto::{CryptoRng, Key, digest::sha256};

use self::{
    salvage::orphans,
    seal::{closing, hand_down, reseal},
};
use super::{
    Author, ChangeError, Junk, revoke::sweep_expired, sign::Next, target, token::next_roster,
};
use crate::{
    batch::{Batch, MemberPut, ScopePut},
    child::children_root,
    id::ScopeId,
    keyring::Depth,
    open::{Members, OpenError, OpenScope, Opening, Places, Reading, Stands},
    path::ScopePath,
    revision::{LAST_REVISION, Revision},
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
    let (places, named) = (opening.places()?, named(&members)?);
    let (mut highest, mut hidden) = (None::<(&Stands, Right)>, None);
    for (scope, right) in pending.iter() {
        match places.only(scope) {
            Ok(None) => {
                let batch = let_go(opening, &members, &named, scope, spoiled)?;
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
    let rekey = Rekey { opening, members: &members, places: &places, named, right, spoiled };
    let batch = match opening.way(&stands.path, Reading::Last) {
        Ok(way) if goes_on(&target(&way).head) => rekey.renew(&way, rng)?,
        // A scope without a next epoch or revision is junk too.
        Ok(_) | Err(OpenError::Integrity(_)) => rekey.close(stands)?,
        Err(error) => return Err(error.into()),
    };
    Ok(Some(Step { batch, path: Some(stands.path.clone()), pending: pending.len() }))
}

/// Whether a scope can have a next epoch and revision.
pub(super) const fn goes_on(head: &Revision) -> bool {
    head.epoch < u32::MAX && head.revision < LAST_REVISION
}

fn below_pending(stands: &Stands, pending: &Rights) -> bool {
    let (_, above) = stands.lineage.split_last().expect("a lineage starts with the root");
    above.iter().any(|scope| pending.on(*scope).is_some())
}

/// Takes a scope off the list that no list of children leads to any more. Where keyrings still
/// name it, or scopes below it, these are closed: their holders would write on under its key.
fn let_go(
    opening: &Opening<'_>,
    members: &Members<'_>,
    named: &[Named],
    scope: ScopeId,
    spoiled: Spoiled,
) -> Result<Batch, ChangeError> {
    let orphans = orphans(opening, named, spoiled, |named| named.lineage.contains(&scope))?;
    let author = Author::of(opening);
    let scopes = orphans.iter().map(|orphan| closing(&author, orphan)).collect();
    let mut rest = opening.roster().pending.clone();
    rest.remove(scope);
    let roster = next_roster(opening, members, rest, |_| {});
    Ok(Batch { scopes, roster: Some(roster), ..Batch::after(opening) })
}

/// A place that a keyring names: made by an administrator, so to be believed where a scope's own
/// list of children is not.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    pub(super) lineage: Lineage,
    pub(super) path: ScopePath,
}

/// Last words for scopes below a lineage that keyrings name and that none of these revisions ends:
/// a writer has taken them out of the tree, and their holders would write on.
pub(super) fn end_orphans(
    opening: &Opening<'_>,
    members: &Members<'_>,
    below: &[ScopeId],
    ends: &[ScopePut],
) -> Result<Vec<ScopePut>, ChangeError> {
    let ended = |named: &Named| {
        let last = named.lineage.last();
        ends.iter().any(|put| Some(&put.revision.scope) == last)
    };
    let lost = |named: &Named| named.lineage.starts_with(below) && !ended(named);
    let orphans = orphans(opening, &named(members)?, Spoiled::LeaveOut, lost)?;
    let author = Author::of(opening);
    Ok(orphans.iter().map(|orphan| closing(&author, orphan)).collect())
}

/// Every place that a keyring names, once.
pub(super) fn named(members: &Members<'_>) -> Result<Vec<Named>, ChangeError> {
    let mut named = Vec::new();
    for member in members.ids() {
        let (_, keyring) = members.keyring(member)?;
        let entries = keyring.entries.into_iter();
        named.extend(entries.map(|entry| Named { lineage: entry.lineage, path: entry.path }));
    }
    named.sort_unstable();
    named.dedup_by(|a, b| a.lineage == b.lineage);
    Ok(named)
}

struct Rekey<'a> {
    opening: &'a Opening<'a>,
    members: &'a Members<'a>,
    places: &'a Places,
    named: Vec<Named>,
    right: Right,
    spoiled: Spoiled,
}

impl Rekey<'_> {
    fn renew(&self, way: &[OpenScope], rng: &mut dyn CryptoRng) -> Result<Batch, ChangeError> {
        let (opening, scope) = (self.opening, target(way));
        let old = scope.keys.node.as_ref().ok_or(ChangeError::NotAdministrator)?;
        let content = self.content(scope)?;
        let new = NodeKeys::new(Key::generate(rng));
        let author = Author::of(opening);
        let put = reseal(&author, scope, old, &new, &content, rng)?;
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
            parts.push(MemberPart { keyring: sha256(&[&keyring]), ..*held });
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
        let mut put = author.revise(Next { children_root: root, ..Next::after(&parent)? });
        put.children_gone = gone.iter().map(|child| child.child_index).collect();
        let mut scopes = vec![put];
        // Only what a keyring names at this very place gets a last word: the id may be another
        // scope's, grafted here to have it closed.
        let within = |named: &Named| named.lineage.starts_with(&stands.lineage);
        let closed = orphans(opening, &self.named, self.spoiled, within)?;
        scopes.extend(closed.iter().map(|orphan| closing(&author, orphan)));
        let mut pending = opening.roster().pending.clone();
        pending.remove(id);
        let roster = next_roster(opening, self.members, pending, |_| {});
        Ok(Batch { roster: Some(roster), scopes, ..Batch::after(opening) })
    }
}
