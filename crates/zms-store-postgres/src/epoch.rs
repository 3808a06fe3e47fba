//! The mark of a vault's current state: one cheap query for all who ask at the same time.
//!
//! Who asks while a query is under way is answered by the next one, so every answer was read after
//! its question.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::{mpsc, oneshot};
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

/// Answers.
pub(crate) struct Epochs;

impl Epochs {
    /// Answers what comes, until nobody is left to ask.
    pub(crate) async fn serve(core: Arc<Core>, mut questions: mpsc::Receiver<Question>) {
        let mut come = Vec::new();
        while questions.recv_many(&mut come, MOST).await > 0 {
            let mut vaults: Vec<VaultId> = come.iter().map(|question| question.vault).collect();
            vaults.sort_unstable();
            vaults.dedup();
            let answer = read(&core, &vaults).await.map_err(trouble);
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
