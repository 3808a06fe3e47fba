//! Reads the past of a scope, and takes it back there.

use std::collections::BTreeMap;

use zms_core::{
    audit::{Action, Outcome},
    change::write::{Edit, write},
    history::History,
    id::PrincipalId,
    open::{OpenScope, Opening, Reading},
    path::{ScopePath, SecretName},
};

use super::{
    Noted, Session, SessionError, Written,
    audit::labels,
    read::{Choose, held},
};

/// The past of one scope, and who is named in it.
pub struct Past {
    /// What the scope was.
    pub history: History,
    /// Labels of the members that are still there; an administrator alone sees them.
    pub labels: BTreeMap<PrincipalId, String>,
    /// Unix seconds of the read.
    pub now: u64,
}

impl Session {
    /// Reads what exactly the chosen scope was: the versions of the secrets named, or of all. The
    /// audit entry is stored before anything is returned.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn history(
        &mut self,
        choose: Choose<'_>,
        names: Option<&[SecretName]>,
    ) -> Result<Past, SessionError> {
        let ((past, scope, revision), vault, seen) =
            self.opened_audited(Action::ReadPast, |opening, _| {
                let path = choose(&held(opening.keyring()))?;
                let (way, history) = past_of(opening, &path, names)?;
                let head = &way.last().expect("a way holds at least its target").head;
                let labels = labels(opening)?;
                let past = Past { history, labels, now: opening.now() };
                Ok((past, head.scope, head.revision))
            })?;
        let event = self.event(Action::ReadPast, Some(scope), revision, Outcome::Done);
        self.note(Action::ReadPast, &[event])?;
        self.keep(vault, seen)?;
        Ok(past)
    }

    /// As [`Session::write`], for edits that follow from what the scope was.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn write_from_past(
        &mut self,
        choose: Choose<'_>,
        mut prepare: impl FnMut(&History) -> Result<Vec<Edit>, SessionError>,
    ) -> Result<Option<Written>, SessionError> {
        self.change_shown(Action::Write, |opening, rng, shown| {
            let path = choose(&held(opening.keyring()))?;
            let (way, history) = past_of(opening, &path, None)?;
            shown.extend(way.last().map(|scope| Noted::of(Action::ReadPast, scope)));
            let edits = prepare(&history)?;
            if edits.is_empty() {
                return Ok((None, None));
            }
            let batch = write(opening, &way, &edits, rng)?;
            let revision = batch.scopes[0].revision.revision;
            Ok((Some(batch), Some(Written { path, revision })))
        })
    }
}

fn past_of(
    opening: &Opening<'_>,
    path: &ScopePath,
    names: Option<&[SecretName]>,
) -> Result<(Vec<OpenScope>, History), SessionError> {
    let way = opening.way(path, Reading::Last)?;
    let scope = way.last().expect("a way holds at least its target");
    let history = opening.history(scope, names)?;
    Ok((way, history))
}

/// The past of one secret: in the nearest scope on a path that holds it, else in the path's own.
pub(super) fn past_of_secret(
    opening: &Opening<'_>,
    path: &ScopePath,
    name: &SecretName,
) -> Result<(OpenScope, History), SessionError> {
    let names = std::slice::from_ref(name);
    let mut way = opening.way(path, Reading::Names(names))?;
    let nearest = way.iter().rposition(|scope| scope.stored(name).is_some());
    let scope = way.swap_remove(nearest.unwrap_or(way.len() - 1));
    let history = opening.history(&scope, Some(names))?;
    Ok((scope, history))
}
