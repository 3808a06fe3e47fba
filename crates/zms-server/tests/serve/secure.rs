//! TLS: what is negotiated, and a certificate that is replaced while it is used.

use std::{path::Path, sync::Arc, time::Duration};

use axum::body::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, StatusCode, Version,
    client::conn::http2::{SendRequest, handshake},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use zms_server::{Limits, Names, serve::tls::Tls};

use crate::{
    any,
    running::{Running, read, within},
};

async fn connect(running: &Running, alpn: &[u8]) -> TlsStream<TcpStream> {
    let mut config = any::config();
    config.alpn_protocols = vec![alpn.to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("zms.test").unwrap();
    within(connector.connect(name, running.connect().await)).await.unwrap()
}

/// The certificate that a new connection is shown.
async fn shown(running: &Running) -> Vec<u8> {
    let stream = connect(running, b"http/1.1").await;
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

/// Puts a new certificate into a folder, and gives it.
fn put(folder: &Path) -> Vec<u8> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["zms.test".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(folder.join("key.pem"), mode).unwrap();
    std::fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    certificate.der().to_vec()
}

async fn serving(folder: &Path, limits: Limits) -> Running {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let names = Names::new(["zms.test".to_owned()]);
    let tls = Tls::from_files(certificate, key, names, 1_800_000_000).unwrap();
    Running::secure(limits, Some(Arc::new(tls))).await
}

const HEALTH: &[u8] = b"GET /openapi.json HTTP/1.1\r\nhost: zms.test\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_certificate_that_is_replaced_is_used_once_it_is_good() {
    let folder = TempDir::new().unwrap();
    let first = put(folder.path());
    let running = serving(folder.path(), Limits::default()).await;
    assert_eq!(shown(&running).await, first);
    std::fs::write(folder.path().join("cert.pem"), "broken").unwrap();
    sleep(Duration::from_millis(5500)).await;
    assert_eq!(shown(&running).await, first, "the old one stays");
    let second = put(folder.path());
    for _ in 0..60 {
        if shown(&running).await == second {
            return;
        }
        sleep(Duration::from_millis(500)).await;
    }
    panic!("the new certificate is not used");
}

#[tokio::test]
async fn both_versions_of_http_are_spoken_as_agreed() {
    let folder = TempDir::new().unwrap();
    put(folder.path());
    let running = serving(folder.path(), Limits::default()).await;
    let mut stream = connect(&running, b"http/1.1").await;
    stream.write_all(HEALTH).await.unwrap();
    assert!(read(&mut stream).await.starts_with("HTTP/1.1 200"));
    let mut stream = connect(&running, b"h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    // RFC 9113 section 3.4: both sides begin with their settings.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frame = [0; 9];
    within(stream.read_exact(&mut frame)).await.unwrap();
    assert_eq!(frame[3], 4, "{frame:?}");
}

/// A client of HTTP/2, and what becomes of its connection.
async fn http2(running: &Running) -> (SendRequest<Empty<Bytes>>, JoinHandle<hyper::Result<()>>) {
    let stream = TokioIo::new(connect(running, b"h2").await);
    let (client, connection) = handshake(TokioExecutor::new(), stream).await.unwrap();
    (client, tokio::spawn(connection))
}

fn request(at: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("https://zms.test{at}")).body(Empty::new()).unwrap()
}

#[tokio::test]
async fn requests_are_answered_over_http_2() {
    let folder = TempDir::new().unwrap();
    put(folder.path());
    let running = serving(folder.path(), Limits::default()).await;
    let (mut client, _connection) = http2(&running).await;
    let one = client.send_request(request("/openapi.json"));
    let other = client.send_request(request("/v1/vaults/-/bundle"));
    let answer = within(one).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_2));
    let body = within(answer.into_body().collect()).await.unwrap().to_bytes();
    assert!(body.starts_with(b"{") && body.len() > 1 << 13, "{}", body.len());
    assert_eq!(within(other).await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn attack_a_connection_of_http_2_on_which_nothing_goes_on() {
    let folder = TempDir::new().unwrap();
    put(folder.path());
    let limits = Limits { header_time: Duration::from_millis(500), ..Limits::default() };
    let running = serving(folder.path(), limits).await;
    let (mut client, connection) = http2(&running).await;
    for _ in 0..8 {
        sleep(Duration::from_millis(200)).await;
        let answer = within(client.send_request(request("/healthz"))).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "who asks now and then is kept");
    }
    assert!(!connection.is_finished());
    let start = Instant::now();
    let _ended = within(connection).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    // Nor is one kept that says nothing, and does not go when it is told.
    let mut silent = connect(&running, b"h2").await;
    silent.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut bytes = Vec::new();
    let (start, _end) = (Instant::now(), within(silent.read_to_end(&mut bytes)).await);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn attack_who_does_not_speak_tls() {
    let folder = TempDir::new().unwrap();
    put(folder.path());
    let time = Duration::from_millis(300);
    let limits = Limits { handshake_time: time, ..Limits::default() };
    let running = serving(folder.path(), limits).await;
    assert!(!running.ask(HEALTH).await.contains("HTTP/1.1"));
    let mut silent = running.connect().await;
    assert_eq!(within(silent.read(&mut [0; 1])).await.unwrap_or(0), 0);
    // The unix socket is for this machine alone, and in the clear.
    let mut stream = running.connect_unix().await;
    stream.write_all(HEALTH).await.unwrap();
    assert!(read(&mut stream).await.starts_with("HTTP/1.1 200"));
}
