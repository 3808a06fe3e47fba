//! The merge along a path, and references. spec/merge.md

use std::collections::BTreeMap;

use crate::{
    open::{OpenError, OpenScope},
    path::{ScopePath, SecretName},
    record::{Payload, Reference, ValueKind},
};

/// Most references in a row.
pub const MAX_REFERENCES: usize = 8;

/// The secrets a path sees: of each name, the nearest record.
pub struct Merged {
    paths: Vec<ScopePath>,
    held: Vec<BTreeMap<SecretName, Found>>,
}

/// A record and the revision that brought it.
struct Found {
    payload: Payload,
    rev_from: u64,
    personal: bool,
}

/// One name's winner.
#[derive(Clone, Copy)]
pub struct Winner<'m> {
    /// What it holds: the value itself, or a reference yet to resolve.
    pub payload: &'m Payload,
    /// The scope it came from.
    pub path: &'m ScopePath,
    /// The revision that brought it; 0 where it is personal.
    pub rev_from: u64,
    /// Whether it is the reader's own value, laid over the scope's. spec/personal.md
    pub personal: bool,
    scope: usize,
}

/// Why a secret can not be read although its scope verifies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// Past its own `expires_at`: an error, never a gap that an ancestor fills.
    #[error("{name} in {path} expired")]
    Expired {
        /// The secret.
        name: SecretName,
        /// Its scope.
        path: ScopePath,
        /// Unix seconds.
        at: u64,
    },
    /// A reference that leads to nothing this path may see.
    #[error("{name} in {path} refers to {target}, which {reason}")]
    Reference {
        /// The secret that refers.
        name: SecretName,
        /// Its scope.
        path: ScopePath,
        /// Where it points, as text.
        target: String,
        /// What is wrong there.
        reason: &'static str,
    },
}

impl Merged {
    /// Steps 8 and 9: opens all records of the proven scopes, from the top down, and merges.
    ///
    /// # Errors
    /// Integrity, where a record does not open.
    pub fn new(scopes: &[OpenScope]) -> Result<Self, OpenError> {
        let open = |scope: &OpenScope| {
            let records = scope.open_records()?.into_iter();
            let named = |(rev_from, payload): (u64, Payload)| {
                (payload.name.clone(), Found { payload, rev_from, personal: false })
            };
            Ok(records.map(named).collect())
        };
        let held = scopes.iter().map(open).collect::<Result<_, OpenError>>()?;
        let paths = scopes.iter().map(|scope| scope.path.clone()).collect();
        Ok(Self { paths, held })
    }

    /// Lays a value of the reader's own over the secret of exactly that scope, whether there is one
    /// or not. A scope that was not read is passed over.
    pub fn lay_over(&mut self, path: &ScopePath, payload: Payload) {
        let Some(at) = self.paths.iter().position(|held| held == path) else { return };
        let found = Found { rev_from: 0, personal: true, payload };
        self.held[at].insert(found.payload.name.clone(), found);
    }

    /// The nearest record of a name.
    pub fn winner(&self, name: &str) -> Option<Winner<'_>> {
        let nearest = self.held.iter().enumerate().rev();
        nearest.filter_map(|(scope, held)| Some(self.at(scope, held.get(name)?))).next()
    }

    /// Every name's winner, by name.
    pub fn winners(&self) -> impl Iterator<Item = Winner<'_>> {
        let mut winners = BTreeMap::new();
        for (scope, held) in self.held.iter().enumerate() {
            for (name, found) in held {
                winners.insert(name, self.at(scope, found));
            }
        }
        winners.into_values()
    }

    fn at<'m>(&'m self, scope: usize, found: &'m Found) -> Winner<'m> {
        let Found { payload, rev_from, personal } = found;
        let (path, rev_from, personal) = (&self.paths[scope], *rev_from, *personal);
        Winner { payload, path, rev_from, personal, scope }
    }

    /// The record whose value a winner gives: itself, or what its references lead to.
    ///
    /// # Errors
    /// [`Unreadable`] where it, or a record on the way, has expired, is missing, lies outside the
    /// lineage, or refers in a circle.
    pub fn resolve<'m>(&'m self, winner: Winner<'m>, now: u64) -> Result<&'m Payload, Unreadable> {
        let (mut payload, mut scope) = (winner.payload, winner.scope);
        for _ in 0..=MAX_REFERENCES {
            if let Some(at) = payload.expires_at.filter(|at| now > *at) {
                let path = self.paths[scope].clone();
                return Err(Unreadable::Expired { name: payload.name.clone(), path, at });
            }
            if payload.kind != ValueKind::Reference {
                return Ok(payload);
            }
            (payload, scope) = self.follow(payload, scope)?;
        }
        Err(self.dangling(winner.payload, winner.scope, None, "refers on in a circle or too far"))
    }

    fn follow<'m>(
        &'m self,
        payload: &'m Payload,
        scope: usize,
    ) -> Result<(&'m Payload, usize), Unreadable> {
        // EXPOSE: a reference's value is an address, read to be followed.
        let Some(target) = Reference::decode(payload.value.expose()) else {
            return Err(self.dangling(payload, scope, None, "is no address"));
        };
        let lost = |reason| self.dangling(payload, scope, Some(&target), reason);
        if !target.path.is_prefix_of(&self.paths[scope]) {
            return Err(lost("is not its own scope or one above it"));
        }
        let at = self.paths.iter().position(|path| *path == target.path);
        let at = at.ok_or_else(|| lost("is outside what this token opens"))?;
        let found = self.held[at].get(&target.name).ok_or_else(|| lost("does not exist"))?;
        Ok((&found.payload, at))
    }

    fn dangling(
        &self,
        payload: &Payload,
        scope: usize,
        target: Option<&Reference>,
        reason: &'static str,
    ) -> Unreadable {
        Unreadable::Reference {
            name: payload.name.clone(),
            path: self.paths[scope].clone(),
            target: target.map_or_else(
                || "another secret".to_owned(),
                |target| format!("{}/{}", target.path, target.name),
            ),
            reason,
        }
    }
}
