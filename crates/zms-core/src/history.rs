//! What a scope was: its proven revisions, and the versions of its secrets.
//! spec/revision.md#past

use std::collections::BTreeMap;

use crate::{
    path::{ScopePath, SecretName},
    record::Payload,
    revision::Revision,
};

/// One revision of the past.
#[derive(Debug, Clone)]
pub struct PastRevision {
    /// What it says; its place in the chain is proven.
    pub revision: Revision,
    /// Whether its author is proven by a signature too, not only named.
    pub proven: bool,
}

/// One version of one secret.
pub struct Version {
    /// The revision that brought it.
    pub rev_from: u64,
    /// The revision that ended it; `None` while it is live.
    pub rev_to: Option<u64>,
    /// What it holds.
    pub payload: Payload,
}

impl Version {
    /// Whether it was live at a revision.
    pub fn live_at(&self, revision: u64) -> bool {
        self.rev_from <= revision && self.rev_to.is_none_or(|to| revision < to)
    }
}

/// One value from when it was set until another took its place, however often it was sealed anew
/// meanwhile.
pub struct Life<'h> {
    /// Its first version.
    pub version: &'h Version,
    /// The revision that ended its last one; `None` while it is live.
    pub rev_to: Option<u64>,
}

impl Life<'_> {
    /// Whether it was live at a revision.
    pub fn live_at(&self, revision: u64) -> bool {
        self.version.rev_from <= revision && self.rev_to.is_none_or(|to| revision < to)
    }
}

/// How one secret differs between two states.
pub struct Change<'h> {
    /// The secret.
    pub name: &'h SecretName,
    /// What it was; `None` where it was not there.
    pub before: Option<&'h Version>,
    /// What it became; `None` where it is not there.
    pub after: Option<&'h Version>,
}

impl<'h> Change<'h> {
    /// `None` where both sides say the same.
    fn of(
        name: &'h SecretName,
        before: Option<&'h Version>,
        after: Option<&'h Version>,
    ) -> Option<Self> {
        let same = before
            .zip(after)
            .is_some_and(|(before, after)| before.payload.says_the_same(&after.payload));
        (!same).then_some(Self { name, before, after })
    }
}

/// The state asked for can not be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoState {
    /// There is no revision of that number.
    #[error("{path} has no revision {wanted}; its newest is {newest}")]
    NoRevision {
        /// The scope.
        path: ScopePath,
        /// What was asked for.
        wanted: u64,
        /// Its head.
        newest: u64,
    },
    /// It lies under an older key, which the caller does not hold.
    #[error("revision {wanted} of {path} is older than what this token opens")]
    TooOld {
        /// The scope.
        path: ScopePath,
        /// What was asked for.
        wanted: u64,
    },
}

/// The proven past of one scope.
pub struct History {
    path: ScopePath,
    revisions: Vec<PastRevision>,
    versions: Vec<Version>,
    /// Versions that a revision brought or ended, by its number and then by name.
    touched: BTreeMap<u64, Vec<usize>>,
    opens_from: u64,
}

impl History {
    pub(crate) fn new(
        path: ScopePath,
        revisions: Vec<PastRevision>,
        mut versions: Vec<Version>,
        opens_from: u64,
    ) -> Self {
        let key = |version: &Version| (version.payload.name.clone(), version.rev_from);
        versions.sort_by_key(key);
        let mut touched: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (at, version) in versions.iter().enumerate() {
            for number in [Some(version.rev_from), version.rev_to].into_iter().flatten() {
                touched.entry(number).or_default().push(at);
            }
        }
        Self { path, revisions, versions, touched, opens_from }
    }

    /// The scope.
    pub const fn path(&self) -> &ScopePath {
        &self.path
    }

    /// All revisions, oldest first: the first has number 1, the last is the head.
    pub fn revisions(&self) -> &[PastRevision] {
        &self.revisions
    }

    /// Number of the head.
    pub const fn newest(&self) -> u64 {
        self.revisions.len() as u64
    }

    /// The revision from which on the caller's keys open what was held.
    pub const fn opens_from(&self) -> u64 {
        self.opens_from
    }

    /// All versions that were asked for and open, by name and then by age.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// All lives of the secrets that were asked for, by name and then by age.
    pub fn lives(&self) -> Vec<Life<'_>> {
        let mut lives: Vec<Life<'_>> = Vec::new();
        for version in &self.versions {
            let goes_on = |life: &&mut Life<'_>| {
                let (before, now) = (&life.version.payload, &version.payload);
                life.rev_to == Some(version.rev_from)
                    && before.name == now.name
                    && before.created_at == now.created_at
                    && before.says_the_same(now)
            };
            match lives.last_mut().filter(goes_on) {
                Some(life) => life.rev_to = version.rev_to,
                None => lives.push(Life { version, rev_to: version.rev_to }),
            }
        }
        lives
    }

    /// What the scope held at a revision, by name. Before the first one it held nothing.
    ///
    /// # Errors
    /// [`NoState`].
    pub fn state(&self, revision: u64) -> Result<BTreeMap<&SecretName, &Version>, NoState> {
        let path = || self.path.clone();
        if revision > self.newest() {
            let (wanted, newest) = (revision, self.newest());
            return Err(NoState::NoRevision { path: path(), wanted, newest });
        }
        if revision > 0 && revision < self.opens_from {
            return Err(NoState::TooOld { path: path(), wanted: revision });
        }
        let live = self.versions.iter().filter(|version| version.live_at(revision));
        Ok(live.map(|version| (&version.payload.name, version)).collect())
    }

    /// How the secrets differ between two states, by name. A version that was only sealed anew is
    /// no difference.
    ///
    /// # Errors
    /// [`NoState`].
    pub fn changes(&self, before: u64, after: u64) -> Result<Vec<Change<'_>>, NoState> {
        let (before, after) = (self.state(before)?, self.state(after)?);
        let mut names: Vec<&SecretName> = before.keys().chain(after.keys()).copied().collect();
        names.sort_unstable();
        names.dedup();
        let change = |name| Change::of(name, before.get(name).copied(), after.get(name).copied());
        Ok(names.into_iter().filter_map(change).collect())
    }

    /// How one revision changed the secrets; `None` where its state or the one before is too old
    /// to be shown.
    pub fn changes_of(&self, revision: u64) -> Option<Vec<Change<'_>>> {
        let before = revision.checked_sub(1)?;
        if revision > self.newest() || before > 0 && before < self.opens_from {
            return None;
        }
        let mut sides: BTreeMap<&SecretName, [Option<&Version>; 2]> = BTreeMap::new();
        for at in self.touched.get(&revision).into_iter().flatten() {
            let version = &self.versions[*at];
            let side = usize::from(version.rev_from == revision);
            sides.entry(&version.payload.name).or_default()[side] = Some(version);
        }
        let sides = sides.into_iter();
        Some(sides.filter_map(|(name, [before, after])| Change::of(name, before, after)).collect())
    }
}
