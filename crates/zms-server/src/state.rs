//! What all requests share.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    runtime::Handle,
    sync::Semaphore,
    task::{JoinHandle, spawn_blocking},
};
use tokio_util::sync::CancellationToken;
use zms_crypto::Key;

use crate::{
    engine::{scribe::Scribes, shown::Shown, watch::Watches},
    layers::rates::Rates,
    limits::Limits,
    metrics::Metrics,
    names::Names,
    problem::Problem,
    readiness::Readiness,
    vaults::Vaults,
};

/// Who may make vaults.
pub enum Register {
    /// Nobody.
    Nobody,
    /// Whoever holds the key of the registration secret.
    Secret(Key),
    /// Whoever holds the key of a code, once.
    Once(Once),
}

/// The key of a code that makes one vault.
pub struct Once {
    pub(crate) key: Key,
    /// Whether it has.
    pub(crate) used: Mutex<bool>,
}

impl Once {
    /// A code that nobody has used.
    pub fn new(key: Key) -> Self {
        Self { key, used: Mutex::new(false) }
    }
}

/// How an engine is set up.
pub struct Setup {
    /// Where its vaults are.
    pub vaults: Arc<dyn Vaults>,
    /// What it is called.
    pub names: Names,
    /// Who may make vaults.
    pub register: Register,
    /// What it puts up with.
    pub limits: Limits,
    /// Unix seconds.
    pub clock: fn() -> u64,
    /// A random key, good for nothing: what a request of a stranger is checked with, so that it
    /// takes as long as any other.
    pub blind: Key,
}

/// An engine at work.
pub struct Engine {
    pub(crate) vaults: Arc<dyn Vaults>,
    pub(crate) names: Names,
    pub(crate) register: Register,
    pub(crate) limits: Limits,
    pub(crate) clock: fn() -> u64,
    pub(crate) blind: Key,
    pub(crate) shown: Shown,
    pub(crate) scribes: Scribes,
    pub(crate) watches: Watches,
    pub(crate) rates: Rates,
    /// KiB of bodies that are read at the same time.
    pub(crate) bodies: Semaphore,
    pub(crate) metrics: Metrics,
    pub(crate) readiness: Readiness,
    /// Whose threads may wait: those of the runtime in which it was made.
    threads: Option<Handle>,
    /// Ends what waits.
    pub(crate) stop: CancellationToken,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// `None` over a unix socket.
    pub address: Option<IpAddr>,
}

impl Engine {
    /// An engine that nobody has asked anything.
    pub fn new(setup: Setup) -> Arc<Self> {
        let Setup { vaults, names, register, limits, clock, blind } = setup;
        let engine = Arc::new(Self {
            vaults,
            names,
            register,
            clock,
            blind,
            shown: Shown::new(limits.shown),
            scribes: Scribes::default(),
            watches: Watches::default(),
            rates: Rates::new(&limits),
            bodies: Semaphore::new(limits.bodies >> 10),
            metrics: Metrics::new(),
            readiness: Readiness::default(),
            threads: Handle::try_current().ok(),
            stop: CancellationToken::new(),
            limits,
        });
        let told = Arc::downgrade(&engine);
        engine.vaults.on_move(Box::new(move |vault| {
            if let Some(engine) = told.upgrade() {
                engine.watches.moved(vault);
            }
        }));
        engine
    }

    /// Unix seconds.
    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Ends what waits for changes; new requests are still answered.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Does work that reads a row or two: at once where all it looks at is open, else elsewhere.
    pub(crate) async fn glance<T: Send + 'static>(
        self: &Arc<Self>,
        is_open: bool,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        if is_open { work(self) } else { self.work(work).await }
    }

    /// Does what may wait on a thread that may, of those that all connections share.
    pub(crate) fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        match &self.threads {
            Some(threads) => threads.spawn_blocking(work),
            None => spawn_blocking(work),
        }
    }

    /// Does work that may wait, on a thread that may.
    pub(crate) async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let engine = Arc::clone(self);
        let done = self.aside(move || work(&engine)).await;
        done.unwrap_or_else(|error| Err(Problem::failed().because(error)))
    }
}
