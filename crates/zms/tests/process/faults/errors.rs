//! The disk refuses a call: a clear word, nothing lost, nothing given out.

use std::fs;

use super::{dump::files, story::Told};
use crate::{
    random::Random,
    scratch::{Go, Ran, Scratch},
    strace::{Point, inject, options, points},
};

/// How many points of each command are tried in a run that is not full.
const SAMPLE: usize = 10;
/// As many of each error of each story, of which there are many.
const OF_STORY: usize = 1;
pub(super) const FLUSHES: &str = "?fsync,?fdatasync,?pwrite64,?write";
pub(super) const GROWS: &str = "?write,?pwrite64,?ftruncate,?fallocate,?openat,?mkdir,?link,?linkat,?rename,\
    ?renameat2";

/// The command is refused in words, or went through in spite of it.
#[track_caller]
pub(super) fn clear(ran: &Ran, point: &Point) {
    let code = ran.code();
    // The program that `run` becomes meets the same refusals when it is loaded.
    let loading = code == 127 && ran.stderr.contains("error while loading shared libraries");
    assert!(loading || [0, 1, 8].contains(&code), "{point:?}: exit {code}: {}", ran.stderr);
    if code != 0 && !loading {
        assert!(ran.stderr.contains("error: "), "{point:?}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("panicked"), "{point:?}: {}", ran.stderr);
}

/// Without what is said on stderr: that has its own test.
pub(super) fn of_files(mut points: Vec<Point>) -> Vec<Point> {
    points.retain(|point| !point.line.starts_with("write(2,"));
    points
}

/// A call is refused once, or from there on; the latter not where it would take stderr too.
pub(super) fn ways(point: &Point) -> &'static [&'static str] {
    if point.call == "write" { &[""] } else { &["", "+"] }
}

/// Refuses calls, once or from there on: the state is whole, what was acknowledged is done, and the
/// command goes through when the disk is well again.
pub fn survives(told: &Told) {
    let mut random = Random::new();
    for (set, error) in [(FLUSHES, "EIO"), (GROWS, "ENOSPC")] {
        let each = |point: Point| ways(&point).iter().map(move |on| (point.clone(), *on));
        let all = of_files(told.points(set)).into_iter().flat_map(each).collect();
        for (point, on) in random.sample(all, OF_STORY) {
            println!("{error} at {point:?}{on}");
            let (vault, ran, state) = told.disturbed(&point, &format!("error={error}"), on);
            clear(&ran, &point);
            assert!(!ran.stderr.contains("MORE value"), "{}", ran.stderr);
            let left = files(&vault).into_iter().filter(|name| name.contains(".new"));
            assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new(), "{}", ran.stderr);
            told.again(&vault, state);
        }
    }
}

#[test]
fn what_was_to_replace_a_file_and_did_not_is_gone() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    vault.file("app.tmpl", "{{ A }}");
    vault.file("app.conf", "older");
    let args = ["render", "app.tmpl", "-o", "app.conf", "--force"];
    let all = points(&vault.copy(), "fsync", &args, b"");
    assert!(all.len() > 2, "the file, its folder, and that again under its name: {all:?}");
    for point in all {
        let copy = vault.copy();
        clear(&inject(&copy, &point, "error=EIO", "", &args).go(), &point);
        let left: Vec<String> =
            files(&copy).into_iter().filter(|name| name.contains(".new")).collect();
        assert_eq!(left, Vec::<String>::new(), "{point:?}");
    }
}

/// A database is folded into one file before it gets its name: where that fails there must be no
/// database, not one that is damaged.
#[test]
fn init_publishes_no_database_that_is_incomplete() {
    let all = points(&Scratch::empty(), "pwrite64", &["init"], b"");
    for point in all.into_iter().filter(|point| point.line.starts_with("pwrite64(3,")) {
        for on in ["", "+"] {
            println!("EIO at {point:?}{on}");
            let home = Scratch::empty();
            let ran = inject(&home, &point, "error=EIO", on, &["init"]).go();
            clear(&ran, &point);
            let again = home.zms(["init"]).go();
            assert!([0, 1].contains(&again.code()), "{}", again.stderr);
            home.zms(["ls"]).go().good();
        }
    }
}

