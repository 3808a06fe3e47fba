//! Where an engine listens.
#![expect(clippy::disallowed_methods, reason = "this file owns unix sockets that it made")]

use std::{
    fmt, fs, io,
    net::{self, IpAddr, SocketAddr},
    os::unix::{
        self,
        fs::{FileTypeExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    str::FromStr,
};

use tokio::net::{TcpListener, UnixListener, UnixStream};

/// An address or a path to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// `ADDRESS:PORT`.
    Tcp(SocketAddr),
    /// `unix:PATH`.
    Unix(PathBuf),
}

/// Why nothing listens there.
#[derive(Debug, thiserror::Error)]
#[error("{listen} can not be listened on")]
pub struct ListenError {
    /// Where.
    pub listen: Listen,
    /// Why.
    pub source: io::Error,
}

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() {
                Ok(Self::Unix(path))
            } else {
                Err("a socket's path begins with /")
            };
        }
        let text = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        };
        text.parse()
            .map(Self::Tcp)
            .map_err(|_| "is none of 127.0.0.1:3030, [::1]:3030 and unix:/PATH")
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listen {
    /// Whether only this machine can come there.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn bind(&self) -> Result<Listener, ListenError> {
        let bound = match self {
            Self::Tcp(address) => TcpListener::bind(address).await.map(Listener::Tcp),
            Self::Unix(path) => bind_unix(path).await,
        };
        bound.map_err(|source| ListenError { listen: self.clone(), source })
    }
}

/// A socket that only its owner may use. One that nobody listens on any more is replaced.
async fn bind_unix(path: &Path) -> io::Result<Listener> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
        && UnixStream::connect(path)
            .await
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    // Until here, who could reach it was let in by the folder alone: nothing is served yet.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(Listener::Unix(listener, Some(Made(path.to_owned()))))
}

/// A socket's path, removed when nobody listens there any more.
pub struct Made(PathBuf);

impl Drop for Made {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A socket that is listened on.
pub enum Listener {
    /// TCP, as it is.
    Tcp(TcpListener),
    /// A unix socket; its path where it was made here.
    Unix(UnixListener, Option<Made>),
}

/// A connection, and where it comes from.
pub(super) enum Accepted {
    Tcp(net::TcpStream, IpAddr),
    Unix(unix::net::UnixStream),
}

impl Listener {
    /// The address, as the system gives it: with the port that it chose, where it was to choose.
    ///
    /// # Errors
    /// Where the system does not know.
    pub fn listen(&self) -> io::Result<Listen> {
        Ok(match self {
            Self::Tcp(listener) => Listen::Tcp(listener.local_addr()?),
            Self::Unix(listener, _) => {
                let address = listener.local_addr()?;
                Listen::Unix(address.as_pathname().unwrap_or(Path::new("")).to_owned())
            }
        })
    }

    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Accepted::Tcp(stream.into_std()?, address.ip().to_canonical()))
            }
            Self::Unix(listener, _) => Ok(Accepted::Unix(listener.accept().await?.0.into_std()?)),
        }
    }
}
