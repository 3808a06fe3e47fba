//! Who has received a secret, and what is still to be changed at its source.

use std::collections::{BTreeMap, BTreeSet};

use zms_core::{
    audit::{Action, Entry, Event, Outcome},
    change::ChangeError,
    history::{History, Life, Version},
    id::{PrincipalId, ScopeId},
    open::{OpenError, OpenScope, Opening, Reading},
    path::{ScopePath, SecretName},
    record::{Payload, ValueKind},
    roster::Right,
};
use zms_crypto::digest::sha256;

use super::{
    Session, SessionError,
    audit::{PAGE, labels},
    history::past_of_secret,
    read::{Choose, held},
    read_events,
    walk::walk,
};

/// One member that has received one version of a secret, as far as the audit tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The revision that brought the version.
    pub version: u64,
    /// Who.
    pub who: PrincipalId,
    /// When.
    pub times: Times,
}

/// When something happened that happens again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Unix seconds of the first time.
    pub first: u64,
    /// Unix seconds of the last time.
    pub last: u64,
    /// How often.
    pub count: u64,
}

impl Times {
    /// Counts one more under a key.
    fn count<K: Ord>(all: &mut BTreeMap<K, Self>, key: K, time: u64) {
        let times = all.entry(key).or_insert(Self { first: time, last: time, count: 0 });
        (times.last, times.count) = (time.max(times.last), times.count + 1);
    }
}

/// Who has received a secret, and who may read it.
pub struct Exposure {
    /// The scope that it stands in.
    pub path: ScopePath,
    /// Its versions.
    pub history: History,
    /// By version, newest first, and by name.
    pub received: Vec<Received>,
    /// By version, when it went into a bundle file, sealed: who reads that is not told here.
    pub bundled: BTreeMap<u64, Times>,
    /// Members whose keys open it now.
    pub readers: Vec<PrincipalId>,
    /// What members are called.
    pub labels: BTreeMap<PrincipalId, String>,
}

/// A secret that somebody who was revoked could read, and that was not set since.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exposed {
    /// Its scope.
    pub path: ScopePath,
    /// Its name.
    pub name: SecretName,
    /// Unix seconds of the revocation.
    pub since: u64,
}

impl Session {
    /// Who has received which version of a secret that a path sees, and who may read it now. For
    /// administrators.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn exposure(
        &mut self,
        choose: Choose<'_>,
        name: &SecretName,
    ) -> Result<Exposure, SessionError> {
        let ((mut exposure, scope, revision), vault, seen) =
            self.opened_audited(Action::ReadPast, |opening, _| {
                let readers = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
                let path = choose(&held(opening.keyring()))?;
                let (scope, history) = past_of_secret(opening, &path, name)?;
                let mut who = Vec::new();
                for id in readers.ids() {
                    let line = readers.line(id)?;
                    let own = line.rights.on(scope.id()).is_some();
                    let above = scope
                        .lineage
                        .iter()
                        .any(|id| line.rights.on(*id).is_some_and(|right| right > Right::Exact));
                    if (own || above) && !line.expired(opening.now()) {
                        who.push(id);
                    }
                }
                let exposure = Exposure {
                    path: scope.path.clone(),
                    history,
                    received: Vec::new(),
                    bundled: BTreeMap::new(),
                    readers: who,
                    labels: labels(opening)?,
                };
                Ok((exposure, scope.id(), scope.head.revision))
            })?;
        let mut received: BTreeMap<(u64, PrincipalId), Times> = BTreeMap::new();
        let lives = exposure.history.lives();
        self.each_entry(|entry| {
            if entry.event.scope == Some(scope) && entry.event.outcome == Outcome::Done {
                let event = &entry.event;
                for version in given(&lives, event) {
                    match event.action {
                        Action::Bundle => Times::count(&mut exposure.bundled, version, event.time),
                        _ => Times::count(&mut received, (version, event.principal), event.time),
                    }
                }
            }
        })?;
        let received = received.into_iter();
        exposure.received =
            received.map(|((version, who), times)| Received { version, who, times }).collect();
        let labels = &exposure.labels;
        exposure.received.sort_by_cached_key(|it| {
            (std::cmp::Reverse(it.version), labels.get(&it.who).cloned(), it.who)
        });
        exposure.readers.sort_by_key(|who| labels.get(who));
        let event = self.event(Action::ReadPast, Some(scope), revision, Outcome::Done);
        self.note(Action::ReadPast, &[event])?;
        self.keep(vault, seen)?;
        Ok(exposure)
    }

    /// Every secret that a revoked member could read and that is still as it was then. For
    /// administrators.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn exposed(&mut self) -> Result<Vec<Exposed>, SessionError> {
        let mut reached: BTreeMap<ScopeId, (u64, u64)> = BTreeMap::new();
        self.each_entry(|entry| {
            if let (Action::Expose, Some(scope)) = (entry.event.action, entry.event.scope) {
                let now = (entry.event.time, entry.event.revision);
                let last = reached.entry(scope).or_insert(now);
                // Each by itself: a clock may have gone back.
                *last = (now.0.max(last.0), now.1.max(last.1));
            }
        })?;
        let ((exposed, scopes), vault, seen) =
            self.opened_audited(Action::Read, |opening, _| still_exposed(opening, &reached))?;
        let events = read_events(self, &scopes);
        self.note(Action::Read, &events)?;
        self.keep(vault, seen)?;
        Ok(exposed)
    }

    fn each_entry(&self, mut each: impl FnMut(&Entry)) -> Result<(), SessionError> {
        for chain in self.audit_ends().map_err(SessionError::Store)?.into_keys() {
            let mut after = 0;
            loop {
                let page =
                    self.store.audit_read(chain, after, PAGE).map_err(SessionError::Store)?;
                page.iter().for_each(&mut each);
                match page.last() {
                    Some(last) => after = last.seq,
                    None => break,
                }
            }
        }
        Ok(())
    }
}

