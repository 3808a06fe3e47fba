//! Writes a scope as a whole, and what is said of it; makes it where it is missing.

use std::collections::{BTreeMap, BTreeSet};

use zms_core::{
    about::About,
    audit::Action,
    batch::Batch,
    change::{
        plant::{Seedling, plant},
        write::{Edit, write},
    },
    open::{OpenError, OpenScope, Opening, Reading, VersionAt},
    path::{ScopePath, SecretName},
    record::{Payload, ValueKind},
};
use zms_crypto::{CryptoRng, SecretBytes};

use super::{about_alone, held, last, said_at};
use crate::session::{Session, SessionError};

/// What a scope is before it is rewritten.
pub struct Before<'o> {
    /// Whether it is there.
    pub exists: bool,
    /// Its path, or where it is missing, that of the nearest scope above it that is there.
    pub above: ScopePath,
    /// What is said of it.
    pub about: About,
    /// What holds for it where it says nothing itself.
    pub mount: About,
    /// Its newest version.
    pub newest: Option<VersionAt>,
    /// The secrets that live in it, by name.
    pub secrets: Vec<Payload>,
    /// The revision that a change makes.
    pub next: u64,
    /// Unix seconds.
    pub now: u64,
    opening: &'o Opening<'o>,
    scope: Option<&'o OpenScope>,
}

impl Before<'_> {
    /// The number of the newest version; 0 where there is none.
    pub fn number(&self) -> u64 {
        self.newest.map_or(0, |newest| newest.number)
    }

    /// Whether the newest version is hidden.
    pub fn hidden(&self) -> bool {
        self.about.hides(self.number(), self.now)
    }

    /// Whether it is as if it had never been.
    pub fn is_forgotten(&self) -> bool {
        self.newest.is_none() && self.about.forgotten > 0 && !self.about.says()
    }

    /// All versions that are not forgotten, oldest first.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn versions(&self) -> Result<Vec<VersionAt>, SessionError> {
        let versions = self.scope.map(|scope| self.opening.versions(scope, &self.about));
        Ok(versions.transpose()?.unwrap_or_default())
    }

    /// What it held at a revision.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn held_at(&self, revision: u64) -> Result<Vec<Payload>, SessionError> {
        let held = self.scope.map(|scope| held(self.opening, scope, Some(revision)));
        Ok(held.transpose()?.unwrap_or_default())
    }

    /// What is said of it once the change that is made now is no version of its own.
    pub fn quietly(&self) -> About {
        let mut about = self.about.clone();
        about.quiet.insert(self.next, self.number());
        about
    }
}

/// What a scope becomes.
#[derive(Default)]
pub struct After {
    /// All its secrets; `None` leaves them.
    pub secrets: Option<Vec<Payload>>,
    /// What is said of it; `None` leaves that, save that a version that changes no secret has to
    /// leave a trace.
    pub about: Option<About>,
}

impl Session {
    /// Rewrites a scope as a whole. `prepare` sees what it is, and says what it becomes; where
    /// somebody was faster it is asked again, and it alone says whether that is a conflict.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn rewrite<T>(
        &mut self,
        path: &ScopePath,
        mount: &ScopePath,
        mut prepare: impl FnMut(&Before<'_>) -> Result<(Option<After>, T), SessionError>,
    ) -> Result<T, SessionError> {
        self.change(Action::Write, |opening, rng| {
            let way = match opening.way(path, Reading::Last) {
                Ok(way) => way,
                Err(OpenError::NotFound(missing)) => {
                    let above = missing.parent().unwrap_or_default();
                    let way = opening.way(&above, Reading::Names(&about_alone()))?;
                    let before = Before::missing(opening, above, said_at(&way, mount)?);
                    let (after, made) = prepare(&before)?;
                    let batch = after.map(|after| make(opening, &way, path, after, rng));
                    return Ok((batch.transpose()?, made));
                }
                Err(error) => return Err(error.into()),
            };
            let scope = last(&way);
            let mount = match mount.segments() {
                [] => About::default(),
                _ if scope.path == *mount => said_at(&way, mount)?,
                _ => said_at(&opening.way(path, Reading::Names(&about_alone()))?, mount)?,
            };
            let before = Before::of(opening, scope, mount)?;
            let (after, made) = prepare(&before)?;
            let Some(after) = after else { return Ok((None, made)) };
            let edits = edits(&before, after);
            Ok((Some(write(opening, &way, &edits, rng)?), made))
        })
    }
}

