//! What of a scope can be sealed anew, what is junk, and what only keyrings still name.
//! spec/revocation.md#junk

use super::{Named, Rekey, Spoiled};
use crate::{
    change::{ChangeError, Junk},
    child::{ChildContent, StoredChild},
    id::ScopeId,
    open::{OpenScope, Opening},
    record::Payload,
    revision::{LAST_REVISION, Revision, SignedMessage},
    roster::Right,
    scope::Lineage,
};

/// A scope that only keyrings still name.
pub(in crate::change) struct Orphan {
    pub(in crate::change) lineage: Lineage,
    /// Its head as the store shows it, unproven.
    pub(in crate::change) signed: SignedMessage,
    pub(in crate::change) number: Revision,
}

/// What of a scope opened, to be sealed under new keys.
pub(in crate::change) struct Content {
    pub(in crate::change) records: Vec<Payload>,
    pub(in crate::change) children: Vec<(StoredChild, ChildContent)>,
    /// Scopes below that keyrings name and no list of children holds any more: to be closed, else
    /// they live on under a key that the leaving member may have.
    pub(in crate::change) orphans: Vec<Orphan>,
}

impl Rekey<'_> {
    /// Opens all of a scope; what does not open is junk, and only a right to write that has left
    /// can have put it there.
    pub(super) fn content(&self, scope: &OpenScope) -> Result<Content, ChangeError> {
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
            let within = |named: &&Named| named.lineage.starts_with(&lineage);
            let graft = self.places.twice(stored.child) && !self.named.iter().any(|n| within(&n));
            match scope.open_child(stored) {
                Ok(child) if !graft => children.push((stored.clone(), child)),
                _ => junk.push(Junk::Child(scope.path.clone(), stored.child)),
            }
        }
        self.confirm(junk)?;
        let dropped = |named: &Named| {
            let step = named.lineage.get(scope.lineage.len());
            let held = |id: &ScopeId| children.iter().any(|(stored, _)| stored.child == *id);
            self.right >= Right::Read
                && named.lineage.starts_with(&scope.lineage)
                && step.is_some_and(|step| !held(step))
        };
        let orphans = orphans(self.opening, &self.named, self.spoiled, dropped)?;
        Ok(Content { records, children, orphans })
    }
}

/// The scopes among those that keyrings name which are not closed, with their heads as the store
/// shows them: to be closed, once that is confirmed.
pub(in crate::change) fn orphans(
    opening: &Opening<'_>,
    named: &[Named],
    spoiled: Spoiled,
    lost: impl Fn(&Named) -> bool,
) -> Result<Vec<Orphan>, ChangeError> {
    let (mut orphans, mut junk) = (Vec::new(), Vec::new());
    for Named { lineage, path } in named.iter().filter(|named| lost(named)) {
        let last = *lineage.last().expect("a lineage starts with the root");
        if let Some((signed, number)) = opening.head_as_stored(last)?
            && !number.closes()
            && number.revision < LAST_REVISION
        {
            orphans.push(Orphan { lineage: lineage.clone(), signed, number });
            junk.push(Junk::Scope(path.clone()));
        }
    }
    if junk.is_empty() || spoiled == Spoiled::LeaveOut {
        Ok(orphans)
    } else {
        Err(ChangeError::Junk(junk))
    }
}
