//! Who has received a secret, and what is still to be changed at its source.

use std::collections::BTreeMap;

use zms_core::{
    audit::{Action, Entry, Outcome},
    change::ChangeError,
    history::{History, Life},
    id::{PrincipalId, ScopeId},
    open::{OpenScope, Opening, Reading},
    path::{ScopePath, SecretName},
    record::ValueKind,
    roster::Right,
};

use super::{
    Session, SessionError,
    history::labels,
    read::{Choose, held},
    read_events,
};

/// The chain of a vault on one machine.
const CHAIN: u64 = 0;
/// Entries read at a time.
const PAGE: usize = 4096;

/// One member that has received one version of a secret, as far as the audit tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The revision that brought the version.
    pub version: u64,
    /// Who.
    pub who: PrincipalId,
    /// Unix seconds of the first time.
    pub first: u64,
    /// Unix seconds of the last time.
    pub last: u64,
    /// How often.
    pub times: u64,
}

/// Who has received a secret, and who may read it.
pub struct Exposure {
    /// The scope that it stands in.
    pub path: ScopePath,
    /// Its versions.
    pub history: History,
    /// By version, newest first.
    pub received: Vec<Received>,
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
        let names = [name.clone()];
        let ((mut exposure, scope, revision), vault, seen) =
            self.opened_audited(Action::ReadPast, |opening, _| {
                let readers = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
                let path = choose(&held(opening.keyring()))?;
                let way = opening.way(&path, Reading::Names(&names))?;
                let holds = way.iter().rev().find(|scope| scope.stored(name).is_some());
                let scope = holds.or(way.last()).expect("a way holds at least its target");
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
                    history: opening.history(scope, Some(&names))?,
                    received: Vec::new(),
                    readers: who,
                    labels: labels(opening)?,
                };
                Ok((exposure, scope.id(), scope.head.revision))
            })?;
        let (mut received, lives) = (BTreeMap::new(), exposure.history.lives());
        self.each_entry(|entry| {
            if entry.event.scope == Some(scope) && entry.event.outcome == Outcome::Done {
                receive(&lives, entry, &mut received);
            }
        })?;
        exposure.received = received.into_values().collect();
        exposure.received.sort_by_key(|it: &Received| (std::cmp::Reverse(it.version), it.first));
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
                reached.insert(scope, (entry.event.time, entry.event.revision));
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
        let mut after = 0;
        loop {
            let page = self.store.audit_read(CHAIN, after, PAGE).map_err(SessionError::Store)?;
            page.iter().for_each(&mut each);
            match page.last() {
                Some(last) => after = last.seq,
                None => return Ok(()),
            }
        }
    }
}

/// Takes in what one entry gave: of a read the version that was live, of a look into the past all
/// up to then.
fn receive(
    lives: &[Life<'_>],
    entry: &Entry,
    received: &mut BTreeMap<(u64, PrincipalId), Received>,
) {
    let event = &entry.event;
    let given = lives.iter().filter(|life| match event.action {
        Action::Read => life.live_at(event.revision),
        Action::ReadPast => life.version.rev_from <= event.revision,
        _ => false,
    });
    for life in given {
        let (who, version) = (event.principal, life.version.rev_from);
        let new = Received { version, who, first: event.time, last: event.time, times: 0 };
        let held = received.entry((version, who)).or_insert(new);
        (held.last, held.times) = (event.time.max(held.last), held.times + 1);
    }
}

fn still_exposed(
    opening: &Opening<'_>,
    reached: &BTreeMap<ScopeId, (u64, u64)>,
) -> Result<(Vec<Exposed>, Vec<OpenScope>), SessionError> {
    if opening.members()?.is_none() {
        return Err(ChangeError::NotAdministrator.into());
    }
    let (mut exposed, mut scopes) = (Vec::new(), Vec::new());
    let places = opening.places()?;
    for (id, (since, revision)) in reached {
        // A scope that is gone holds nothing any more.
        let Some(stands) = places.only(*id)? else { continue };
        let Some(scope) = opening.way(&stands.path, Reading::Last)?.pop() else { continue };
        for (_, payload) in scope.open_records()? {
            let secret = !matches!(payload.kind, ValueKind::Config | ValueKind::Reference);
            let old = match payload.created_at.cmp(since) {
                std::cmp::Ordering::Less => true,
                std::cmp::Ordering::Greater => false,
                // Within one second the clock can not tell, but the values can.
                std::cmp::Ordering::Equal => {
                    let name = std::slice::from_ref(&payload.name);
                    let history = opening.history(&scope, Some(name))?;
                    was_held(&history, &payload.name, *revision)
                }
            };
            if secret && old {
                let (path, name) = (stands.path.clone(), payload.name.clone());
                exposed.push(Exposed { path, name, since: *since });
            }
        }
        scopes.push(scope);
    }
    exposed.sort();
    Ok((exposed, scopes))
}

/// Whether a secret says now what it said at a revision.
fn was_held(history: &History, name: &SecretName, revision: u64) -> bool {
    let changes = history.changes(revision, history.newest());
    changes.map_or(true, |changes| !changes.iter().any(|change| change.name == name))
}