impl<'o> Before<'o> {
    fn missing(opening: &'o Opening<'o>, above: ScopePath, mount: About) -> Self {
        Self {
            exists: false,
            above,
            about: About::default(),
            mount,
            newest: None,
            secrets: Vec::new(),
            next: 1,
            now: opening.now(),
            opening,
            scope: None,
        }
    }

    fn of(
        opening: &'o Opening<'o>,
        scope: &'o OpenScope,
        mount: About,
    ) -> Result<Self, SessionError> {
        let about = scope.about()?.map(|(about, _)| about).unwrap_or_default();
        Ok(Self {
            exists: true,
            above: scope.path.clone(),
            newest: opening.newest_version(scope, &about)?,
            secrets: held(opening, scope, None)?,
            next: scope.head.revision + 1,
            now: opening.now(),
            about,
            mount,
            opening,
            scope: Some(scope),
        })
    }
}

/// The record of what is said of a scope.
fn sealed(about: About, now: u64) -> Payload {
    Payload {
        name: SecretName::about(),
        value: SecretBytes::from(about.trimmed().encode().as_slice()),
        kind: ValueKind::About,
        note: String::new(),
        created_at: now,
        expires_at: None,
    }
}

/// What has to be put and removed. What stays as it is, is left.
fn edits(before: &Before<'_>, After { secrets, about }: After) -> Vec<Edit> {
    let mut edits = Vec::new();
    let versioned = secrets.is_some();
    if let Some(secrets) = secrets {
        let held: BTreeMap<_, _> = before.secrets.iter().map(|held| (&held.name, held)).collect();
        let names: BTreeSet<SecretName> = secrets.iter().map(|new| new.name.clone()).collect();
        let same = |new: &Payload| held.get(&new.name).is_some_and(|held| held.says_the_same(new));
        edits.extend(secrets.into_iter().filter(|new| !same(new)).map(Edit::Put));
        let gone = before.secrets.iter().filter(|held| !names.contains(&held.name));
        edits.extend(gone.map(|held| Edit::Remove(held.name.clone())));
    }
    // A version that says the same as the one before is one all the same.
    let trace = || (versioned && edits.is_empty()).then(|| before.about.clone());
    if let Some(about) = about.or_else(trace) {
        edits.push(Edit::Put(sealed(about, before.now)));
    }
    edits
}

/// Makes the scope, and those above it that are missing too.
fn make(
    opening: &Opening<'_>,
    way: &[OpenScope],
    path: &ScopePath,
    After { secrets, about }: After,
    rng: &mut dyn CryptoRng,
) -> Result<Batch, SessionError> {
    let mut records = secrets.unwrap_or_default();
    let about = about.or_else(|| records.is_empty().then(About::default));
    records.extend(about.map(|about| sealed(about, opening.now())));
    let missing = &path.segments()[last(way).path.segments().len()..];
    let mut seedling: Option<Seedling> = None;
    for name in missing.iter().rev() {
        let children = seedling.take().into_iter().collect::<Vec<_>>();
        let records = if children.is_empty() { std::mem::take(&mut records) } else { Vec::new() };
        seedling = Some(Seedling { name: name.clone(), protected: false, records, children });
    }
    Ok(plant(opening, way, seedling.into_iter().collect(), rng)?)
}
