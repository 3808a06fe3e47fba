//! Makes scopes: one, or a small tree at once.

use std::collections::BTreeSet;

use zms_crypto::{CryptoRng, Key};

use super::{Author, ChangeError, sign::Next, target};
use crate::{
    batch::{Batch, ScopePut},
    child::{ChildContent, ParentPlace, StoredChild, children_root, seal_child},
    id::ScopeId,
    open::{OpenScope, Opening},
    path::{MAX_DEPTH, NameRefused, Segment},
    record::{Payload, RecordPlace, StoredRecord, records_root, seal_record},
    scope::NodeKeys,
};

/// A scope to be made, with those below it.
pub struct Seedling {
    /// Its name.
    pub name: Segment,
    /// Whether people are asked before they change it.
    pub protected: bool,
    /// The secrets it starts with.
    pub records: Vec<Payload>,
    /// What it starts with.
    pub children: Vec<Seedling>,
}

impl Seedling {
    /// A scope without secrets.
    pub const fn bare(name: Segment, children: Vec<Self>) -> Self {
        Self { name, protected: false, records: Vec::new(), children }
    }
}

/// Makes scopes below the last scope of a way, all in one commit.
///
/// # Errors
/// [`ChangeError::MayNotWrite`], [`ChangeError::ScopeExists`], [`ChangeError::Name`].
pub fn plant(
    opening: &Opening<'_>,
    way: &[OpenScope],
    seedlings: Vec<Seedling>,
    rng: &mut dyn CryptoRng,
) -> Result<Batch, ChangeError> {
    let parent = target(way);
    let Planted { children, mut scopes, root } = sow(opening, parent, seedlings, rng)?;
    let next = Next { children_root: root, ..Next::after(parent)? };
    let mut put = Author::of(opening).revise(next);
    put.children = children;
    scopes.push(put);
    Ok(Batch { scopes, ..Batch::after(opening) })
}

/// What seedlings make of the scope above them.
pub(super) struct Planted {
    /// Its new child entries.
    pub(super) children: Vec<StoredChild>,
    /// The first revisions of all that is new.
    pub(super) scopes: Vec<ScopePut>,
    /// Over all its child entries from then on.
    pub(super) root: [u8; 32],
}

/// Makes scopes below a parent, whose next revision is still to be signed.
pub(super) fn sow(
    opening: &Opening<'_>,
    parent: &OpenScope,
    seedlings: Vec<Seedling>,
    rng: &mut dyn CryptoRng,
) -> Result<Planted, ChangeError> {
    let may_not_write = || ChangeError::MayNotWrite(parent.path.clone());
    let node = parent.keys.node.as_ref().ok_or_else(may_not_write)?;
    if !opening.line().writes(&parent.lineage) {
        return Err(may_not_write());
    }
    let mut names = BTreeSet::new();
    for seedling in &seedlings {
        let path = parent.path.child(seedling.name.clone()).map_err(ChangeError::Name)?;
        if parent.stored_child(&seedling.name).is_some() || !names.insert(&seedling.name) {
            return Err(ChangeError::ScopeExists(path));
        }
    }
    let author = Author::of(opening);
    let (children, scopes) =
        grow(&author, node, &parent.parent_place(), &parent.lineage, seedlings, rng, &mut unseen)?;
    let root = children_root(parent.stored_children().iter().chain(&children));
    Ok(Planted { children, scopes, root })
}

/// Is shown each new scope, from the top down: its ids from the root, its name and its keys.
pub(super) type Each<'e> =
    &'e mut dyn FnMut(&[ScopeId], &Segment, &NodeKeys) -> Result<(), ChangeError>;

/// For who does not want to see them.
pub(super) fn unseen(_: &[ScopeId], _: &Segment, _: &NodeKeys) -> Result<(), ChangeError> {
    Ok(())
}

/// Child entries for the seedlings, and the first revisions of them and all below them.
pub(super) fn grow(
    author: &Author<'_>,
    parent: &NodeKeys,
    at: &ParentPlace,
    lineage: &[ScopeId],
    seedlings: Vec<Seedling>,
    rng: &mut dyn CryptoRng,
    each: Each<'_>,
) -> Result<(Vec<StoredChild>, Vec<ScopePut>), ChangeError> {
    if lineage.len() > MAX_DEPTH && !seedlings.is_empty() {
        return Err(ChangeError::Name(NameRefused::TooDeep));
    }
    let (mut entries, mut scopes) = (Vec::new(), Vec::new());
    for Seedling { name, protected, records, children } in seedlings {
        let id = ScopeId::generate(rng);
        let lineage = [lineage, &[id]].concat();
        let keys = NodeKeys::new(Key::generate(rng));
        let place = ParentPlace { vault: at.vault, scope: id, epoch: 1 };
        each(&lineage, &name, &keys)?;
        let (below, deeper) = grow(author, &keys, &place, &lineage, children, rng, each)?;
        scopes.extend(deeper);
        let data = keys.data();
        let first = RecordPlace { vault: at.vault, scope: id, epoch: 1, rev_from: 1 };
        let seal = |payload| seal_record(&data, &first, payload, rng);
        let records: Vec<StoredRecord> = records.iter().map(seal).collect();
        scopes.push(first_revision(author, lineage, &keys, records, below));
        let content = ChildContent { name, node: keys.node().duplicate(), protected };
        entries.push(seal_child(parent, at, id, 1, &content, rng));
    }
    Ok((entries, scopes))
}

/// Revision 1 of a scope.
pub(super) fn first_revision(
    author: &Author<'_>,
    lineage: Vec<ScopeId>,
    keys: &NodeKeys,
    records: Vec<StoredRecord>,
    children: Vec<StoredChild>,
) -> ScopePut {
    let mut put = author.revise(Next {
        lineage,
        epoch: 1,
        revision: 1,
        prev_hash: [0; 32],
        key_commitment: keys.data().commitment(),
        records_root: records_root(&records),
        children_root: children_root(&children),
    });
    put.records = records;
    put.children = children;
    put
}
