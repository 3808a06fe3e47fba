//! Writes secrets.

use std::collections::{BTreeMap, BTreeSet};

use zms_core::{
    audit::Action,
    change::{
        import::{Landing, import},
        write::{Edit, write, write_all},
    },
    id::ScopeId,
    open::{OpenScope, Opening, Reading},
    path::{ScopePath, SecretName},
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
        let mut start = Start::default();
        self.change_shown(Action::Write, |opening, rng, shown| {
            let path = choose(&held(opening.keyring()))?;
            let way = opening.way(&path, Reading::Last)?;
            let scope = way.last().expect("a way holds at least its target");
            shown.push(Noted::of(Action::Read, scope));
            let edits = prepare(scope)?;
            if edits.is_empty() {
                return Ok((None, None));
            }
            start.holds(opening, [(scope, &edits[..])])?;
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
        let mut start = Start::default();
        self.change_shown(Action::Write, |opening, rng, shown| {
            let ways = paths.iter().map(|path| opening.way(path, Reading::Last));
            let ways = ways.collect::<Result<Vec<_>, _>>()?;
            let scopes: Vec<&OpenScope> = ways.iter().filter_map(|way| way.last()).collect();
            shown.extend(scopes.iter().map(|scope| Noted::of(Action::Read, scope)));
            let edits = prepare(&scopes)?;
            start.holds(opening, scopes.iter().copied().zip(edits.iter().map(Vec::as_slice)))?;
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

impl Session {
    /// As [`Session::write_many`], with scopes to be made below those that are written in, in the
    /// same commit. Gives the paths that were there, each with its new revision.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn import(
        &mut self,
        paths: &[ScopePath],
        mut prepare: impl FnMut(&[&OpenScope]) -> Result<Vec<Landing>, SessionError>,
    ) -> Result<Vec<Written>, SessionError> {
        let mut start = Start::default();
        self.change_shown(Action::Write, |opening, rng, shown| {
            let ways = paths.iter().map(|path| opening.way(path, Reading::Last));
            let ways = ways.collect::<Result<Vec<_>, _>>()?;
            let scopes: Vec<&OpenScope> = ways.iter().filter_map(|way| way.last()).collect();
            shown.extend(scopes.iter().map(|scope| Noted::of(Action::Read, scope)));
            let landings = prepare(&scopes)?;
            let edits = landings.iter().map(|landing| landing.edits.as_slice());
            start.holds(opening, scopes.iter().copied().zip(edits))?;
            let landings = ways.iter().map(Vec::as_slice).zip(landings);
            let landings: Vec<_> = landings.filter(|(_, landing)| !landing.is_empty()).collect();
            if landings.is_empty() {
                return Ok((None, Vec::new()));
            }
            let batch = import(opening, landings, rng)?;
            let written = scopes.iter().filter_map(|scope| {
                let put = batch.scopes.iter().find(|put| put.revision.scope == scope.id())?;
                Some(Written { path: scope.path.clone(), revision: put.revision.revision })
            });
            let written = written.collect();
            Ok((Some(batch), written))
        })
    }
}

/// The secrets that a change is about, as it found them first, in each of its scopes.
#[derive(Default)]
struct Start(Option<Vec<Found>>);

/// The secrets of one scope: the versions of those that are there.
struct Found {
    scope: ScopeId,
    revision: u64,
    versions: BTreeMap<SecretName, Option<u64>>,
}

impl Start {
    /// Takes note the first time; a conflict where somebody has changed one of them since.
    fn holds<'s>(
        &mut self,
        opening: &Opening<'_>,
        now: impl IntoIterator<Item = (&'s OpenScope, &'s [Edit])>,
    ) -> Result<(), SessionError> {
        let now: Vec<_> = now.into_iter().collect();
        let found: Vec<Found> = now.iter().map(|(scope, edits)| Found::of(scope, edits)).collect();
        if let Some(first) = &self.0 {
            for ((first, found), (scope, _)) in first.iter().zip(&found).zip(&now) {
                if first.changed(found, opening, scope)? {
                    return Err(SessionError::Conflict);
                }
            }
        }
        self.0 = Some(found);
        Ok(())
    }
}

impl Found {
    fn of(scope: &OpenScope, edits: &[Edit]) -> Self {
        let version = |edit: &Edit| {
            let name = edit.name();
            (name.clone(), scope.stored(name).map(|record| record.rev_from))
        };
        let versions = edits.iter().map(version).collect();
        Self { scope: scope.id(), revision: scope.head.revision, versions }
    }

    /// Whether somebody has changed one of these secrets since. That a scope was given new keys,
    /// and each of its secrets a new version with them, is no change: then the past tells.
    fn changed(
        &self,
        now: &Self,
        opening: &Opening<'_>,
        scope: &OpenScope,
    ) -> Result<bool, SessionError> {
        if self.versions == now.versions {
            return Ok(false);
        }
        if self.scope != now.scope {
            return Ok(true);
        }
        let names: BTreeSet<_> = self.versions.keys().chain(now.versions.keys()).cloned().collect();
        let history = opening.history(scope, Some(&names.into_iter().collect::<Vec<_>>()))?;
        // What is too old to be shown may have been anything.
        Ok(history.changes(self.revision, now.revision).map_or(true, |them| !them.is_empty()))
    }
}
