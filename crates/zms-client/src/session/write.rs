//! Writes secrets.

use zms_core::{
    audit::Action,
    change::write::{Edit, write},
    open::{OpenScope, Reading},
    path::ScopePath,
};

use super::{
    Session, SessionError,
    read::{Choose, held},
};

/// What a write did.
pub struct Written {
    /// The scope.
    pub path: ScopePath,
    /// The new revision of the scope.
    pub revision: u64,
}

impl Session {
    /// Sets and removes secrets of exactly the chosen scope, in one revision. Where somebody
    /// else wrote in the same scope meanwhile it is tried again; where they wrote one of the same
    /// secrets it is a conflict.
    ///
    /// `prepare` sees the proven scope and gives the edits; none means that nothing is written.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn write(
        &mut self,
        choose: Choose<'_>,
        mut prepare: impl FnMut(&OpenScope) -> Result<Vec<Edit>, SessionError>,
    ) -> Result<Option<Written>, SessionError> {
        let mut first: Option<Vec<Option<u64>>> = None;
        self.change(Action::Write, |opening, rng| {
            let path = choose(&held(opening.keyring()))?;
            let way = opening.way(&path, Reading::Last)?;
            let scope = way.last().expect("a way holds at least its target");
            let edits = prepare(scope)?;
            if edits.is_empty() {
                return Ok((None, None));
            }
            let version = |edit: &Edit| scope.stored(edit.name()).map(|record| record.rev_from);
            let versions: Vec<_> = edits.iter().map(version).collect();
            if first.get_or_insert_with(|| versions.clone()) != &versions {
                return Err(SessionError::Conflict);
            }
            let batch = write(opening, &way, &edits, rng)?;
            let revision = batch.scopes[0].revision.revision;
            Ok((Some(batch), Some(Written { path, revision })))
        })
    }
}
