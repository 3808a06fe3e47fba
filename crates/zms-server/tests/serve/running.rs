//! An engine that serves, until it is dropped.

use std::{future::Future, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use zms_crypto::Key;
use zms_server::{
    Engine, Limits, Names, Register, Setup, router,
    serve::{Listen, serve, tls::Tls},
    vaults::OneFile,
};

pub struct Running {
    pub tcp: SocketAddr,
    pub unix: PathBuf,
    end: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    _folder: TempDir,
}

impl Running {
    /// One without a vault, which is called `zms.test`.
    pub async fn with(limits: Limits) -> Self {
        Self::secure(limits, None).await
    }

    /// The same, with TLS.
    pub async fn secure(limits: Limits, tls: Option<Arc<Tls>>) -> Self {
        let folder = TempDir::new().unwrap();
        let engine = Engine::new(Setup {
            vaults: Arc::new(OneFile::new(folder.path().join("zms.db"))),
            names: Names::new(["zms.test".to_owned()]),
            register: Register::Nobody,
            limits,
            clock: || 1_800_000_000,
            blind: Key::from_bytes(&[0; 32]),
        });
        let unix = folder.path().join("zms.sock");
        let loopback: Listen = "127.0.0.1:0".parse().unwrap();
        let listeners =
            vec![loopback.bind().await.unwrap(), Listen::Unix(unix.clone()).bind().await.unwrap()];
        let Listen::Tcp(tcp) = listeners[0].listen().unwrap() else { panic!("it is TCP") };
        let (end, ended) = oneshot::channel::<()>();
        let serving = serve(Arc::clone(&engine), router(&engine), listeners, tls, async {
            let _ = ended.await;
        });
        let task = tokio::spawn(serving);
        Self { tcp, unix, end: Some(end), task, _folder: folder }
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
        within(self.task).await.unwrap();
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
