//! HTTP that no honest client sends. Each is refused, soon, and without an echo.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    time::{Instant, sleep},
};
use zms_server::Limits;

use crate::running::{Running, read, within};

fn soon() -> Limits {
    let time = Duration::from_millis(300);
    Limits { header_time: time, body_time: time, ..Limits::default() }
}

/// The status of an answer.
pub fn status(answer: &str) -> &str {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("none")
}

/// An engine alone, and one with a gateway.
async fn both(limits: Limits) -> [Running; 2] {
    [Running::with(limits.clone()).await, Running::opening(limits).await]
}

async fn refused(request: &str, expected: &str) {
    for running in both(soon()).await {
        let answer = running.ask(request.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{request:?} -> {answer:?}");
        assert!(!answer.contains("kanarie"), "{answer}");
        // Nothing behind it was taken for a request.
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
}

/// A request that another is hidden in, for who reads its frame in another way.
fn hiding(frame: &str, at: &str) -> String {
    format!(
        "POST {at} HTTP/1.1\r\nhost: zms.test\r\n{frame}\r\n\r\n0\r\n\r\n\
         GET /healthz?kanarie HTTP/1.1\r\nhost: zms.test\r\n\r\n"
    )
}

#[tokio::test]
async fn attack_two_lengths() {
    for at in ["/v1/vaults", "/v1/secret/data/app", "/v1/auth/approle/login"] {
        for (frame, status) in [
            ("content-length: 5\r\ntransfer-encoding: chunked", "411"),
            ("transfer-encoding: chunked\r\ncontent-length: 5", "411"),
            ("content-length: 5\r\ncontent-length: 6", "400"),
            ("content-length: 5, 5", "400"),
            ("content-length: +5", "400"),
            ("transfer-encoding: chunked, identity", "400"),
            ("transfer-encoding: xchunked", "400"),
        ] {
            refused(&hiding(frame, at), status).await;
        }
    }
}

#[tokio::test]
async fn attack_headers_in_another_spelling() {
    for bad in [
        "GET /healthz HTTP/1.1\r\nhost: zms.test\r\nx: a\r\n kanarie\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost : zms.test\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: zms.test\r\nx: kanarie\0\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: zms.test\r\nx kanarie\r\n\r\n",
        "GET /healthz\tkanarie HTTP/1.1\r\nhost: zms.test\r\n\r\n",
        "GET /health\u{7f}z HTTP/1.1\r\nhost: zms.test\r\n\r\n",
        "kanarie\r\n\r\n",
        "GET /healthz HTTP/9.9\r\nhost: zms.test\r\n\r\n",
    ] {
        refused(bad, "400").await;
    }
    // Without TLS there is no HTTP/2.
    for running in both(soon()).await {
        assert_eq!(running.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, "");
    }
    let no_host = "GET /metrics HTTP/1.1\r\nconnection: close\r\n\r\n";
    refused(no_host, "400").await;
}

#[tokio::test]
async fn attack_headers_without_end() {
    let long = "a".repeat(1 << 20);
    let one = format!("GET /healthz HTTP/1.1\r\nhost: zms.test\r\nx: {long}\r\n\r\n");
    refused(&one, "431").await;
    let many = "x: y\r\n".repeat(1000);
    refused(&format!("GET /healthz HTTP/1.1\r\nhost: zms.test\r\n{many}\r\n"), "431").await;
    let running = Running::opening(soon()).await;
    let target = format!("GET /{long} HTTP/1.1\r\nhost: zms.test\r\n\r\n");
    let answer = running.ask(target.as_bytes()).await;
    assert!(matches!(status(&answer), "414" | "431"), "{answer}");
}

#[tokio::test]
async fn attack_a_body_without_end() {
    for running in both(soon()).await {
        let mut stream = running.connect().await;
        let head = "POST /v1/vaults HTTP/1.1\r\nhost: zms.test\r\ncontent-type: application/cbor\r\n\
                    content-length: 999999999999\r\nconnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        // A stranger is refused before anything of it is read.
        assert_eq!(status(&read(&mut stream).await), "401");
    }
}

#[tokio::test]
async fn attack_who_is_slow() {
    for running in both(soon()).await {
        slow(&running).await;
    }
}

async fn slow(running: &Running) {
    for begun in ["", "GET /hea", "GET /healthz HTTP/1.1\r\nhost: zms.test\r\nx: "] {
        let (mut stream, start) = (running.connect().await, Instant::now());
        stream.write_all(begun.as_bytes()).await.unwrap();
        let answer = read(&mut stream).await;
        assert!(matches!(status(&answer), "none" | "408"), "{answer}");
        assert!(start.elapsed() < Duration::from_secs(5), "{begun:?}");
    }
    // A byte now and then does not help.
    let (mut stream, start) = (running.connect().await, Instant::now());
    for byte in b"GET /healthz HTTP/1.1\r\nhost: zms.test\r\nx: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
        sleep(Duration::from_millis(20)).await;
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
    }
    read(&mut stream).await;
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn attack_more_connections_than_there_is_room_for() {
    let limits = Limits { connections: 4, ..soon() };
    let running = Running::opening(limits).await;
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(running.connect().await);
    }
    // Those that say nothing are closed, and whoever comes after them is served.
    let health = b"GET /healthz HTTP/1.1\r\nhost: zms.test\r\nconnection: close\r\n\r\n";
    assert_eq!(status(&running.ask(health).await), "200");
}

#[tokio::test]
async fn attack_a_name_that_is_bound_again() {
    for host in ["evil.example.com", "127.0.0.1:3030", "zms.test:1", "zms.test@evil.example.com"] {
        for at in ["/openapi.json", "/v1/secret/data/app"] {
            let request = format!(
                "GET {at} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nconnection: close\r\n\r\n"
            );
            refused(&request, "421").await;
        }
    }
    for request in [
        "GET http://zms.test/openapi.json HTTP/1.1\r\nhost: zms.test\r\nconnection: close\r\n\r\n",
        "GET /openapi.json HTTP/1.1\r\nhost: zms.test\r\nhost: zms.test\r\nconnection: close\r\n\r\n",
    ] {
        refused(request, "400").await;
    }
}

/// Who asks much at once and reads nothing of it is not kept.
#[tokio::test]
async fn attack_who_does_not_listen() {
    let time = Duration::from_millis(300);
    for running in both(Limits { write_time: time, per_address: 0, ..Limits::default() }).await {
        let mut stream = running.connect().await;
        let many = "GET /openapi.json HTTP/1.1\r\nhost: zms.test\r\n\r\n".repeat(1000);
        stream.write_all(many.as_bytes()).await.unwrap();
        sleep(Duration::from_secs(3)).await;
        // What was on its way is all that comes.
        let mut bytes = Vec::new();
        let _reset = within(stream.read_to_end(&mut bytes)).await;
        let answers = String::from_utf8_lossy(&bytes).matches("HTTP/1.1 200").count();
        assert!((1..1000).contains(&answers), "{answers}");
    }
}

/// Who takes a little now and then is not kept either.
#[tokio::test]
async fn attack_who_listens_slowly() {
    let time = Duration::from_millis(1500);
    for running in both(Limits { write_time: time, per_address: 0, ..Limits::default() }).await {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(running.tcp).await.unwrap();
        let many = "GET /openapi.json HTTP/1.1\r\nhost: zms.test\r\n\r\n".repeat(1000);
        stream.write_all(many.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        for _ in 0..110 {
            sleep(Duration::from_millis(50)).await;
            let mut some = [0; 384];
            let taken = stream.read(&mut some).await.unwrap_or(0);
            bytes.extend_from_slice(&some[..taken]);
        }
        let _reset = within(stream.read_to_end(&mut bytes)).await;
        let answers = String::from_utf8_lossy(&bytes).matches("HTTP/1.1 200").count();
        assert!((1..1000).contains(&answers), "{answers}");
    }
}

#[tokio::test]
async fn attack_half_a_request_does_not_hold_up_the_end() {
    let grace = Duration::from_secs(600);
    for running in both(Limits { grace, ..soon() }).await {
        let mut stream = running.connect().await;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: zms").await.unwrap();
        // It has come by then.
        sleep(Duration::from_millis(50)).await;
        running.end().await;
        assert_eq!(read(&mut stream).await, "");
    }
}
