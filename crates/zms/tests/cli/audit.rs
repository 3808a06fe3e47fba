//! The audit under the hands of somebody who can write to the database, and its checkpoints.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Stdio},
    thread,
};

use rusqlite::{Connection, params};
use zms_core::{audit::Entry, id::VaultId};
use zms_store::Store;
use zms_store_sqlite::SqliteStore;

use crate::machine::{Machine, Ran};

/// A vault with some entries, all under the owner's checkpoint, and one above it.
fn machine() -> Machine {
    let machine = Machine::with_secret();
    for line in [
        "zms token create ci -q > ci && chmod 600 ci",
        "for n in 1 2 3; do zms get A; done",
        "printf 2 | zms set A",
        "zms audit checkpoint --out elsewhere",
        "ZMS_TOKEN_FILE=ci zms get A",
    ] {
        machine.sh(line).done();
    }
    assert_eq!(verify(&machine).code, 0);
    // Verifying has taken the checkpoint further; the one elsewhere is older.
    machine.sh("ZMS_TOKEN_FILE=ci zms get A").done();
    machine
}

fn verify(machine: &Machine) -> Ran {
    machine.sh("zms audit verify")
}

/// What verifying finds bad: the line that names it, and what else it prints.
#[track_caller]
fn bad(machine: &Machine) -> (String, String) {
    let ran = verify(machine);
    assert_eq!(ran.code, 6, "{}", ran.err);
    let told = String::from_utf8(ran.out).unwrap();
    assert!(ran.err.starts_with("error: the audit does not verify: "), "{}", ran.err);
    assert!(ran.err.contains("\nhint: "), "{}", ran.err);
    let line = told.lines().find_map(|line| line.strip_prefix("first bad   ")).unwrap();
    (line.to_owned(), told.clone())
}

/// Edits the database by hand.
fn tamper(machine: &Machine, edit: impl FnOnce(&Connection)) {
    let connection = Connection::open(machine.vault("zms.db")).unwrap();
    edit(&connection);
    connection.close().unwrap();
    machine.own(&machine.vault(""));
}

fn sql(machine: &Machine, text: &str) {
    tamper(machine, |connection| connection.execute_batch(text).unwrap());
}

/// The entries and the vault, to make hashes anew with.
fn entries(machine: &Machine) -> (VaultId, Vec<Entry>) {
    // A copy of our own: the store opens nobody else's file.
    let folder = tempfile::tempdir().unwrap();
    for name in ["zms.db", "zms.db-wal"].iter().filter(|name| machine.vault(name).exists()) {
        fs::write(folder.path().join(name), fs::read(machine.vault(name)).unwrap()).unwrap();
    }
    let store = SqliteStore::open(&folder.path().join("zms.db")).unwrap().unwrap();
    let vault = store.bundle().unwrap().vault().unwrap().unwrap();
    (vault, store.audit_read(0, 0, usize::MAX).unwrap())
}

/// Puts another chain in the place of the one that is there, every hash of it in order.
fn remake(machine: &Machine, edit: impl FnOnce(&mut Vec<Entry>)) {
    let (vault, mut chain) = entries(machine);
    edit(&mut chain);
    let (mut seq, mut prev_hash) = (0, [0; 32]);
    tamper(machine, |connection| {
        connection.execute("DELETE FROM audit", ()).unwrap();
        for entry in chain {
            seq += 1;
            let entry = Entry::new(vault, 0, seq, prev_hash, entry.event);
            prev_hash = entry.hash;
            let event = &entry.event;
            let row = params![
                0,
                seq.cast_signed(),
                event.time.cast_signed(),
                event.principal.0,
                event.action as u8,
                event.scope.map(|scope| scope.0),
                event.revision.cast_signed(),
                event.outcome as u8,
                entry.prev_hash,
                entry.hash,
            ];
            let insert = "INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
            connection.execute(insert, row).unwrap();
        }
    });
}

/// The checkpoint that the owner keeps.
fn kept(machine: &Machine) -> PathBuf {
    let files = fs::read_dir(machine.vault("pins")).unwrap().map(|file| file.unwrap().path());
    let mut notes = files.filter(|path| path.extension().is_some_and(|it| it == "checkpoint"));
    let note = notes.next().unwrap();
    assert!(notes.next().is_none(), "a token keeps no checkpoint");
    note
}