/// The versions that an event gave away, by the revision that brought each: of a read or a bundle the
/// one that was live, of a look into the past all up to then.
fn given(lives: &[Life<'_>], event: &Event) -> impl Iterator<Item = u64> {
    let given = |life: &&Life<'_>| match event.action {
        Action::Read | Action::Bundle => life.live_at(event.revision),
        Action::ReadPast => life.version.rev_from <= event.revision,
        _ => false,
    };
    lives.iter().filter(given).map(|life| life.version.rev_from)
}

/// A value, and when it was set: what stays the same wherever it is moved, copied or rolled back.
type Held = (u64, [u8; 32]);

fn held_value(payload: &Payload) -> Held {
    // EXPOSE: hashed to be compared, and dropped with the list.
    (payload.created_at, sha256(&[payload.value.expose()]))
}

/// What revoked members could read.
#[derive(Default)]
struct Reached {
    /// Values with the time of the last revocation.
    values: BTreeMap<Held, u64>,
    /// Those that are called harmless since before that.
    harmless: BTreeSet<Held>,
    /// Digests of what was a secret once.
    secret: BTreeSet<[u8; 32]>,
}

impl Reached {
    /// Takes in all that a scope has held up to a revision. What was replaced by then counts too:
    /// the past opens for who held the scope, and an old value can be brought back. Which revision
    /// brought a value is proven; when it was set is the word of whoever set it.
    fn take(&mut self, history: &History, (since, revision): (u64, u64)) {
        let until = history.versions().iter().filter(|version| {
            let brought = usize::try_from(version.rev_from - 1).ok();
            let brought = brought.and_then(|at| history.revisions().get(at));
            // Somebody may have written between the look at what was to be left and the leaving.
            version.rev_from <= revision
                || brought.is_some_and(|brought| brought.revision.created_at < since)
        });
        for Version { payload, .. } in until {
            let held = held_value(payload);
            let last = self.values.entry(held).or_insert(since);
            *last = since.max(*last);
            if harmless(payload) {
                self.harmless.insert(held);
            } else {
                self.secret.insert(held.1);
            }
        }
    }

    /// When a secret could be read by who was revoked then; `None` where it could not.
    fn since(&self, payload: &Payload) -> Option<u64> {
        let held = held_value(payload);
        // Who may write can call a secret harmless before it leaves; what is called so later is.
        let renamed = self.harmless.contains(&held) && self.secret.contains(&held.1);
        let counts = !harmless(payload) || payload.kind == ValueKind::Config && renamed;
        self.values.get(&held).copied().filter(|_| counts)
    }
}

/// Whether there is nothing to be changed at its source.
const fn harmless(payload: &Payload) -> bool {
    matches!(payload.kind, ValueKind::Config | ValueKind::Reference)
}

fn still_exposed(
    opening: &Opening<'_>,
    reached: &BTreeMap<ScopeId, (u64, u64)>,
) -> Result<(Vec<Exposed>, Vec<OpenScope>), SessionError> {
    if opening.members()?.is_none() {
        return Err(ChangeError::NotAdministrator.into());
    }
    let (mut exposed, mut scopes) = (Vec::new(), Vec::new());
    if reached.is_empty() {
        return Ok((exposed, scopes));
    }
    let (places, mut seen) = (opening.places()?, Reached::default());
    for (id, last) in reached {
        // A scope that is gone holds nothing any more.
        let Some(stands) = places.only(*id)? else { continue };
        let Some(scope) = opening.way(&stands.path, Reading::Last)?.pop() else { continue };
        seen.take(&opening.history(&scope, None)?, *last);
    }
    // Wherever it has gone since. What does not verify beside it is read by nobody.
    scopes.extend(walk(opening, Some(&ScopePath::default()), |scope| {
        let records = match scope.and_then(|scope| Ok((scope, scope.open_records()?))) {
            Err(OpenError::Trouble(trouble)) => return Err(trouble.into()),
            Err(_) => return Ok(()),
            Ok(records) => records,
        };
        let (scope, records) = records;
        for (_, payload) in records {
            if let Some(since) = seen.since(&payload) {
                exposed.push(Exposed { path: scope.path.clone(), name: payload.name, since });
            }
        }
        Ok(())
    })?);
    exposed.sort();
    Ok((exposed, scopes))
}
