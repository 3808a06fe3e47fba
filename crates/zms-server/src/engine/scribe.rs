//! Audit entries of many requests in one transaction: waiting for others costs less than a
//! transaction each. spec/audit.md
//!
//! Whoever finds nobody writing writes, for all who come meanwhile.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex},
};

use tokio::{sync::oneshot, task::spawn_blocking};
use zms_core::{
    audit::Event,
    bundle::{Trouble, TroubleClass},
    id::VaultId,
};

use crate::{held::held, problem::Problem, state::Engine};

/// How it ended: trouble by its class and words, since it concerns many.
pub(crate) type Noted = Result<(), (TroubleClass, String)>;

/// Trouble as it is told to many.
#[expect(clippy::needless_pass_by_value, reason = "an error is mapped")]
pub(crate) fn told(trouble: Trouble) -> (TroubleClass, String) {
    (trouble.class, trouble.source.to_string())
}

struct Slip {
    events: Vec<Event>,
    done: oneshot::Sender<Noted>,
}

#[derive(Default)]
struct Desk {
    waiting: Vec<Slip>,
    writing: bool,
}

/// One desk for each vault that is read.
#[derive(Default)]
pub(crate) struct Scribes(Mutex<HashMap<VaultId, Arc<Mutex<Desk>>>>);

impl Scribes {
    fn desk(&self, vault: VaultId) -> Arc<Mutex<Desk>> {
        Arc::clone(held(&self.0).entry(vault).or_default())
    }

    /// Lets go of a desk where nobody writes or waits.
    fn close(&self, vault: VaultId) {
        let mut desks = held(&self.0);
        let idle = |desk: &Arc<Mutex<Desk>>| Arc::strong_count(desk) == 1 && !held(desk).writing;
        if desks.get(&vault).is_some_and(idle) {
            desks.remove(&vault);
        }
    }
}

impl Engine {
    /// Stores entries. Where it can not, what they tell of must not happen.
    pub(crate) async fn note(
        self: &Arc<Self>,
        vault: VaultId,
        events: Vec<Event>,
    ) -> Result<(), Problem> {
        if events.is_empty() {
            return Ok(());
        }
        let (done, noted) = oneshot::channel();
        let desk = self.scribes.desk(vault);
        let begins = {
            let mut desk = held(&desk);
            desk.waiting.push(Slip { events, done });
            !mem::replace(&mut desk.writing, true)
        };
        if begins {
            let engine = Arc::clone(self);
            spawn_blocking(move || engine.write_down(vault, &desk));
        }
        match noted.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err((class, words))) => Err(Problem::audit(&Trouble::new(class, words))),
            Err(_) => {
                let trouble = Trouble::new(TroubleClass::Other, "who was to write it did not");
                Err(Problem::audit(&trouble))
            }
        }
    }

    /// Writes until nobody waits.
    fn write_down(&self, vault: VaultId, desk: &Arc<Mutex<Desk>>) {
        let _clears = Clears(desk);
        let mut keeper = None;
        loop {
            let slips = {
                let mut desk = held(desk);
                if desk.waiting.is_empty() {
                    desk.writing = false;
                    break;
                }
                mem::take(&mut desk.waiting)
            };
            let (events, waiting): (Vec<_>, Vec<_>) =
                slips.into_iter().map(|slip| (slip.events, slip.done)).unzip();
            let events: Vec<Event> = events.into_iter().flatten().collect();
            let mut append = || {
                if keeper.is_none() {
                    keeper = self.vaults.find(vault)?;
                }
                let gone = || Trouble::new(TroubleClass::Other, "the vault is gone");
                keeper.as_mut().ok_or_else(gone)?.audit_append(&events)
            };
            let noted = append().map_err(told);
            for done in waiting {
                // Who gave up waiting was answered nothing.
                let _ = done.send(noted.clone());
            }
        }
        self.scribes.close(vault);
    }
}

/// Where writing ends by a panic, who waits is told, and the next one begins anew.
struct Clears<'d>(&'d Mutex<Desk>);

impl Drop for Clears<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut desk = held(self.0);
            desk.waiting.clear();
            desk.writing = false;
        }
    }
}
