//! A server as a process: how it begins, what it refuses, and what is left when it is killed.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixDatagram, UnixStream},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    scratch::{Go, Scratch},
    tools::ZMS,
};

/// Long enough on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, killed when it is dropped.
pub struct Server {
    child: Child,
    /// What it says of itself.
    pub said: Value,
    socket: PathBuf,
}

/// The command that serves `data` on a socket beside it.
fn start(scratch: &Scratch, options: &[&str]) -> Command {
    let data = scratch.folder().join("data");
    if !data.exists() {
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let socket = format!("unix:{}", scratch.folder().join("zms.sock").display());
    let data = data.display().to_string();
    let mut command = scratch.zms(["start", "--json", "--data", &data, "--listen", &socket]);
    command.args(options);
    command
}

impl Server {
    /// Of the folder `data`, on a socket beside it.
    pub fn start(scratch: &Scratch, options: &[&str]) -> Self {
        Self::of(start(scratch, options), scratch.folder().join("zms.sock"))
    }

    /// Waits until it says that it serves.
    pub fn of(mut command: Command, socket: PathBuf) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.ends_with("\n}\n") {
            assert_ne!(out.read_line(&mut said).unwrap(), 0, "it ended: {said}");
        }
        thread::spawn(move || out.read_to_end(&mut Vec::new()));
        let said = serde_json::from_str(&said).unwrap();
        Self { child, said, socket }
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The same, for clients.
    pub fn address(&self) -> String {
        format!("unix:{}", self.socket.display())
    }

    fn code(&self) -> String {
        self.said["setup_code"].as_str().expect("there is no vault yet").to_owned()
    }

    /// How it ended, once it has.
    pub fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// A command of a client.
pub fn client(scratch: &Scratch, address: &str, words: &[&str]) -> Command {
    let mut command = scratch.zms(words.iter().copied());
    command.env("ZMS_SERVER", address);
    command
}

/// A vault on a server.
pub fn init(scratch: &Scratch, server: &Server) {
    let mut command = client(scratch, &server.address(), &["init"]);
    command.env("ZMS_REGISTRATION", server.code()).go().good();
}

#[test]
fn a_server_serves_until_it_is_told_to_end() {
    let scratch = Scratch::empty();
    let mut server = Server::start(&scratch, &[]);
    init(&scratch, &server);
    let address = server.address();
    client(&scratch, &address, &["set", "KEY"]).feed(b"value\n").good();
    assert_eq!(client(&scratch, &address, &["get", "KEY"]).go().good(), b"value");
    let data = scratch.folder().join("data").display().to_string();
    let shown = scratch.json(&["stop", "--data", &data, "--dry-run"]);
    assert_eq!(shown["server"]["pid"], server.child.id());
    assert_eq!(shown["server"]["listen"][0], address);
    let second = start(&scratch, &[]).go();
    assert!(second.code() == 1 && second.stderr.contains("runs already"), "{}", second.stderr);
    scratch.zms(["stop", "--data", &data]).go().good();
    assert!(server.ended().success());
    assert!(!server.socket.exists());
    let gone = client(&scratch, &address, &["get", "KEY"]).go();
    assert_eq!(gone.code(), 1, "{}", gone.stderr);
    // What is there is served again, and nobody is given a code any more.
    let server = Server::start(&scratch, &[]);
    assert_eq!(server.said["setup_code"], Value::Null);
    assert_eq!(client(&scratch, &address, &["get", "KEY"]).go().good(), b"value");
}

#[test]
fn kill_9_under_load_loses_nothing_that_was_acknowledged() {
    let scratch = Scratch::empty();
    let server = Server::start(&scratch, &["--rate-token", "0"]);
    init(&scratch, &server);
    let address = server.address();
    let (rounds, writers) = (2, 3);
    let acknowledged = Mutex::new(Vec::new());
    let mut server = Some(server);
    for round in 0..rounds {
        let (end, done) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            for writer in 0..writers {
                let (scratch, address, end, done, acknowledged) =
                    (&scratch, &address, &end, &done, &acknowledged);
                scope.spawn(move || {
                    for number in 0.. {
                        if end.load(Ordering::SeqCst) {
                            break;
                        }
                        let name = format!("K_{round}_{writer}_{number}");
                        let value = format!("value of {name}");
                        let ran = client(scratch, address, &["set", &name])
                            .feed(format!("{value}\n").as_bytes());
                        if ran.code() == 0 {
                            acknowledged.lock().unwrap().push((name, value));
                            done.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
            let begun = Instant::now();
            while done.load(Ordering::SeqCst) < 6 && begun.elapsed() < PATIENCE {
                thread::sleep(Duration::from_millis(5));
            }
            server.take().unwrap().kill();
            end.store(true, Ordering::SeqCst);
        });
        server = Some(Server::start(&scratch, &["--rate-token", "0"]));
    }
    let export = client(&scratch, &address, &["export", "--format", "json"]).go().good();
    let held: Value = serde_json::from_slice(&export).unwrap();
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() >= 6 * rounds, "{}", acknowledged.len());
    for (name, value) in &acknowledged {
        assert_eq!(held[name], *value, "{name} was acknowledged and is lost");
    }
    client(&scratch, &address, &["audit", "verify"]).go().good();
    println!("{} acknowledged writes are there", acknowledged.len());
}

#[test]
fn a_certificate_of_its_own_is_known_by_the_fingerprint_in_the_address() {
    let scratch = Scratch::empty();
    let options = ["--listen", "127.0.0.1:0", "--tls-self-signed"];
    let server = Server::start(&scratch, &options);
    let address = server.said["addresses"][0].as_str().unwrap().to_owned();
    let print = server.said["fingerprint"].as_str().unwrap().to_owned();
    assert!(address.starts_with("https://127.0.0.1:") && address.ends_with(&print), "{address}");
    let mut init = client(&scratch, &address, &["init"]);
    init.env("ZMS_REGISTRATION", server.code()).go().good();
    client(&scratch, &address, &["set", "KEY"]).feed(b"value\n").good();
    let other = address.replace(&print, &"0".repeat(64));
    let refused = client(&scratch, &other, &["get", "KEY"]).go();
    assert!(refused.code() == 1 && refused.stderr.contains("fingerprint"), "{}", refused.stderr);
    let kept = scratch.folder().join("data/zms.tls.pem");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    server.kill();
    assert_eq!(Server::start(&scratch, &options).said["fingerprint"], print);
    fs::write(&kept, "broken").unwrap();
    let refused = start(&scratch, &options).go();
    assert!(refused.code() == 1 && refused.stderr.contains("no certificate"), "{}", refused.stderr);
}

#[test]
fn a_wrong_database_is_refused_before_anything_listens() {
    let scratch = Scratch::vault();
    let database = scratch.home().join("zms.db");
    let serve = || scratch.zms(["start", "--listen", "127.0.0.1:0"]).go();
    let newer = scratch.other([
        "python3".as_ref(),
        "-c".as_ref(),
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA user_version = 999')"
            .as_ref(),
        database.as_os_str(),
    ]);
    let mut newer = newer;
    newer.go().good();
    let refused = serve();
    assert!(refused.code() == 1 && refused.stderr.contains("newer version"), "{}", refused.stderr);
    fs::write(&database, b"no database".repeat(100)).unwrap();
    let refused = serve();
    assert!(refused.code() == 6 && refused.stderr.contains("damaged"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("serving"), "{}", refused.stderr);
}

#[test]
fn the_service_manager_is_told_and_hands_over_its_socket() {
    let scratch = Scratch::empty();
    let told = UnixDatagram::bind(scratch.folder().join("notify")).unwrap();
    told.set_read_timeout(Some(PATIENCE)).unwrap();
    let socket = scratch.folder().join("zms.sock");
    let mut command = scratch.other([
        "systemd-socket-activate",
        "--listen",
        &socket.display().to_string(),
        "--setenv=ZMS_HOME",
        "--setenv=HOME",
        "--setenv=NOTIFY_SOCKET",
        ZMS,
        "start",
    ]);
    command.env("NOTIFY_SOCKET", scratch.folder().join("notify")).stdin(Stdio::null());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let mut stream = loop {
        match UnixStream::connect(&socket) {
            Ok(stream) => break stream,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
        }
        thread::sleep(Duration::from_millis(10));
    };
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut message = [0; 256];
    let length = told.recv(&mut message).unwrap();
    assert_eq!(&message[..length], b"READY=1\n");
    scratch.zms(["stop"]).go().good();
    let length = told.recv(&mut message).unwrap();
    assert_eq!(&message[..length], b"STOPPING=1\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_log_tells_of_requests_and_of_nothing_that_they_carried() {
    let scratch = Scratch::empty();
    let log = scratch.folder().join("log");
    let mut command = start(&scratch, &["--log-format", "json", "--log-level", "debug"]);
    command.stderr(fs::File::create(&log).unwrap());
    let server = Server::of(command, scratch.folder().join("zms.sock"));
    init(&scratch, &server);
    let (address, code) = (server.address(), server.code());
    client(&scratch, &address, &["set", "KANARIE_NAME"]).feed(b"kanarie-value\n").good();
    let made = client(&scratch, &address, &["token", "create", "kanarie-token"]).go().good();
    let token = String::from_utf8(made).unwrap();
    let mut run = client(&scratch, &address, &["run", "--", "true"]);
    run.env("ZMS_TOKEN", token.trim()).go().good();
    let mut stream = UnixStream::connect(&server.socket).unwrap();
    stream
        .write_all(b"GET /kanarie?kanarie=1 HTTP/1.1\r\nhost: localhost\r\nx-kanarie: kanarie\r\nconnection: close\r\n\r\n")
        .unwrap();
    stream.read_to_string(&mut String::new()).unwrap();
    server.kill();
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let routes: Vec<&str> = lines.iter().filter_map(|line| line["route"].as_str()).collect();
    assert!(routes.contains(&"/v1/vaults/{vault}/bundle") && routes.contains(&"none"), "{text}");
    assert!(lines.iter().all(|line| line["level"].is_string() && line["timestamp"].is_string()));
    for word in ["anarie", token.trim(), &code, "hmac-sha256", "of=own"] {
        assert!(!text.contains(word), "{word} is in {text}");
    }
    assert_private(scratch.folder().join("data").as_path());
}

/// Nobody else can read what a server keeps.
fn assert_private(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o077;
        assert_eq!(mode, 0, "{}", entry.path().display());
    }
}
