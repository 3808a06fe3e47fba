//! Recomputes every chain and compares it with checkpoints. spec/audit.md#verifying

use std::collections::BTreeSet;

use zms_core::{
    audit::{Action, Checkpoint, Head, Note, Walk, Walked},
    bundle::Trouble,
    change::ChangeError,
    id::VaultId,
    open::{OpenError, Opening},
    principal::Kind,
};

use super::{NoteError, PAGE, unreadable};
use crate::session::{Session, SessionError};

/// Most entries of one chain that may be unreadable before the rest is not looked at.
const MOST_UNREADABLE: u32 = 1000;

/// What became of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// There is none.
    Absent,
    /// It verifies, and the chains are compared with it.
    Good(Checkpoint),
    /// It verifies, but a restore of the vault has voided it.
    Void(Checkpoint),
    /// It is none to go by.
    Bad(NoteError),
}

impl Standing {
    fn of(read: Result<Checkpoint, NoteError>, generation: u64) -> Self {
        match read {
            Ok(checkpoint) if checkpoint.generation < generation => Self::Void(checkpoint),
            Ok(checkpoint) => Self::Good(checkpoint),
            Err(error) => Self::Bad(error),
        }
    }

    /// The checkpoint, where it counts.
    pub const fn good(&self) -> Option<&Checkpoint> {
        match self {
            Self::Good(checkpoint) => Some(checkpoint),
            _ => None,
        }
    }

    const fn is_bad(&self) -> bool {
        matches!(self, Self::Bad(_))
    }
}

/// What verifying found.
pub struct AuditReport {
    /// Every chain that is there, or that a checkpoint covers, ascending.
    pub chains: Vec<Walked>,
    /// The checkpoint that is kept beside the pins.
    pub kept: Standing,
    /// The checkpoint that was brought along.
    pub brought: Standing,
}

impl AuditReport {
    /// Whether all fits.
    pub fn is_good(&self) -> bool {
        !self.kept.is_bad()
            && !self.brought.is_bad()
            && self.chains.iter().all(|chain| chain.bad.is_none())
    }
}

impl Session {
    /// Recomputes every chain, and compares it with the checkpoint that is kept and with a note
    /// that was kept elsewhere. Where all is good, what is kept is brought up to it.
    ///
    /// # Errors
    /// [`SessionError`]; what does not fit is no error but the report.
    pub fn audit_verify(&mut self, note: Option<&[u8]>) -> Result<AuditReport, SessionError> {
        Ok(self.verified(note, false)?.1)
    }

    /// Verifies as [`Session::audit_verify`] does, and signs a checkpoint over what was found:
    /// to be kept elsewhere. There is none where anything does not fit.
    ///
    /// # Errors
    /// [`SessionError`]; only an administrator signs.
    pub fn audit_checkpoint(&mut self) -> Result<(AuditReport, Option<String>), SessionError> {
        let (vault, report) = self.verified(None, true)?;
        if !report.is_good() {
            return Ok((report, None));
        }
        // What a note covers must not be lost with the machine's power: it would look like a cut.
        self.store.settle_audit().map_err(SessionError::Store)?;
        let heads = report.chains.iter().filter_map(|chain| chain.last).collect();
        let (generation, time) = (self.generation, (self.clock)());
        let note = Checkpoint { vault, generation, time, heads }.sign(&self.principal);
        Ok((report, Some(note)))
    }

    fn verified(
        &mut self,
        note: Option<&[u8]>,
        administers: bool,
    ) -> Result<(VaultId, AuditReport), SessionError> {
        let (brought, vault, seen) = self.opened_audited(Action::Read, |opening, _| {
            if administers && opening.line().kind != Kind::Administrator {
                return Err(ChangeError::NotAdministrator.into());
            }
            Ok(note.map(|note| read(note, opening)).transpose()?)
        })?;
        self.pin(vault, seen)?;
        let generation = self.generation;
        let brought = brought.map_or(Standing::Absent, |read| Standing::of(read, generation));
        let kept = self.pins.kept_checkpoint(self.principal.id())?;
        let kept = kept.map(|note| self.own_checkpoint(&note, vault));
        let kept = kept.map_or(Standing::Absent, |read| Standing::of(read, generation));
        let marks: Vec<Head> = [&kept, &brought]
            .into_iter()
            .filter_map(|standing| standing.good())
            .flat_map(|checkpoint| checkpoint.heads.iter().copied())
            .collect();
        let told = self.audit_ends().map_err(SessionError::Store)?;
        let chains: BTreeSet<u64> =
            told.into_keys().chain(marks.iter().map(|mark| mark.chain)).collect();
        let walk = |chain| self.walk(Walk::new(vault, chain, marks.iter().copied()));
        let chains = chains.into_iter().map(walk).collect::<Result<_, _>>();
        let report = AuditReport { chains: chains.map_err(SessionError::Store)?, kept, brought };
        if report.is_good() {
            self.witness_steps(vault, true, usize::MAX);
        }
        Ok((vault, report))
    }

    /// Walks to the end of a chain, page by page.
    fn walk(&self, mut walk: Walk) -> Result<Walked, Trouble> {
        let chain = walk.head().chain;
        let (mut limit, mut lost) = (PAGE, 0);
        while lost < MOST_UNREADABLE {
            match self.store.audit_read(chain, walk.at(), limit) {
                Ok(page) if page.is_empty() => break,
                Ok(page) => {
                    page.iter().for_each(|entry| walk.take(entry));
                    limit = (limit * 2).min(PAGE);
                }
                // Somewhere in the page is one that can not be read: up to there in smaller ones.
                Err(trouble) if unreadable(&trouble) && limit > 1 => limit /= 2,
                Err(trouble) if unreadable(&trouble) => {
                    walk.unreadable();
                    lost += 1;
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(walk.end())
    }
}

/// Reads a note, and verifies it by the line of the administrator who signed it.
fn read(note: &[u8], opening: &Opening<'_>) -> Result<Result<Checkpoint, NoteError>, OpenError> {
    let Ok(note) = Note::parse(note) else { return Ok(Err(NoteError::Malformed)) };
    let Some(line) = opening.administrator(note.signer())? else {
        return Ok(Err(NoteError::NotAdministrator));
    };
    Ok(match note.verify(&line.vk) {
        Err(_) => Err(NoteError::Forged),
        Ok(checkpoint) if checkpoint.vault != opening.vault() => Err(NoteError::OtherVault),
        Ok(checkpoint) if !line.covers(checkpoint.time) => Err(NoteError::NotAdministrator),
        Ok(checkpoint) => Ok(checkpoint),
    })
}
