//! While secrets are open nobody of the same user looks into the process, and the system keeps
//! no core of it.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    scratch::{Go, Scratch},
    stranger::stranger,
    tools::{fixture, python},
};

/// More than a pipe takes: who prints it and is not read from waits, with everything open.
fn vault() -> Scratch {
    let vault = stranger();
    vault.zms(["init"]).go().good();
    for name in ["A", "B", "C", "D"] {
        vault.set(&[], name, "canary".repeat(10_000));
    }
    vault
}

/// What a spy of the same user can do to a process.
fn spied(vault: &Scratch, words: &[&str]) -> Value {
    let spy = vault.file("spy.py", fs::read(fixture("promises/spy.py")).unwrap());
    let zms = vault.folder().join("zms").into_os_string();
    let words = words.iter().map(|word| if *word == "zms" { zms.clone() } else { word.into() });
    let answer = vault.other([python(), spy.into()].into_iter().chain(words)).go().good();
    serde_json::from_slice(&answer).unwrap()
}

#[test]
fn attack_the_same_user_can_not_read_or_trace_it() {
    let vault = vault();
    let open = json!({
        "uid": 65534, "memory": true, "environment": true, "maps": true, "attached": true
    });
    assert_eq!(spied(&vault, &["cat", "/dev/zero"]), open, "the spy can spy");
    let shut = json!({
        "uid": 65534, "memory": false, "environment": false, "maps": false, "attached": false
    });
    assert_eq!(spied(&vault, &["zms", "export"]), shut);
    assert_eq!(spied(&vault, &["zms", "export", "--format", "json"]), shut);
}

#[test]
fn attack_the_program_that_is_run_can_be_traced_and_zms_before_it_not() {
    let vault = vault();
    let open = spied(&vault, &["zms", "run", "--", "cat", "/dev/zero"]);
    assert_eq!([&open["memory"], &open["attached"]], [&json!(true), &json!(true)]);
}

/// Waits until a process sleeps in a write to its pipe, which nobody reads.
fn until_blocked(child: &Child) {
    for _ in 0..3000 {
        let syscall = fs::read_to_string(format!("/proc/{}/syscall", child.id()));
        let status = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let sleeps = status.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'));
        let named = status.contains("(zms)") || status.contains("(cat)");
        // 1 on x86-64, 64 on arm64.
        let writes =
            syscall.is_ok_and(|text| text.starts_with("1 0x1") || text.starts_with("64 0x1"));
        if sleeps && named && writes {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("it never waited for its pipe");
}

/// Starts a command that fills its pipe, sends it a signal, and tells whether the system dumped
/// it, and where the files are that this left.
fn dumped(vault: &Scratch, mut command: Command, signal: i32) -> (bool, Vec<String>) {
    let before = names(vault);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    until_blocked(&child);
    let pid = child.id().to_string();
    let status = loop {
        // Rust's runtime catches the first SIGSEGV, and steps aside for the next.
        send(signal, &pid);
        sleep(Duration::from_millis(20));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
    };
    assert_eq!(status.signal(), Some(signal));
    let new = names(vault).into_iter().filter(|name| !before.contains(name)).collect();
    (status.core_dumped(), new)
}

fn send(signal: i32, pid: &str) {
    drop(Command::new("kill").args([&format!("-{signal}"), pid]).stderr(Stdio::null()).status());
}

fn names(vault: &Scratch) -> Vec<String> {
    let entries = fs::read_dir(vault.work()).unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[test]
fn attack_a_crash_while_secrets_are_open_leaves_no_core() {
    let vault = vault();
    // SIGQUIT, SIGABRT, SIGBUS, SIGSEGV, SIGSYS
    for signal in [3, 6, 7, 11, 31] {
        let cat = vault.other(["cat", "/dev/zero"]);
        let (core, files) = dumped(&vault, cat, signal);
        assert!(core, "this machine dumps nobody: `core_pattern` or a hard limit forbids it");
        if fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap().starts_with("core") {
            assert!(files.iter().any(|name| name.starts_with("core")), "{files:?}");
        }
        for name in files {
            fs::remove_file(vault.work().join(name)).unwrap();
        }
        let (core, files) = dumped(&vault, vault.zms(["export"]), signal);
        assert!(!core, "signal {signal}");
        assert_eq!(files, Vec::<String>::new(), "signal {signal}");
    }
}

#[test]
fn a_core_of_the_program_that_is_run_is_its_own_affair() {
    let vault = vault();
    let run = vault.run(&["--except", "A,B,C,D"], &["cat", "/dev/zero"]);
    let (core, _) = dumped(&vault, run, 6);
    assert!(core, "the limit was not given back");
}

#[test]
fn a_folder_that_can_not_be_written_gives_out_no_secret() {
    use std::os::unix::fs::PermissionsExt;
    let vault = vault();
    let mode = |mode| {
        fs::set_permissions(vault.home(), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o500);
    for beside in ["zms.db-wal", "zms.db-shm"] {
        drop(fs::remove_file(vault.home().join(beside)));
    }
    let said = vault.zms(["get", "A"]).go().refused(8);
    assert!(said.contains("audit") && !said.contains("canary"), "{said}");
    vault.zms(["export"]).go().refused(8);
    vault.run(&[], &["touch", "ran"]).go().refused(8);
    assert!(!vault.work().join("ran").exists());
    vault.zms(["set", "E"]).feed(b"5\n").refused(1);
    mode(0o700);
    assert_eq!(vault.zms(["get", "A"]).go().text(), "canary".repeat(10_000));
}

#[test]
fn files_are_private_whatever_the_mask() {
    let vault = stranger();
    let wrapper = ["sh", "-c", "umask 000; exec \"$@\"", "sh"];
    vault.under(&wrapper, ["init"]).go().good();
    vault.under(&wrapper, ["set", "A"]).feed(b"1\n").good();
    vault.under(&wrapper, ["run", "--", "true"]).go().good();
    use std::os::unix::fs::PermissionsExt;
    for path in vault.files().into_iter().map(|(path, _)| path) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    let mut key = String::new();
    File::open(vault.home().join("zms.master.key")).unwrap().read_to_string(&mut key).unwrap();
    assert!(!key.is_empty());
}
