//! Every signal that can be caught (in a full run; else some), beside the program and in its place, compared with the bare one.

use std::{io::Read, os::unix::process::ExitStatusExt, process::Stdio};

use crate::{
    random::Random,
    scratch::{Go, Scratch},
    tools::{ZMS, fixture, python},
};

/// The usual ones, and some of the others: all of them in a full run.
fn signals() -> String {
    let usual = [1, 2, 15, 17, 18, 20];
    // The C library keeps 32 and 33 for itself, and 9 and 19 can not be caught.
    let others = (1..=64).filter(|it| ![9, 19, 32, 33].contains(it) && !usual.contains(it));
    let some = Random::new().sample(others.collect(), 5);
    let all: Vec<String> = usual.into_iter().chain(some).map(|it| it.to_string()).collect();
    all.join(",")
}

fn matrix(vault: &Scratch, signals: &str, mode: &str, command: &[&str]) -> String {
    let words = [python(), fixture("beside/signals.py").into(), signals.into(), mode.into()];
    vault.other(words.into_iter().chain(command.iter().map(Into::into))).go().text()
}

/// The ways in which zms runs a program: in its place, and beside it.
const WAYS: [&str; 3] = ["--no-override", "--watch", "--mask"];

fn compare(modes: &[&str]) {
    let (vault, signals) = (Scratch::vault(), signals());
    for mode in modes {
        let bare = matrix(&vault, &signals, mode, &["env"]);
        assert_eq!(bare.lines().count(), signals.split(',').count(), "{bare}");
        assert!(bare.contains("\n15 101 143\n") && bare.contains("\n17 101 7\n"), "{bare}");
        let stops = bare.contains("\n20 101 stopped 7\n");
        assert_eq!(stops, *mode == "terminal", "{bare}");
        for way in WAYS {
            let with = matrix(&vault, &signals, mode, &[ZMS, "run", "-q", way, "--"]);
            assert_eq!(with, bare, "{mode} {way}");
        }
    }
}

#[test]
fn every_signal_does_what_it_does_to_the_bare_program() {
    compare(&["plain", "leader"]);
}

#[test]
fn every_signal_does_what_it_does_to_the_bare_program_on_a_terminal() {
    compare(&["terminal"]);
}

/// The system keeps what would end PID 1 from it. Beside it, the program is another process: what
/// would end it does.
#[test]
fn as_the_first_process_the_program_gets_every_signal_and_may_be_ended_by_it() {
    let (vault, signals) = (Scratch::vault(), signals());
    let plain = matrix(&vault, &signals, "plain", &["env"]);
    for mode in ["first", "first-terminal"] {
        let first = matrix(&vault, &signals, mode, &["env"]);
        assert!(first.contains("\n15 101 7\n"), "{first}");
        let exec = matrix(&vault, &signals, mode, &[ZMS, "run", "-q", "--"]);
        assert_eq!(exec, first, "{mode}");
        for way in ["--watch", "--mask"] {
            let with = matrix(&vault, &signals, mode, &[ZMS, "run", "-q", way, "--"]);
            assert_eq!(with, plain, "{mode} {way}");
        }
    }
}

#[test]
fn as_the_first_process_zms_takes_in_orphans() {
    let vault = Scratch::vault();
    let script = "for i in 1 2 3 4 5; do (sleep 0.05 &) ; done; sleep 0.5; \
                  grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l";
    let unshare = ["unshare", "--pid", "--fork", "--mount-proc"];
    for way in ["--watch", "--mask"] {
        let zms = [ZMS, "run", "-q", way, "--", "sh", "-c", script];
        assert_eq!(vault.other(unshare.into_iter().chain(zms)).go().text(), "0\n", "{way}");
    }
}

#[test]
fn the_end_of_the_program_is_the_end_of_zms() {
    let vault = Scratch::vault();
    for way in ["--watch", "--mask"] {
        for code in [0, 1, 42, 125, 255] {
            let ran = vault.run(&["-q", way], &["sh", "-c", &format!("exit {code}")]).go();
            assert_eq!(ran.status.code(), Some(code), "{way}");
        }
        for signal in [1, 2, 3, 6, 9, 11, 13, 15, 31, 34] {
            let ran = vault.run(&["-q", way], &["sh", "-c", &format!("kill -{signal} $$")]).go();
            assert_eq!(ran.status.signal(), Some(signal), "{way} {:?} {}", ran.status, ran.stderr);
        }
    }
}

#[test]
fn the_program_starts_in_the_state_that_zms_was_started_in() {
    let vault = Scratch::vault();
    for state in ["plain", "pipe-ignored", "much-ignored", "blocked", "limits", "core"] {
        let look = "grep -E '^(Umask|Sig(Blk|Ign))' /proc/self/status; cat /proc/self/limits; \
                    echo /proc/self/fd/*";
        let started = |command: &[&str]| {
            let launch = [python(), fixture("run/launch.py").into(), state.into()];
            let all = launch.into_iter().chain(command.iter().map(Into::into));
            vault.other(all.chain(["sh", "-c", look].map(Into::into))).go().text()
        };
        let bare = started(&[]);
        for way in ["--watch", "--mask"] {
            assert_eq!(started(&[ZMS, "run", "-q", way, "--"]), bare, "{state} {way}");
        }
    }
}

#[test]
fn a_closed_pipe_ends_the_program_as_it_ends_any() {
    let vault = Scratch::vault();
    let script = r#"("$@"; echo "$?" >code) | head -c 1 >/dev/null; cat code"#;
    for way in ["--watch", "--mask"] {
        let with = ["bash", "-c", script, "-", ZMS, "run", "-q", way, "--", "yes"];
        assert_eq!(vault.other(with).go().text(), "141\n", "{way}");
    }
}

#[test]
fn a_program_dies_with_a_zms_that_is_killed() {
    let vault = Scratch::vault();
    for way in ["--watch", "--mask"] {
        let mut command = vault.run(&["-q", way], &["sh", "-c", "echo $$; exec sleep 60"]);
        let mut zms = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = [0; 16];
        let count = zms.stdout.as_mut().unwrap().read(&mut said).unwrap();
        let pid: u32 = std::str::from_utf8(&said[..count]).unwrap().trim().parse().unwrap();
        assert!(alive(pid), "{way}");
        zms.kill().unwrap();
        zms.wait().unwrap();
        assert!(crate::beside::watch::within(10, || !alive(pid)), "{way}");
    }
}

#[test]
fn on_a_terminal_too_a_program_dies_with_a_zms_that_is_killed() {
    let vault = Scratch::vault();
    // Not by the terminal, which hangs up on it as well.
    let script = "trap '' HUP; read -r _ _ _ zms _ </proc/$PPID/stat; echo $$ $PPID >pids; \
                  kill -9 $zms; exec sleep 60";
    let words = [python(), fixture("beside/terminal.py").into(), "[]".into()];
    let zms = [ZMS, "run", "-q", "--mask", "--", "sh", "-c", script];
    let said = vault.other(words.into_iter().chain(zms.map(Into::into))).go().text();
    assert!(said.contains("ended -9"), "{said}");
    let pids = std::fs::read_to_string(vault.work().join("pids")).unwrap();
    let pids: Vec<u32> = pids.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 2, "{pids:?}");
    let gone = || pids.iter().all(|pid| !alive(*pid));
    assert!(crate::beside::watch::within(10, gone), "the program or its leader lives");
}

fn alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}
