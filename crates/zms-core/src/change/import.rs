//! Writes in several scopes and makes those that are missing, all at once.

use std::collections::BTreeSet;

use zms_crypto::CryptoRng;

use super::{
    Author, ChangeError,
    plant::{Planted, Seedling, sow},
    sign::Next,
    target,
    write::{Edit, Edited, check, edit_records},
};
use crate::{
    batch::Batch,
    open::{OpenScope, Opening},
};

/// What is to happen in one scope that is there.
pub struct Landing {
    /// Its secrets' changes.
    pub edits: Vec<Edit>,
    /// Scopes to be made below it, with the secrets they start with.
    pub seedlings: Vec<Seedling>,
}

impl Landing {
    /// Whether nothing is to happen.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.seedlings.is_empty()
    }
}

/// Writes in the last scopes of several ways, and makes scopes below them: one revision for each
/// scope, in one batch, so that all of it or nothing is committed.
///
/// # Errors
/// As for [`super::write::write_all()`] and [`super::plant::plant()`].
pub fn import<'w>(
    opening: &Opening<'_>,
    landings: impl IntoIterator<Item = (&'w [OpenScope], Landing)>,
    rng: &mut dyn CryptoRng,
) -> Result<Batch, ChangeError> {
    let (mut seen, mut scopes) = (BTreeSet::new(), Vec::new());
    for (way, Landing { edits, seedlings }) in landings {
        let scope = target(way);
        if !seen.insert(scope.id()) {
            return Err(ChangeError::SameScope(scope.path.clone()));
        }
        let mut next = Next::after(scope)?;
        let mut edited = None;
        if !edits.is_empty() {
            for edit in &edits {
                if let Edit::Put(payload) = edit {
                    check(scope, payload)?;
                }
            }
            let made = edit_records(opening, scope, &edits, rng)?;
            next.records_root = made.root;
            edited = Some(made);
        }
        let mut children = Vec::new();
        if !seedlings.is_empty() {
            let planted: Planted = sow(opening, scope, seedlings, rng)?;
            next.children_root = planted.root;
            children = planted.children;
            scopes.extend(planted.scopes);
        }
        let mut put = Author::of(opening).revise(next);
        if let Some(Edited { gone, new, .. }) = edited {
            put.records_gone = gone;
            put.records = new;
        }
        put.children = children;
        scopes.push(put);
    }
    Ok(Batch { scopes, ..Batch::after(opening) })
}
