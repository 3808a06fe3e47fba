//! What a backup is made of, and what a restore makes of it. spec/backup.md

use zms_core::{
    audit::{Action, Outcome},
    change::{ChangeError, restore::restore},
    id::{PrincipalId, VaultId},
    open::Opening,
    pin::RosterPin,
    principal::Kind,
};
use zms_crypto::Key;

use super::{Session, SessionError, walk::prove};
use crate::session::walk::Proof;

/// A copy of a vault, proven.
pub struct Copied {
    /// The vault.
    pub vault: VaultId,
    /// The proven roster's number and hash.
    pub roster: RosterPin,
    /// What verified in it, and what did not.
    pub proof: Proof,
    /// The administrators of that moment, each with its W: who is to open the backup.
    pub holders: Vec<(PrincipalId, Key)>,
}

impl Session {
    /// Notes that the whole vault is about to be copied, by an administrator.
    ///
    /// # Errors
    /// [`SessionError`]; then nothing may be copied.
    pub fn note_backup(&mut self) -> Result<(), SessionError> {
        let ((), vault, seen) = self.opened_audited(Action::Backup, |opening, _| {
            opening.members()?.ok_or(ChangeError::NotAdministrator)?;
            Ok(())
        })?;
        let event = self.event(Action::Backup, None, 0, Outcome::Done);
        self.note(Action::Backup, &[event])?;
        self.keep(vault, seen)
    }

    /// Proves all of a copy, which stays as it is: what was copied has been noted before.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn prove_copy(&mut self) -> Result<Copied, SessionError> {
        let (copied, _, _) = self.opened(|opening, _| {
            let holders = holders(opening)?;
            let (proof, _) = prove(opening)?;
            let (vault, roster) = (opening.vault(), opening.roster_pin());
            Ok(Copied { vault, roster, proof, holders })
        })?;
        Ok(copied)
    }

    /// Makes what the store holds, a backup, the current state, with a generation of `least` or
    /// more. Gives back that generation.
    ///
    /// # Errors
    /// [`SessionError`]; then nothing was changed.
    pub fn restore(&mut self, least: u64) -> Result<u64, SessionError> {
        self.change(Action::Restore, |opening, _| {
            let batch = restore(opening, least)?;
            let generation = batch.roster.as_ref().map_or(0, |put| put.roster.generation);
            Ok((Some(batch), generation))
        })
    }
}

fn holders(opening: &Opening<'_>) -> Result<Vec<(PrincipalId, Key)>, SessionError> {
    let members = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    let mut holders = Vec::new();
    for id in members.ids() {
        let line = members.line(id)?;
        if line.kind == Kind::Administrator && !line.expired(opening.now()) {
            holders.push((id, members.escrow(id)?.wrap));
        }
    }
    Ok(holders)
}
