//! Walks over every scope that the caller can read.

use std::collections::BTreeSet;

use zms_core::{
    audit::Action,
    open::{OpenError, OpenScope, Opening, Reading},
    path::ScopePath,
    record::Payload,
};
use zms_store::Ahead;

use super::{Session, SessionError, read_events};

/// What a look at everything found.
pub struct Proof {
    /// How many scopes verified, with every record in them.
    pub scopes: usize,
    /// How many records opened.
    pub records: usize,
    /// What did not verify or open, in the order of the walk.
    pub broken: Vec<OpenError>,
}

/// What a look at the names in some scopes found.
pub struct Inventory {
    /// Names of secrets, as `path/NAME`.
    pub names: Vec<String>,
    /// What did not verify or open: nothing is said of what lies there.
    pub unread: Vec<OpenError>,
}

impl Session {
    /// Names of all secrets in a scope, and below it where asked, as `path/NAME`.
    ///
    /// # Errors
    /// [`SessionError`], where anything on the way does not verify or open.
    pub fn names(&mut self, path: &ScopePath, below: bool) -> Result<Vec<String>, SessionError> {
        let Inventory { names, unread } = self.inventory(path, below)?;
        match unread.into_iter().next() {
            Some(error) => Err(error.into()),
            None => Ok(names),
        }
    }

    /// As [`Session::names`], going on past what is broken.
    ///
    /// # Errors
    /// [`SessionError`], where the caller is refused or the store is in trouble.
    pub fn inventory(&mut self, path: &ScopePath, below: bool) -> Result<Inventory, SessionError> {
        self.ahead = if below { Ahead::Everything } else { Ahead::Structure };
        let ((found, read), vault, seen) = self.opened_audited(Action::Read, |opening, _| {
            let mut found = Inventory { names: Vec::new(), unread: Vec::new() };
            let mut look = |scope: Result<&OpenScope, OpenError>| {
                match scope.and_then(|scope| Ok((&scope.path, scope.open_records()?))) {
                    Ok((path, records)) => {
                        let names = records.iter().map(|(_, held)| format!("{path}/{}", held.name));
                        found.names.extend(names);
                    }
                    Err(OpenError::Trouble(trouble)) => return Err(trouble.into()),
                    Err(error) => found.unread.push(error),
                }
                Ok(())
            };
            let read = if below {
                walk(opening, Some(path), look)?
            } else {
                match opening.way(path, Reading::Last) {
                    Ok(way) => {
                        let last: Vec<OpenScope> = way.into_iter().last().into_iter().collect();
                        last.iter().try_for_each(|scope| look(Ok(scope)))?;
                        last
                    }
                    Err(error) => {
                        look(Err(error))?;
                        Vec::new()
                    }
                }
            };
            Ok((found, read))
        })?;
        let events = read_events(self, &read);
        self.note(Action::Read, &events)?;
        self.keep(vault, seen)?;
        Ok(found)
    }

    /// Shows every record of a scope and of all below it to `look`, and gives back what it made of
    /// them; without a path, of all that the caller can read. The audit entries, one for each
    /// scope, are stored before anything is returned.
    ///
    /// # Errors
    /// [`SessionError`], where anything on the way does not verify or open.
    pub fn survey<T>(
        &mut self,
        within: Option<&ScopePath>,
        mut look: impl FnMut(&ScopePath, &Payload) -> Option<T>,
    ) -> Result<Vec<T>, SessionError> {
        self.ahead = Ahead::Everything;
        let ((found, read), vault, seen) = self.opened_audited(Action::Read, |opening, _| {
            let mut found = Vec::new();
            let read = walk(opening, within, |scope| {
                let scope = scope?;
                let records = scope.open_records()?;
                found.extend(records.iter().filter_map(|(_, held)| look(&scope.path, held)));
                Ok(())
            })?;
            Ok((found, read))
        })?;
        let events = read_events(self, &read);
        self.note(Action::Read, &events)?;
        self.keep(vault, seen)?;
        Ok(found)
    }

    /// Proves every scope that the caller can read with its whole past, and opens every record,
    /// going on past what is broken. Nothing is given out but counts.
    ///
    /// The past counts although no owner reads it today: whoever has seen an older state needs
    /// every revision since, and who goes back needs the versions.
    ///
    /// # Errors
    /// [`SessionError`], where the caller is refused or the store is in trouble.
    pub fn prove_all(&mut self) -> Result<Proof, SessionError> {
        self.ahead = Ahead::Everything;
        let ((proof, read), vault, seen) =
            self.opened_audited(Action::Read, |opening, _| Ok(prove(opening)?))?;
        let events = read_events(self, &read);
        self.note(Action::Read, &events)?;
        self.keep(vault, seen)?;
        Ok(proof)
    }
}

/// Proves and opens all that there is, and gives back the scopes that are sound.
pub(super) fn prove(opening: &Opening<'_>) -> Result<(Proof, Vec<OpenScope>), OpenError> {
    let mut proof = Proof { scopes: 0, records: 0, broken: Vec::new() };
    let read = walk(opening, None, |scope| {
        let proven = scope.and_then(|scope| {
            let records = scope.open_records()?;
            // Without opening what it held: the roots of the past say what that is.
            opening.history(scope, Some(&[]))?;
            Ok(records)
        });
        match proven {
            Ok(records) => {
                proof.scopes += 1;
                proof.records += records.len();
            }
            Err(OpenError::Trouble(trouble)) => return Err(OpenError::Trouble(trouble)),
            Err(error) => proof.broken.push(error),
        }
        Ok(())
    })?;
    Ok((proof, read))
}

/// Opens each scope within a path, or all that the keyring leads to, once and from the top down.
/// What does not verify is given to `each` as it failed; where that returns, the walk goes on
/// beside it.
pub(super) fn walk(
    opening: &Opening<'_>,
    within: Option<&ScopePath>,
    mut each: impl FnMut(Result<&OpenScope, OpenError>) -> Result<(), OpenError>,
) -> Result<Vec<OpenScope>, OpenError> {
    let mut starts: Vec<ScopePath> = match within {
        Some(path) => vec![path.clone()],
        None => opening.keyring().entries.iter().map(|entry| entry.path.clone()).collect(),
    };
    starts.sort();
    let (mut seen, mut read) = (BTreeSet::new(), Vec::new());
    for start in starts {
        let mut open = Vec::new();
        match opening.way(&start, Reading::Last) {
            Ok(way) => open.extend(way.into_iter().last()),
            Err(error) => each(Err(error))?,
        }
        while let Some(scope) = open.pop() {
            if !seen.insert(scope.id()) {
                continue;
            }
            each(Ok(&scope))?;
            // The first entry comes off the stack first.
            for stored in scope.stored_children().iter().rev() {
                match opening.below(&scope, stored, Reading::Last) {
                    Ok(child) => open.push(child),
                    Err(error) => each(Err(error))?,
                }
            }
            read.push(scope);
        }
    }
    Ok(read)
}
