//! A real engine on a socket of its own, for one user, or several over one database.

#[path = "../../../zms-store-postgres/tests/postgres/server.rs"]
#[expect(dead_code, reason = "shared with the tests of that store")]
mod postgres;
#[path = "replicas.rs"]
mod replicas;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU8, Ordering},
    },
};

use self::replicas::Replicas;
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::oneshot};
use zms_core::engine::register_key;
use zms_crypto::Key;
use zms_server::{
    Engine, Limits, Names, Register, Setup, router,
    serve::{Listen, serve},
    vaults::{Folder, Shared, Vaults},
};
use zms_store_postgres::Database;

/// What allows to make vaults there.
pub const SECRET: &str = "the secret of the tests";

/// Where clients find it, in its folder.
const SOCKET: &str = "zms.sock";

/// Where an engine keeps its vaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In SQLite files of a folder.
    Folder,
    /// In a PostgreSQL database of its own, on a server of the tests' own.
    Postgres,
    /// There too, and so many engines over it take turns.
    Replicas(usize),
}

impl Place {
    /// With one engine where there would be several.
    pub fn alone(self) -> Self {
        match self {
            Self::Replicas(_) => Self::Postgres,
            place => place,
        }
    }
}

/// The address of a new database on that server.
fn new_database() -> String {
    let server = postgres::Server::shared();
    server.url(&server.new_database())
}

/// Vaults in files of a folder.
fn in_files(folder: &Path) -> Arc<dyn Vaults> {
    let vaults = folder.join("vaults");
    fs::create_dir(&vaults).unwrap();
    Arc::new(Folder::new(vaults))
}

/// Vaults in a database.
fn in_database(url: &str) -> Arc<dyn Vaults> {
    static MADE: AtomicU8 = AtomicU8::new(0);
    let address = zms_store_postgres::Address::parse(url).unwrap();
    let limits = zms_store_postgres::Limits { connections: 4, ..Default::default() };
    let name = [MADE.fetch_add(1, Ordering::Relaxed); 16];
    let database = Database::connect(&address, limits, RUNTIME.handle(), name);
    Arc::new(Shared::new(database.unwrap()))
}

/// Runs every engine of the tests.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// An engine for one user, until it is dropped.
pub struct Server {
    /// Its socket, and the folder of its vaults.
    pub folder: TempDir,
    end: Option<oneshot::Sender<()>>,
    replicas: Option<Replicas>,
}

impl Server {
    /// Starts one that is called `localhost`, and so besides.
    pub fn start(place: Place, names: &[String]) -> Self {
        let folder = TempDir::new().unwrap();
        let vaults = match place {
            Place::Folder => in_files(folder.path()),
            Place::Postgres => in_database(&new_database()),
            Place::Replicas(count) => {
                let (within, socket) = (folder.path(), folder.path().join(SOCKET));
                let replicas = Replicas::start(count, within, &new_database(), &socket);
                return Self { folder, end: None, replicas: Some(replicas) };
            }
        };
        let engine = Engine::new(Setup {
            vaults,
            names: Names::new(names.iter().cloned().chain(["localhost".to_owned()])),
            register: Register::Secret(register_key(SECRET)),
            limits: Limits { per_principal: 0, per_address: 0, failures: 0, ..Limits::default() },
            clock,
            blind: Key::from_bytes(&[9; 32]),
        });
        let listen = Listen::Unix(folder.path().join(SOCKET));
        let listener = RUNTIME.block_on(listen.bind()).unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let routes = router(&engine);
        RUNTIME.spawn(serve(engine, routes, vec![listener], None, async {
            let _dropped = ended.await;
        }));
        Self { folder, end: Some(end), replicas: None }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
    }

    /// How many connections its replicas were handed, in turns.
    pub fn connections(&self) -> usize {
        self.replicas.as_ref().map_or(0, Replicas::connections)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.take().map(|end| end.send(()));
    }
}

#[expect(clippy::disallowed_methods, reason = "the engine of a test lives in our time")]
fn clock() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
