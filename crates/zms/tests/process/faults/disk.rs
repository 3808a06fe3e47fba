//! A disk with a fault between the program and the real one, and writes that take a part only.

use std::{fs, path::PathBuf, process::Command, sync::OnceLock};

use tempfile::TempDir;

use crate::{
    scratch::{Go, Scratch, numbered},
    tools::{ZMS, fixture, tool},
};

/// `disk.c`, made once.
pub fn library() -> PathBuf {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    let folder = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut compile = Command::new(tool("cc"));
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(folder.path().join("disk.so"));
        compile.arg(fixture("faults/disk.c")).arg("-ldl").go().good();
        folder
    });
    folder.path().join("disk.so")
}

/// The words before a command that give it this disk.
pub fn with(fault: &str) -> Vec<String> {
    vec!["env".into(), format!("LD_PRELOAD={}", library().display()), format!("{fault}=1")]
}

/// Every file is whole when the system takes only half of each write, however often.
#[test]
fn writes_that_take_a_part_only_write_all_of_it() {
    let disk = |scratch: Scratch| scratch.behind(with("SHORT"), ZMS.into());
    let vault = disk(Scratch::vault());
    vault.import(&[], &numbered("KEPT", 50));
    let secrets = vault.secrets(&[]);
    assert_eq!(secrets, numbered("KEPT", 50));
    let token = vault.token(&["ci", "-e", "development"]);
    let reads = |vault: &Scratch, args: &[&str]| {
        let ran = vault.zms(args).env("ZMS_TOKEN", &token).go();
        assert_eq!(ran.text(), "KEPT value 7");
    };
    // All that the program writes, each read again without the fault.
    vault.zms(["bundle", "create", "app.zms", "--token", "ci"]).go().good();
    reads(&vault, &["get", "KEPT_7", "--bundle", "app.zms", "--audit-to", "noted"]);
    reads(&vault, &["get", "KEPT_7", "--bundle", "app.zms", "--audit-to", "noted"]);
    let flags = ["--shares", "3", "--threshold", "2", "--sheets", "sheets", "--yes"];
    vault.zms([&["key", "split", "--rotate"], &flags[..]].concat()).go().good();
    vault.zms(["audit", "checkpoint", "--out", "audit.note"]).go().good();
    vault.zms(["backup", "all"]).go().good();
    vault.set(&[], "MINE", "shared");
    vault.zms(["set", "MINE", "--personal"]).feed(b"mine\n").good();
    vault.file("app.tmpl", "{{ KEPT_7 }}\n".repeat(5000));
    vault.zms(["render", "app.tmpl", "-o", "app.conf"]).go().good();
    let whole = vault.copy();
    assert_eq!(whole.zms(["get", "MINE", "--personal"]).go().text(), "mine");
    for args in [
        &["backup", "verify", "all"][..],
        &["bundle", "inspect", "app.zms"],
        &["audit", "verify", "--checkpoint", "audit.note"],
        &["audit", "verify", "--file", "noted"],
        &["doctor"],
    ] {
        whole.zms(args).go().good();
    }
    reads(&whole, &["get", "KEPT_7", "--bundle", "app.zms"]);
    let rendered = fs::read_to_string(whole.work().join("app.conf")).unwrap();
    assert_eq!(rendered, "KEPT value 7\n".repeat(5000));
    let sheets = fs::read_dir(whole.work().join("sheets")).unwrap();
    let sheets = sheets.map(|entry| entry.unwrap().path().display().to_string());
    let sheets: Vec<String> = sheets.filter(|name| name.ends_with(".html")).collect();
    whole.zms(["key", "drill", &sheets[0], &sheets[1]]).go().good();
    // So are a vault that is made, and one that is restored.
    let made = disk(Scratch::empty());
    made.zms(["init"]).go().good();
    made.set(&[], "A", "old");
    made.zms(["backup", "all"]).go().good();
    made.set(&[], "A", "new");
    assert_eq!(made.copy().zms(["get", "A"]).go().text(), "new");
    made.zms(["restore", "all", "--yes"]).go().good();
    assert_eq!(made.copy().zms(["get", "A"]).go().text(), "old");
    made.copy().zms(["doctor"]).go().good();
}
