//! Servers that open for others: where a gateway is, and one before a server over a database.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    path::Path,
    process::Command,
};

use crate::{
    postgres,
    scratch::{Go, Scratch},
    server::{Server, client, init},
};

/// What is answered to a request under a name, with more headers.
fn asked(socket: &Path, path: &str, host: &str, more: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\n{more}connection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_gateway_is_where_nobody_else_reaches_it_and_elsewhere_where_that_is_said() {
    let far = ["--listen", "0.0.0.0:0", "--name", "zms.test", "--tls-self-signed"];
    // Options, and what a request under our own and under the given name is answered.
    let cases: [(&[&str], &str, &str); 5] = [
        (&[], "200", "421"),
        (&["--name", "zms.test"], "200", "421"),
        (&["--name", "zms.test", "--gateway"], "200", "200"),
        (&["--no-gateway"], "404", "421"),
        (&far, "404", "404"),
    ];
    for (options, own, given) in cases {
        let scratch = Scratch::empty();
        let server = Server::start(&scratch, options);
        assert_eq!(server.said["gateway"], own == "200", "{options:?}");
        for (host, status) in [("localhost", own), ("zms.test", given)] {
            let answer = asked(server.socket(), "/v1/sys/health", host, "");
            assert_eq!(answer.split(' ').nth(1), Some(status), "{options:?} {host}: {answer}");
        }
        let health = asked(server.socket(), "/healthz", "localhost", "");
        assert!(health.starts_with("HTTP/1.1 200"), "{options:?}: {health}");
    }
    let scratch = Scratch::empty();
    let server = Server::start(&scratch, &[&far[..], &["--gateway"]].concat());
    let answer = asked(server.socket(), "/v1/sys/health", "zms.test", "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// What is said to Vault clients is answered: an address of its own is one of the gateway's names.
#[test]
fn a_gateway_answers_to_where_it_listens() {
    let here = ["--listen", "127.0.0.2:0"];
    for options in [&here[..], &["--listen", "127.0.0.2:0", "--gateway"]] {
        let scratch = Scratch::empty();
        let server = Server::start(&scratch, options);
        let address = server.said["addresses"][0].as_str().unwrap().to_owned();
        let name = address.strip_prefix("http://").expect("it is TCP");
        assert!(name.starts_with("127.0.0.2:"), "{name}");
        let mut stream = TcpStream::connect(name).unwrap();
        let request =
            format!("GET /v1/sys/health HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{options:?}: {answer}");
    }
}

/// A server of a home of its own, that listens on a socket in it and tells all in a log beside it.
pub fn start(scratch: &Scratch, name: &str, options: &[&str]) -> (Command, std::path::PathBuf) {
    let home = scratch.folder().join(name);
    let socket = home.join("sock");
    fs::create_dir(&home).unwrap();
    let listen = format!("unix:{}", socket.display());
    let mut command = scratch.zms(["start", "--json", "--log-level", "debug", "--listen", &listen]);
    command.args(options).env("ZMS_HOME", &home);
    command.stderr(File::create(home.join("log")).unwrap());
    (command, socket)
}

#[test]
fn servers_over_one_database_serve_the_same_and_one_before_them_opens() {
    let scratch = Scratch::empty();
    let database = postgres::Server::shared();
    let url = database.url(&database.new_database()).replace("zms@", "zms:kanarie-password@");
    let over = |name| {
        let (mut command, socket) = start(&scratch, name, &[]);
        command.env("ZMS_DATABASE", &url);
        Server::of(command, socket)
    };
    let (one, mut two) = (over("one"), over("two"));
    init(&scratch, &one);
    client(&scratch, &one.address(), &["set", "KEY"]).feed(b"kanarie-value\n").good();
    let got = client(&scratch, &two.address(), &["get", "KEY"]).go().good();
    assert_eq!(got, b"kanarie-value");
    let token = client(&scratch, &two.address(), &["token", "create", "app"]).go().good();
    let token = String::from_utf8(token).unwrap();
    let header = format!("x-zms-token: {}\r\naccept: text/plain\r\n", token.trim());
    let (command, socket) =
        start(&scratch, "three", &["--server", &one.address(), "--max-stale", "1h"]);
    let three = Server::of(command, socket);
    for server in [&one, &two, &three] {
        let answer = asked(server.socket(), "/v1/secrets/KEY", "localhost", &header);
        assert!(answer.ends_with("\r\n\r\nkanarie-value"), "{answer}");
    }
    client(&scratch, &one.address(), &["audit", "verify"]).go().good();
    // The variable that says where the database is keeps nobody from ending its server.
    let mut stop = scratch.zms(["stop"]);
    stop.env("ZMS_HOME", scratch.folder().join("two")).env("ZMS_DATABASE", &url).go().good();
    assert!(two.ended().success());
    one.kill();
    let answer = asked(three.socket(), "/v1/secrets/KEY", "localhost", &header);
    assert!(answer.ends_with("\r\n\r\nkanarie-value"), "{answer}");
    for name in ["one", "two", "three"] {
        let log = fs::read_to_string(scratch.folder().join(name).join("log")).unwrap();
        assert!(log.contains("/v1/secrets/{*name}") || name == "two", "{log}");
        for word in ["anarie", token.trim()] {
            assert!(!log.contains(word), "{word} is in the log of {name}: {log}");
        }
    }
}
