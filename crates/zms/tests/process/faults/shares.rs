//! A key that is in its shares alone: whoever is killed while it is replaced or put together leaves
//! shares that open the vault, the older ones or the new ones, and never both.

use std::{fs, path::PathBuf};

use super::fault::{faults, faults_of};
use crate::{
    scratch::{Go, Ran, Scratch},
    strace::{options, points},
};

/// How many points of each command are tried in a run that is not full.
const SAMPLE: usize = 6;
/// How many refusals of each kind.
const ERRORS: usize = 1;

/// A vault without a key file, the sheets of its key in the folder `old`, and a token of it.
fn world() -> (Scratch, String) {
    let vault = Scratch::empty();
    let flags = ["--shares", "3", "--threshold", "2", "--sheets", "old"];
    vault.zms([&["init", "--no-key-file"], &flags[..]].concat()).go().good();
    unlock(&vault, "old").good();
    vault.set(&[], "A", "1");
    let token = vault.token(&["ci", "-e", "development"]);
    vault.zms(["lock"]).go().good();
    (vault, token)
}

/// The pages that lie in a folder, whole ones and others.
fn sheets(vault: &Scratch, folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(vault.work().join(folder)).into_iter().flatten();
    let mut sheets: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    sheets.retain(|path| path.extension().is_some_and(|it| it == "html"));
    sheets.sort();
    sheets
}

fn with(vault: &Scratch, command: &[&str], sheets: &[PathBuf]) -> Ran {
    let sheets = sheets.iter().map(|path| path.display().to_string());
    let words: Vec<String> = command.iter().map(ToString::to_string).chain(sheets).collect();
    vault.zms(words).go()
}

fn unlock(vault: &Scratch, folder: &str) -> Ran {
    with(vault, &["unlock"], &sheets(vault, folder)[..2])
}

/// How many of a folder's pairs of shares open the vault, each with the next: 2 where all are good.
/// The others are refused as what they are.
fn open(vault: &Scratch, folder: &str) -> usize {
    let sheets = sheets(vault, folder);
    let opens = sheets.windows(2).filter(|pair| {
        let ran = with(vault, &["key", "drill"], pair);
        assert!([0, 4].contains(&ran.code()), "{}", ran.stderr);
        ran.code() == 0
    });
    opens.count()
}

fn replaces(command: &[&str], tokens: bool) {
    let (before, ci) = world();
    let args = |folder| {
        let flags = ["--shares", "3", "--threshold", "2", "--sheets", folder, "--yes"];
        [command, &flags[..]].concat()
    };
    let traced = |set: &str| {
        let traced = before.copy();
        unlock(&traced, "old").good();
        points(&traced, set, &args("new"), b"")
    };
    let (mut kept, mut replaced) = (0, 0);
    for fault in faults(traced, SAMPLE, ERRORS) {
        let vault = before.copy();
        unlock(&vault, "old").good();
        let ran = fault.strike(&vault, &args("new"));
        // The agent may hold a key that opens nothing any more.
        vault.zms(["lock"]).go().good();
        let (old, new) = (open(&vault, "old"), open(&vault, "new"));
        match (old, new) {
            (2, 0) => kept += 1,
            (0, 2) => replaced += 1,
            both => panic!("{both:?} pairs of old and new shares open the vault"),
        }
        let now = if new == 2 { "new" } else { "old" };
        assert!(ran.code() != 0 || new == 2, "said to be done, and is not");
        unlock(&vault, now).good();
        assert_eq!(vault.zms(["get", "A"]).go().text(), "1");
        let by_token = vault.zms(["get", "A"]).env("ZMS_TOKEN", &ci).go().code();
        assert_eq!(by_token, if tokens && new == 2 { 4 } else { 0 });
        vault.zms(["audit", "verify"]).go().good();
        // Once more: what a full rotation has made and not shown is shown, else all is done again.
        let done = !ran.stdout.is_empty();
        let waits = vault.home().join("zms.master.tokens").exists();
        assert!(!tokens || new == 0 || waits || done, "tokens are lost");
        let again = vault.zms(args("again")).go().text();
        vault.zms(["lock"]).go().good();
        let now = if sheets(&vault, "again").is_empty() { now } else { "again" };
        unlock(&vault, now).good();
        assert_eq!(vault.zms(["get", "A"]).go().text(), "1");
        if tokens {
            let token = again.lines().find_map(|line| line.strip_prefix("ci ")).unwrap().trim();
            assert_eq!(vault.zms(["get", "A"]).env("ZMS_TOKEN", token).go().text(), "1");
            vault.zms(["get", "A"]).env("ZMS_TOKEN", &ci).go().refused(4);
        }
        assert_eq!(open(&vault, "old"), 0);
        vault.zms(["doctor"]).go().good();
        vault.zms(["lock"]).go().good();
    }
    println!("{kept} before the commit, {replaced} behind it");
}

#[test]
fn key_split_that_replaces_a_key_without_a_file_survives() {
    replaces(&["key", "split", "--rotate"], false);
}

