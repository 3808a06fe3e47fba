//! A backup that is made while others write holds a state that really was.

use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crate::scratch::{Go, Scratch};

const WRITERS: usize = 4;
const BACKUPS: usize = 3;

/// Each writer sets two secrets to the same number in one commit, again and again.
fn write(vault: &Scratch, writer: usize, stop: &AtomicBool) {
    let name = format!("{writer}.env");
    for number in 1.. {
        vault.file(&name, format!("FIRST_{writer}={number}\nSECOND_{writer}={number}\n"));
        vault.zms(["import", &name, "-q", "--yes"]).go().good();
        if stop.load(Ordering::SeqCst) {
            return;
        }
    }
}

/// What the place's log says, by revision.
fn log(vault: &Scratch) -> BTreeMap<u64, serde_json::Value> {
    let log = vault.json(&["log"]);
    let revisions = log["revisions"].as_array().unwrap().iter();
    revisions.map(|it| (it["revision"].as_u64().unwrap(), it.clone())).collect()
}

#[test]
fn a_backup_that_is_made_while_others_write_holds_a_state_that_was() {
    let vault = Scratch::vault();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (vault, stop) = (&vault, &stop);
        for writer in 0..WRITERS {
            scope.spawn(move || write(vault, writer, stop));
        }
        for number in 0..BACKUPS {
            vault.zms(["backup", &format!("{number}.backup")]).go().good();
        }
        stop.store(true, Ordering::SeqCst);
    });
    let live = log(&vault);
    let mut before = 0;
    for number in 0..BACKUPS {
        let file = format!("{number}.backup");
        vault.zms(["backup", "verify", &file]).go().good();
        let other = Scratch::empty();
        fs::copy(vault.work().join(&file), other.work().join(&file)).unwrap();
        let key = vault.home().join("zms.master.key").display().to_string();
        other.zms(["restore", &file, "--key", &key]).go().good();
        let secrets = other.secrets(&[]);
        for writer in 0..WRITERS {
            let of = |which| secrets.get(&format!("{which}_{writer}"));
            assert_eq!(of("FIRST"), of("SECOND"), "half of a commit");
        }
        // All but the restore's own last revision is the beginning of what was written.
        let mut held = log(&other);
        held.pop_last();
        assert!(held.iter().all(|(revision, said)| live.get(revision) == Some(said)));
        assert!(held.len() >= before, "an older state than the backup before");
        before = held.len();
    }
}
