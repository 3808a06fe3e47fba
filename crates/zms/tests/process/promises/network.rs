//! No command of a vault on this machine knows what a network is.

use std::fs;

use crate::{
    scratch::{Go, Scratch},
    strace::options,
};

/// The network calls of a command and of everything it starts.
fn calls(scratch: &Scratch, args: &[&str], input: &[u8]) -> Vec<String> {
    let log = scratch.folder().join("network.log");
    let mut strace = options("network", &log);
    strace.insert(1, "-f".to_owned());
    scratch.under(&strace, args).feed(input).good();
    let lines = fs::read_to_string(log).unwrap();
    lines.lines().filter(|line| line.contains('(')).map(str::to_owned).collect()
}

#[test]
fn no_command_opens_a_socket() {
    let vault = Scratch::empty();
    assert!(calls(&vault, &["init"], b"").is_empty());
    let python = crate::tools::python().into_string().unwrap();
    let socket = "import socket; socket.socket()";
    let planted = calls(&vault, &["run", "--", &python, "-c", socket], b"");
    assert!(planted.iter().any(|line| line.contains("socket(")), "the search finds nothing");
    vault.file("app.env", "A=1\nB=two\n");
    let commands: [(&[&str], &[u8]); 17] = [
        (&["import", "app.env"], b""),
        (&["import", "-"], b"C=3\n"),
        (&["set", "D"], b"four\n"),
        (&["get", "A"], b""),
        (&["ls"], b""),
        (&["export"], b""),
        (&["run", "--", "true"], b""),
        (&["token", "create", "ci", "-e", "development"], b""),
        (&["token", "ls"], b""),
        (&["token", "revoke", "ci", "--yes"], b""),
        (&["project", "create", "shop"], b""),
        (&["status"], b""),
        (&["audit"], b""),
        (&["audit", "verify"], b""),
        (&["audit", "checkpoint"], b""),
        (&["rm", "A"], b""),
        (&["reset", "--yes"], b""),
    ];
    for (args, input) in commands {
        assert_eq!(calls(&vault, args, input), Vec::<String>::new(), "{args:?}");
    }
}
