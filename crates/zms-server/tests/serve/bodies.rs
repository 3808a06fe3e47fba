//! Bodies over sockets: of whom they are read, for how long, and how many at once.

use std::time::Duration;

use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, sleep},
};
use zms_core::{
    engine::{CONTENT_DIGEST, SIGNATURE, SIGNATURE_INPUT, path::VAULTS, register_key},
    principal::{Kind, Principal},
    request::{Asked, sign},
};
use zms_crypto::{Key, text::encode_seed};
use zms_server::Limits;

use crate::{
    hostile::status,
    running::{Running, SECRET, now, read},
};

const DATA: &str = "/v1/secret/data/app";
const LOGIN: &str = "/v1/auth/approle/login";

fn soon() -> Limits {
    Limits { body_time: Duration::from_millis(500), ..Limits::default() }
}

/// Begins a request whose body is said to have so many bytes, and sends some of it.
async fn begun(running: &Running, at: &str, more: &str, length: usize, sent: &[u8]) -> TcpStream {
    let mut stream = running.connect().await;
    let head = format!(
        "POST {at} HTTP/1.1\r\nhost: zms.test\r\nconnection: close\r\n{more}\
         content-length: {length}\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), sent].concat()).await.unwrap();
    stream
}

/// What such a request is answered, and soon.
async fn answered(running: &Running, at: &str, more: &str, length: usize) -> String {
    let start = Instant::now();
    let answer = read(&mut begun(running, at, more, length, b"{").await).await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}: {answer}", start.elapsed());
    answer
}

fn with(token: &str) -> String {
    format!("x-vault-token: {token}\r\n")
}

/// A token of nobody, which could be one.
fn made_up() -> String {
    let nobody = Principal::from_seed(Kind::Service, Key::from_bytes(&[7; 32]));
    // EXPOSE: a token of this test.
    encode_seed(nobody.kind().into(), nobody.seed()).expose().clone()
}

#[tokio::test]
async fn attack_a_body_of_a_stranger_is_not_read() {
    // Nobody waits for a body that is not read.
    let running = Running::opening(Limits { body_time: Duration::from_secs(600), ..soon() }).await;
    let denied = "{\"errors\":[\"permission denied\"]}\n";
    for token in [String::new(), with("nonsense"), with(&made_up())] {
        let answer = answered(&running, DATA, &token, 8_000_000).await;
        assert_eq!(status(&answer), "403", "{answer}");
        assert!(answer.ends_with(denied), "{answer}");
    }
    let twice = with(&running.token).repeat(2);
    assert_eq!(status(&answered(&running, DATA, &twice, 8_000_000).await), "400");
    for at in [LOGIN, "/v1/sys/wrapping/unwrap", "/v1/sys/unseal"] {
        assert_eq!(status(&answered(&running, at, "", 8_000_000).await), "413", "{at}");
    }
    for length in [9 << 20, 999_999_999_999] {
        let answer = answered(&running, DATA, &with(&running.token), length).await;
        assert_eq!(status(&answer), "413", "{answer}");
        assert!(answer.contains("{\"errors\":["), "{answer}");
    }
}

#[tokio::test]
async fn attack_a_body_that_does_not_come() {
    let running = Running::opening(soon()).await;
    let good = with(&running.token);
    for (at, token) in [(DATA, &good), (DATA, &with(&made_up())), (LOGIN, &String::new())] {
        let answer = answered(&running, at, token, 10_000).await;
        assert_eq!(status(&answer), "408", "{at}: {answer}");
        assert!(answer.contains("{\"errors\":["), "{answer}");
    }
    // A byte now and then does not help.
    let (mut stream, start) = (begun(&running, DATA, &good, 10_000, b"").await, Instant::now());
    for _ in 0..100 {
        sleep(Duration::from_millis(20)).await;
        if stream.write_all(b"{").await.is_err() {
            break;
        }
    }
    assert_eq!(status(&read(&mut stream).await), "408");
    assert!(start.elapsed() < Duration::from_secs(10));
    let body = b"{\"data\":{\"A\":\"1\"}}";
    let answer = read(&mut begun(&running, DATA, &good, body.len(), body).await).await;
    assert_eq!(status(&answer), "200", "{answer}");
}

#[tokio::test]
async fn attack_more_bodies_than_there_is_room_for() {
    let limits = Limits { bodies: 64 << 10, body_time: Duration::from_secs(4), ..soon() };
    let running = Running::opening(limits).await;
    let good = with(&running.token);
    let mut held = begun(&running, DATA, &good, 64 << 10, b"{").await;
    sleep(Duration::from_millis(500)).await;
    let answer = answered(&running, DATA, &good, 8 << 10).await;
    assert_eq!(status(&answer), "503", "{answer}");
    assert!(answer.contains("retry-after: 1") && answer.contains("{\"errors\":["), "{answer}");
    assert_eq!(status(&read(&mut held).await), "408");
    let answer = answered(&running, DATA, &good, 8 << 10).await;
    assert_eq!(status(&answer), "408", "there is room again: {answer}");
}

/// The head of an authentic request to make a vault, whose body is another.
fn signed(body: &[u8], nonce: u8) -> String {
    let who = Principal::from_seed(Kind::Administrator, Key::from_bytes(&[7; 32]));
    let asked = Asked { method: "POST", authority: "zms.test", path: VAULTS, query: "?" };
    let headers = sign(&register_key(SECRET), who.id(), &asked, body, now(), [nonce; 16]);
    [
        ("content-type", "application/cbor"),
        (CONTENT_DIGEST, &headers.content_digest),
        (SIGNATURE_INPUT, &headers.signature_input),
        (SIGNATURE, &headers.signature),
    ]
    .map(|(name, value)| format!("{name}: {value}\r\n"))
    .concat()
}

#[tokio::test]
async fn attack_bodies_of_who_is_known_to_an_engine() {
    let limits = Limits { commit: 1 << 20, bodies: 1 << 20, ..soon() };
    for running in [Running::with(limits.clone()).await, Running::opening(limits).await] {
        let answer = answered(&running, VAULTS, &signed(b"x", 1), 10_000).await;
        assert_eq!(status(&answer), "408", "{answer}");
        let answer = answered(&running, VAULTS, &signed(b"x", 2), (1 << 20) + 1).await;
        assert_eq!(status(&answer), "413", "{answer}");
        let mut held = begun(&running, VAULTS, &signed(b"x", 3), 1 << 20, b"").await;
        sleep(Duration::from_millis(100)).await;
        let answer = answered(&running, VAULTS, &signed(b"x", 4), 10_000).await;
        assert_eq!(status(&answer), "503", "{answer}");
        assert!(answer.contains("\"busy\"") && answer.contains("retry-after: 1"), "{answer}");
        assert_eq!(status(&read(&mut held).await), "408");
        let answer = read(&mut begun(&running, VAULTS, &signed(b"x", 5), 1, b"y").await).await;
        assert_eq!(status(&answer), "401", "another body than was signed: {answer}");
    }
}
