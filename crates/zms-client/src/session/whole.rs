//! A scope as a whole, in versions: read, rewritten, listed. spec/versions.md

mod list;
mod rewrite;
mod said;

use zms_core::{
    about::{About, USUAL_VERSIONS},
    audit::{Action, Outcome},
    history::NoState,
    merge::{Merged, Unreadable},
    open::{OpenError, OpenScope, Opening, Reading, VersionAt},
    path::{ScopePath, SecretName},
    principal::Kind,
    record::{Payload, ValueKind},
};
use zms_store::Ahead;

pub use self::{
    list::Listed,
    rewrite::{After, Before},
};
use super::{Noted, Session, SessionError, read_events};

/// What is said of a scope as a whole, and its versions.
pub struct Whole {
    /// What is said of it.
    pub about: About,
    /// What holds for it where it says nothing itself: of the scope that it is a part of.
    pub mount: About,
    /// Unix seconds at which something was said of it last; `None` where nothing was.
    pub said_at: Option<u64>,
    /// All versions that are not forgotten, oldest first.
    pub versions: Vec<VersionAt>,
    /// Unix seconds of the scope's first revision.
    pub born_at: u64,
    /// Unix seconds of the read.
    pub now: u64,
}

impl Whole {
    /// The versions that are shown: the newest ones.
    pub fn shown(&self) -> &[VersionAt] {
        let most = usize::try_from(most_versions(&self.about, &self.mount)).unwrap_or(usize::MAX);
        &self.versions[self.versions.len().saturating_sub(most)..]
    }

    /// The newest version.
    pub fn newest(&self) -> Option<VersionAt> {
        self.versions.last().copied()
    }

    /// Whether it is as if it had never been.
    pub fn is_forgotten(&self) -> bool {
        self.versions.is_empty() && self.about.forgotten > 0 && !self.about.says()
    }
}

/// How many versions are shown.
pub fn most_versions(about: &About, mount: &About) -> u32 {
    let said = [about.max_versions, mount.max_versions].into_iter().find(|most| *most > 0);
    said.unwrap_or(USUAL_VERSIONS)
}

/// One version of a scope.
pub struct Snapshot {
    /// Which.
    pub version: VersionAt,
    /// What is said of the scope now.
    pub about: About,
    /// What it held, by name; `None` where the version is hidden.
    pub secrets: Option<Vec<Payload>>,
}

/// The name that a reader asks for who wants to know what is said, not what is held.
fn about_alone() -> [SecretName; 1] {
    [SecretName::about()]
}

/// What is said of the scope at `mount`, as far as the way leads through it.
fn said_at(way: &[OpenScope], mount: &ScopePath) -> Result<About, OpenError> {
    let scope = way.iter().find(|scope| scope.path == *mount && !mount.segments().is_empty());
    let about = scope.map(OpenScope::about).transpose()?.flatten();
    Ok(about.map(|(about, _)| about).unwrap_or_default())
}

fn last(way: &[OpenScope]) -> &OpenScope {
    way.last().expect("a way holds at least its target")
}

