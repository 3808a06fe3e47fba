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
    mark::Mark,
    random::Random,
    replicas::ask,
    scratch::{Go, Scratch, copy_folder, files_in},
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
    start_under(scratch, &[], options)
}

/// The same behind another program.
fn start_under(scratch: &Scratch, wrapper: &[String], options: &[&str]) -> Command {
    let data = scratch.folder().join("data");
    if !data.exists() {
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let socket = format!("unix:{}", scratch.folder().join("zms.sock").display());
    let data = data.display().to_string();
    let words = ["start", "--json", "--data", &data, "--listen", &socket];
    let mut command = scratch.under(wrapper, words);
    command.args(options);
    command
}

impl Server {
    /// Of the folder `data`, on a socket beside it.
    pub fn start(scratch: &Scratch, options: &[&str]) -> Self {
        Self::of(start(scratch, options), scratch.folder().join("zms.sock"))
    }

    /// The same behind another program.
    pub fn start_under(scratch: &Scratch, wrapper: &[String], options: &[&str]) -> Self {
        let command = start_under(scratch, wrapper, options);
        Self::of(command, scratch.folder().join("zms.sock"))
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

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The code that makes a vault there.
    pub fn code(&self) -> String {
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

/// The log and every file of the data, by name.
fn kept(log: &Path, data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = files_in(data);
    files.push((log.to_owned(), fs::read(log).unwrap()));
    files
}

/// Where marks stand in the log and the data.
fn found<'m>(marks: &[&'m Mark], kept: &[(PathBuf, Vec<u8>)]) -> Vec<(&'m str, String)> {
    let in_file = |(path, content): &(PathBuf, Vec<u8>)| {
        let there = marks.iter().filter(|mark| mark.is_in(content));
        there.map(|mark| (mark.what, path.display().to_string())).collect::<Vec<_>>()
    };
    kept.iter().flat_map(in_file).collect()
}

/// In a copy of both, a mark that is planted in the log, in the database or in its WAL is found.
fn the_search_works(marks: &[&Mark], scratch: &Scratch, log: &Path, data: &Path) {
    let copy = scratch.folder().join("copy");
    copy_folder(data, &copy);
    let log_copy = scratch.folder().join("log-copy");
    let (database, _) = files_in(&copy)
        .into_iter()
        .find(|(path, _)| path.extension().is_some_and(|it| it == "db"))
        .unwrap();
    for mark in marks {
        fs::copy(log, &log_copy).unwrap();
        let mut line = fs::OpenOptions::new().append(true).open(&log_copy).unwrap();
        write!(line, "{{\"said\":\"{}\"}}", mark.plain).unwrap();
        let open = rusqlite::Connection::open(&database).unwrap();
        let plant = "CREATE TABLE planted (it TEXT); INSERT INTO planted VALUES (?1)";
        let (table, row) = plant.split_once("; ").unwrap();
        open.execute(table, ()).unwrap();
        open.execute(row, [&mark.plain]).unwrap();
        let places = found(&[mark], &kept(&log_copy, &copy));
        let names = |end: &str| places.iter().any(|(_, path)| path.ends_with(end));
        assert!(names("log-copy") && names(".db-wal"), "{}: {places:?}", mark.what);
        open.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let places = found(&[mark], &kept(&log_copy, &copy));
        assert!(places.iter().any(|(_, path)| path.ends_with(".db")), "{}", mark.what);
        let clean = "PRAGMA secure_delete = ON; DROP TABLE planted; VACUUM;
            PRAGMA wal_checkpoint(TRUNCATE)";
        open.execute_batch(clean).unwrap();
    }
}

#[test]
fn the_log_tells_of_requests_and_of_nothing_that_they_carried() {
    let scratch = Scratch::empty();
    let (log, data) = (scratch.folder().join("log"), scratch.folder().join("data"));
    let mut command = start(&scratch, &["--log-format", "json", "--log-level", "trace"]);
    command.stderr(fs::File::create(&log).unwrap());
    let server = Server::of(command, scratch.folder().join("zms.sock"));
    init(&scratch, &server);
    let (address, code) = (server.address(), server.code());
    let mut random = Random::new();
    let mut mark =
        |what, prefix: &str| Mark::new(what, format!("{prefix}{}", hex::encode(random.bytes(8))));
    let (value, written) = (mark("value", "kanarie-value-"), mark("written", "kanarie-write-"));
    let (name, field) = (mark("name", "KANARIE_"), mark("field", "KANARIES_"));
    let (project, label) = (mark("project", "kanarie-project-"), mark("label", "kanarie-token-"));
    let (asked, note) = (mark("request", "kanarie-asked-"), mark("note", "kanarie-note-"));
    let plain = [&value, &written, &name, &field, &project, &label, &asked, &note];
    the_search_works(&plain, &scratch, &log, &data);

    // Through the engine.
    let zms = |words: &[&str]| client(&scratch, &address, words);
    let at = ["-p", &project.plain, "-e", "qa"];
    zms(&["project", "create", &project.plain]).go().good();
    zms(&["env", "create", "qa", "-p", &project.plain]).go().good();
    let set = ["set", &name.plain, "--note", &note.plain];
    zms(&[&at[..], &set].concat()).feed(format!("{}\n", value.plain).as_bytes()).good();
    let made = [&at[..], &["token", "create", &label.plain, "--write"]].concat();
    let token = Mark::new("token", zms(&made).go().text().trim().to_owned());
    zms(&["run", "--", "true"]).env("ZMS_TOKEN", &token.plain).go().good();
    zms(&["search", "KANARIE"]).go().good();
    zms(&["token", "inspect", &label.plain]).go().good();

    // Through the gateway, by an owner of a token and by somebody with a wrong one.
    let socket = server.socket();
    let path = format!("secret/data/{}/qa", project.plain);
    let body = serde_json::json!({ "data": { &*field.plain: &*written.plain } }).to_string();
    let (status, _) = ask(socket, &token.plain, "PATCH", &path, &body).unwrap();
    assert!(matches!(status, 200 | 204 | 415), "{status}");
    let (status, answer) = ask(socket, &token.plain, "GET", &path, "").unwrap();
    let given = answer.to_string();
    assert!(status == 200 && value.is_in(given.as_bytes()), "{status} {given}");
    let body = serde_json::json!({
        "data": { &*name.plain: &*value.plain, &*field.plain: &*written.plain },
    });
    let (status, said) = ask(socket, &token.plain, "POST", &path, &body.to_string()).unwrap();
    assert_eq!(status, 200, "{said}");
    let wrong = Mark::new("wrong token", format!("{}qq", &token.plain[..token.plain.len() - 2]));
    let (status, _) = ask(socket, &wrong.plain, "GET", &path, "").unwrap();
    assert_eq!(status, 403);
    let missing = format!("secret/data/{}/{}", project.plain, asked.plain);
    let (status, _) = ask(socket, &token.plain, "GET", &missing, "").unwrap();
    assert!(matches!(status, 403 | 404), "{status}");
    let (status, _) = ask(socket, &token.plain, "GET", "auth/token/lookup-self", "").unwrap();
    assert_eq!(status, 200);

    // Where there is nothing, in a path, a query and a header.
    let mut stream = UnixStream::connect(socket).unwrap();
    let it = &asked.plain;
    write!(
        stream,
        "GET /{it}?{it}=1 HTTP/1.1\r\nhost: localhost\r\nx-{it}: {it}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    stream.read_to_string(&mut String::new()).unwrap();

    let marks = [&plain[..], &[&token, &wrong]].concat();
    assert_eq!(found(&marks, &kept(&log, &data)), [], "while it runs");
    assert!(
        files_in(&data).iter().any(|(path, _)| path.display().to_string().ends_with(".db-wal"))
    );
    server.kill();
    assert_eq!(found(&marks, &kept(&log, &data)), [], "and once it was killed");
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let routes: Vec<&str> = lines.iter().filter_map(|line| line["route"].as_str()).collect();
    assert!(routes.contains(&"/v1/vaults/{vault}/bundle") && routes.contains(&"none"), "{text}");
    assert!(lines.iter().all(|line| line["level"].is_string() && line["timestamp"].is_string()));
    for word in ["anarie", &code, "hmac-sha256", "of=own"] {
        assert!(!text.contains(word), "{word} is in {text}");
    }
    assert_private(&data);
}

/// Nobody else can read what a server keeps.
fn assert_private(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o077;
        assert_eq!(mode, 0, "{}", entry.path().display());
    }
}
