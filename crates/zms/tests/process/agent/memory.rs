//! What others see of its memory, and what is left there after a lock.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use super::Vault;
use crate::{scratch::Go, tools::tool};

/// Whether a file holds these bytes anywhere.
fn holds(file: &Path, bytes: &[u8]) -> bool {
    fs::read(file).unwrap().windows(bytes.len()).any(|found| found == bytes)
}

/// gdb with everything in its cores: what a program keeps out of them as well.
fn gdb(pid: u32) -> Command {
    let mut gdb = Command::new(tool("gdb"));
    gdb.args(["-nx", "-batch", "-p", &pid.to_string()]);
    gdb.args(["-ex", "set use-coredump-filter off", "-ex", "set dump-excluded-mappings on"]);
    gdb.stdin(Stdio::null());
    gdb
}

#[test]
fn attack_the_same_user_can_not_take_a_core_of_it() {
    let vault = Vault::of_stranger();
    vault.unlock(&[]);
    let gcore = tool("gcore").display().to_string();
    let taken = |pid: u32| {
        let core = vault.scratch.work().join("core");
        let pid = pid.to_string();
        let ran = vault.scratch.other([&gcore, "-o", "core", &pid]).go();
        let there = fs::exists(core.with_extension(&pid)).unwrap();
        assert_eq!(ran.code() == 0, there, "{}", ran.stderr);
        there
    };
    let mut sleeper = vault.scratch.other(["sleep", "600"]).spawn().unwrap();
    // The wrapper has to become it first.
    let named = || fs::read_to_string(format!("/proc/{}/comm", sleeper.id())).unwrap();
    while named() != "sleep\n" {
        sleep(Duration::from_millis(10));
    }
    assert!(taken(sleeper.id()), "whoever can take none of anything shows nothing");
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    assert!(!taken(vault.agent()));
    let limits = fs::read_to_string(format!("/proc/{}/limits", vault.agent())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).collect::<Vec<_>>(), ["0", "0", "bytes"]);
    let status = fs::read_to_string(format!("/proc/{}/status", vault.agent())).unwrap();
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
    let kib: u64 = locked.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib >= 4, "the key is kept out of swap: {locked}");
}

#[test]
fn attack_after_a_lock_not_even_root_finds_the_key_in_its_memory() {
    let vault = Vault::locked();
    vault.unlock(&[]);
    assert_eq!(vault.zms(&["get", "A"]).go().text(), "1");
    let seed = vault.seed();
    let pid = vault.agent();
    let core = vault.scratch.work().join("unlocked");
    let ran = gdb(pid).args(["-ex", &format!("gcore {}", core.display())]).go();
    assert!(core.exists(), "{}", ran.stderr);
    assert!(holds(&core, seed.expose()), "root finds it while it is unlocked");

    // Stopped where it ends: the last moment at which there is anything to look at.
    let core = vault.scratch.work().join("locked");
    let mut gdb = gdb(pid);
    gdb.args(["-ex", "catch syscall exit_group", "-ex", "continue"]);
    gdb.args(["-ex", &format!("gcore {}", core.display())]).args(["-ex", "continue"]);
    let mut watching = gdb.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let traced = || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let running = status.contains("State:\tS");
        let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:\t")).unwrap();
        running && tracer != "0"
    };
    while !traced() {
        sleep(Duration::from_millis(20));
    }
    vault.zms(&["lock"]).go().good();
    watching.wait().unwrap();
    assert!(core.exists(), "no core of its end");
    assert!(!holds(&core, seed.expose()), "the key is still there");
    assert_eq!(vault.agents(), Vec::<u32>::new());
}
