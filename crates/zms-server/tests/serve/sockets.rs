//! Sockets: what is served where, and how it ends.

use std::{net::IpAddr, os::unix::fs::PermissionsExt, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};
use zms_server::{Limits, serve::Listen};

use crate::running::{Running, Way, read, within};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: zms.test\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn it_answers_on_each_of_its_sockets() {
    let running = Running::with(Limits::default()).await;
    assert!(running.ask(HEALTH).await.ends_with("\r\n\r\nok\n"));
    let mut stream = running.connect_unix().await;
    stream.write_all(HEALTH).await.unwrap();
    assert!(read(&mut stream).await.ends_with("\r\n\r\nok\n"));
    let mode = std::fs::metadata(&running.unix).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn it_ends_when_told_and_takes_its_socket_along() {
    let running = Running::with(Limits::default()).await;
    let (tcp, unix) = (running.tcp, running.unix.clone());
    let mut idle = running.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: zms.test\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    running.end().await;
    assert!(read(&mut idle).await.ends_with("ok\n"), "an idle connection is closed in order");
    assert!(TcpStream::connect(tcp).await.is_err());
    assert!(!unix.exists());
}

#[tokio::test]
async fn who_hangs_on_is_cut_off_after_a_while() {
    let limits = Limits { grace: Duration::from_millis(200), ..Limits::default() };
    let running = Running::with(limits).await;
    let mut slow = running.connect().await;
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: ").await.unwrap();
    sleep(Duration::from_millis(50)).await;
    running.end().await;
}

/// An address of this machine that others reach it by, where it has one. Nothing is sent.
fn own_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback())
}

#[tokio::test]
async fn attack_one_address_leaves_room_for_others() {
    let Some(address) = own_address() else { return };
    let limits = Limits { connections_per_address: 2, ..Limits::default() };
    let listen = Some("0.0.0.0:0".parse().unwrap());
    let running = Running::so(limits, Way { listen, ..Way::default() }).await;
    let there = (address, running.tcp.port());
    let mut held =
        [TcpStream::connect(there).await.unwrap(), TcpStream::connect(there).await.unwrap()];
    let mut more = TcpStream::connect(there).await.unwrap();
    let end = within(more.read(&mut [0; 1])).await;
    assert_eq!(end.unwrap_or(0), 0, "one too many");
    for stream in &mut held {
        stream.write_all(HEALTH).await.unwrap();
        assert!(read(stream).await.ends_with("ok\n"));
    }
    let mut again = TcpStream::connect(there).await.unwrap();
    again.write_all(HEALTH).await.unwrap();
    assert!(read(&mut again).await.ends_with("ok\n"), "those who left make room");
    let here = ("127.0.0.1", running.tcp.port());
    for _ in 0..4 {
        let mut stream = TcpStream::connect(here).await.unwrap();
        stream.write_all(HEALTH).await.unwrap();
        assert!(read(&mut stream).await.ends_with("ok\n"));
    }
}

#[tokio::test]
async fn a_socket_is_taken_over_from_the_dead_and_from_nobody_else() {
    let running = Running::with(Limits::default()).await;
    assert!(Listen::Unix(running.unix.clone()).bind().await.is_err());
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("zms.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(Listen::Unix(path.clone()).bind().await.is_ok());
    let file = folder.path().join("file");
    std::fs::write(&file, "kept").unwrap();
    assert!(Listen::Unix(file.clone()).bind().await.is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
}

#[test]
fn an_address_has_a_port_or_is_a_path() {
    for good in ["127.0.0.1:3030", "[::1]:3030", "localhost:3030", "0.0.0.0:443", "unix:/run/zms"] {
        assert!(good.parse::<Listen>().is_ok(), "{good}");
    }
    for bad in ["", "3030", "127.0.0.1", "example.com:3030", "unix:zms", "::1:3030:x"] {
        assert!(bad.parse::<Listen>().is_err(), "{bad}");
    }
}
