//! What keeping a checkpoint of the audit costs, and what it survives.

use std::fs;

use crate::{
    scratch::{Go, Scratch},
    strace::{WRITING, kill, options, points},
};

/// How often a command waits for the disk.
fn waits(scratch: &Scratch, args: &[&str], input: &[u8]) -> usize {
    let log = scratch.folder().join("syncs.log");
    let calls = "?fsync,?fdatasync,?sync_file_range,?msync,?syncfs,?sync";
    scratch.under(&options(calls, &log), args).feed(input).good();
    fs::read_to_string(log).unwrap().lines().count()
}

fn kept(vault: &Scratch) -> String {
    let files = vault.files().into_iter();
    let mut notes = files.filter(|(path, _)| path.to_string_lossy().ends_with(".checkpoint"));
    let (_, note) = notes.next().expect("the owner keeps a checkpoint");
    assert!(notes.next().is_none());
    String::from_utf8(note).unwrap()
}

#[test]
fn a_read_of_the_owner_keeps_a_checkpoint_and_waits_for_no_disk() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    vault.zms(["get", "A"]).go().good();
    assert!(waits(&vault, &["set", "A"], b"2\n") > 0, "the search finds nothing");
    // The first entry behind a commit begins the log of the database anew, and waits for that.
    vault.zms(["get", "A"]).go().good();
    let read: [&[&str]; 4] =
        [&["get", "A"], &["run", "--", "true"], &["ls"], &["audit", "--limit", "1"]];
    for args in read {
        let before = kept(&vault);
        assert_eq!(waits(&vault, args, b""), 0, "{args:?}");
        assert_eq!(kept(&vault) != before, args[0] != "audit", "{args:?}: {before}");
    }
}

/// A loss of power can leave a name without content. That is no checkpoint, and no alarm; the first
/// one waits for the disk, so that it leaves none.
#[test]
fn a_checkpoint_without_content_is_none() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    vault.zms(["get", "A"]).go().good();
    assert_eq!(waits(&vault, &["get", "A"], b""), 0);
    for emptied in ["truncate -s 0", "truncate -s 0 {} && truncate -s 300"] {
        let script = format!(
            "for it in ../home/pins/*.checkpoint; do {} $it; done",
            emptied.replace("{}", "$it")
        );
        vault.other(["sh", "-ec", &script]).go().good();
        for args in [&["audit", "verify"][..], &["doctor"]] {
            let ran = vault.zms(args).go();
            assert!(!ran.stderr.contains("damaged"), "{args:?}: {}", ran.stderr);
            ran.good();
        }
        vault.other(["sh", "-ec", &script]).go().good();
        assert_eq!(waits(&vault, &["get", "A"], b""), 1, "{emptied}");
        assert!(kept(&vault).contains("audit"));
    }
}

/// Killed anywhere, the checkpoint that is left is a whole one, and the next command goes on.
#[test]
fn a_checkpoint_survives_a_kill_at_every_call_that_writes() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    vault.zms(["get", "A"]).go().good();
    let all = points(&vault.copy(), WRITING, &["get", "A"], b"");
    for point in &all {
        let copy = vault.copy();
        kill(&copy, point, &["get", "A"], b"");
        for args in [&["audit", "verify"][..], &["get", "A"], &["audit", "verify"]] {
            let ran = copy.zms(args).go();
            assert_eq!(ran.stderr, "", "{} {}: {args:?}", point.call, point.line);
            ran.good();
        }
    }
}