#[test]
fn key_rotate_full_of_a_key_without_a_file_survives() {
    replaces(&["key", "rotate", "--full"], true);
}

/// A new key without a file is on the disk, in its pages and under their names, before the vault
/// learns of it: a loss of power right after the commit loses no share.
#[test]
fn shares_are_on_the_disk_before_their_key_counts() {
    for command in [&["key", "split", "--rotate"][..], &["key", "rotate", "--full"]] {
        let (vault, _) = world();
        unlock(&vault, "old").good();
        let log = vault.folder().join("strace.log");
        let mut strace = options("fsync,fdatasync,pwrite64", &log);
        strace.insert(1, "-y".to_owned());
        let flags = ["--shares", "3", "--threshold", "2", "--sheets", "a/new", "--yes"];
        vault.under(&strace, [command, &flags[..]].concat()).go().good();
        let log = fs::read_to_string(log).unwrap();
        let at = |call: &str, end: &str| {
            let is = |line: &&str| line.starts_with(call) && line.contains(end);
            let found: Vec<_> = log.lines().enumerate().filter(|(_, line)| is(line)).collect();
            found.iter().map(|(at, _)| *at).collect::<Vec<_>>()
        };
        let commit = *at("pwrite64", "/zms.db-wal>").last().unwrap();
        for (end, times) in [("/work>", 1), ("/work/a>", 1), ("/work/a/new>", 3), (".html", 0)] {
            let synced = at("fsync", end);
            let before = synced.iter().filter(|at| **at < commit).count();
            assert!(before == synced.len() && before >= times, "{end}: {log}");
        }
        assert_eq!(
            at("fsync", "/new/zms-share-").iter().filter(|at| **at < commit).count(),
            3,
            "{log}"
        );
    }
}

/// Shares that were made before are as good as ever, and so is the key.
#[test]
fn key_split_survives() {
    let (before, _) = world();
    with(&before, &["key", "combine"], &sheets(&before, "old")[..2]).good();
    let args = ["key", "split", "--shares", "3", "--threshold", "2", "--sheets", "new"];
    for fault in faults_of(&before, &args, SAMPLE, ERRORS) {
        let vault = before.copy();
        let ran = fault.strike(&vault, &args);
        assert_eq!(vault.zms(["get", "A"]).go().text(), "1");
        assert_eq!(open(&vault, "old"), 2);
        assert!(ran.code() != 0 || sheets(&vault, "new").len() == 3, "said to be done");
        // A page is whole or not there.
        assert_eq!(open(&vault, "new"), sheets(&vault, "new").len().saturating_sub(1));
        vault.zms(args).go().good();
        vault.zms(["doctor"]).go().good();
    }
}

/// The file is there and whole, or it is not; the shares go on being good.
#[test]
fn key_combine_survives() {
    let (before, _) = world();
    let pages = sheets(&before, "old");
    let name = |page: &PathBuf| format!("old/{}", page.file_name().unwrap().display());
    let (first, second) = (name(&pages[0]), name(&pages[1]));
    let args = ["key", "combine", &first, &second, "--yes"];
    for fault in faults_of(&before, &args, SAMPLE, ERRORS) {
        let vault = before.copy();
        let ran = fault.strike(&vault, &args);
        match vault.home().join("zms.master.key").exists() {
            true => assert_eq!(vault.zms(["get", "A"]).go().text(), "1"),
            false => {
                assert_ne!(ran.code(), 0, "said to be done, and is not");
                vault.zms(["get", "A"]).go().refused(5);
            }
        }
        assert_eq!(open(&vault, "old"), 2);
        vault.zms(args).go().good();
        assert_eq!(vault.zms(["get", "A"]).go().text(), "1");
        vault.zms(["doctor"]).go().good();
    }
}

/// The key is held or it is not, and a vault that was not unlocked can be.
#[test]
fn unlock_survives() {
    let (before, _) = world();
    let pages = sheets(&before, "old");
    let name = |page: &PathBuf| format!("old/{}", page.file_name().unwrap().display());
    let (first, second) = (name(&pages[0]), name(&pages[1]));
    let args = ["unlock", &first, &second];
    let traced = |set: &str| {
        let traced = before.copy();
        let all = points(&traced, set, &args, b"");
        traced.zms(["lock"]).go().good();
        all
    };
    let (mut locked, mut unlocked) = (0, 0);
    for fault in faults(traced, SAMPLE, ERRORS) {
        let vault = before.copy();
        let ran = fault.strike(&vault, &args);
        let read = vault.zms(["get", "A"]).go();
        if read.status.success() {
            assert_eq!(read.text(), "1");
            unlocked += 1;
        } else {
            read.refused(5);
            assert_ne!(ran.code(), 0, "said to be done, and is not");
            locked += 1;
        }
        vault.zms(args).go().good();
        assert_eq!(vault.zms(["get", "A"]).go().text(), "1");
        vault.zms(["audit", "verify"]).go().good();
        vault.zms(["doctor"]).go().good();
        vault.zms(["lock"]).go().good();
        vault.zms(["get", "A"]).go().refused(5);
    }
    println!("{locked} locked, {unlocked} unlocked");
}