impl Session {
    /// What is said of a scope, and its versions. The audit entry is stored before anything is
    /// returned.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn whole(&mut self, path: &ScopePath, mount: &ScopePath) -> Result<Whole, SessionError> {
        let ((whole, noted), vault, seen) = self.opened_audited(Action::Read, |opening, _| {
            let way = opening.way(path, Reading::Names(&about_alone()))?;
            Ok((whole_of(opening, &way, mount)?, Noted::of(Action::Read, last(&way))))
        })?;
        self.note_all(Action::Read, &[noted])?;
        self.keep(vault, seen)?;
        Ok(whole)
    }

    /// Reads the newest version of a scope, or one by its number; `None` where there is none, or it
    /// is older than what is shown. The audit entry is stored before anything is returned.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn snapshot(
        &mut self,
        path: &ScopePath,
        mount: &ScopePath,
        number: Option<u64>,
    ) -> Result<Option<Snapshot>, SessionError> {
        if self.principal.kind() != Kind::Administrator {
            self.ahead = Ahead::Own;
        }
        let ((snapshot, scopes, past), vault, seen) =
            self.opened_audited(Action::Read, |opening, _| {
                let mut way = opening.way(path, Reading::Last)?;
                let about = last(&way).about()?.map(|(about, _)| about).unwrap_or_default();
                let newest = opening.newest_version(last(&way), &about)?;
                let (version, past) = match number {
                    Some(number) if newest.is_none_or(|newest| newest.number != number) => {
                        let way = opening.way(path, Reading::Names(&about_alone()))?;
                        let whole = whole_of(opening, &way, mount)?;
                        let shown = whole.shown().iter().find(|shown| shown.number == number);
                        (shown.copied(), true)
                    }
                    _ => (newest, false),
                };
                let Some(version) = version else { return Ok((None, Vec::new(), false)) };
                if about.hides(version.number, opening.now()) {
                    let snapshot = Snapshot { version, about, secrets: None };
                    return Ok((Some(snapshot), way.split_off(way.len() - 1), false));
                }
                let secrets = held(opening, last(&way), past.then_some(version.number))?;
                let (secrets, scopes) = resolved(opening, way, secrets)?;
                Ok((Some(Snapshot { version, about, secrets: Some(secrets) }), scopes, past))
            })?;
        if let Some(target) = scopes.last().filter(|_| past) {
            let (scope, revision) = (Some(target.id()), target.head.revision);
            let event = self.event(Action::ReadPast, scope, revision, Outcome::Done);
            self.note(Action::ReadPast, &[event])?;
        }
        let events = read_events(self, &scopes);
        if !events.is_empty() {
            self.note(Action::Read, &events)?;
        }
        self.keep(vault, seen)?;
        Ok(snapshot)
    }
}

fn whole_of(
    opening: &Opening<'_>,
    way: &[OpenScope],
    mount: &ScopePath,
) -> Result<Whole, OpenError> {
    let scope = last(way);
    let (about, said) = scope.about()?.unzip();
    let about = about.unwrap_or_default();
    Ok(Whole {
        versions: opening.versions(scope, &about)?,
        mount: said_at(way, mount)?,
        said_at: said,
        born_at: opening.born_at(scope)?,
        now: opening.now(),
        about,
    })
}

/// What a proven scope holds, or held at a revision, by name.
fn held(
    opening: &Opening<'_>,
    scope: &OpenScope,
    revision: Option<u64>,
) -> Result<Vec<Payload>, SessionError> {
    let mut secrets: Vec<Payload> = match revision {
        None => scope.open_records()?.into_iter().map(|(_, payload)| payload).collect(),
        Some(revision) => {
            let history = opening.history(scope, None)?;
            let state = history.state(revision).map_err(|error: NoState| {
                SessionError::Change(zms_core::change::ChangeError::NoState(error))
            })?;
            state.values().map(|version| version.payload.duplicate()).collect()
        }
    };
    secrets.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(secrets)
}

/// The secrets with what their references lead to, and the scopes that were read for it.
fn resolved(
    opening: &Opening<'_>,
    mut way: Vec<OpenScope>,
    mut secrets: Vec<Payload>,
) -> Result<(Vec<Payload>, Vec<OpenScope>), SessionError> {
    let now = opening.now();
    let path = last(&way).path.clone();
    let expired =
        secrets.iter().find_map(|held| Some((held, held.expires_at.filter(|at| now > *at)?)));
    if let Some((held, at)) = expired {
        return Err(Unreadable::Expired { name: held.name.clone(), path, at }.into());
    }
    let refers = |held: &Payload| held.kind == ValueKind::Reference;
    if !secrets.iter().any(refers) {
        return Ok((secrets, way.split_off(way.len() - 1)));
    }
    let way = opening.way(&path, Reading::Everything)?;
    let mut merged = Merged::new(&way)?;
    for held in secrets.iter_mut().filter(|held| refers(held)) {
        merged.lay_over(&path, held.duplicate());
        let winner = merged.winner(held.name.as_str()).expect("it was laid over just now");
        let target = merged.resolve(winner, now)?.duplicate();
        *held = Payload { name: held.name.clone(), ..target };
    }
    Ok((secrets, way))
}
