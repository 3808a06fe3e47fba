//! The program starts in the very state that zms was started in.

use crate::{
    scratch::{Go, Scratch},
    tools::{ZMS, fixture, python},
};

const STATES: [&str; 8] =
    ["plain", "pipe-ignored", "much-ignored", "blocked", "limits", "no-core", "core", "files"];

/// What a command prints when it is started in a state.
fn started(vault: &Scratch, state: &str, command: &[&str]) -> String {
    let launch = [python(), fixture("run/launch.py").into(), state.into()];
    vault.other(launch.into_iter().chain(command.iter().map(Into::into))).go().text()
}

/// The same, bare and by `zms run`.
fn both(vault: &Scratch, state: &str, command: &[&str]) -> [String; 2] {
    let by_zms = [&[ZMS, "run", "--"], command].concat();
    [command, &by_zms].map(|command| started(vault, state, command))
}

#[test]
fn signals_limits_mask_and_priority_are_inherited() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    for state in STATES {
        // grep and cat install no handlers, so they show what they were given.
        let status = "^(Umask|Uid|Gid|Groups|Sig(Pnd|Blk|Ign|Cgt)|ShdPnd|Cap.*|NoNewPrivs):";
        let [bare, with] = both(&vault, state, &["grep", "-E", status, "/proc/self/status"]);
        assert!(bare.contains("SigIgn") && bare.contains("SigBlk"), "{bare}");
        assert_eq!(with, bare, "{state}");
        for file in ["limits", "coredump_filter", "oom_score_adj"] {
            let [bare, with] = both(&vault, state, &["cat", &format!("/proc/self/{file}")]);
            assert_eq!(with, bare, "{state} {file}");
        }
        let [bare, with] = both(&vault, state, &["nice"]);
        assert_eq!(with, bare, "{state}");
    }
}

#[test]
fn the_states_really_differ() {
    let vault = Scratch::vault();
    let seen = STATES.map(|state| {
        let [_, with] = both(&vault, state, &["cat", "/proc/self/limits"]);
        let signals = ["grep", "-E", "^Sig|^Umask", "/proc/self/status"];
        let [_, files] = both(&vault, state, &["sh", "-c", "echo /proc/self/fd/*"]);
        with + &both(&vault, state, &signals)[1] + &files
    });
    for (at, state) in STATES.iter().enumerate() {
        for (other, text) in STATES.iter().zip(&seen).skip(at + 1) {
            // Where dumps are not limited from the start, that state is the plain one.
            assert!(
                *text != seen[at] || *other == "core" || *other == "no-core",
                "{state} {other}"
            );
        }
    }
}

#[test]
fn no_file_of_ours_stays_open_and_all_of_the_callers_do() {
    let vault = Scratch::vault();
    for state in ["plain", "files"] {
        let [bare, with] = both(&vault, state, &["sh", "-c", "echo /proc/self/fd/*"]);
        assert_eq!(with, bare);
        assert_eq!(with.contains("/50"), state == "files");
    }
}

/// Rust's runtime opens /dev/null on a standard stream that is closed, so that no secret is ever
/// written into whatever file takes that number. The program inherits that.
#[test]
fn a_closed_stdin_is_empty_for_the_program() {
    let vault = Scratch::vault();
    let command = [ZMS, "run", "--", "readlink", "/proc/self/fd/0"];
    assert_eq!(started(&vault, "closed", &command), "/dev/null\n");
}

#[test]
fn a_debugger_may_look_at_the_program_again() {
    let vault = Scratch::vault();
    let script = "import ctypes; print(ctypes.CDLL(None).prctl(3))";
    let python = python().into_string().unwrap();
    let [bare, with] = both(&vault, "plain", &[&python, "-c", script]);
    assert_eq!([bare.trim(), with.trim()], ["1", "1"]);
}

#[test]
fn no_variable_of_ours_reaches_the_program() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    let token = vault.token(&["ci", "-e", "development"]);
    let mut command = vault.run(&[], &["cat", "/proc/self/environ"]);
    command.env("ZMS_TOKEN", token).env("ZMS_PROJECT", "default").env("ZMS_ODD", "x");
    let environ = command.env("OTHER", "kept").go().text();
    let names: Vec<&str> =
        environ.split('\0').filter_map(|entry| Some(entry.split_once('=')?.0)).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("ZMS_")).count(), 0, "{names:?}");
    for name in ["A", "OTHER", "PATH", "HOME"] {
        assert!(names.contains(&name), "{name} is missing");
    }
}
