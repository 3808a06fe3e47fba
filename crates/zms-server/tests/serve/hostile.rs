//! HTTP that no honest client sends. Each is refused, soon, and without an echo.

use std::time::Duration;

use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep},
};
use zms_server::Limits;

use crate::running::{Running, read};

fn soon() -> Limits {
    let time = Duration::from_millis(300);
    Limits { header_time: time, body_time: time, ..Limits::default() }
}

/// The status of an answer.
fn status(answer: &str) -> &str {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("none")
}

async fn refused(request: &str, expected: &str) {
    let running = Running::with(soon()).await;
    let answer = running.ask(request.as_bytes()).await;
    assert_eq!(status(&answer), expected, "{request:?} -> {answer:?}");
    assert!(!answer.contains("kanarie"), "{answer}");
    // Nothing behind it was taken for a request.
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

/// A request that another is hidden in, for who reads its frame in another way.
fn hiding(frame: &str) -> String {
    format!(
        "POST /v1/vaults HTTP/1.1\r\nhost: zms.test\r\n{frame}\r\n\r\n0\r\n\r\n\
         GET /healthz?kanarie HTTP/1.1\r\nhost: zms.test\r\n\r\n"
    )
}

#[tokio::test]
async fn attack_two_lengths() {
    refused(&hiding("content-length: 5\r\ntransfer-encoding: chunked"), "411").await;
    refused(&hiding("transfer-encoding: chunked\r\ncontent-length: 5"), "411").await;
    refused(&hiding("content-length: 5\r\ncontent-length: 6"), "400").await;
    refused(&hiding("content-length: 5, 5"), "400").await;
    refused(&hiding("content-length: +5"), "400").await;
    refused(&hiding("transfer-encoding: chunked, identity"), "400").await;
    refused(&hiding("transfer-encoding: xchunked"), "400").await;
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
    let running = Running::with(soon()).await;
    assert_eq!(running.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, "");
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
    let running = Running::with(soon()).await;
    let target = format!("GET /{long} HTTP/1.1\r\nhost: zms.test\r\n\r\n");
    let answer = running.ask(target.as_bytes()).await;
    assert!(matches!(status(&answer), "414" | "431"), "{answer}");
}

#[tokio::test]
async fn attack_a_body_without_end() {
    let running = Running::with(soon()).await;
    let mut stream = running.connect().await;
    let head = "POST /v1/vaults HTTP/1.1\r\nhost: zms.test\r\ncontent-type: application/cbor\r\n\
                content-length: 999999999999\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // A stranger is refused before anything of it is read.
    assert_eq!(status(&read(&mut stream).await), "401");
}

#[tokio::test]
async fn attack_who_is_slow() {
    let running = Running::with(soon()).await;
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
    let running = Running::with(limits).await;
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
        let request = format!(
            "GET /openapi.json HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nconnection: close\r\n\r\n"
        );
        refused(&request, "421").await;
    }
    for request in [
        "GET http://zms.test/openapi.json HTTP/1.1\r\nhost: zms.test\r\nconnection: close\r\n\r\n",
        "GET /openapi.json HTTP/1.1\r\nhost: zms.test\r\nhost: zms.test\r\nconnection: close\r\n\r\n",
    ] {
        refused(request, "400").await;
    }
}
