//! A vault that moves to a server and back, and a machine that joins: whoever is killed, or whose disk
//! refuses, has a vault that counts, and gets to the end by trying again.

use std::fs;

use super::fault::{Fault, faults};
use crate::{
    scratch::{Go, Scratch, copy_folder},
    server::{Server, client, init},
    strace::{options, points_of},
};

/// How many points of each command are tried in a run that is not full.
const SAMPLE: usize = 4;
/// How many refusals of each kind.
const ERRORS: usize = 1;

/// Folders with what a server keeps, served anew.
fn served(from: &Scratch) -> (Scratch, Server) {
    let scratch = from.copy();
    if from.folder().join("data").exists() {
        copy_folder(&from.folder().join("data"), &scratch.folder().join("data"));
    }
    let server = Server::start(&scratch, &["--rate-token", "0"]);
    (scratch, server)
}

/// The faults of a client's command.
fn faults_of(before: &Scratch, args: &[&str], variables: &[(&str, &str)]) -> Vec<Fault> {
    let traced = |set: &str| {
        let (scratch, server) = served(before);
        let log = scratch.folder().join("strace.log");
        let mut command = scratch.under(&options(set, &log), args);
        command.env("ZMS_SERVER", server.address()).envs(variables.iter().copied());
        if let Some(code) = server.said["setup_code"].as_str() {
            command.env("ZMS_REGISTRATION", code);
        }
        points_of(&mut command, &log, b"")
    };
    faults(traced, SAMPLE, ERRORS)
}

#[test]
fn push_survives() {
    let before = Scratch::vault();
    before.set(&[], "A", "1");
    let token = before.token(&["ci", "-e", "development"]);
    for fault in faults_of(&before, &["push"], &[]) {
        let (scratch, server) = served(&before);
        let code = server.said["setup_code"].as_str().unwrap().to_owned();
        let address = server.address();
        let push = |options: &[String]| {
            let mut command = scratch.under(options, ["push", "--server", &address]);
            command.env("ZMS_REGISTRATION", &code).go()
        };
        let ran = push(&fault.options());
        fault.told(&ran);
        let there = || client(&scratch, &address, &["get", "A"]).go();
        // Here or there, without a word of where; and the past is never gone.
        assert_eq!(scratch.zms(["get", "A"]).go().text(), "1");
        assert!(ran.code() != 0 || there().text() == "1", "said to be done, and is not");
        let remembers = scratch.home().join("zms.server").exists();
        let here = scratch.home().join("zms.db").exists();
        assert!(here || scratch.home().join("zms.db.moved").exists());
        println!("remembered {remembers}, still here {here}");
        // Once more: it is done, or named as what it is.
        let again = push(&[]);
        assert!([0, 1, 2, 4].contains(&again.code()), "{}", again.stderr);
        assert!(again.code() == 0 || again.stderr.contains("already"), "{}", again.stderr);
        assert_eq!(there().text(), "1");
        let mut by_token = client(&scratch, &address, &["get", "A"]);
        assert_eq!(by_token.env("ZMS_TOKEN", &token).go().text(), "1");
        client(&scratch, &address, &["audit", "verify"]).go().good();
    }
}

#[test]
fn pull_survives() {
    let before = Scratch::empty();
    let server = Server::start(&before, &[]);
    init(&before, &server);
    client(&before, &server.address(), &["set", "A"]).feed(b"1\n").good();
    server.kill();
    for fault in faults_of(&before, &["pull"], &[]) {
        let (scratch, server) = served(&before);
        let address = server.address();
        let pull =
            |options: &[String]| scratch.under(options, ["pull"]).env("ZMS_SERVER", &address).go();
        let ran = pull(&fault.options());
        fault.told(&ran);
        // It counts there until it does here.
        let there = client(&scratch, &address, &["get", "A"]).go();
        if there.code() != 0 {
            assert_eq!(scratch.zms(["get", "A"]).go().text(), "1", "{}", there.stderr);
        }
        let mut again = pull(&[]);
        if scratch.home().join("zms.server").exists() {
            // Interrupted behind its commit: it says what to put elsewhere.
            assert!(again.stderr.contains("put this file elsewhere"), "{}", again.stderr);
            for end in ["", "-wal", "-shm"] {
                let _none = fs::remove_file(scratch.home().join(format!("zms.db{end}")));
            }
            again = pull(&[]);
            assert_eq!(again.code(), 0, "{}", again.stderr);
        }
        assert!(again.code() == 0 || again.stderr.contains("already"), "{}", again.stderr);
        server.kill();
        assert_eq!(scratch.zms(["get", "A"]).go().text(), "1", "{}", again.stderr);
        scratch.zms(["audit", "verify"]).go().good();
        scratch.zms(["doctor"]).go().good();
    }
}

#[test]
fn join_survives() {
    for flags in [&["--write"][..], &["--admin"]] {
        let before = Scratch::empty();
        let server = Server::start(&before, &[]);
        init(&before, &server);
        client(&before, &server.address(), &["set", "A"]).feed(b"1\n").good();
        let add = [&["member", "add", "alice", "-q"], flags].concat();
        let given = client(&before, &server.address(), &add).go().text();
        server.kill();
        // Hers is another home.
        fs::remove_dir_all(before.home()).unwrap();
        let given = given.trim();
        for fault in faults_of(&before, &["join"], &[("ZMS_TOKEN", given)]) {
            let (scratch, server) = served(&before);
            let address = server.address();
            let join = |options: &[String]| {
                let mut command = scratch.under(options, ["join"]);
                command.env("ZMS_SERVER", &address).env("ZMS_TOKEN", given).go()
            };
            let ran = join(&fault.options());
            fault.told(&ran);
            let read = || client(&scratch, &address, &["get", "A"]).go();
            assert!(ran.code() != 0 || read().text() == "1", "said to be done, and is not");
            let again = join(&[]);
            assert!(again.code() == 0 || again.stderr.contains("already"), "{}", again.stderr);
            assert_eq!(read().text(), "1", "{}", again.stderr);
        }
    }
}
