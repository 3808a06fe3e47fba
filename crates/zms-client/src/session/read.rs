//! Reads scopes.

use zms_core::{
    audit::Action,
    id::VaultId,
    keyring::{Depth, Keyring},
    merge::Merged,
    open::{OpenError, OpenScope, Reading},
    path::{ScopePath, SecretName, Segment},
    pin::{HeadPin, Pins, RosterPin},
    principal::Kind,
    record::ValueKind,
    roster::{Line, Right, Rights},
};
use zms_store::Ahead;

use super::{Session, SessionError, read_events};
use crate::pins::HandedPins;

/// What one read gave: proven scopes from the top down, their merge, and who asked.
pub struct View {
    /// The vault.
    pub vault: VaultId,
    /// The proven scopes; the last one is the path that was asked for.
    pub scopes: Vec<OpenScope>,
    /// What the path sees of what was asked for.
    pub merged: Merged,
    /// Unix seconds of the read.
    pub now: u64,
    /// The caller's proven line.
    pub line: Line,
    /// The proven roster's number and hash.
    pub roster: RosterPin,
    /// Rights of members that left whose scopes are still to re-key.
    pub pending: Rights,
}

impl View {
    /// The path that was read.
    pub fn path(&self) -> &ScopePath {
        &self.target().path
    }

    /// What was seen on the way, as a text to hand to a machine that keeps nothing.
    pub fn pin(&self) -> String {
        let heads = self.scopes.iter().map(|scope| {
            let pin = HeadPin { revision: scope.head.revision, hash: scope.head_hash };
            (scope.lineage.clone(), pin)
        });
        let pins = Pins { roster: Some(self.roster), heads: heads.collect() };
        HandedPins::text(self.vault, &pins)
    }

    /// The scope that was asked for.
    pub fn target(&self) -> &OpenScope {
        self.scopes.last().expect("a way holds at least its target")
    }
}

/// Chooses the path to act at, from the scopes that the caller's keyring holds in full.
pub type Choose<'c> = &'c dyn Fn(&[ScopePath]) -> Result<ScopePath, SessionError>;

impl Session {
    /// Reads the secrets that a path sees. The audit entry is stored before anything is returned.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn read(&mut self, choose: Choose<'_>) -> Result<View, SessionError> {
        self.view(choose, Reading::Everything)
    }

    /// Reads one secret that a path sees; the others are proven and stay closed. Where it is a
    /// reference, everything on the way is read, because only then is its target known.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn read_one(
        &mut self,
        choose: Choose<'_>,
        name: &SecretName,
    ) -> Result<View, SessionError> {
        let names = [name.clone()];
        let view = self.view(choose, Reading::Names(&names))?;
        let winner = view.merged.winner(name.as_str());
        let refers = winner.is_some_and(|winner| winner.payload.kind == ValueKind::Reference);
        if refers { self.read(choose) } else { Ok(view) }
    }

    /// Reads names and keys of scopes on the way to a path, no secrets.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn structure(&mut self, choose: Choose<'_>) -> Result<View, SessionError> {
        self.view(choose, Reading::Structure)
    }

    fn view(&mut self, choose: Choose<'_>, reading: Reading<'_>) -> Result<View, SessionError> {
        // A token's own scopes are what it reads, nearly always; an administrator's is the root.
        if !matches!(reading, Reading::Structure) && self.principal.kind() != Kind::Administrator {
            self.ahead = Ahead::Own;
        }
        let (view, vault, seen) = self.opened_audited(Action::Read, |opening, _| {
            let path = choose(&held(opening.keyring()))?;
            let scopes = opening.way(&path, reading)?;
            Ok(View {
                // Nothing is given out, and nothing pinned, before every record that was asked
                // for opens.
                merged: Merged::new(&scopes)?,
                scopes,
                vault: opening.vault(),
                now: opening.now(),
                line: opening.line().clone(),
                roster: opening.roster_pin(),
                pending: opening.roster().pending.clone(),
            })
        })?;
        let events = read_events(self, &view.scopes);
        if !events.is_empty() {
            self.note(Action::Read, &events)?;
        }
        self.keep(vault, seen)?;
        Ok(view)
    }

    /// Names of the scopes right below a path.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn children(&mut self, path: &ScopePath) -> Result<Vec<Segment>, SessionError> {
        let view = self.structure(&|_| Ok(path.clone()))?;
        // Who only inherits from a scope holds no key to what lies below it: that is not nothing.
        if view.target().keys.node.is_none() {
            return Err(OpenError::OutOfScope(path.clone()).into());
        }
        Ok(view.target().child_names()?)
    }
}

/// What a principal can prove of itself.
pub struct Own {
    /// The vault.
    pub vault: VaultId,
    /// Its line in the roster.
    pub line: Line,
    /// What its keyring opens, and the right it has there.
    pub scopes: Vec<(ScopePath, Right)>,
}

impl Session {
    /// What the caller's own line and keyring say.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn own(&mut self) -> Result<Own, SessionError> {
        let (own, vault, seen) = self.opened_audited(Action::Read, |opening, _| {
            let line = opening.line().clone();
            let entries = opening.keyring().entries.iter();
            let scopes = entries
                .filter_map(|entry| Some((entry.path.clone(), line.rights.on(entry.scope())?)));
            let mut scopes: Vec<_> = scopes.collect();
            scopes.sort();
            Ok(Own { vault: opening.vault(), line, scopes })
        })?;
        self.keep(vault, seen)?;
        Ok(own)
    }
}

/// The scopes that a keyring holds in full, from the top: what a token is for.
pub(super) fn held(keyring: &Keyring) -> Vec<ScopePath> {
    let full = keyring.entries.iter().filter(|entry| entry.depth == Depth::Subtree);
    let mut paths: Vec<ScopePath> = full.map(|entry| entry.path.clone()).collect();
    paths.sort();
    paths
}
