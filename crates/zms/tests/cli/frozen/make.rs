//! Freezes what the program writes today. `tests/frozen/README.md` says when and how.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{
    PASSPHRASE,
    folder::{Frozen, GUARDED, HOME, root},
    gather,
    list::{found, listed, sums},
};
use crate::{
    machine::{Machine, run},
    terminal::{Terminal, ends},
};

const PASSWORD: &str = "kept behind a passphrase\n";

#[test]
#[ignore = "makes a new folder of tests/frozen, named by ZMS_FREEZE"]
fn freeze() {
    let name = env::var("ZMS_FREEZE").expect("ZMS_FREEZE names a folder of tests/frozen");
    let folder = root().join(&name);
    assert!(!folder.join("expected.json").exists(), "{name} is frozen; make another folder");
    // Another build may do it, such as that of an older version.
    let program = env::var("ZMS_FREEZE_WITH").map(PathBuf::from);
    let program = program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_zms").into());
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());

    let machine = Machine::new();
    let mut fill = machine.command("sh");
    fill.arg("-c").arg(fs::read_to_string(folder.join("fill.sh")).unwrap()).env("PATH", &path);
    run(fill).done();
    take(&machine, &folder.join(HOME));
    let tokens = tokens(&machine.home().join("app/tokens"));
    fs::write(folder.join("tokens.json"), pretty(&json!(tokens))).unwrap();
    guarded(&path, &folder.join(GUARDED));

    let frozen = Frozen { folder: folder.clone(), tokens, expected: Value::Null };
    let mut expected = gather(&frozen.machine(HOME), &frozen.tokens);
    expected["protected"] = super::write_on(&frozen.machine(HOME));
    expected["guarded"] = json!({ "KEPT": PASSWORD });
    fs::write(folder.join("expected.json"), pretty(&expected)).unwrap();
    list();
}

/// Takes the files of a vault, its log written into the database.
fn take(machine: &Machine, to: &Path) {
    let database = Connection::open(machine.vault("zms.db")).unwrap();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).unwrap();
    drop(database);
    fs::create_dir_all(to.join("pins")).unwrap();
    for name in ["zms.db", "zms.master.key"] {
        fs::copy(machine.vault(name), to.join(name)).unwrap();
    }
    for entry in fs::read_dir(machine.vault("pins")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some() {
            fs::copy(&path, to.join("pins").join(path.file_name().unwrap())).unwrap();
        }
    }
}

fn tokens(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let text = |path: &Path| fs::read_to_string(path).unwrap().trim().to_owned();
    entries.map(|path| (name(&path), text(&path))).collect()
}

fn guarded(path: &str, to: &Path) {
    let machine = Machine::new();
    let start =
        |line: &str| Terminal::with(ends(), &machine, &[("PATH", path)], &["sh", "-c", line]);
    let answer = format!("{PASSPHRASE}\n");
    let mut terminal = start("zms init --protect passphrase");
    terminal.until_hidden("New passphrase: ").press(&answer).until_hidden("Once more: ");
    assert_eq!(terminal.press(&answer).end().0, 0);
    fs::write(machine.home().join("app/kept"), PASSWORD).unwrap();
    let mut terminal = start("zms set KEPT --file kept");
    assert_eq!(terminal.until_hidden("Passphrase of the master key: ").press(&answer).end().0, 0);
    take(&machine, to);
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

/// Adds what is new to the list of hashes; what stands there stays.
fn list() {
    let mut text = listed();
    let (written, found) = (sums(&text), found());
    for (path, sum) in found {
        if !written.contains_key(&path) {
            writeln!(text, "{sum}  {path}").unwrap();
        }
    }
    fs::write(root().join("SHA256SUMS"), text).unwrap();
}