/// The next command of the owner works, says once what is wrong, and keeps the checkpoint.
#[track_caller]
fn noticed(machine: &Machine, words: &str) {
    let before = fs::read(kept(machine)).unwrap();
    for line in ["zms get A", "printf 3 | zms set B", "zms run -- true"] {
        let ran = machine.sh(line);
        assert_eq!(ran.err.matches(words).count(), 1, "{line}: {}", ran.err);
        assert_eq!(ran.err.matches("warning: ").count(), 1, "{line}: {}", ran.err);
        ran.done();
        assert_eq!(fs::read(kept(machine)).unwrap(), before, "{line}");
    }
    let ran = machine.sh("ZMS_TOKEN_FILE=ci zms get A");
    assert_eq!(ran.err, "", "a token has nothing to compare with");
}

const CUT: &str = "warning: the audit was cut or edited: run `zms audit verify`";

#[test]
fn attack_audit_edit() {
    for edit in [
        "time = time + 1",
        "principal = randomblob(16)",
        "action = 5",
        "scope = randomblob(16)",
        "scope = NULL",
        "revision = 9",
        "outcome = 2",
        "prev_hash = randomblob(32)",
        "hash = randomblob(32)",
    ] {
        let machine = machine();
        sql(&machine, &format!("UPDATE audit SET {edit} WHERE seq = 5"));
        let (line, told) = bad(&machine);
        assert!(line.starts_with("entry 5 (2"), "{edit}: {line}");
        assert!(line.ends_with("was edited"), "{edit}: {line}");
        assert!(told.contains("proven      entries 6 to 1"), "{edit}: {told}");
    }
    for edit in ["action = 99", "outcome = 0", "principal = x'00'", "hash = x'00'"] {
        let machine = machine();
        sql(&machine, &format!("UPDATE audit SET {edit} WHERE seq = 5"));
        let (line, told) = bad(&machine);
        assert_eq!(line, "entry 5 can not be read", "{edit}");
        assert!(told.contains("proven      entries 6 to 1"), "{edit}: {told}");
    }
}

/// With every hash made anew behind the edit, which only a checkpoint shows.
#[test]
fn attack_audit_edit_with_hashes() {
    let machine = machine();
    remake(&machine, |chain| chain[4].event.principal.0 = [7; 16]);
    let (line, told) = bad(&machine);
    assert!(line.ends_with("that a checkpoint covers: the chain was made anew"), "{line}");
    assert!(told.contains("proven      none: no checkpoint fits"), "{told}");
    noticed(&machine, CUT);
    // Whoever takes the kept one away as well meets the one that is elsewhere.
    fs::remove_file(kept(&machine)).unwrap();
    let ran = verify(&machine);
    assert!(ran.err.contains("nothing is proven, as no checkpoint is kept here"), "{}", ran.err);
    ran.done();
    let ran = machine.sh("zms audit verify --checkpoint elsewhere");
    assert!(ran.err.contains("the chain was made anew"), "{}", ran.err);
    assert_eq!(ran.code, 6);
}

#[test]
fn attack_audit_reorder() {
    let machine = machine();
    let swap = "UPDATE audit SET seq = -1 WHERE seq = 5; UPDATE audit SET seq = 5 WHERE seq = 7;
                UPDATE audit SET seq = 7 WHERE seq = -1;";
    sql(&machine, swap);
    assert_eq!(bad(&machine).0, "entry 5 is out of order: it stands at 7");
    // Another order with hashes that fit it.
    sql(&machine, swap);
    assert_eq!(verify(&machine).code, 0);
    remake(&machine, |chain| chain.swap(3, 4));
    assert!(bad(&machine).0.ends_with("the chain was made anew"));
    noticed(&machine, CUT);
}

#[test]
fn attack_audit_delete() {
    let machine = machine();
    sql(&machine, "DELETE FROM audit WHERE seq = 5");
    assert_eq!(bad(&machine).0, "entry 5 is missing");
    for sql_text in [
        "DELETE FROM audit WHERE seq = 5; UPDATE audit SET seq = -seq WHERE seq > 5;
         UPDATE audit SET seq = -seq - 1 WHERE seq < 0;",
        "DELETE FROM audit WHERE seq BETWEEN 5 AND 7",
        "UPDATE audit SET chain = 1 WHERE seq = 5",
    ] {
        let machine = self::machine();
        sql(&machine, sql_text);
        assert_eq!(bad(&machine).0, "entry 5 is missing", "{sql_text}");
    }
    let machine = self::machine();
    remake(&machine, |chain| drop(chain.remove(4)));
    assert!(bad(&machine).0.ends_with("the chain was made anew"));
    noticed(&machine, CUT);
}

