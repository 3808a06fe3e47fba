//! A real engine on a socket of its own, for one user.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::oneshot};
use zms_core::engine::register_key;
use zms_crypto::Key;
use zms_server::{
    Engine, Limits, Names, Register, Setup, router,
    serve::{Listen, serve},
    vaults::Folder,
};

/// What allows to make vaults there.
pub const SECRET: &str = "the secret of the tests";

/// Runs every engine of the tests.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// An engine for one user, until it is dropped.
pub struct Server {
    /// Its socket, and the folder of its vaults.
    pub folder: TempDir,
    end: Option<oneshot::Sender<()>>,
}

impl Server {
    /// Starts one that is called `localhost`, and so besides.
    pub fn start(names: &[String]) -> Self {
        let folder = TempDir::new().unwrap();
        let vaults = folder.path().join("vaults");
        fs::create_dir(&vaults).unwrap();
        let engine = Engine::new(Setup {
            vaults: Arc::new(Folder::new(vaults)),
            names: Names::new(names.iter().cloned().chain(["localhost".to_owned()])),
            register: Register::Secret(register_key(SECRET)),
            limits: Limits { per_principal: 0, per_address: 0, failures: 0, ..Limits::default() },
            clock,
            blind: Key::from_bytes(&[9; 32]),
        });
        let listen = Listen::Unix(folder.path().join("zms.sock"));
        let listener = RUNTIME.block_on(listen.bind()).unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let routes = router(&engine);
        RUNTIME.spawn(serve(engine, routes, vec![listener], None, async {
            let _dropped = ended.await;
        }));
        Self { folder, end: Some(end) }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("zms.sock")
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
