//! Entries as they come.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Stdio},
};

use super::machine;
use crate::machine::Machine;

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
