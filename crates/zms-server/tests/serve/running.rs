//! An engine that serves, until it is dropped.

use std::{
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rand_core::UnwrapErr;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use zms_client::Session;
use zms_core::{
    engine::register_key,
    id::VaultId,
    principal::{Kind, Principal},
};
use zms_crypto::{CryptoRng, Key, text::encode_seed};
use zms_server::{
    Engine, Limits, Names, Register, Setup,
    gateway::{Gateway, Hosts, Members},
    router, router_with,
    serve::{Listen, serve, tls::Tls},
    vaults::OneFile,
};
use zms_store_sqlite::SqliteStore;

pub struct Running {
    pub tcp: SocketAddr,
    pub unix: PathBuf,
    /// The owner's token, where there is a vault.
    pub token: String,
    end: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<()>>,
    _folder: TempDir,
}

/// How an engine is run.
#[derive(Default)]
pub struct Way {
    pub tls: Option<Arc<Tls>>,
    /// Whether there is a gateway, over a vault.
    pub opens: bool,
    /// Where it listens, if not on loopback.
    pub listen: Option<Listen>,
}

/// What vaults are made with.
pub const SECRET: &str = "a registration secret";

/// Unix seconds.
pub fn now() -> u64 {
    1_800_000_000
}

pub fn entropy() -> Box<dyn CryptoRng + Send> {
    Box::new(UnwrapErr(getrandom::SysRng))
}

/// A vault in a file, and its owner's token.
fn vault(file: &Path) -> String {
    let owner = Principal::from_seed(Kind::Administrator, Key::generate(&mut *entropy()));
    let store = SqliteStore::create(file).unwrap();
    let mut session = Session::forgetful(Box::new(store), owner.duplicate(), now, entropy());
    session.init(VaultId::generate(&mut *entropy()), Vec::new()).unwrap();
    // EXPOSE: a token of this test.
    encode_seed(owner.kind().into(), owner.seed()).expose().clone()
}

impl Running {
    /// One without a vault, which is called `zms.test`, and by its address.
    pub async fn with(limits: Limits) -> Self {
        Self::so(limits, Way::default()).await
    }

    /// The same, with TLS.
    pub async fn secure(limits: Limits, tls: Option<Arc<Tls>>) -> Self {
        Self::so(limits, Way { tls, ..Way::default() }).await
    }

    /// One with a vault and a gateway.
    pub async fn opening(limits: Limits) -> Self {
        Self::so(limits, Way { opens: true, ..Way::default() }).await
    }

    /// Any.
    pub async fn so(limits: Limits, way: Way) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("zms.db");
        let token = if way.opens { vault(&file) } else { String::new() };
        let vaults = Arc::new(OneFile::new(file));
        let unix = folder.path().join("zms.sock");
        let listen = way.listen.unwrap_or_else(|| "127.0.0.1:0".parse().unwrap());
        let listeners =
            vec![listen.bind().await.unwrap(), Listen::Unix(unix.clone()).bind().await.unwrap()];
        let Listen::Tcp(tcp) = listeners[0].listen().unwrap() else { panic!("it is TCP") };
        let engine = Engine::new(Setup {
            vaults: Arc::<OneFile>::clone(&vaults),
            names: Names::new(["zms.test".to_owned(), tcp.to_string()]),
            register: Register::Secret(register_key(SECRET)),
            limits,
            clock: now,
            blind: Key::from_bytes(&[0; 32]),
        });
        let gateway = || Gateway {
            origin: Arc::new(Members::new(vaults)),
            hosts: Hosts::new(["zms.test".to_owned()]),
            pins: None,
            clock: now,
            entropy,
            proven: Arc::default(),
        };
        let router = match way.opens {
            true => router_with(&engine, Arc::new(gateway())),
            false => router(&engine),
        };
        let (end, ended) = oneshot::channel::<()>();
        let serving = serve(Arc::clone(&engine), router, listeners, way.tls, async {
            let _ = ended.await;
        });
        let task = tokio::spawn(serving);
        Self { tcp, unix, token, end: Some(end), task, _folder: folder }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.tcp).await.unwrap()
    }

    pub async fn connect_unix(&self) -> UnixStream {
        UnixStream::connect(&self.unix).await.unwrap()
    }

    /// Sends bytes over a new connection, and gives all that comes until it is closed.
    pub async fn ask(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // Who is refused in the middle may find the connection closed.
        let _ = stream.write_all(bytes).await;
        read(&mut stream).await
    }

    /// Tells it to end, and waits until it has.
    pub async fn end(mut self) {
        self.end.take().map(|end| end.send(()));
        within(self.task).await.unwrap().unwrap();
    }
}

/// All that comes until the connection is closed.
pub async fn read(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    let mut bytes = Vec::new();
    let read = within(stream.read_to_end(&mut bytes)).await;
    assert!(read.is_ok() || !bytes.is_empty(), "{read:?}");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What is never far off.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), work).await.expect("it took too long")
}
