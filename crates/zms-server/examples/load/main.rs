//! Load for an engine that runs elsewhere, and a bare handler to hold it against. bench/serve and
//! bench/postgres call it.
//!
//! ```text
//! load bare ADDRESS BYTES                 serves so many bytes at /, and nothing else
//! load commits AUTHORITY VAULTS SCOPES COUNT
//!                                         makes requests that make vaults, read and change them, for
//!                                         each scope of them; stdin is the registration secret
//! load ask ADDRESS SECONDS [TLS]          asks with the requests of stdin, one after another
//! ```
//!
//! Stdin of `ask` is JSON: of each connection `reads` and `writes`, lists of requests in Base64 as they
//! are to be sent, and after how many reads one write comes, `each`. A connection sends reads in turn,
//! each write once, and reads each answer whole; what is answered 503 it sends again. It ends when the
//! time is over or it has no more writes. Printed is JSON: answers by status, bytes, and percentiles of
//! the time to an answer in microseconds.
#![expect(clippy::print_stdout, reason = "what was measured is what it prints")]
#![expect(clippy::disallowed_methods, reason = "a benchmark owns its clock and its entropy")]
#![expect(clippy::unwrap_used, reason = "what can not be measured ends the run")]

#[path = "../../tests/serve/any.rs"]
mod any;
mod commits;

use std::{collections::BTreeMap, env, io::Read, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Bytes, routing::get};
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::pki_types::ServerName;
use serde_json::Value;
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
        ["commits", authority, ref counts @ ..] => {
            let counts: Vec<u32> = counts.iter().map(|count| count.parse().unwrap()).collect();
            let [vaults, scopes, count] = counts[..] else { panic!("VAULTS SCOPES COUNT") };
            let secret = stdin();
            println!("{}", commits::prepared(authority, secret.trim_end(), vaults, scopes, count));
        }
        ["ask", address, seconds, ref tls @ ..] => {
            let seconds = Duration::from_secs(seconds.parse().unwrap());
            let turns = Turns::all(&stdin());
            runtime.block_on(ask(address.parse().unwrap(), turns, seconds, !tls.is_empty()));
        }
        _ => panic!(
            "load bare ADDRESS BYTES | load commits AUTHORITY VAULTS SCOPES COUNT | load ask ..."
        ),
    }
}

async fn bare(address: &str, bytes: usize) {
    let body = Bytes::from(vec![b'x'; bytes]);
    let router = Router::new().route("/", get(async move || body.clone()));
    let listener = TcpListener::bind(address).await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

fn stdin() -> String {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    text
}

/// What one connection sends.
struct Turns {
    reads: Vec<Vec<u8>>,
    writes: Vec<Vec<u8>>,
    /// So many reads for each write; without writes there is no end of them.
    each: Option<usize>,
}

impl Turns {
    fn all(text: &str) -> Vec<Self> {
        let requests = |value: &Value| -> Vec<Vec<u8>> {
            let texts = value.as_array().into_iter().flatten();
            texts.map(|text| STANDARD.decode(text.as_str().unwrap()).unwrap()).collect()
        };
        let all: Vec<Value> = serde_json::from_str(text).unwrap();
        let turns = all.iter().map(|turns| Self {
            reads: requests(&turns["reads"]),
            writes: requests(&turns["writes"]),
            each: turns["each"].as_u64().map(|each| each as usize),
        });
        turns.collect()
    }

    /// The requests of the connection with this number, in their order.
    fn requests(&self, number: usize) -> impl Iterator<Item = &[u8]> {
        let mut reads = self.reads.iter().cycle().skip(number % self.reads.len().max(1));
        let mut writes = self.writes.iter();
        // Not all write in the same moment.
        let mut left = self.each.map(|each| number % (each + 1));
        std::iter::from_fn(move || {
            let request = if left == Some(0) { writes.next() } else { reads.next() };
            left = left.map(|left| left.checked_sub(1).unwrap_or(self.each.unwrap_or(0)));
            request.map(Vec::as_slice)
        })
    }
}

async fn ask(address: SocketAddr, turns: Vec<Turns>, time: Duration, tls: bool) {
    let begun = Instant::now();
    let tasks: Vec<_> = turns
        .into_iter()
        .enumerate()
        .map(|(number, turns)| {
            tokio::spawn(async move {
                let stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (requests, over) = (turns.requests(number), begun + time);
                if tls {
                    let name = ServerName::from(address.ip());
                    let connector = TlsConnector::from(Arc::new(any::config()));
                    one(connector.connect(name, stream).await.unwrap(), requests, over).await
                } else {
                    one(stream, requests, over).await
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

/// Sends requests until there is none left or the time is over.
async fn one(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    requests: impl Iterator<Item = &[u8]>,
    over: Instant,
) -> Seen {
    let (mut seen, mut buffer) = (Seen::default(), Vec::new());
    for request in requests {
        let begun = Instant::now();
        if begun >= over {
            break;
        }
        loop {
            stream.write_all(request).await.unwrap();
            let (status, length) = answer(&mut stream, &mut buffer).await;
            *seen.statuses.entry(status).or_default() += 1;
            seen.bytes += length as u64;
            if status != 503 {
                break;
            }
        }
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
            if head.contains("\r\ntransfer-encoding: chunked") {
                // One answer at a time: nothing comes behind the last chunk.
                while !buffer.ends_with(b"\r\n0\r\n\r\n") {
                    assert_ne!(
                        stream.read_buf(buffer).await.unwrap(),
                        0,
                        "the connection was closed"
                    );
                }
                return (status, buffer.len() - end - 4);
            }
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
