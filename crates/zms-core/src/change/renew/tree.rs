//! Every scope of a vault under new keys, from the leaves up: a parent's entry holds the child's.

use std::collections::{BTreeMap, BTreeSet};

use zms_crypto::{CryptoRng, Key};

use crate::{
    batch::ScopePut,
    change::{
        Author, ChangeError, Junk,
        rekey::{goes_on, salvage::Content, seal::reseal},
    },
    child::{ChildContent, StoredChild},
    id::ScopeId,
    open::{OpenError, OpenScope, Opening, Place, Reading},
    path::ScopePath,
    scope::{Lineage, NodeKeys},
};

/// The new keys of a scope.
pub(super) struct Renewed {
    pub(super) epoch: u32,
    pub(super) keys: NodeKeys,
}

/// A tree as it is sealed anew.
pub(super) struct Tree<'t, 'o> {
    opening: &'t Opening<'o>,
    author: &'t Author<'t>,
    seen: BTreeSet<ScopeId>,
    pub(super) renewed: BTreeMap<Lineage, Renewed>,
    pub(super) puts: Vec<ScopePut>,
    pub(super) records: usize,
    /// What does not open or verify, and was left out.
    pub(super) junk: Vec<Junk>,
}

impl<'t, 'o> Tree<'t, 'o> {
    /// Seals every scope below the root and the root itself.
    ///
    /// # Errors
    /// What is no junk: trouble, a state behind the pins, an id that stands at two places. A graft
    /// can not be told from what it was taken from, and only the store can have let it stand.
    pub(super) fn sealed_anew(
        opening: &'t Opening<'o>,
        author: &'t Author<'t>,
        rng: &mut dyn CryptoRng,
        told: &mut dyn FnMut(),
    ) -> Result<Self, ChangeError> {
        let mut tree = Self {
            opening,
            author,
            seen: BTreeSet::new(),
            renewed: BTreeMap::new(),
            puts: Vec::new(),
            records: 0,
            junk: Vec::new(),
        };
        let root = opening.way(&ScopePath::default(), Reading::Last)?.pop();
        let root = root.expect("a way holds at least its target");
        if !goes_on(&root.head) {
            return Err(ChangeError::Exhausted(root.path));
        }
        tree.renew(&root, rng, told)?;
        Ok(tree)
    }

    fn renew(
        &mut self,
        scope: &OpenScope,
        rng: &mut dyn CryptoRng,
        told: &mut dyn FnMut(),
    ) -> Result<(), ChangeError> {
        let old = scope.keys.node.as_ref().ok_or(ChangeError::NotAdministrator)?;
        let mut content =
            Content { records: Vec::new(), children: Vec::new(), orphans: Vec::new() };
        for record in scope.stored_records() {
            match scope.open_one(record) {
                Ok((_, payload)) => content.records.push(payload),
                Err(_) => {
                    let index = record.name_index.to_string();
                    self.junk.push(Junk::Record(scope.path.clone(), index));
                }
            }
        }
        for stored in scope.stored_children() {
            content.children.extend(self.child(scope, stored, rng, told)?);
        }
        let keys = NodeKeys::new(Key::generate(rng));
        let put = reseal(self.author, scope, old, &keys, &content, rng)?;
        self.records += put.records.len();
        let renewed = Renewed { epoch: put.revision.epoch, keys };
        self.renewed.insert(scope.lineage.clone(), renewed);
        self.puts.push(put);
        told();
        Ok(())
    }

    /// A child's entry with its new key, once all of it is sealed anew; `None` where it is junk.
    fn child(
        &mut self,
        above: &OpenScope,
        stored: &StoredChild,
        rng: &mut dyn CryptoRng,
        told: &mut dyn FnMut(),
    ) -> Result<Option<(StoredChild, ChildContent)>, ChangeError> {
        let opened = above.open_child(stored).ok();
        let opened = opened.and_then(|content| {
            let path = above.path.child(content.name.clone()).ok()?;
            Some((content, path))
        });
        let Some((content, path)) = opened else {
            self.junk.push(Junk::Child(above.path.clone(), stored.child));
            return Ok(None);
        };
        if !self.seen.insert(stored.child) {
            return Err(OpenError::Integrity(Place::Scope(path)).into());
        }
        let child = match self.opening.below(above, stored, Reading::Last) {
            Ok(child) if goes_on(&child.head) => child,
            Ok(_) | Err(OpenError::Integrity(_) | OpenError::Removed(_)) => {
                self.junk.push(Junk::Scope(path));
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        self.renew(&child, rng, told)?;
        let Renewed { epoch, keys } = &self.renewed[&child.lineage];
        let content = ChildContent { node: keys.node().duplicate(), ..content };
        Ok(Some((StoredChild { child_epoch: *epoch, ..stored.clone() }, content)))
    }
}
