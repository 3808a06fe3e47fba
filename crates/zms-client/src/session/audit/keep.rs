//! Keeps a checkpoint with each command of an administrator. spec/audit.md#keeping

use std::path::PathBuf;

use zms_core::{
    audit::{Checkpoint, Head, Walk},
    bundle::{Trouble, TroubleClass},
    id::VaultId,
    principal::Kind,
};

use super::{PAGE, unreadable};
use crate::{pins::PinTrouble, session::Session};

/// Most entries of a chain that one command looks at to take its checkpoint further. What is left
/// is the next command's.
pub(super) const STEPS: usize = 1000;

/// Why no newer checkpoint of the audit was kept. What was kept before stays as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditAlarm {
    /// Entries that were seen are gone or changed, or what came since does not follow them.
    #[error("the audit was cut or edited")]
    Broken,
    /// What is kept is no checkpoint of this caller, or of another vault.
    #[error("the checkpoint of the audit in {} is damaged or not yours", path.display())]
    Damaged {
        /// Where it lies.
        path: PathBuf,
    },
    /// It can not be read or written.
    #[error("no checkpoint of the audit was kept: {0}")]
    Unkept(#[from] PinTrouble),
    /// The audit can not be read.
    #[error("no checkpoint of the audit was kept: {0}")]
    Store(#[source] Trouble),
}

impl AuditAlarm {
    /// Whether who asks has just given its place to another key, so that a server no longer tells.
    fn is_farewell(&self) -> bool {
        matches!(self, Self::Store(trouble) if trouble.class == TroubleClass::Unauthentic)
    }
}

impl From<Trouble> for AuditAlarm {
    fn from(trouble: Trouble) -> Self {
        if unreadable(&trouble) { Self::Broken } else { Self::Store(trouble) }
    }
}

impl Session {
    /// What is wrong with the audit, as far as a command notices in passing: to be said aloud.
    pub const fn audit_alarm(&self) -> Option<&AuditAlarm> {
        self.alarm.as_ref()
    }

    /// Signs a checkpoint and keeps it, where the caller is an administrator. It says what was
    /// seen, so it fails no command; what is wrong is left in [`Session::audit_alarm`].
    pub(in crate::session) fn witness(&mut self, vault: VaultId, durable: bool) {
        self.witness_steps(vault, durable, STEPS);
    }

    /// As [`Session::witness`], by so many entries of each chain at most.
    pub(super) fn witness_steps(&mut self, vault: VaultId, durable: bool, steps: usize) {
        // The line that was proven says the same kind as the seed's text form.
        if self.principal.kind() == Kind::Administrator
            && self.keeps
            && !self.store.is_copy()
            && let Err(alarm) = self.renew(vault, durable, steps)
            && !alarm.is_farewell()
        {
            self.alarm.get_or_insert(alarm);
        }
    }

    fn renew(&self, vault: VaultId, durable: bool, steps: usize) -> Result<(), AuditAlarm> {
        let me = self.principal.id();
        self.pins.renew_checkpoint(me, durable, |kept| {
            let damaged = |_| AuditAlarm::Damaged { path: self.pins.checkpoint_path(me) };
            let kept = kept.map(|note| self.own_checkpoint(&note, vault).map_err(damaged));
            // A restore makes what was seen before void, as it does with pins.
            let kept = kept.transpose()?.filter(|kept| kept.generation >= self.generation);
            if kept.as_ref().is_some_and(|kept| kept.generation > self.generation) {
                return Err(AuditAlarm::Broken);
            }
            // Read under the lock, so that nobody has kept more than what is read here.
            let heads = match &kept {
                Some(kept) => self.heads_behind(kept, steps)?,
                None => self.heads_as_told(vault)?,
            };
            if heads.is_empty() || kept.is_some_and(|kept| kept.heads == heads) {
                return Ok(None);
            }
            let (generation, time) = (self.generation, (self.clock)());
            let next = Checkpoint { vault, generation, time, heads };
            Ok(Some(next.sign(&self.principal)))
        })
    }

    /// A first use: nothing is kept that could be lost.
    fn heads_as_told(&self, vault: VaultId) -> Result<Vec<Head>, AuditAlarm> {
        let mut heads = Vec::new();
        for (chain, seq) in self.audit_ends()? {
            let last = self.store.audit_read(chain, seq.saturating_sub(1), 1)?;
            let [entry] = &last[..] else { return Err(AuditAlarm::Broken) };
            if (entry.seq, entry.hash) != (seq, entry.computed_hash(vault)) {
                return Err(AuditAlarm::Broken);
            }
            heads.push(Head { chain, seq, hash: entry.hash });
        }
        Ok(heads)
    }

    /// What follows a checkpoint entry by entry. A checkpoint that did not follow from the one
    /// before would give up what that one proves.
    fn heads_behind(&self, kept: &Checkpoint, steps: usize) -> Result<Vec<Head>, AuditAlarm> {
        let mut ends = self.audit_ends()?;
        // A chain that vanished is noticed by what is not there.
        ends.extend(kept.heads.iter().map(|head| (head.chain, head.seq)));
        let mut heads = Vec::new();
        for chain in ends.into_keys() {
            let mut walk = match kept.head(chain) {
                Some(head) => {
                    let there = self.store.audit_read(chain, head.seq - 1, 1)?;
                    let same = |entry: &zms_core::audit::Entry| {
                        (entry.seq, entry.hash) == (head.seq, head.hash)
                            && entry.computed_hash(kept.vault) == head.hash
                    };
                    if !there.first().is_some_and(same) {
                        return Err(AuditAlarm::Broken);
                    }
                    Walk::behind(kept.vault, head)
                }
                None => Walk::new(kept.vault, chain, []),
            };
            let mut left = steps;
            while left > 0 {
                let page = self.store.audit_read(chain, walk.at(), PAGE.min(left))?;
                page.iter().for_each(|entry| walk.take(entry));
                if !walk.is_good() {
                    return Err(AuditAlarm::Broken);
                }
                left = if page.is_empty() { 0 } else { left - page.len() };
            }
            heads.extend(Some(walk.head()).filter(|head| head.seq > 0));
        }
        Ok(heads)
    }
}