#[test]
fn attack_audit_truncate() {
    let machine = machine();
    let (_, all) = entries(&machine);
    let last = all.len() as u64;
    // What no checkpoint covers yet can be cut off: that is stated in spec/audit.md.
    sql(&machine, &format!("DELETE FROM audit WHERE seq > {}", last - 2));
    let told = verify(&machine).done();
    assert!(told.contains(&format!("proven      up to entry {}", last - 2)), "{told}");
    sql(&machine, &format!("DELETE FROM audit WHERE seq > {}", last - 4));
    let (from, to) = (last - 3, last - 2);
    let cut = format!("entries {from} to {to} are cut off: a checkpoint covers them");
    assert_eq!(bad(&machine).0, cut);
    noticed(&machine, CUT);
    // By now others stand where they stood.
    assert!(bad(&machine).0.ends_with("the chain was made anew"));
}

#[test]
fn attack_audit_truncate_whole() {
    let machine = machine();
    let last = entries(&machine).1.len() - 2;
    sql(&machine, "DELETE FROM audit");
    let (line, told) = bad(&machine);
    assert_eq!(line, format!("entries 1 to {last} are cut off: a checkpoint covers them"));
    assert!(told.contains("chain 0     0 entries\n"), "{told}");
    assert!(machine.sh("zms audit checkpoint").refused(6).contains("are cut off"));
    noticed(&machine, CUT);
    // Those that came since are no substitute.
    let next = entries(&machine).1.len() + 1;
    let cut = format!("entries {next} to {last} are cut off: a checkpoint covers them");
    assert_eq!(bad(&machine).0, cut);
}

/// A checkpoint that did not follow from the one before would give up what that one proves.
#[test]
fn attack_audit_break_above_the_checkpoint() {
    let machine = machine();
    let last = entries(&machine).1.len();
    sql(&machine, &format!("UPDATE audit SET revision = 99 WHERE seq = {}", last - 1));
    noticed(&machine, CUT);
    let (line, told) = bad(&machine);
    assert!(line.starts_with(&format!("entry {} (", last - 1)), "{line}");
    assert!(told.contains(&format!("proven      up to entry {}\n", last - 2)), "{told}");
}

#[test]
fn a_damaged_checkpoint_is_reported_and_stays() {
    let machine = machine();
    let good = fs::read_to_string(kept(&machine)).unwrap();
    let foreign = fs::read_to_string(kept(&self::machine())).unwrap();
    let words = "is damaged or not yours: run `zms audit verify`";
    for text in ["", "garbage\n", &good.replace("time 1", "time 2"), &foreign, &"x".repeat(1 << 20)]
    {
        fs::write(kept(&machine), text).unwrap();
        noticed(&machine, words);
        let ran = verify(&machine);
        assert_eq!(ran.code, 6);
        assert!(ran.err.contains("error: the audit does not verify: the checkpoint in "));
        assert!(ran.err.contains("hint: move it away"), "{}", ran.err);
    }
    // As the hint says.
    fs::rename(kept(&machine), machine.home().join("evidence")).unwrap();
    assert_eq!(machine.sh("zms get A").err, "");
    assert_eq!(verify(&machine).code, 0);
}

#[test]
fn a_checkpoint_that_can_not_be_kept_fails_no_command() {
    let machine = machine();
    let path = kept(&machine);
    fs::remove_file(&path).unwrap();
    machine.sh(&format!("mkdir {}", path.display())).done();
    let ran = machine.sh("zms get A");
    assert!(ran.err.starts_with("warning: no checkpoint of the audit was kept: "), "{}", ran.err);
    assert_eq!(ran.done(), "2");
}

