//! A disk that is really full: a small file system of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::{
    scratch::{Go, Scratch, numbered},
    tools::{ZMS, tool},
};

/// A home on a small file system, in a mount namespace that is gone with the process that holds
/// it.
pub(super) struct Small {
    pub(super) scratch: Scratch,
    holder: Child,
}

impl Small {
    pub(super) fn new(size: &str) -> Self {
        let scratch = Scratch::empty();
        fs::create_dir(scratch.home()).unwrap();
        let script =
            "mount -t tmpfs -o size=$1,mode=700 zms \"$2\" && echo ready && exec sleep 600";
        let home = scratch.home().display().to_string();
        let mut holder = Command::new(tool("unshare"))
            .args(["--mount", "sh", "-c", script, "sh", size, &home])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "no file system was mounted: run ./check as root");
        let nsenter = tool("nsenter").display().to_string();
        let work = scratch.work().display().to_string();
        let id = holder.id().to_string();
        let enter = [&nsenter, "--mount", "--target", &id, "--", "env", "-C", &work];
        let scratch = scratch.behind(enter.iter().map(ToString::to_string).collect(), ZMS.into());
        Self { scratch, holder }
    }

    /// Takes all the room but so many bytes.
    pub(super) fn fill(&self, but: usize) {
        let script = "head -c 100M /dev/zero >\"$ZMS_HOME/filler\" 2>/dev/null; \
                      truncate -s -\"$0\" \"$ZMS_HOME/filler\"";
        self.scratch.other(["sh", "-c", script, &but.to_string()]).go().good();
    }

    pub(super) fn free(&self) {
        self.scratch.other(["sh", "-c", "rm -f \"$ZMS_HOME/filler\""]).go().good();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

/// Whether a command that reads was refused, and gave out nothing: its audit entry had no room,
/// or the log that it goes to could not even be opened.
#[track_caller]
fn refused(vault: &Scratch, args: &[&str], whole: &[u8]) -> bool {
    let ran = vault.zms(args).go();
    if ran.status.success() {
        assert_eq!(ran.stdout, whole, "{args:?}");
        return false;
    }
    ran.refused(8);
    true
}

#[test]
fn on_a_full_disk_nothing_is_lost_and_nothing_given_out() {
    let small = Small::new("4M");
    let vault = &small.scratch;
    vault.zms(["init"]).go().good();
    vault.import(&[], &numbered("KEPT", 50));
    let before = vault.secrets(&[]);
    let mut reads = 0;
    for _ in 0..5 {
        small.fill(0);
        reads += usize::from(refused(vault, &["get", "KEPT_1"], b"KEPT value 1"));
        let stopped = refused(vault, &["run", "--", "touch", "started"], b"");
        let started = vault.work().join("started");
        assert_ne!(started.exists(), stopped);
        drop(fs::remove_file(started));
        let ran = vault.zms(["set", "NEW"]).feed(&[b'x'; 200_000]);
        // It finds no room to write, or none to open the log.
        let code = ran.code();
        assert!([1, 8].contains(&code), "exit {code}");
        let said = ran.refused(code);
        assert!(!said.contains("xxx"), "{said}");
    }
    assert_eq!(reads, 5, "the disk was not full");
    small.free();
    assert!(vault.secrets(&[]) == before, "secrets are missing or changed");
    vault.set(&[], "NEW", "1");
    assert_eq!(vault.zms(["get", "NEW"]).go().text(), "1");
}

/// Also where there is no room for as much as the log's index: that is no other trouble.
#[test]
fn a_full_disk_is_called_full() {
    let small = Small::new("4M");
    let vault = &small.scratch;
    vault.zms(["init"]).go().good();
    // A session that wrote leaves no log.
    vault.set(&[], "A", "1");
    small.fill(0);
    for _ in 0..2 {
        for args in [&["get", "A"][..], &["set", "A"], &["ls"], &["run", "--", "true"]] {
            let ran = vault.zms(args).feed(b"2\n");
            assert!(ran.stderr.contains("hint: free some space"), "{args:?} {}", ran.stderr);
        }
    }
}

/// Reading and writing both need an audit entry, so a full disk is no way around it.
#[test]
fn where_no_audit_entry_fits_nothing_leaves() {
    let small = Small::new("4M");
    let vault = &small.scratch;
    vault.zms(["init"]).go().good();
    vault.import(&[], &numbered("KEPT", 50));
    let token = vault.token(&["ci"]);
    let commands: [&[&str]; 8] = [
        &["get", "KEPT_1"],
        &["get", "KEPT_1", "--json"],
        &["ls"],
        &["export"],
        &["run", "--explain"],
        &["run", "--", "printenv"],
        &["token", "create", "other"],
        &["token", "create", "other", "--json"],
    ];
    for round in 0..3 {
        small.fill(0);
        for args in commands {
            for token in [None, Some(&token)] {
                let mut command = vault.zms(args);
                token.map(|token| command.env("ZMS_TOKEN", token));
                let ran = command.go();
                let (code, writes) = (ran.code(), args[0] == "token");
                let denied = code == 4 && token.is_some() && writes;
                let unnoted = code == 8 || code == 1 && writes;
                assert!(denied || unnoted, "{round} {args:?}: exit {code}");
                let said = ran.refused(code);
                assert!(!said.contains("KEPT value") && !said.contains("zms_st_1"), "{said}");
                assert!(denied || said.contains("hint: free some space"), "{args:?}: {said}");
            }
        }
        small.free();
    }
    assert_eq!(vault.zms(["get", "KEPT_1"]).go().text(), "KEPT value 1");
    let names = vault.json(&["token", "ls"]);
    assert_eq!(names["tokens"].as_array().unwrap().len(), 2, "no token was made: {names}");
    vault.zms(["audit", "verify"]).go().good();
}

#[test]
fn a_disk_that_fills_up_keeps_what_was_acknowledged() {
    let small = Small::new("2M");
    let vault = &small.scratch;
    vault.zms(["init"]).go().good();
    let value = |number: usize| format!("{number} ").repeat(10_000);
    let mut acknowledged = 0;
    loop {
        let name = format!("V_{acknowledged}");
        let ran = vault.zms(["set", &name]).feed(value(acknowledged).as_bytes());
        if !ran.status.success() {
            assert!([1, 8].contains(&ran.code()), "{}", ran.stderr);
            assert!(ran.stderr.contains("hint: free some space"), "{}", ran.stderr);
            break;
        }
        acknowledged += 1;
        assert!(acknowledged < 200, "the disk never fills up");
    }
    assert!(acknowledged > 5, "it filled up at once");
    let remount = ["mount", "-o", "remount,size=64M", "zms", &vault.home().display().to_string()];
    vault.other(remount).go().good();
    let secrets = vault.secrets(&[]);
    assert!((acknowledged..=acknowledged + 1).contains(&secrets.len()), "{}", secrets.len());
    for number in 0..acknowledged {
        assert!(secrets[&format!("V_{number}")] == value(number), "V_{number}");
    }
    vault.set(&[], "LAST", "1");
}

#[test]
fn an_import_that_does_not_fit_is_not_there_in_part() {
    let small = Small::new("8M");
    let vault = &small.scratch;
    vault.zms(["init"]).go().good();
    vault.import(&[], &numbered("KEPT", 20));
    let before = vault.secrets(&[]);
    let large: std::collections::BTreeMap<String, String> =
        numbered("LARGE", 100).into_keys().map(|name| (name, "z".repeat(10_000))).collect();
    let json = serde_json::to_vec(&large).unwrap();
    for room in [0, 64 << 10, 256 << 10, 700 << 10] {
        small.fill(room);
        let ran = vault.zms(["import", "-"]).feed(&json);
        let said = ran.refused(1);
        assert!(said.contains("hint: free some space") && !said.contains("zzz"), "{said}");
        small.free();
        assert!(vault.secrets(&[]) == before, "secrets are missing, changed or new");
    }
    vault.import(&[], &large);
    assert_eq!(vault.secrets(&[]).len(), 120);
}

#[test]
fn init_on_a_full_disk_can_be_run_again() {
    for room in [0, 4 << 10, 24 << 10, 100 << 10] {
        let small = Small::new("2M");
        small.fill(room);
        let said = small.scratch.zms(["init"]).go();
        if said.status.success() {
            continue;
        }
        said.refused(1);
        small.free();
        small.scratch.zms(["init"]).go().good();
        small.scratch.set(&[], "A", "1");
    }
}

#[test]
fn a_backup_says_where_it_needs_room() {
    let small = Small::new("8M");
    small.scratch.zms(["init"]).go().good();
    small.scratch.set(&[], "A", "1");
    // Room for the audit, not for the copy.
    small.fill(150_000);
    let said = small.scratch.zms(["backup", "now"]).go().refused(1);
    assert!(said.contains("the disk is full: the vault is copied beside itself first"), "{said}");
    assert!(!small.scratch.work().join("now").exists());
    small.free();
    small.scratch.zms(["backup", "now"]).go().good();
}
