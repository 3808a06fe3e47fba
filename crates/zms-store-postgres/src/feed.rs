//! What other replicas committed: polled, and heard of sooner where the database can tell.
//!
//! Nothing depends on it for being right: an answer is made from a mark that is read when it is
//! asked for, or is as old as it may be at most. The feed lets who waits for changes hear of them,
//! and lets go of marks that are not good any more.
//!
//! The times at which vaults moved are those of statements, and transactions end in another order
//! than that. So each look goes back beyond the one before; and now and then further than any
//! transaction should take.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout_at},
};
use zms_core::id::VaultId;
use zms_store::Mark;

use crate::{bundle::mark, database::Core, row::fixed, trouble::Fault};

/// How often is looked without having been told to.
const PACE: Duration = Duration::from_millis(500);
/// The shortest time between two looks, or between two words to the others.
const BREATH: Duration = Duration::from_millis(20);
/// How far each look goes back, and how far one in [`LONG_EVERY`] does.
const SHORT: &str = "3 s";
const LONG: &str = "60 s";
const LONG_EVERY: u32 = 20;
/// The channel on which a commit is told of.
const CHANNEL: &str = "zms_moved";

/// Who is told of a vault that moved.
type Listener = Box<dyn Fn(VaultId) + Send + Sync>;

/// Words between this replica and the others.
#[derive(Default)]
pub(crate) struct Feed {
    listener: OnceLock<Listener>,
    /// Somebody else committed, as the database tells.
    heard: Notify,
    /// This replica committed.
    committed: Notify,
}

impl Feed {
    /// Has a listener told from now on. The first one stays.
    pub(crate) fn listen(&self, listener: Listener) {
        let _ = self.listener.set(listener);
    }

    /// Tells the others, soon.
    pub(crate) fn tell(&self) {
        self.committed.notify_one();
    }

    /// Looks for what moved, until the task is stopped.
    pub(crate) async fn follow(core: Arc<Core>) {
        let mut seen: HashMap<VaultId, Mark> = HashMap::new();
        let mut looks = 0_u32;
        loop {
            let next = Instant::now() + PACE;
            let long = looks.is_multiple_of(LONG_EVERY);
            // Where the database is away, so is what there would be to see.
            if let Ok(moved) = look(&core, if long { LONG } else { SHORT }).await {
                for (vault, mark) in &moved {
                    if seen.get(vault) != Some(mark) {
                        core.epochs.forget(*vault);
                        // The first look finds what was there before us.
                        if let Some(listener) = core.feed.listener.get().filter(|_| looks > 0) {
                            listener(*vault);
                        }
                    }
                }
                if long {
                    seen.clear();
                }
                seen.extend(moved);
                looks = looks.wrapping_add(1);
            }
            sleep(BREATH).await;
            let _ = timeout_at(next, core.feed.heard.notified()).await;
        }
    }

    /// Listens to the others, until the task is stopped or the database knows no such thing.
    pub(crate) async fn hear(core: Arc<Core>) {
        loop {
            let ended = core.side.listen(CHANNEL, &core.feed.heard).await;
            if ended.is_err_and(|fault| fault.is_unknown()) {
                return;
            }
            sleep(BREATH * 50).await;
        }
    }

    /// Tells the others of commits, until the task is stopped or the database knows no such thing.
    pub(crate) async fn speak(core: Arc<Core>) {
        let notify = format!("NOTIFY {CHANNEL}");
        loop {
            core.feed.committed.notified().await;
            let told = core.side.ask(async |client| Ok(client.batch_execute(&notify).await?)).await;
            if told.is_err_and(|fault| fault.is_unknown()) {
                return;
            }
            sleep(BREATH).await;
        }
    }
}

async fn look(core: &Core, back: &str) -> Result<HashMap<VaultId, Mark>, Fault> {
    let sql =
        format!("SELECT id, commits, roster FROM vault WHERE moved_at > now() - INTERVAL '{back}'");
    core.side
        .ask(async |client| {
            let statement = client.prepare_cached(&sql).await?;
            let rows = client.query(&statement, &[]).await?;
            rows.iter().map(|row| Ok((VaultId(fixed(row, 0)?), mark(row, 1)?))).collect()
        })
        .await
}
