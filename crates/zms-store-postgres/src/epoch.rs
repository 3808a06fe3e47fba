//! The mark of a vault's current state: one cheap query for all who ask at the same time.
//!
//! Who asks while a query is under way is answered by the next one, so every answer was read after
//! its question.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use zms_core::{bundle::TroubleClass, id::VaultId};
use zms_store::Mark;

use crate::{
    bundle::mark,
    database::Core,
    row::fixed,
    trouble::{Fault, trouble},
};

/// The most questions of one query.
const MOST: usize = 1024;

/// An answer, for each that waits.
type Answer = Result<Option<Mark>, (TroubleClass, String)>;

/// Somebody who asks.
pub(crate) struct Question {
    pub(crate) vault: VaultId,
    pub(crate) done: oneshot::Sender<Answer>,
}

/// Marks that were read, and when: good for as long as a mark may be old.
pub(crate) struct Epochs {
    stale: Duration,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    marks: HashMap<VaultId, (Instant, Mark)>,
    /// Vaults that there are. There is no end to one.
    there: HashSet<VaultId>,
    /// How often one was forgotten: what was asked for before that is not kept.
    forgotten: u64,
}

/// The most vaults that are kept in mind.
const IN_MIND: usize = 100_000;

impl Epochs {
    pub(crate) fn new(stale: Duration) -> Self {
        Self { stale, known: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A mark that is not too old.
    pub(crate) fn known(&self, vault: VaultId) -> Option<Mark> {
        if self.stale.is_zero() {
            return None;
        }
        let (read, mark) = *self.held().marks.get(&vault)?;
        (read.elapsed() < self.stale).then_some(mark)
    }

    /// Whether a vault is known to be there.
    pub(crate) fn is_there(&self, vault: VaultId) -> bool {
        self.held().there.contains(&vault)
    }

    /// Forgets a mark: there is another.
    pub(crate) fn forget(&self, vault: VaultId) {
        if !self.stale.is_zero() {
            let mut held = self.held();
            held.marks.remove(&vault);
            held.forgotten += 1;
        }
    }

    /// Keeps what was read, unless something was forgotten since.
    fn keep(&self, read: Instant, forgotten: u64, found: &HashMap<VaultId, Mark>) {
        let mut held = self.held();
        if held.there.len() > IN_MIND {
            held.there.clear();
            held.marks.clear();
        }
        held.there.extend(found.keys());
        if !self.stale.is_zero() && held.forgotten == forgotten {
            held.marks.extend(found.iter().map(|(vault, mark)| (*vault, (read, *mark))));
        }
    }

    /// Answers what comes, until nobody is left to ask.
    pub(crate) async fn serve(core: Arc<Core>, mut questions: mpsc::Receiver<Question>) {
        let mut come = Vec::new();
        while questions.recv_many(&mut come, MOST).await > 0 {
            let mut vaults: Vec<VaultId> = come.iter().map(|question| question.vault).collect();
            vaults.sort_unstable();
            vaults.dedup();
            let (begun, forgotten) = (Instant::now(), core.epochs.held().forgotten);
            let answer = read(&core, &vaults).await.map_err(trouble);
            if let Ok(found) = &answer {
                core.epochs.keep(begun, forgotten, found);
            }
            for Question { vault, done } in come.drain(..) {
                // Who has gone away waits no longer.
                let _ = done.send(match &answer {
                    Ok(found) => Ok(found.get(&vault).copied()),
                    Err(trouble) => Err((trouble.class, trouble.source.to_string())),
                });
            }
        }
    }
}

async fn read(core: &Core, vaults: &[VaultId]) -> Result<HashMap<VaultId, Mark>, Fault> {
    let vaults: Vec<&[u8]> = vaults.iter().map(VaultId::as_bytes).collect();
    core.side
        .ask(async |client| {
            let sql = "SELECT id, commits, roster FROM vault WHERE id = ANY($1)";
            let statement = client.prepare_cached(sql).await?;
            let rows = client.query(&statement, &[&vaults]).await?;
            rows.iter().map(|row| Ok((VaultId(fixed(row, 0)?), mark(row, 1)?))).collect()
        })
        .await
}
