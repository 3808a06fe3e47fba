//! One database, as one replica uses it. Nothing in here is needed by another process.

use std::sync::Arc;

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::AbortHandle,
    time::timeout,
};
use zms_core::{
    audit::Event,
    bundle::{Trouble, TroubleClass},
    id::{PrincipalId, VaultId},
};
use zms_store::Mark;

use crate::{
    PostgresStore,
    address::Address,
    audit::{Chains, Group, Job, told},
    connection::{Connections, Limits, Link},
    epoch::{Epochs, Question},
    feed::Feed,
    kept::Kept,
    migrate::{self, MIGRATIONS},
    ready::{self, Unstored},
    replica,
    trouble::{Fault, trouble},
};

/// Requests that wait for their audit entries or for a mark, at most.
const WAITING: usize = 10_000;

/// What requests and background tasks share.
pub(crate) struct Core {
    /// For bundles and commits.
    pub(crate) work: Connections,
    /// For what is done for many requests at once. A request that holds one of the others never
    /// waits here for one that waits for it.
    pub(crate) side: Connections,
    /// For the entries of reads, which wait for the disk.
    pub(crate) notes: Connections,
    pub(crate) chains: Chains,
    pub(crate) epochs: Epochs,
    pub(crate) feed: Feed,
    pub(crate) kept: Kept,
    pub(crate) unstored: Unstored,
}

impl Core {
    /// A vault was changed here.
    pub(crate) fn moved(&self, vault: VaultId) {
        self.epochs.forget(vault);
        self.feed.tell();
    }
}

/// A database of many vaults.
///
/// Its calls wait, so they are made on threads that may: never on one that drives the runtime.
pub struct Database {
    pub(crate) core: Arc<Core>,
    holder: [u8; 16],
    audit: mpsc::Sender<Job>,
    questions: mpsc::Sender<Question>,
    tasks: Vec<AbortHandle>,
}