#[test]
fn checkpoints_of_others_are_refused() {
    let machine = machine();
    let other = self::machine();
    let theirs = fs::read_to_string(other.home().join("app/elsewhere")).unwrap();
    let good = fs::read_to_string(machine.home().join("app/elsewhere")).unwrap();
    for (text, why) in [
        (theirs, "is signed by nobody who is an administrator of this vault"),
        (good.replace("time 1", "time 2"), "carries a signature that does not verify"),
        (good.replace("time 1", "time  1"), "is no checkpoint, or was changed"),
        (String::new(), "is no checkpoint, or was changed"),
    ] {
        fs::write(machine.home().join("app/brought"), text).unwrap();
        let ran = machine.sh("zms audit verify --checkpoint brought");
        assert_eq!(ran.code, 6);
        let words =
            format!("error: the audit does not verify: the checkpoint that was brought {why}");
        assert!(ran.err.starts_with(&words), "{}", ran.err);
    }
    let told = machine.sh("ZMS_TOKEN_FILE=ci zms audit verify --checkpoint elsewhere").done();
    assert!(told.contains("proven      up to entry "), "{told}");
}

#[test]
fn commands_at_once_keep_a_checkpoint_of_all() {
    let machine = machine();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..4 {
                    assert_eq!(machine.sh("zms get A").err, "");
                }
            });
        }
    });
    machine.sh("zms get A").done();
    let last = entries(&machine).1.len();
    let note = fs::read_to_string(kept(&machine)).unwrap();
    assert!(note.contains(&format!("\nchain 0 {last} ")), "{last}: {note}");
    let told = verify(&machine).done();
    assert!(told.contains(&format!("proven      up to entry {last}\n")), "{told}");
}

/// A checkpoint goes on where the last one ended, however much came since.
#[test]
fn a_checkpoint_catches_up_step_by_step() {
    let machine = machine();
    let before = entries(&machine).1.len();
    remake(&machine, |chain| {
        let read = chain.last().unwrap().clone();
        chain.extend(vec![read; 2500]);
    });
    let proven = || {
        let note = fs::read_to_string(kept(&machine)).unwrap();
        let line = note.lines().find_map(|line| line.strip_prefix("chain 0 ")).unwrap();
        line.split(' ').next().unwrap().parse::<usize>().unwrap()
    };
    let first = proven();
    assert!(first < before);
    for step in 1..=2 {
        assert_eq!(machine.sh("zms get A").err, "");
        assert_eq!(proven(), first + step * 1000);
    }
    assert_eq!(verify(&machine).code, 0);
    assert_eq!(proven(), entries(&machine).1.len());
}

/// A child whose stdout is read line by line.
fn follow(machine: &Machine, args: &[&str]) -> (Child, BufReader<impl Read>) {
    let mut child = machine.zms(&[&["audit", "--follow"], args].concat()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    (child, lines)
}

#[test]
fn new_entries_are_followed_until_nobody_reads() {
    let machine = machine();
    let (mut child, mut lines) = follow(&machine, &["--limit", "1"]);
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.contains("  ci     "), "{line:?}");
    machine.sh("ZMS_TOKEN_FILE=ci zms get A").done();
    machine.sh("zms project create shop && printf 1 | zms set B -p shop").done();
    let mut seen = Vec::new();
    while !line.contains("write") {
        line.clear();
        lines.read_line(&mut line).unwrap();
        seen.push(line.split_whitespace().skip(1).take(3).collect::<Vec<_>>().join(" "));
    }
    assert_eq!(seen[..2], ["ci read default", "ci read default/development"]);
    assert!(
        seen[2..seen.len() - 1].iter().all(|line| line.starts_with("owner shape ")),
        "{seen:?}"
    );
    // Also what was made after it began is called by its name.
    assert_eq!(seen.last().unwrap(), "owner write shop/development");
    drop(lines);
    assert!(child.wait().unwrap().code().is_none_or(|code| code == 0), "it ends quietly");
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

#[test]
fn what_is_followed_can_be_read_by_programs() {
    let machine = machine();
    let (mut child, mut lines) = follow(&machine, &["--json", "--since", "1h", "--token", "ci"]);
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&entry["version"], &entry["name"]), (&1.into(), &"ci".into()));
        seen.push(entry["seq"].as_u64().unwrap());
    }
    assert!(seen.is_sorted(), "{seen:?}");
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::INT,
    )
    .unwrap();
    child.wait().unwrap();
}

/// A stdout that ignores SIGPIPE is no reason for words either.
#[test]
fn a_reader_that_leaves_is_no_error() {
    let machine = machine();
    let line = "trap '' PIPE; zms audit --follow --since 1h | head -n 1 >/dev/null";
    let mut command = machine.command("bash");
    command.args(["-o", "pipefail", "-c", line]).stderr(Stdio::piped());
    let ran = crate::machine::run(command);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}
