//! A scope as a whole, numbered: which of its revisions are versions. spec/versions.md

use super::{OpenError, OpenScope, Opening, Place};
use crate::{
    about::About,
    record::records_root,
    revision::{Revision, message_hash},
};

/// One version of a scope as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionAt {
    /// Its number: that of the revision that brought it.
    pub number: u64,
    /// Unix seconds, its author's word.
    pub created_at: u64,
}

impl VersionAt {
    const fn of(revision: &Revision) -> Self {
        Self { number: revision.revision, created_at: revision.created_at }
    }
}

impl Opening<'_> {
    /// All versions of a proven scope that are not forgotten, oldest first.
    ///
    /// # Errors
    /// Integrity, where the revisions do not lead to the proven head.
    pub fn versions(&self, scope: &OpenScope, about: &About) -> Result<Vec<VersionAt>, OpenError> {
        let mut root = records_root([]);
        let mut versions = Vec::new();
        for revision in self.noted(self.revisions_after(scope, 0))? {
            let changed = revision.records_root != root;
            root = revision.records_root;
            let number = revision.revision;
            if changed && number > about.forgotten && !about.quiet.contains_key(&number) {
                versions.push(VersionAt::of(&revision));
            }
        }
        Ok(versions)
    }

    /// The newest of them; `None` where there is none. Its records must have been asked for: the
    /// revision that brought the youngest of them is where it has to be looked for.
    ///
    /// # Errors
    /// Integrity, where the revisions do not lead to the proven head.
    pub fn newest_version(
        &self,
        scope: &OpenScope,
        about: &About,
    ) -> Result<Option<VersionAt>, OpenError> {
        self.noted(self.find_newest(scope, about))
    }

    /// Unix seconds at which a proven scope was made, its maker's word.
    ///
    /// # Errors
    /// Integrity, where the revisions do not lead to the proven head.
    pub fn born_at(&self, scope: &OpenScope) -> Result<u64, OpenError> {
        let revisions = self.noted(self.revisions_after(scope, 0))?;
        Ok(revisions.first().map_or(scope.head.created_at, |first| first.created_at))
    }

    fn find_newest(
        &self,
        scope: &OpenScope,
        about: &About,
    ) -> Result<Option<VersionAt>, OpenError> {
        if !scope.records_proven() {
            return Err(Place::Past(scope.path.clone()).into());
        }
        let youngest = scope.stored_records().iter().map(|record| record.rev_from).max();
        let since = youngest.unwrap_or(0);
        let revisions = self.revisions_after(scope, since.saturating_sub(1))?;
        let mut root = match youngest {
            Some(_) => revisions.first().map_or(scope.head.records_root, |it| it.records_root),
            None => records_root([]),
        };
        let mut number = since;
        for revision in &revisions {
            if revision.records_root != root {
                (root, number) = (revision.records_root, revision.revision);
            }
        }
        let number = about.quiet.get(&number).copied().unwrap_or(number);
        if number <= about.forgotten {
            return Ok(None);
        }
        let of = |revisions: &[Revision]| {
            revisions.iter().find(|it| it.revision == number).map(VersionAt::of)
        };
        match of(&revisions) {
            Some(version) => Ok(Some(version)),
            None => Ok(of(&self.revisions_after(scope, number - 1)?)),
        }
    }

    /// The revisions behind `after` up to the proven head, which vouches for them.
    fn revisions_after(&self, scope: &OpenScope, after: u64) -> Result<Vec<Revision>, OpenError> {
        let broken = || OpenError::Integrity(Place::Past(scope.path.clone()));
        let head = &scope.head;
        let between = head.revision.saturating_sub(after + 1);
        let mut revisions = vec![head.clone()];
        if between == 0 {
            return Ok(revisions);
        }
        let messages = self.bundle.revision_messages(scope.id(), after)?;
        if messages.len() as u64 != between {
            return Err(broken());
        }
        let mut wanted = head.prev_hash;
        for message in messages.iter().rev() {
            let revision = Revision::parse(message).map_err(|_| broken())?;
            if message_hash(message) != wanted {
                return Err(broken());
            }
            wanted = revision.prev_hash;
            revisions.push(revision);
        }
        revisions.reverse();
        Ok(revisions)
    }
}
