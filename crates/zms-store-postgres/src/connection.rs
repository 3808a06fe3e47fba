//! Connections: how they are made, how many there are, and what holds for every one.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::Pin,
    time::Duration,
};

use deadpool_postgres::{
    Client, Connect, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts,
};
use tokio::{runtime::Handle, sync::Notify, task::JoinHandle, time::timeout};
use tokio_postgres::{AsyncMessage, Config, Error, Row, types::ToSql};
use tokio_postgres_rustls::MakeRustlsConnect;
use zms_core::bundle::{Trouble, TroubleClass};

use crate::{address::Address, tls, trouble::Fault};

/// How much later than the server we lose patience, so that it tells us why it did.
const SLACK: Duration = Duration::from_secs(1);

/// How much of the database one replica takes, and how long it waits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections for reading and committing. Six more serve all requests together.
    pub connections: usize,
    /// How long a statement may take.
    pub statement: Duration,
    /// How long a request waits for a connection.
    pub wait: Duration,
    /// How old the mark of a vault may be that an answer is made from; zero: it is read each time.
    pub stale: Duration,
    /// Bytes of records that are kept at hand.
    pub kept: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16,
            statement: Duration::from_secs(5),
            wait: Duration::from_secs(2),
            stale: Duration::ZERO,
            kept: 64 << 20,
        }
    }
}

/// The connections of one replica.
pub(crate) struct Connections {
    pool: Pool,
    config: Config,
    tls: MakeRustlsConnect,
    /// Where the driver runs. Whoever waits for it is no thread of its own.
    pub(crate) runtime: Handle,
    pub(crate) limits: Limits,
}

impl Connections {
    /// Makes none yet.
    pub(crate) fn new(
        address: &Address,
        limits: Limits,
        runtime: &Handle,
    ) -> Result<Self, Trouble> {
        let tls = tls::connector(address.authorities.as_deref())?;
        let connect = Watched { tls: tls.clone() };
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(address.config.clone(), connect, recycling);
        let hosts = address.config.get_hosts().len().max(1) as u32;
        let connecting = address.config.get_connect_timeout().copied().unwrap_or_default();
        let pool = Pool::builder(manager)
            .max_size(limits.connections)
            .timeouts(Timeouts {
                wait: Some(limits.wait),
                create: Some(connecting * hosts + limits.wait),
                recycle: Some(limits.wait),
            })
            .runtime(Runtime::Tokio1)
            .build();
        let pool = pool.map_err(|error| Trouble::new(TroubleClass::Other, error.to_string()))?;
        let config = address.config.clone();
        Ok(Self { pool, config, tls, runtime: runtime.clone(), limits })
    }

    /// A connection that nobody else uses meanwhile.
    async fn client(&self) -> Result<Client, Fault> {
        Ok(self.pool.get().await?)
    }

    /// Asks on a connection of its own, within the time that a statement may take. Nothing is sent
    /// again.
    pub(crate) async fn ask<T>(
        &self,
        ask: impl AsyncFnOnce(&Client) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let client = self.client().await?;
        let patience = self.limits.statement + SLACK;
        let answer = timeout(patience, ask(&client)).await.unwrap_or(Err(Fault::Slow));
        if let Err(fault) = &answer {
            if matches!(fault, Fault::Slow) {
                self.runtime.spawn(outlast(client));
            } else if fault.spoils() {
                drop(Object::take(client));
            }
        }
        answer
    }

    /// Listens to a channel on a connection beside the others, until that ends.
    pub(crate) async fn listen(&self, channel: &str, heard: &Notify) -> Result<(), Fault> {
        let (client, mut connection) = self.config.connect(self.tls.clone()).await?;
        let hear = async {
            while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(_) = message? {
                    heard.notify_one();
                }
            }
            Ok(())
        };
        let ask = async {
            client.batch_execute(&format!("LISTEN {channel}")).await?;
            // The connection ends with its client.
            std::future::pending::<Result<(), Fault>>().await
        };
        tokio::select! {
            ended = hear => ended,
            refused = ask => refused,
        }
    }

    /// A connection for a thread that waits.
    pub(crate) fn link(&self) -> Result<Link, Fault> {
        let client = self.runtime.block_on(self.client())?;
        Ok(Link {
            client: Some(client),
            runtime: self.runtime.clone(),
            limits: self.limits,
            state: Cell::new(State::Idle),
            patience: Cell::new(Some(self.limits.statement + SLACK)),
        })
    }
}

/// How a transaction begins.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Sees one state, and changes nothing.
    Reading,
    /// Sees one state, of a vault whose row it changes first of all: whoever did so meanwhile has
    /// won, and nobody else does.
    Committing,
    /// Sees one state, and is committed only where that makes no difference to having been alone.
    Writing,
    /// Waits for who migrates, sees what that one did, and takes as long as it takes.
    Migrating,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Open,
    /// It answered too late, and may be at work yet.
    Late,
    Spoiled,
}

/// How long a server that does not answer is left alone.
const OUTLAST: Duration = Duration::from_secs(300);

/// Keeps the place of a connection in the pool until its server is done with what it was asked, and
/// then closes it. Else each new one would be another that the server is busy with: a commit that
/// waits for a standby waits on, whoever has gone away.
async fn outlast(client: Client) {
    let _ = timeout(OUTLAST, client.batch_execute("")).await;
    drop(Object::take(client));
}

