//! Load for an engine that runs elsewhere, and a bare handler to hold it against. bench/serve calls it.
//!
//! ```text
//! load bare ADDRESS BYTES             serves so many bytes at /, and nothing else
//! load ask ADDRESS CONNECTIONS SECONDS [TLS]   asks with the requests of stdin, one after another
//! ```
//!
//! Stdin of `ask` is JSON: a list of requests in Base64, as they are to be sent. Each connection sends
//! them in turn and reads each answer whole. Printed is JSON: answers by status, bytes, and percentiles
//! of the time to an answer in microseconds.
#![expect(clippy::print_stdout, reason = "what was measured is what it prints")]
#![expect(clippy::unwrap_used, reason = "what can not be measured ends the run")]

#[path = "../tests/serve/any.rs"]
mod any;

use std::{collections::BTreeMap, env, io::Read, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Bytes, routing::get};
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};
use tokio_rustls::TlsConnector;

/// What one connection saw.
#[derive(Default)]
struct Seen {
    statuses: BTreeMap<u16, u64>,
    bytes: u64,
    micros: Vec<u32>,
}

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match words[..] {
        ["bare", address, bytes] => runtime.block_on(bare(address, bytes.parse().unwrap())),
        ["ask", address, connections, seconds, ref tls @ ..] => {
            let seconds = Duration::from_secs(seconds.parse().unwrap());
            runtime.block_on(ask(
                address.parse().unwrap(),
                connections.parse().unwrap(),
                seconds,
                !tls.is_empty(),
            ));
        }
        _ => panic!("load bare ADDRESS BYTES | load ask ADDRESS CONNECTIONS SECONDS [TLS]"),
    }
}

async fn bare(address: &str, bytes: usize) {
    let body = Bytes::from(vec![b'x'; bytes]);
    let router = Router::new().route("/", get(async move || body.clone()));
    let listener = TcpListener::bind(address).await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

async fn ask(address: SocketAddr, connections: usize, time: Duration, tls: bool) {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let requests: Vec<String> = serde_json::from_str(&text).unwrap();
    let requests: Vec<Vec<u8>> =
        requests.iter().map(|request| STANDARD.decode(request).unwrap()).collect();
    let requests = Arc::new(requests);
    let begun = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|at| {
            let requests = Arc::clone(&requests);
            tokio::spawn(async move {
                let stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                if tls {
                    let name = ServerName::from(address.ip());
                    let stream = TlsConnector::from(Arc::new(any::config()))
                        .connect(name, stream)
                        .await
                        .unwrap();
                    one(stream, &requests, at, begun + time).await
                } else {
                    one(stream, &requests, at, begun + time).await
                }
            })
        })
        .collect();
    let mut all = Seen::default();
    for task in tasks {
        let seen = task.await.unwrap();
        for (status, count) in seen.statuses {
            *all.statuses.entry(status).or_default() += count;
        }
        all.bytes += seen.bytes;
        all.micros.extend(seen.micros);
    }
    let took = begun.elapsed().as_secs_f64();
    all.micros.sort_unstable();
    let at = |share: f64| {
        let place = (all.micros.len() as f64 * share) as usize;
        all.micros.get(place.min(all.micros.len().saturating_sub(1))).copied().unwrap_or(0)
    };
    println!(
        "{}",
        serde_json::json!({
            "seconds": took, "statuses": all.statuses, "bytes": all.bytes,
            "p50": at(0.5), "p99": at(0.99), "answers": all.micros.len(),
        })
    );
}

/// Sends requests in turn until the time is over.
async fn one(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    requests: &[Vec<u8>],
    mut at: usize,
    over: Instant,
) -> Seen {
    let (mut seen, mut buffer) = (Seen::default(), Vec::new());
    while Instant::now() < over {
        let begun = Instant::now();
        stream.write_all(&requests[at % requests.len()]).await.unwrap();
        at += 1;
        let (status, length) = answer(&mut stream, &mut buffer).await;
        *seen.statuses.entry(status).or_default() += 1;
        seen.bytes += length as u64;
        seen.micros.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    seen
}

/// Reads one answer: its status, and how long its body was.
async fn answer(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> (u16, usize) {
    buffer.clear();
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
            let status: u16 = head[9..12].parse().unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |text| text.trim().parse().unwrap());
            while buffer.len() < end + 4 + length {
                assert_ne!(stream.read_buf(buffer).await.unwrap(), 0, "the connection was closed");
            }
            return (status, length);
        }
        assert_ne!(stream.read_buf(buffer).await.unwrap(), 0, "the connection was closed");
    }
}
