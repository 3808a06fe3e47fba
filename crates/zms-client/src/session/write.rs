//! Writes secrets.

use zms_core::{
    audit::Action,
    change::write::{Edit, write, write_all},
    open::{OpenScope, Reading},
    path::ScopePath,
};

use super::{
    Noted, Session, SessionError,
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
        self.change_shown(Action::Write, |opening, rng, shown| {
            let path = choose(&held(opening.keyring()))?;
            let way = opening.way(&path, Reading::Last)?;
            let scope = way.last().expect("a way holds at least its target");
            shown.push(Noted::of(Action::Read, scope));
            let edits = prepare(scope)?;
            if edits.is_empty() {
                return Ok((None, None));
            }
            let versions: Vec<_> = edits.iter().map(|edit| version(scope, edit)).collect();
            if first.get_or_insert_with(|| versions.clone()) != &versions {
                return Err(SessionError::Conflict);
            }
            let batch = write(opening, &way, &edits, rng)?;
            let revision = batch.scopes[0].revision.revision;
            Ok((Some(batch), Some(Written { path, revision })))
        })
    }

    /// As [`Session::write`] for several scopes at once, one revision each, in one commit: all of
    /// it happens or nothing. `prepare` sees the proven scopes in the order of the paths, and
    /// gives each its edits; a scope without any is left as it is.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn write_many(
        &mut self,
        paths: &[ScopePath],
        mut prepare: impl FnMut(&[&OpenScope]) -> Result<Vec<Vec<Edit>>, SessionError>,
    ) -> Result<Vec<Written>, SessionError> {
        let mut first: Option<Vec<Option<u64>>> = None;
        self.change_shown(Action::Write, |opening, rng, shown| {
            let ways = paths.iter().map(|path| opening.way(path, Reading::Last));
            let ways = ways.collect::<Result<Vec<_>, _>>()?;
            let scopes: Vec<&OpenScope> = ways.iter().filter_map(|way| way.last()).collect();
            shown.extend(scopes.iter().map(|scope| Noted::of(Action::Read, scope)));
            let edits = prepare(&scopes)?;
            let each = scopes.iter().zip(&edits);
            let versions =
                each.flat_map(|(scope, edits)| edits.iter().map(|edit| version(scope, edit)));
            let versions: Vec<_> = versions.collect();
            if first.get_or_insert_with(|| versions.clone()) != &versions {
                return Err(SessionError::Conflict);
            }
            let writes = ways.iter().zip(&edits).filter(|(_, edits)| !edits.is_empty());
            let writes: Vec<_> = writes.map(|(way, edits)| (&way[..], &edits[..])).collect();
            if writes.is_empty() {
                return Ok((None, Vec::new()));
            }
            let batch = write_all(opening, &writes, rng)?;
            let changed = scopes.iter().zip(&edits).filter(|(_, edits)| !edits.is_empty());
            let written = changed.zip(&batch.scopes).map(|((scope, _), put)| Written {
                path: scope.path.clone(),
                revision: put.revision.revision,
            });
            let written = written.collect();
            Ok((Some(batch), written))
        })
    }
}

/// The version of a secret that an edit starts from.
fn version(scope: &OpenScope, edit: &Edit) -> Option<u64> {
    scope.stored(edit.name()).map(|record| record.rev_from)
}
