//! The service manager: sockets that it made, and what it is told. Every call does nothing where
//! there is none.

use std::{io, net, os::unix};

use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio::net::{TcpListener, UnixListener};

use super::listen::Listener;

/// Sockets that the service manager hands over; none where it has none.
///
/// # Errors
/// Where one of them is none that can be listened on.
pub fn inherited() -> io::Result<Vec<Listener>> {
    let mut given = ListenFd::from_env();
    (0..given.len()).map(|at| listener(&mut given, at)).collect()
}

fn listener(given: &mut ListenFd, at: usize) -> io::Result<Listener> {
    if let Ok(Some(tcp)) = given.take_tcp_listener(at) {
        let tcp: net::TcpListener = tcp;
        tcp.set_nonblocking(true)?;
        return Ok(Listener::Tcp(TcpListener::from_std(tcp)?));
    }
    let unix: Option<unix::net::UnixListener> = given.take_unix_listener(at)?;
    let unix = unix.ok_or(io::ErrorKind::InvalidInput)?;
    unix.set_nonblocking(true)?;
    Ok(Listener::Unix(UnixListener::from_std(unix)?, None))
}

/// Says that requests are answered from now on.
pub fn ready() {
    tell(NotifyState::Ready);
}

/// Says that the end has begun.
pub fn stopping() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager was told nothing");
    }
}
