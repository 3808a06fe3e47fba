//! Writers of both kinds at two servers over one database, of which one is killed meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    opening::start,
    postgres,
    scratch::{Go, Scratch},
    server::{Server, client, init},
};

const DATA: &str = "secret/data/default/development";
/// Long enough on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many writes of each server are acknowledged before one is killed, and how many after.
const ENOUGH: usize = 12;

/// Status and JSON of a whole answer; `None` where none came, so that nobody knows what was done.
pub fn ask(
    socket: &Path,
    token: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Option<(u16, Value)> {
    let mut stream = UnixStream::connect(socket).ok()?;
    let length = body.len();
    write!(
        stream,
        "{method} /v1/{path} HTTP/1.1\r\nhost: localhost\r\nx-vault-token: {token}\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    match status {
        204 => Some((status, Value::Null)),
        _ => Some((status, serde_json::from_str(body).ok()?)),
    }
}

/// What all writers know together.
#[derive(Default)]
struct Story {
    /// Names that were written, each with the version that the writer was told.
    acknowledged: Mutex<Vec<(String, u64)>>,
    /// Names of which nobody knows.
    doubtful: Mutex<BTreeSet<String>>,
    /// How many writes each server has acknowledged.
    counts: [AtomicUsize; 2],
    killed: AtomicBool,
}

impl Story {
    fn note(&self, server: usize, name: String, version: u64) {
        self.acknowledged.lock().unwrap().push((name, version));
        self.counts[server].fetch_add(1, Ordering::SeqCst);
    }

    fn doubt(&self, name: String) {
        self.doubtful.lock().unwrap().insert(name);
    }

    fn wait(&self, server: usize, count: usize) {
        let begun = Instant::now();
        while self.counts[server].load(Ordering::SeqCst) < count {
            assert!(begun.elapsed() < PATIENCE, "server {server} acknowledges nothing");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Where a writer goes on: at its own server as long as that is there.
    fn place(&self, own: usize) -> usize {
        if self.killed.load(Ordering::SeqCst) { 1 } else { own }
    }
}

/// Reads, adds one to `n` and a name of its own, and writes with check-and-set, again and again.
fn write_as_vault_client(
    story: &Story,
    sockets: &[PathBuf; 2],
    token: &str,
    who: usize,
    end: &AtomicBool,
) {
    for number in 0.. {
        if end.load(Ordering::SeqCst) {
            return;
        }
        let at = story.place(who % 2);
        let Some((200, answer)) = ask(&sockets[at], token, "GET", DATA, "") else { continue };
        let mut data = answer["data"]["data"].clone();
        let count: u64 = data["n"].as_str().unwrap().parse().unwrap();
        let name = format!("V{who}_{number}");
        data["n"] = json!((count + 1).to_string());
        data[&name] = json!(name);
        let seen = &answer["data"]["metadata"]["version"];
        let body = json!({ "data": data, "options": { "cas": seen } }).to_string();
        match ask(&sockets[at], token, "POST", DATA, &body) {
            Some((200, told)) => story.note(at, name, told["data"]["version"].as_u64().unwrap()),
            // Somebody was faster, or the server says that nothing was done.
            Some((400 | 503, _)) => {}
            Some(other) => panic!("{other:?}"),
            None => story.doubt(name),
        }
    }
}

/// Sets a name of its own, as `zms` does, again and again.
fn write_as_zms(
    story: &Story,
    scratch: &Scratch,
    addresses: &[String; 2],
    who: usize,
    end: &AtomicBool,
) {
    for number in 0.. {
        if end.load(Ordering::SeqCst) {
            return;
        }
        let at = story.place(who % 2);
        let name = format!("Z{who}_{number}");
        let words = ["set", &name, "--json"];
        let ran = client(scratch, &addresses[at], &words).feed(name.as_bytes());
        match ran.code() {
            0 => {
                let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
                story.note(at, name, told["revision"].as_u64().unwrap());
            }
            _ => story.doubt(name),
        }
    }
}

#[test]
fn a_replica_killed_among_writers_of_both_kinds_loses_no_update() {
    let scratch = Scratch::empty();
    let database = postgres::Server::shared();
    let url = database.url(&database.new_database());
    let over = |name| {
        let (mut command, socket) = start(&scratch, name, &["--rate-token", "0"]);
        command.env("ZMS_DATABASE", &url);
        Server::of(command, socket)
    };
    let servers = [over("first"), over("second")];
    init(&scratch, &servers[0]);
    let sockets = servers.each_ref().map(|server| server.socket().to_owned());
    let addresses = servers.each_ref().map(Server::address);
    let make = ["token", "create", "writer", "--write"];
    let token = client(&scratch, &addresses[0], &make).go().good();
    let token = String::from_utf8(token).unwrap().trim().to_owned();
    let call = |method, path: &str, body| ask(&sockets[1], &token, method, path, body).unwrap();
    assert_eq!(call("POST", DATA, r#"{"data":{"n":"0"}}"#).0, 200);
    let all = r#"{"max_versions":100000}"#;
    assert_eq!(call("POST", &DATA.replace("data", "metadata"), all).0, 204);
    let (story, end) = (Story::default(), AtomicBool::new(false));
    let [first, second] = servers;
    thread::scope(|scope| {
        let (story, end, sockets, addresses) = (&story, &end, &sockets, &addresses);
        let (scratch, token) = (&scratch, token.as_str());
        for who in 0..4 {
            scope.spawn(move || write_as_vault_client(story, sockets, token, who, end));
        }
        for who in 0..2 {
            scope.spawn(move || write_as_zms(story, scratch, addresses, who, end));
        }
        story.wait(0, ENOUGH);
        story.wait(1, ENOUGH);
        first.kill();
        story.killed.store(true, Ordering::SeqCst);
        story.wait(1, story.counts[1].load(Ordering::SeqCst) + ENOUGH);
        end.store(true, Ordering::SeqCst);
    });
    let data = call("GET", DATA, "").1["data"]["data"].take();
    let acknowledged = story.acknowledged.into_inner().unwrap();
    let doubtful = story.doubtful.into_inner().unwrap();
    let held: BTreeSet<&str> = data.as_object().unwrap().keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = acknowledged.iter().map(|(name, _)| name.as_str()).collect();
    for name in &known {
        assert!(held.contains(name), "{name} was acknowledged and is lost");
        assert_eq!(data[*name], **name);
    }
    for name in held.difference(&known).filter(|name| **name != "n") {
        assert!(doubtful.contains(*name), "{name} was refused and is there");
    }
    let counted = held.iter().filter(|name| name.starts_with('V')).count();
    assert_eq!(data["n"], counted.to_string(), "each write of a Vault client counts, and once");
    let versions: BTreeMap<u64, &str> =
        acknowledged.iter().map(|(name, version)| (*version, name.as_str())).collect();
    assert_eq!(versions.len(), acknowledged.len(), "no version was given twice");
    for (version, name) in &versions {
        let (status, answer) = call("GET", &format!("{DATA}?version={version}"), "");
        assert_eq!((status, &answer["data"]["data"][*name]), (200, &json!(name)), "{version}");
    }
    client(&scratch, &second.address(), &["audit", "verify"]).go().good();
    let (kept, unknown) = (acknowledged.len(), doubtful.len());
    println!("{kept} acknowledged writes are there, {unknown} were cut off");
}
