//! What of a scope can be sealed anew, what is junk, and what only keyrings still name.
//! spec/revocation.md#junk

use super::Rekey;
use crate::{
    change::{ChangeError, Junk},
    child::{ChildContent, StoredChild},
    id::ScopeId,
    open::OpenScope,
    record::Payload,
    revision::{Revision, SignedMessage},
    roster::Right,
    scope::Lineage,
};

/// A scope that only keyrings still name.
pub(super) struct Orphan {
    pub(super) lineage: Lineage,
    /// Its head as the store shows it, unproven.
    pub(super) signed: SignedMessage,
    pub(super) number: Revision,
}

/// What of a scope opened, to be sealed under new keys.
pub(super) struct Content {
    pub(super) records: Vec<Payload>,
    pub(super) children: Vec<(StoredChild, ChildContent)>,
    /// Scopes below that keyrings name and no list of children holds any more: to be closed, else
    /// they live on under a key that the leaving member may have.
    pub(super) orphans: Vec<Orphan>,
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
    pub(super) fn orphans(
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
}
