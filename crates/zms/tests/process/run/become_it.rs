//! Process, arguments, streams and the end are the program's own.

use std::{
    ffi::OsString,
    os::unix::{ffi::OsStringExt, process::ExitStatusExt},
    process::Stdio,
};

use crate::{
    random::Random,
    scratch::{Go, Scratch},
};

#[test]
fn the_program_is_the_process_that_the_caller_started() {
    let vault = Scratch::vault();
    let mut command = vault.run(&[], &["sh", "-c", "echo $$ $PPID"]);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let expected = format!("{} {}\n", child.id(), std::process::id());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn two_hundred_arguments_arrive_as_typed_with_every_byte_there_is() {
    let vault = Scratch::vault();
    let all: Vec<u8> = (1..=255).collect();
    let argument = |number: usize| {
        let mut bytes = all.clone();
        bytes.rotate_left(number);
        match number {
            0 => Vec::new(),
            1 => b"--except".to_vec(),
            2 => b"$(touch no) `touch no` ; * ~ \\ ' \"".to_vec(),
            3 => b"--".to_vec(),
            _ => bytes,
        }
    };
    let arguments: Vec<Vec<u8>> = (0..200).map(argument).collect();
    let script = "cat /proc/$$/cmdline";
    let mut command = vault.run(&[], &["sh", "-c", script, "name"]);
    command.args(arguments.iter().cloned().map(OsString::from_vec));
    let mut expected: Vec<Vec<u8>> = ["sh", "-c", script, "name"].map(Into::into).to_vec();
    expected.extend(arguments);
    let expected: Vec<u8> =
        expected.into_iter().flat_map(|word| [word, vec![0]].concat()).collect();
    assert!(command.go().good() == expected, "the arguments differ");
}

#[test]
fn the_exit_code_is_the_programs() {
    let vault = Scratch::vault();
    for code in [0, 1, 2, 3, 5, 8, 42, 125, 126, 127, 128, 200, 255] {
        let ran = vault.run(&[], &["sh", "-c", &format!("exit {code}")]).go();
        assert_eq!(ran.status.code(), Some(code));
        assert_eq!(ran.stderr, "");
    }
}

#[test]
fn death_by_a_signal_is_the_programs() {
    let vault = Scratch::vault();
    for signal in [1, 2, 3, 6, 9, 11, 13, 15, 31, 34] {
        let ran = vault.run(&[], &["sh", "-c", &format!("kill -{signal} $$")]).go();
        assert_eq!(ran.status.signal(), Some(signal), "{:?} {}", ran.status, ran.stderr);
    }
}

#[test]
fn a_signal_from_outside_reaches_the_program() {
    let vault = Scratch::vault();
    let script = "trap 'exit 43' TERM; echo ready; while :; do sleep 0.01; done";
    let mut command = vault.run(&[], &["sh", "-c", script]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
    vault.other(["kill", "-TERM", &child.id().to_string()]).go().good();
    assert_eq!(child.wait().unwrap().code(), Some(43));
}

#[test]
fn streams_carry_every_byte_both_ways() {
    let vault = Scratch::vault();
    let bytes = Random::new().bytes(1 << 20);
    let ran = vault.run(&[], &["sh", "-c", "cat; echo aside >&2"]).feed(&bytes);
    assert_eq!(ran.stderr, "aside\n");
    assert!(ran.good() == bytes, "stdin or stdout was changed");
}

#[test]
fn a_closed_pipe_ends_the_program_as_it_ends_any() {
    let vault = Scratch::vault();
    let zms = crate::tools::ZMS;
    let script = r#"("$@"; echo "$?" >code) | head -c 1 >/dev/null; cat code"#;
    let bare = ["bash", "-c", script, "-", "yes"];
    let with = ["bash", "-c", script, "-", zms, "run", "--", "yes"];
    let bare = vault.other(bare).go().text();
    assert_eq!(bare, "141\n");
    assert_eq!(vault.other(with).go().text(), bare);
}
