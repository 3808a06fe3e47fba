//! A server that loses its way to the database: what it answers meanwhile is true and noted, the
//! rest is refused in time, and it goes on by itself.

#[path = "../../../zms-store-postgres/tests/postgres/space.rs"]
mod space;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use self::space::Space;
use crate::{
    postgres,
    scratch::{Go, Scratch},
    server::{Server, client, init},
};

/// No request waits longer for its answer: for a connection, and for two statements.
pub const BOUND: Duration = Duration::from_secs(15);
/// How long a server may go on saying that it is ready.
const READINESS: Duration = Duration::from_secs(4);
/// Until it works again.
pub const PATIENCE: Duration = Duration::from_secs(30);
const WRITERS: usize = 3;
const READERS: usize = 3;

/// What is asked for again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A secret, set at the gateway.
    Write,
    /// A secret, read at the gateway.
    Read,
    /// A bundle of ciphertext, fetched and opened by `zms get`.
    Bundle,
    /// Whether requests can be answered.
    Ready,
}

/// How it was answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// As it was wished.
    Given,
    /// Not now, and when to ask again.
    Later,
    /// In another way.
    Other(String),
}

/// A question with its answer.
#[derive(Debug)]
struct Asked {
    kind: Kind,
    name: String,
    answer: Answer,
    begun: Instant,
    ended: Instant,
}

/// All that was asked, by everybody.
#[derive(Default)]
struct Traffic {
    asked: Mutex<Vec<Asked>>,
    end: AtomicBool,
}

