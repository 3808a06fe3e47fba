//! The way to a path: keyring entries first, then down by child entries.

use super::{
    OpenError, OpenScope, Opening, Place,
    scope::{Found, Records},
};
use crate::{
    child::StoredChild,
    id::ScopeId,
    keyring::{Depth, Entry},
    path::{ScopePath, SecretName},
    revision::{Revision, SignedMessage},
    scope::ScopeKeys,
};

/// How much of the scopes on a way is read.
#[derive(Clone, Copy)]
pub enum Reading<'n> {
    /// All records of every scope on the way.
    Everything,
    /// These names, in every scope on the way; the others are proven, not opened.
    Names(&'n [SecretName]),
    /// All records of the last scope only.
    Last,
    /// Names and keys of scopes, no records.
    Structure,
}

impl<'n> Reading<'n> {
    const fn records(self, last: bool) -> Records<'n> {
        match self {
            Self::Everything => Records::All,
            Self::Names(names) => Records::Named(names),
            Self::Last if last => Records::All,
            Self::Last | Self::Structure => Records::None,
        }
    }
}

impl Entry {
    fn found(&self) -> Found {
        let key = self.key.duplicate();
        Found {
            path: self.path.clone(),
            lineage: self.lineage.clone(),
            epoch: self.epoch,
            keys: match self.depth {
                Depth::Subtree => ScopeKeys::subtree(key),
                Depth::Exact => ScopeKeys::exact(key),
            },
            protected: false,
        }
    }
}

impl Opening<'_> {
    /// Steps 6 and 7: every scope from the highest that the keyring holds down to `path`, each
    /// proven. The last one is `path` itself.
    ///
    /// # Errors
    /// The class of the first check that fails, from the top down.
    pub fn way(&self, path: &ScopePath, reading: Reading<'_>) -> Result<Vec<OpenScope>, OpenError> {
        self.noted(self.walk(path, reading))
    }

    /// Remembers a failure to verify: after one, nothing of this opening is pinned.
    pub(super) fn noted<T>(&self, opened: Result<T, OpenError>) -> Result<T, OpenError> {
        let harmless =
            |error: &OpenError| matches!(error, OpenError::NotFound(_) | OpenError::OutOfScope(_));
        self.failed.set(self.failed.get() || opened.as_ref().is_err_and(|error| !harmless(error)));
        opened
    }

    fn walk(&self, path: &ScopePath, reading: Reading<'_>) -> Result<Vec<OpenScope>, OpenError> {
        let holds = |entry: &&Entry| entry.path.is_prefix_of(path);
        let mut entries: Vec<&Entry> = self.keyring.entries.iter().filter(holds).collect();
        entries.sort_by_key(|entry| entry.path.segments().len());
        let out_of_scope = || OpenError::OutOfScope(path.clone());
        // Down from the highest scope that is held in full: an entry below it, of another grant,
        // must neither narrow it nor let a scope in between be passed over.
        if let Some(full) = entries.iter().position(|entry| entry.depth == Depth::Subtree) {
            entries.truncate(full + 1);
        }
        let last = *entries.last().ok_or_else(out_of_scope)?;
        if last.depth == Depth::Exact && last.path != *path {
            return Err(out_of_scope());
        }
        if entries.iter().any(|entry| !last.lineage.starts_with(&entry.lineage)) {
            return Err(Place::Keyring.into());
        }
        let mut scopes = Vec::with_capacity(path.segments().len() + 1);
        for entry in &entries {
            let records = reading.records(entry.path == *path);
            scopes.push(OpenScope::prove(self, entry.found(), &records)?);
        }
        for at in last.path.segments().len()..path.segments().len() {
            let above = scopes.last().expect("the keyring led to at least one scope");
            let name = &path.segments()[at];
            let below = above.path.child(name.clone()).map_err(|_| out_of_scope())?;
            let stored = above.stored_child(name).ok_or(OpenError::NotFound(below.clone()))?;
            let found = self.follow(above, stored)?;
            let records = reading.records(found.path == *path);
            scopes.push(OpenScope::prove(self, found, &records)?);
        }
        Ok(scopes)
    }

    /// Step 7: opens a proven child entry.
    fn follow(&self, above: &OpenScope, stored: &StoredChild) -> Result<Found, OpenError> {
        let broken = || OpenError::Integrity(Place::Child(above.path.clone()));
        let content = above.open_child(stored).map_err(|_| broken())?;
        let path = above.path.child(content.name).map_err(|_| broken())?;
        let lineage = [&above.lineage[..], &[stored.child]].concat();
        let keys = ScopeKeys::subtree(content.node);
        let protected = above.protected || content.protected;
        Ok(Found { path, lineage, epoch: stored.child_epoch, keys, protected })
    }

    /// Opens one child of a proven scope.
    ///
    /// # Errors
    /// As for [`Opening::way`].
    pub fn below(
        &self,
        above: &OpenScope,
        stored: &StoredChild,
        reading: Reading<'_>,
    ) -> Result<OpenScope, OpenError> {
        let child = self
            .follow(above, stored)
            .and_then(|found| OpenScope::prove(self, found, &reading.records(true)));
        self.noted(child)
    }

    /// A head as the store shows it, unproven: only to be closed.
    pub(crate) fn head_as_stored(
        &self,
        scope: ScopeId,
    ) -> Result<Option<(SignedMessage, Revision)>, OpenError> {
        let signed = self.bundle.head(scope)?;
        Ok(signed.and_then(|signed| Revision::parse(&signed.message).ok().map(|r| (signed, r))))
    }
}
