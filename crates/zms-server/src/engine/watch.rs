//! Waits for commits: those made here are told at once, those of others are looked for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};
use zms_core::id::VaultId;

/// How often others' commits are looked for, once for all who wait.
const LOOK: Duration = Duration::from_millis(500);

/// Who waits for commits of one vault.
#[derive(Default)]
pub(super) struct Watch {
    moved: Notify,
    /// Held by the one who looks for all.
    looking: tokio::sync::Mutex<()>,
}

/// Who waits, by vault.
#[derive(Default)]
pub(crate) struct Watches(Mutex<HashMap<VaultId, Arc<Watch>>>);

impl Watches {
    fn held(&self) -> MutexGuard<'_, HashMap<VaultId, Arc<Watch>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn of(&self, vault: VaultId) -> Arc<Watch> {
        let mut watches = self.held();
        if watches.len() > 1024 {
            watches.retain(|_, watch| Arc::strong_count(watch) > 1);
        }
        Arc::clone(watches.entry(vault).or_default())
    }

    /// Wakes who waits for commits of a vault.
    pub(crate) fn moved(&self, vault: VaultId) {
        if let Some(watch) = self.held().get(&vault) {
            watch.moved.notify_waiters();
        }
    }
}

impl Watch {
    /// Until something may have moved.
    pub(super) async fn wait(&self) {
        let mut moved = std::pin::pin!(self.moved.notified());
        // From here on it is woken, also while it waits for its turn to look.
        moved.as_mut().enable();
        tokio::select! {
            () = &mut moved => {}
            () = async {
                let _looks = self.looking.lock().await;
                sleep(LOOK).await;
            } => self.moved.notify_waiters(),
        }
    }
}