/// A connection in the hands of one thread. What it left open is rolled back; a connection that is
/// of no more use is closed.
pub(crate) struct Link {
    client: Option<Client>,
    runtime: Handle,
    limits: Limits,
    state: Cell<State>,
    /// How long a statement may take, as we see it; `None`: as long as it takes.
    patience: Cell<Option<Duration>>,
}

impl Link {
    /// Begins a transaction. Its bounds are the transaction's own, so that a pooler between here
    /// and the database leaves nothing of them to others.
    pub(crate) fn begin(&self, kind: Kind) -> Result<(), Fault> {
        let milliseconds = self.limits.statement.as_millis();
        let mode = match kind {
            Kind::Reading => "REPEATABLE READ, READ ONLY",
            // Who runs the database may have it take no writes for a while.
            Kind::Committing => "REPEATABLE READ",
            Kind::Writing => "SERIALIZABLE",
            Kind::Migrating => "READ COMMITTED",
        };
        // A bundle may be held for a while; a commit holds its vault.
        let (milliseconds, idle) = match kind {
            Kind::Reading => (milliseconds, milliseconds * 12),
            Kind::Committing | Kind::Writing => (milliseconds, milliseconds),
            Kind::Migrating => (0, 0),
        };
        let begin = format!(
            "BEGIN ISOLATION LEVEL {mode};
             SET LOCAL statement_timeout = {milliseconds};
             SET LOCAL lock_timeout = {milliseconds};
             SET LOCAL idle_in_transaction_session_timeout = {idle}"
        );
        if matches!(kind, Kind::Migrating) {
            self.patience.set(None);
        }
        self.state.set(State::Open);
        self.wait(async |client| client.batch_execute(&begin).await)
    }

    /// Commits. Where this fails for want of an answer, it may have been committed.
    pub(crate) fn commit(&self) -> Result<(), Fault> {
        self.wait(async |client| client.batch_execute("COMMIT").await)?;
        self.state.set(State::Idle);
        Ok(())
    }

    pub(crate) fn execute(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<u64, Fault> {
        self.wait(async |client| {
            let statement = client.prepare_cached(sql).await?;
            client.execute(&statement, params).await
        })
    }

    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        read: impl FnMut(&Row) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let rows = self.wait(async |client| {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, params).await
        })?;
        rows.iter().map(read).collect()
    }

    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        read: impl FnMut(&Row) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        Ok(self.all(sql, params, read)?.pop())
    }

    /// Several statements without parameters.
    pub(crate) fn script(&self, sql: &str) -> Result<(), Fault> {
        self.wait(async |client| client.batch_execute(sql).await)
    }

    fn wait<'c, T>(
        &'c self,
        ask: impl AsyncFnOnce(&'c Client) -> Result<T, Error>,
    ) -> Result<T, Fault> {
        let client = self.client.as_ref().ok_or(Fault::Slow)?;
        let answer = self.runtime.block_on(async {
            match self.patience.get() {
                Some(patience) => timeout(patience, ask(client)).await.map_err(|_| Fault::Slow),
                None => Ok(ask(client).await),
            }
        });
        let answer = answer.and_then(|answer| answer.map_err(Fault::from));
        answer.inspect_err(|fault| {
            if matches!(fault, Fault::Slow) {
                self.state.set(State::Late);
            } else if fault.spoils() {
                self.state.set(State::Spoiled);
            }
        })
    }
}

impl AsRef<Self> for Link {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        match self.state.get() {
            State::Idle => {}
            State::Late => drop(self.runtime.spawn(outlast(client))),
            State::Spoiled => drop(Object::take(client)),
            State::Open => {
                let patience = self.limits.statement;
                self.runtime.spawn(async move {
                    let ended = timeout(patience, client.batch_execute("ROLLBACK")).await;
                    if !matches!(ended, Ok(Ok(()))) {
                        drop(Object::take(client));
                    }
                });
            }
        }
    }
}

/// Makes connections, and closes one that is told of a wait for a standby that somebody cancelled:
/// then the commit is not as durable as it was to be, so it must not be acknowledged.
struct Watched {
    tls: MakeRustlsConnect,
}

type Connecting<'a> = Pin<
    Box<dyn Future<Output = Result<(tokio_postgres::Client, JoinHandle<()>), Error>> + Send + 'a>,
>;

impl Connect for Watched {
    fn connect(&self, config: &Config) -> Connecting<'_> {
        let (config, tls) = (config.clone(), self.tls.clone());
        Box::pin(async move {
            let (client, mut connection) = config.connect(tls).await?;
            let driver = tokio::spawn(async move {
                while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                    if matches!(&message, AsyncMessage::Notice(notice) if is_warning(notice)) {
                        return;
                    }
                }
            });
            Ok((client, driver))
        })
    }
}

/// A warning that no statement of ours causes by itself.
fn is_warning(notice: &tokio_postgres::error::DbError) -> bool {
    notice.code() == &tokio_postgres::error::SqlState::WARNING
        || notice.code() == &tokio_postgres::error::SqlState::ADMIN_SHUTDOWN
}