impl Database {
    /// Connects, brings the schema up, and borrows an audit chain under a name that nobody else
    /// has.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn connect(
        address: &Address,
        limits: Limits,
        runtime: &Handle,
        name: [u8; 16],
    ) -> Result<Self, Trouble> {
        Self::connect_with(address, limits, runtime, name, MIGRATIONS)
    }

    pub(crate) fn connect_with(
        address: &Address,
        limits: Limits,
        runtime: &Handle,
        holder: [u8; 16],
        migrations: &[&str],
    ) -> Result<Self, Trouble> {
        let work = Connections::new(address, limits, runtime)?;
        let side = Connections::new(address, Limits { connections: 3, ..limits }, runtime)?;
        let notes = Connections::new(address, Limits { connections: 2, ..limits }, runtime)?;
        migrate::bring_up(&work, migrations)?;
        let chain = runtime.block_on(replica::borrow(&side, &holder)).map_err(trouble)?;
        let core = Arc::new(Core {
            work,
            side,
            notes,
            chains: Chains::new(chain),
            epochs: Epochs::new(limits.stale),
            feed: Feed::default(),
            kept: Kept::new(limits.kept),
            unstored: Unstored::default(),
        });
        let (audit, jobs) = mpsc::channel(WAITING);
        let (questions, asked) = mpsc::channel(WAITING);
        let tasks = vec![
            runtime.spawn(Group::serve(Arc::clone(&core), jobs)).abort_handle(),
            runtime.spawn(Epochs::serve(Arc::clone(&core), asked)).abort_handle(),
            runtime.spawn(replica::keep(Arc::clone(&core), holder)).abort_handle(),
            runtime.spawn(Feed::follow(Arc::clone(&core))).abort_handle(),
            runtime.spawn(Feed::hear(Arc::clone(&core))).abort_handle(),
            runtime.spawn(Feed::speak(Arc::clone(&core))).abort_handle(),
        ];
        Ok(Self { core, holder, audit, questions, tasks })
    }

    /// A handle on a vault, whether there is one or not.
    pub fn vault(self: &Arc<Self>, vault: VaultId) -> PostgresStore {
        PostgresStore { database: Arc::clone(self), vault }
    }

    /// Whether there is such a vault.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be read.
    pub fn holds(&self, vault: VaultId) -> Result<bool, Trouble> {
        if self.core.epochs.is_there(vault) {
            return Ok(true);
        }
        self.mark(vault).map(|mark| mark.is_some())
    }

    /// The vaults that name a member: of many those that did so first.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be read.
    pub fn vaults_of(&self, principal: PrincipalId) -> Result<Vec<VaultId>, Trouble> {
        let sql = "SELECT vault FROM member WHERE principal = $1 ORDER BY joined_at LIMIT 16";
        let link = self.core.work.link().map_err(trouble)?;
        let id = |row: &tokio_postgres::Row| Ok(VaultId(crate::row::fixed(row, 0)?));
        link.all(sql, &[&principal.as_bytes()], id).map_err(trouble)
    }

    /// Has a listener told of vaults that others changed, as soon as it is known here. The first
    /// listener stays.
    pub fn on_move(&self, listener: impl Fn(VaultId) + Send + Sync + 'static) {
        self.core.feed.listen(Box::new(listener));
    }

    /// Whether there is no vault at all.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be read.
    pub fn is_empty(&self) -> Result<bool, Trouble> {
        self.core.work.link().and_then(|link| is_empty(&link)).map_err(trouble)
    }

    /// Whether it can be read and written now.
    ///
    /// # Errors
    /// [`Trouble`]: why not.
    pub fn ready(&self) -> Result<(), Trouble> {
        self.core.side.runtime.block_on(ready::ready(&self.core, &self.holder))
    }

    /// The number of the audit chain that this replica appends to.
    pub fn chain(&self) -> u64 {
        self.core.chains.number().cast_unsigned()
    }

    /// The mark of a vault's state as it is asked for now, or as old as it may be; `None` where
    /// there is no vault.
    pub(crate) fn mark(&self, vault: VaultId) -> Result<Option<Mark>, Trouble> {
        if let Some(mark) = self.core.epochs.known(vault) {
            return Ok(Some(mark));
        }
        let (done, answer) = oneshot::channel();
        self.questions.try_send(Question { vault, done }).map_err(|_| trouble(Fault::Crowded))?;
        self.await_answer(answer)?.map_err(|(class, why)| Trouble::new(class, why))
    }

    /// Appends entries that tell of no commit.
    pub(crate) fn append(&self, vault: VaultId, events: &[Event]) -> Result<(), Trouble> {
        if events.is_empty() {
            return Ok(());
        }
        let (done, answer) = oneshot::channel();
        let job = Job { vault, events: events.to_vec(), done };
        self.audit.try_send(job).map_err(|_| trouble(Fault::Crowded))?;
        told(self.await_answer(answer)?)
    }

    /// Waits as long as two statements and a connection may take.
    fn await_answer<T>(&self, answer: oneshot::Receiver<T>) -> Result<T, Trouble> {
        let limits = self.core.side.limits;
        let patience = limits.statement * 2 + limits.wait;
        let waited = self.core.side.runtime.block_on(async { timeout(patience, answer).await });
        match waited {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Trouble::new(TroubleClass::Other, "the replica is stopping")),
            Err(_) => Err(trouble(Fault::Slow)),
        }
    }
}

/// Whether no vault is seen from here.
pub(crate) fn is_empty(link: &Link) -> Result<bool, Fault> {
    let any = link.one("SELECT 1 FROM vault LIMIT 1", &[], |_| Ok(()))?;
    Ok(any.is_none())
}

impl Drop for Database {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        let (core, holder) = (Arc::clone(&self.core), self.holder);
        // So that the next replica goes on with this chain. Without it, it does so a little later.
        let runtime = self.core.side.runtime.clone();
        runtime.spawn(async move {
            let _ = replica::renew(&core.side, core.chains.number(), &holder, "-1 s").await;
        });
    }
}