impl Traffic {
    /// Asks until it is told to end.
    fn go_on(&self, kind: Kind, ask: impl Fn(usize) -> (String, Answer)) {
        for number in 0.. {
            if self.end.load(Ordering::SeqCst) {
                return;
            }
            let begun = Instant::now();
            let (name, answer) = ask(number);
            let ended = Instant::now();
            self.asked.lock().unwrap().push(Asked { kind, name, answer, begun, ended });
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// How often something was answered as wished, after a moment.
    fn given(&self, kind: Kind, after: Instant) -> usize {
        let asked = self.asked.lock().unwrap();
        let given = |it: &&Asked| it.answer == Answer::Given && it.begun >= after;
        asked.iter().filter(|it| it.kind == kind).filter(given).count()
    }

    /// Waits until everything works.
    fn works(&self) {
        let begun = Instant::now();
        for kind in [Kind::Ready, Kind::Read, Kind::Write, Kind::Bundle] {
            while self.given(kind, begun) < 3 {
                assert!(begun.elapsed() < PATIENCE, "{kind:?} does not work");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// Asks over a socket, as anybody who holds a token may.
pub fn http(
    socket: &Path,
    method: &str,
    target: &str,
    token: &str,
    body: &str,
) -> (Answer, String) {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: localhost\r\nx-zms-token: {token}\r\n\
         accept: text/plain\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let later = head.starts_with("HTTP/1.1 503 ") && head.contains("\r\nretry-after: ");
    let answer = match &head[..10] {
        "HTTP/1.1 2" => Answer::Given,
        _ if later => Answer::Later,
        _ => Answer::Other(head.to_owned()),
    };
    (answer, body.to_owned())
}

/// A new token, and the id of its holder.
pub fn token(scratch: &Scratch, address: &str, words: &[&str]) -> (String, String) {
    let words = [&["token", "create"], words, &["-e", "development", "--json"]].concat();
    let made = client(scratch, address, &words).go().good();
    let made: Value = serde_json::from_slice(&made).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("token"), text("id"))
}

/// A server of a database, in the network that commands are put into by a wrapper.
pub fn serve(
    scratch: &Scratch,
    called: &str,
    wrapper: &[&str],
    url: &str,
    options: &[&str],
) -> Server {
    let socket = scratch.folder().join(format!("{called}.sock"));
    let address = format!("unix:{}", socket.display());
    let words =
        ["start", "--json", "--listen", &address, "--rate-token", "0", "--rate-address", "0"];
    let mut command = scratch.under(wrapper, words);
    command.args(options);
    command.env("ZMS_HOME", scratch.folder().join(called)).env("ZMS_DATABASE", url);
    command.stderr(File::create(scratch.folder().join(format!("{called}.log"))).unwrap());
    Server::of(command, socket)
}

#[test]
fn a_server_that_is_cut_off_from_its_database_gives_out_nothing_unnoted_and_goes_on() {
    let space = Space::new();
    let database =
        postgres::Server::start(&[&format!("listen_addresses=127.0.0.1,{}", space.here())]);
    let scratch = Scratch::empty();
    let (here, port) = (space.here(), database.port());
    let url = format!("postgres://zms@{here}:{port}/postgres?sslmode=disable");
    let server = serve(&scratch, "far", &space.inside(), &url, &[]);
    init(&scratch, &server);
    let address = server.address();
    client(&scratch, &address, &["set", "KEY"]).feed(b"value\n").good();
    let (writer, _) = token(&scratch, &address, &["writer", "--write"]);
    let (reader, reader_id) = token(&scratch, &address, &["reader"]);
    let (holder, holder_id) = token(&scratch, &address, &["holder"]);
    let noted = |id: &str| -> usize {
        let read = format!("action = 1 AND outcome = 1 AND principal = decode('{id}', 'hex')");
        let count = database.sql("postgres", &format!("SELECT count(*) FROM audit WHERE {read}"));
        count.parse().unwrap()
    };

    let begun = Instant::now();
    let (socket, traffic) = (server.socket(), Traffic::default());
    let mut away = Vec::new();
    thread::scope(|scope| {
        for writer_number in 0..WRITERS {
            let (traffic, writer) = (&traffic, &writer);
            scope.spawn(move || {
                traffic.go_on(Kind::Write, |number| {
                    let name = format!("K_{writer_number}_{number}");
                    let target = format!("/v1/secrets/{name}");
                    let (answer, _) = http(socket, "PUT", &target, writer, &format!("of {name}"));
                    (name, answer)
                });
            });
        }
        for _ in 0..READERS {
            scope.spawn(|| {
                traffic.go_on(Kind::Read, |_| {
                    let (answer, body) = http(socket, "GET", "/v1/secrets/KEY", &reader, "");
                    assert!(answer != Answer::Given || body == "value", "{body}");
                    (String::new(), answer)
                });
            });
        }
        scope.spawn(|| {
            traffic.go_on(Kind::Bundle, |_| {
                let mut get = client(&scratch, &address, &["get", "KEY"]);
                let ran = get.env("ZMS_TOKEN", &holder).go();
                let answer = match (ran.code(), &ran.stdout[..]) {
                    (0, b"value") => Answer::Given,
                    (1 | 8, b"") => Answer::Later,
                    _ => Answer::Other(format!("{} {}", ran.code(), ran.stderr)),
                };
                (String::new(), answer)
            });
        });
        scope.spawn(|| {
            traffic
                .go_on(Kind::Ready, |_| (String::new(), http(socket, "GET", "/readyz", "", "").0));
        });
        traffic.works();
        for lose in [Space::silence, Space::cut] {
            lose(&space);
            let lost = Instant::now();
            thread::sleep(BOUND);
            let counts =
                [(Kind::Read, &reader_id), (Kind::Bundle, &holder_id)].map(|(kind, id)| {
                    let given = traffic.given(kind, begun);
                    (given, noted(id))
                });
            for (given, noted) in counts {
                assert!(noted >= given, "{given} were answered and {noted} noted");
            }
            away.push((lost, Instant::now()));
            space.mend();
            traffic.works();
        }
        traffic.end.store(true, Ordering::SeqCst);
    });

    let asked = traffic.asked.into_inner().unwrap();
    for it in &asked {
        assert!(it.ended - it.begun < BOUND, "{it:?} took {:?}", it.ended - it.begun);
        assert!(!matches!(it.answer, Answer::Other(_)), "{it:?}");
    }
    for (lost, mended) in &away {
        for kind in [Kind::Write, Kind::Read, Kind::Bundle, Kind::Ready] {
            // What was seen of the database before may be told a little longer.
            let from = *lost + if kind == Kind::Ready { READINESS } else { Duration::ZERO };
            let within = |it: &&Asked| it.kind == kind && it.begun >= from && it.ended <= *mended;
            let within: Vec<&Asked> = asked.iter().filter(within).collect();
            assert!(!within.is_empty(), "{kind:?}: nobody asked");
            for it in &within {
                assert_eq!(it.answer, Answer::Later, "{it:?}");
            }
            let took = within.iter().map(|it| it.ended - it.begun).max();
            println!("{kind:?}: {} refused, the slowest after {took:?}", within.len());
        }
    }
    // Another server, which was never cut off, shows what there is.
    let near = serve(&scratch, "near", &[], &database.url("postgres"), &[]);
    let export = client(&scratch, &near.address(), &["export", "--format", "json"]).go().good();
    let there: BTreeMap<String, String> = serde_json::from_slice(&export).unwrap();
    let given = |it: &&Asked| it.kind == Kind::Write && it.answer == Answer::Given;
    let mut kept = 0;
    for Asked { name, .. } in asked.iter().filter(given) {
        assert_eq!(there.get(name), Some(&format!("of {name}")), "{name} was set and is lost");
        kept += 1;
    }
    println!("{kept} writes that were acknowledged are there, of {} secrets", there.len());
    client(&scratch, &near.address(), &["audit", "verify"]).go().good();
}