#[test]
fn init_survives_a_broken_and_a_full_disk() {
    for (set, error) in [(FLUSHES, "EIO"), (GROWS, "ENOSPC")] {
        let mut all = of_files(points(&Scratch::empty(), set, &["init"], b""));
        // The test above is about these.
        all.retain(|point| !point.line.starts_with("pwrite64(3,"));
        for point in Random::new().sample(all, SAMPLE) {
            for &on in ways(&point) {
                println!("{error} at {point:?}{on}");
                let home = Scratch::empty();
                let ran = inject(&home, &point, &format!("error={error}"), on, &["init"]).go();
                clear(&ran, &point);
                let again = home.zms(["init"]).go();
                if again.code() != 0 {
                    assert!(again.refused(1).contains("there is a vault already"));
                }
                home.set(&[], "A", "1");
                assert_eq!(home.zms(["get", "A"]).go().text(), "1");
            }
        }
    }
}

/// A vault, and the options by which every write to its log fails: the log is where the audit
/// entry goes.
fn without_audit(error: &str) -> (Scratch, Vec<String>) {
    let vault = Scratch::vault();
    vault.set(&[], "A", "canary-of-the-audit");
    vault.run(&[], &["true"]).go().good();
    // strace goes by the path that a descriptor leads to.
    let log = fs::canonicalize(vault.home()).unwrap().join("zms.db-wal").display().to_string();
    let mut strace = options("pwrite64,write", "/dev/null".as_ref());
    strace.extend(["-P".to_owned(), log]);
    strace.extend(["-e".to_owned(), format!("inject=pwrite64,write:error={error}")]);
    (vault, strace)
}

#[test]
fn attack_without_an_audit_entry_no_secret_leaves() {
    for error in ["EIO", "ENOSPC", "EROFS", "EDQUOT"] {
        let (vault, strace) = without_audit(error);
        let commands: [&[&str]; 7] = [
            &["get", "A"],
            &["get", "A", "--json"],
            &["export"],
            &["export", "--format", "shell"],
            &["ls"],
            &["run", "--explain"],
            &["run", "--", "touch", "started"],
        ];
        for args in commands {
            let said = vault.under(&strace, args).go().refused(8);
            assert!(said.contains("audit") && !said.contains("canary"), "{error} {args:?} {said}");
        }
        assert!(!vault.work().join("started").exists());
        assert_eq!(vault.zms(["get", "A"]).go().text(), "canary-of-the-audit");
    }
}

#[test]
fn output_that_can_not_be_written_is_an_error() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    let commands: [&[&str]; 6] = [
        &["get", "A"],
        &["export"],
        &["ls"],
        &["status"],
        &["token", "create", "ci"],
        &["run", "--explain"],
    ];
    for args in commands {
        let ran = vault.under(&["sh", "-c", "exec \"$@\" >/dev/full", "sh"], args).go();
        assert!([1, 125].contains(&ran.code()), "{args:?} {}", ran.code());
        assert!(ran.stderr.to_lowercase().contains("no space left"), "{args:?} {}", ran.stderr);
    }
}

/// Words that nobody can read are no reason to stop half way, or to end in another way.
#[test]
fn a_stderr_that_can_not_be_written_changes_nothing() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    let mute = ["sh", "-c", "exec \"$@\" 2>/dev/full", "sh"];
    let code = |args: &[&str]| vault.under(&mute, args).go().code();
    assert_eq!(code(&["get", "MISSING"]), 3);
    assert_eq!(code(&["run", "--", "no-such-program"]), 127);
    assert_eq!(code(&["run", "--dry-run", "--", "true"]), 0);
    let made = vault.under(&mute, ["token", "create", "ci"]).go().text();
    assert!(made.starts_with("zms_st_"), "the token was made and is lost");
    assert_eq!(code(&["token", "revoke", "ci", "--yes"]), 0);
    assert_eq!(vault.json(&["status"])["pending_rekeys"], 0, "the re-key was left half done");
}

#[test]
fn entropy_that_fails_ends_the_program() {
    let vault = Scratch::vault();
    let mut strace = options("?getrandom", "/dev/null".as_ref());
    strace.extend(["-e".to_owned(), "inject=getrandom:error=EIO".to_owned()]);
    for (args, input) in [(&["set", "A"][..], "1\n"), (&["token", "create", "ci"], "")] {
        let ran = vault.under(&strace, args).feed(input.as_bytes());
        assert!(!ran.status.success() && ran.stdout.is_empty(), "{args:?}");
    }
    assert_eq!(vault.zms(["ls"]).go().text(), "");
    let empty = Scratch::empty();
    assert!(!empty.under(&strace, ["init"]).go().status.success());
    assert!(!empty.home().join("zms.db").exists());
}
