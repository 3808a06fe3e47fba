//! A server says that it is ready while it can read and write, and only then.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use super::disk_full::Small;
use crate::{
    scratch::{Go, Scratch, files_in},
    server::{Server, client, init},
};

/// Long enough on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// Status and body of `/readyz`.
fn ready(server: &Server) -> (u16, String) {
    let mut stream = UnixStream::connect(server.socket()).unwrap();
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Waits until it says so.
#[track_caller]
fn becomes(server: &Server, status: u16) {
    let begun = Instant::now();
    loop {
        let (said, body) = ready(server);
        if said == status {
            // Nobody is told more of it than that.
            assert!(body == "ok\n" || body.contains("\"unavailable\""), "{body}");
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{said} {body}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// The only database of a server.
fn database(scratch: &Scratch) -> PathBuf {
    let files = files_in(&scratch.folder().join("data")).into_iter().map(|(path, _)| path);
    let mut files = files.filter(|path| path.extension().is_some_and(|it| it == "db"));
    files.next().unwrap()
}

/// A server whose data are on a small file system.
fn on(small: &Small) -> Server {
    let scratch = &small.scratch;
    let data = scratch.home().join("data").display().to_string();
    scratch.other(["mkdir", "-p", "-m", "700", &data]).go().good();
    let socket = scratch.folder().join("zms.sock");
    let listen = format!("unix:{}", socket.display());
    Server::of(scratch.zms(["start", "--json", "--data", &data, "--listen", &listen]), socket)
}

#[test]
fn on_a_full_disk_a_server_is_not_ready_until_there_is_room() {
    let small = Small::new("4M");
    let server = on(&small);
    becomes(&server, 200);
    init(&small.scratch, &server);
    for _ in 0..2 {
        small.fill(0);
        becomes(&server, 503);
        let address = server.address();
        assert_ne!(client(&small.scratch, &address, &["set", "A"]).feed(b"1\n").code(), 0);
        small.free();
        becomes(&server, 200);
        client(&small.scratch, &address, &["set", "A"]).feed(b"1\n").good();
    }
}

#[test]
fn where_nothing_can_be_written_a_server_is_not_ready() {
    let small = Small::new("4M");
    let server = on(&small);
    becomes(&server, 200);
    let data = small.scratch.home().join("data").display().to_string();
    let mount = |words: &[&str]| small.scratch.other(words).go().good();
    // What it holds open keeps the file system itself from it.
    mount(&["mount", "--bind", &data, &data]);
    mount(&["mount", "-o", "remount,bind,ro", &data]);
    becomes(&server, 503);
    mount(&["umount", &data]);
    becomes(&server, 200);
}

#[test]
fn while_somebody_holds_its_vault_or_that_is_damaged_a_server_is_not_ready() {
    let scratch = Scratch::empty();
    let server = Server::start(&scratch, &[]);
    init(&scratch, &server);
    becomes(&server, 200);
    let path = database(&scratch);
    let holder = rusqlite::Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    becomes(&server, 503);
    holder.execute_batch("COMMIT").unwrap();
    drop(holder);
    becomes(&server, 200);
    let (aside, noise) = (scratch.folder().join("aside"), scratch.folder().join("noise"));
    fs::write(&noise, b"no database".repeat(5000)).unwrap();
    fs::rename(&path, &aside).unwrap();
    fs::rename(&noise, &path).unwrap();
    becomes(&server, 503);
    // One that is damaged does not turn away who comes for another one.
    fs::rename(&path, scratch.folder().join(format!("data/{}.db", "0".repeat(32)))).unwrap();
    fs::rename(&aside, &path).unwrap();
    becomes(&server, 200);
    assert_eq!(client(&scratch, &server.address(), &["ls"]).go().code(), 0);
}

/// However often it is asked, it looks and writes now and then, and leaves nothing.
#[test]
fn attack_whoever_asks_all_the_time_whether_it_is_ready_wears_out_no_disk() {
    let scratch = Scratch::empty();
    let server = Server::start(&scratch, &["--rate-address", "0"]);
    becomes(&server, 200);
    let written = || -> u64 {
        let counts = fs::read_to_string(format!("/proc/{}/io", server.id())).unwrap();
        let line = counts.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap();
        line.parse().unwrap()
    };
    let (before, begun, mut asked) = (written(), Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(4) {
        assert_eq!(ready(&server).0, 200);
        asked += 1;
    }
    let most = 3 * 64 * 1024 + asked * 1024;
    assert!(asked > 200 && written() - before < most, "{asked}: {}", written() - before);
    let left = files_in(&scratch.folder().join("data"));
    assert!(left.iter().all(|(path, _)| !path.ends_with("zms.room")), "{left:?}");
}
