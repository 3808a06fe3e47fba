//! The audit: checkpoints that are kept, verifying, listing. spec/audit.md

mod keep;
mod list;
mod names;
mod verify;

use std::collections::BTreeMap;

use zms_core::{
    audit::{Checkpoint, Note},
    bundle::{Trouble, TroubleClass},
    id::VaultId,
};

pub(super) use self::names::labels;
pub use self::{
    keep::AuditAlarm,
    list::{AuditReader, Subject},
    names::AuditNames,
    verify::{AuditReport, Standing},
};
use super::Session;

/// Entries that are read at once.
pub(super) const PAGE: usize = 1000;

/// Why a note is no checkpoint to go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is not exactly one encoding of a checkpoint.
    #[error("is no checkpoint, or was changed")]
    Malformed,
    /// It is of another vault.
    #[error("is of another vault")]
    OtherVault,
    /// Who signed it is no administrator of this vault now, or was none at that time.
    #[error("is signed by nobody who is an administrator of this vault")]
    NotAdministrator,
    /// The signature does not verify.
    #[error("carries a signature that does not verify")]
    Forged,
}

impl Session {
    /// Reads a note that the caller itself has signed.
    fn own_checkpoint(&self, note: &[u8], vault: VaultId) -> Result<Checkpoint, NoteError> {
        let note = Note::parse(note).map_err(|_| NoteError::Malformed)?;
        let checkpoint = note.verify(&self.principal.verifying_key());
        let checkpoint = checkpoint.map_err(|_| NoteError::Forged)?;
        if checkpoint.vault == vault { Ok(checkpoint) } else { Err(NoteError::OtherVault) }
    }

    /// Every chain with the place of its last entry.
    pub(super) fn audit_ends(&self) -> Result<BTreeMap<u64, u64>, Trouble> {
        Ok(self.store.audit_chains()?.into_iter().collect())
    }
}

/// Whether trouble is what somebody who edits the file leaves behind.
fn unreadable(trouble: &Trouble) -> bool {
    trouble.class == TroubleClass::Corrupt
}
