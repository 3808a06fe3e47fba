//! A backup or a restore that is killed, or whose disk refuses: the vault is what it was or what it
//! is to be, and nothing is lost.

use std::{fs, os::unix::process::ExitStatusExt};

use super::errors::{FLUSHES, GROWS, clear, of_files, ways};
use crate::{
    random::Random,
    scratch::{Go, Ran, Scratch},
    strace::{WRITING, calls_of, inject, kill, options, points},
};

/// How many points of each command are tried in a run that is not full.
const SAMPLE: usize = 12;
/// As many of each error.
const OF_ERROR: usize = 5;

/// A vault that went on since its backup, in which `A` was `old`, and a copy of the key beside it.
fn world(after: &[&str]) -> Scratch {
    let vault = Scratch::vault();
    vault.set(&[], "A", "old");
    vault.token(&["ci", "-e", "development"]);
    vault.zms(["backup", "then"]).go().good();
    fs::copy(vault.home().join("zms.master.key"), vault.work().join("key")).unwrap();
    vault.set(&[], "A", "new");
    if !after.is_empty() {
        vault.zms(after).go().good();
    }
    // The log is not folded away by whoever was last.
    vault.run(&["--as-owner"], &["true"]).go().good();
    vault
}

/// What the vault holds, all of it proven.
fn whole(vault: &Scratch) -> String {
    let held = vault.zms(["get", "A"]).go().text();
    assert!(["old", "new"].contains(&held.as_str()), "{held}");
    vault.zms(["audit", "verify"]).go().good();
    vault.zms(["doctor"]).go().good();
    held
}

/// After a disturbance it is whole, and the command goes through when it is run again.
fn restores_in_the_end(vault: &Scratch, args: &[&str]) {
    vault.zms(args).go().good();
    assert_eq!(whole(vault), "old");
    assert_eq!(vault.zms(["token", "ls", "--json"]).go().text().matches("service").count(), 0);
    assert!(!vault.home().join("zms.master.key.next").exists());
    let folders = fs::read_dir(vault.home()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!folders.into_iter().any(|name| name.to_string_lossy().starts_with("zms.scratch.")));
    vault.zms(["reset", "--yes"]).go().good();
    assert_eq!(fs::read_dir(vault.home()).unwrap().count(), 0, "a reset leaves something");
}

fn restore_survives(before: &Scratch, args: &[&str], there: bool) {
    let mut random = Random::new();
    let all = points(&before.copy(), WRITING, args, b"");
    println!("{} points of {args:?}", all.len());
    for point in random.sample(all, SAMPLE) {
        println!("killed before {point:?}");
        let vault = before.copy();
        let ran = kill(&vault, &point, args, b"");
        if there {
            whole(&vault);
        }
        restores_in_the_end(&vault, args);
        assert_eq!(ran.status.signal(), Some(9), "{}", ran.stderr);
    }
    for (set, error) in [(FLUSHES, "EIO"), (GROWS, "ENOSPC")] {
        let all = of_files(points(&before.copy(), set, args, b"")).into_iter();
        let all = all.flat_map(|point| ways(&point).iter().map(move |on| (point.clone(), *on)));
        for (point, on) in random.sample(all.collect(), OF_ERROR) {
            println!("{error} at {point:?}{on}");
            let vault = before.copy();
            let ran = inject(&vault, &point, &format!("error={error}"), on, args).go();
            clear(&ran, &point);
            if there {
                let held = whole(&vault);
                assert!(ran.code() != 0 || held == "old", "said to be done, and is not");
            }
            restores_in_the_end(&vault, args);
        }
    }
}

#[test]
fn restore_over_a_vault_survives() {
    restore_survives(&world(&[]), &["restore", "then", "--yes"], true);
}

#[test]
fn restore_with_an_older_key_survives() {
    let vault = world(&["key", "rotate", "--yes"]);
    restore_survives(&vault, &["restore", "then", "--yes", "--key", "key"], true);
}

#[test]
fn restore_into_an_empty_home_survives() {
    let vault = world(&[]);
    fs::remove_dir_all(vault.home()).unwrap();
    restore_survives(&vault, &["restore", "then", "--yes", "--key", "key"], false);
}

/// The vault is as it was, and a file of that name opens; without the name there is none.
fn backed_up(vault: &Scratch, ran: &Ran) {
    assert_eq!(whole(vault), "new");
    let made = vault.work().join("now").exists();
    assert!(made || ran.status.code() != Some(0), "said to be done, and is not");
    if made {
        vault.zms(["backup", "verify", "now"]).go().good();
    } else {
        vault.zms(["backup", "now"]).go().good();
    }
    let left = vault
        .files()
        .into_iter()
        .filter(|(path, _)| path.display().to_string().contains("zms.scratch"));
    assert_eq!(left.count(), 0);
}

#[test]
fn backup_survives() {
    let before = world(&[]);
    let args = ["backup", "now"];
    let mut random = Random::new();
    for point in random.sample(points(&before.copy(), WRITING, &args, b""), SAMPLE) {
        println!("killed before {point:?}");
        let vault = before.copy();
        let ran = kill(&vault, &point, &args, b"");
        backed_up(&vault, &ran);
    }
    for (set, error) in [(FLUSHES, "EIO"), (GROWS, "ENOSPC")] {
        let all = of_files(points(&before.copy(), set, &args, b"")).into_iter();
        let all = all.flat_map(|point| ways(&point).iter().map(move |on| (point.clone(), *on)));
        for (point, on) in random.sample(all.collect(), OF_ERROR) {
            println!("{error} at {point:?}{on}");
            let vault = before.copy();
            let ran = inject(&vault, &point, &format!("error={error}"), on, &args).go();
            clear(&ran, &point);
            backed_up(&vault, &ran);
        }
    }
}

/// A folder that was made and can not be opened is no folder that somebody took away meanwhile.
#[test]
fn a_folder_that_can_not_be_opened_ends_the_command() {
    let vault = world(&[]);
    let args = ["backup", "now"];
    let undisturbed = vault.copy();
    let log = undisturbed.folder().join("strace.log");
    let opens =
        calls_of(&mut undisturbed.under(&options("?openat", &log), args), &log, b"").into_iter();
    let point = { opens }.find(|point| point.line.contains("/zms.scratch.")).unwrap();
    let ran = inject(&vault, &point, "error=ENOSPC", "+", &args).go();
    clear(&ran, &point);
    assert!(ran.stderr.contains("no folder can be made"), "{}", ran.stderr);
    backed_up(&vault, &ran);
}
