//! A real application: an Express server from npm that is started by `npm start`.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::symlink,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

use crate::{
    scratch::{Go, Scratch},
    tools::{ZMS, fixture, node_modules, tool},
};

/// A server that was started, until the test stops it.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// What the server says of itself: port and pid.
    hello: Value,
}

impl Server {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with('{') {
            line.clear();
            let read = stdout.read_line(&mut line).unwrap();
            assert!(read > 0, "the server ended: {:?}", child.wait());
        }
        Self { child, stdout, hello: serde_json::from_str(&line).unwrap() }
    }

    fn config(&self) -> Value {
        let port = self.hello["port"].as_u64().unwrap() as u16;
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET /config HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Sends SIGTERM to a process; gives what was said at the end, and the exit code.
    fn stop(mut self, pid: u32) -> (String, Option<i32>) {
        let killed = Command::new("kill").args(["-TERM", &pid.to_string()]).status().unwrap();
        assert!(killed.success());
        let mut said = String::new();
        self.stdout.read_to_string(&mut said).unwrap();
        (said, self.child.wait().unwrap().code())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// A vault with secrets in several scopes, and the application in the working folder.
fn vault() -> Scratch {
    let vault = Scratch::vault();
    vault.zms(["service", "create", "api", "-e", "staging"]).go().good();
    vault.zms(["service", "create", "jobs", "-e", "staging"]).go().good();
    vault.set(&["-e", "staging"], "DATABASE_URL", "postgres://staging");
    vault.set(&["-e", "staging", "-s", "api"], "API_KEY", "it's \"quoted\"\n$HOME `id`");
    vault.set(&["-e", "staging", "-s", "jobs"], "OF_JOBS", "no");
    vault.set(&["-e", "development"], "OF_DEVELOPMENT", "no");
    vault.set(&["-e", "production"], "OF_PRODUCTION", "no");
    for name in ["package.json", "server.js"] {
        fs::copy(fixture("app").join(name), vault.work().join(name)).unwrap();
    }
    symlink(node_modules(), vault.work().join("node_modules")).unwrap();
    // The package calls `zms` by its name.
    fs::create_dir(vault.folder().join("bin")).unwrap();
    symlink(ZMS, vault.folder().join("bin/zms")).unwrap();
    vault
}

/// A command with nothing in its environment but where programs are, and the token.
fn with_token(vault: &Scratch, words: &[&str]) -> Command {
    let token = vault.token(&["web", "-e", "staging", "-s", "api"]);
    let mut paths = vec![vault.folder().join("bin")];
    let path = std::env::var_os("PATH").unwrap_or_default();
    paths.extend(std::env::split_paths(&path));
    let mut command = vault.other(words);
    command.env("PATH", std::env::join_paths(paths).unwrap()).env("ZMS_TOKEN", token);
    command
}

fn has_its_secrets(server: &Server) {
    let config = server.config();
    let env = config["env"].as_object().unwrap();
    assert_eq!(env["DATABASE_URL"], "postgres://staging");
    assert_eq!(env["API_KEY"], "it's \"quoted\"\n$HOME `id`");
    let ours: Vec<_> =
        env.keys().filter(|name| name.starts_with("OF_") || name.starts_with("ZMS_")).collect();
    assert_eq!(ours, Vec::<&String>::new());
    assert_eq!(config["pid"], server.hello["pid"]);
}

#[test]
fn npm_start_gives_the_server_its_secrets_and_passes_its_end_on() {
    let vault = vault();
    let npm = tool("npm").display().to_string();
    let server = Server::start(&mut with_token(&vault, &[&npm, "start"]));
    has_its_secrets(&server);
    let pid = server.hello["pid"].as_u64().unwrap() as u32;
    let (said, code) = server.stop(pid);
    assert!(said.contains("closing"), "{said}");
    assert_eq!(code, Some(43));
}

#[test]
fn a_token_that_was_revoked_starts_no_server() {
    let vault = vault();
    let npm = tool("npm").display().to_string();
    let mut command = with_token(&vault, &[&npm, "start"]);
    vault.zms(["token", "revoke", "web", "--yes"]).go().good();
    let ran = command.go();
    assert_eq!(ran.code(), 4, "{}", ran.stderr);
    assert!(!String::from_utf8_lossy(&ran.stdout).contains("port"));
}

#[test]
fn as_process_1_of_a_container_the_server_ends_on_sigterm_with_its_own_code() {
    let vault = vault();
    let unshare = tool("unshare").display().to_string();
    let words =
        [&unshare, "--pid", "--fork", "--mount-proc", "zms", "run", "--", "node", "server.js"];
    let server = Server::start(&mut with_token(&vault, &words));
    assert_eq!(server.hello["pid"], 1);
    has_its_secrets(&server);
    let first = child_of(server.child.id());
    let (said, code) = server.stop(first);
    assert!(said.contains("closing"), "{said}");
    assert_eq!(code, Some(43));
}

/// The one child of a process.
fn child_of(parent: u32) -> u32 {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let mut pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(|pid| parent_of(*pid) == Some(parent)).expect("it has a child")
}

fn parent_of(pid: u32) -> Option<u32> {
    let status =
        fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    line.trim().parse().ok()
}
