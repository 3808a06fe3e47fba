//! The terminal is the program's.

use crate::{
    scratch::{Go, Scratch},
    tools::{ZMS, fixture, python, tool},
};

fn on_a_terminal(vault: &Scratch, command: &[&str]) -> String {
    let words = [python(), fixture("run/terminal.py").into()];
    vault.other(words.into_iter().chain(command.iter().map(Into::into))).go().text()
}

#[test]
fn the_program_stands_on_the_terminal_in_the_foreground() {
    let vault = Scratch::vault();
    let python = python().into_string().unwrap();
    let look = "import os; print([os.isatty(n) for n in range(3)], \
                os.tcgetpgrp(0) == os.getpgrp(), os.getsid(0) == os.getpid())";
    let bare = on_a_terminal(&vault, &[&python, "-c", look]);
    assert_eq!(bare, "[True, True, True] True True\nended 0\n");
    assert_eq!(on_a_terminal(&vault, &[ZMS, "run", "--", &python, "-c", look]), bare);
}

#[test]
fn the_terminals_settings_are_left_alone() {
    let vault = Scratch::vault();
    let stty = tool("stty").display().to_string();
    let bare = on_a_terminal(&vault, &[&stty, "-a"]);
    assert!(bare.contains("speed"), "{bare}");
    assert_eq!(on_a_terminal(&vault, &[ZMS, "run", "--", &stty, "-a"]), bare);
}

#[test]
fn ctrl_c_reaches_the_program() {
    let vault = Scratch::vault();
    let script = "trap 'echo caught; exit 44' INT; echo ready; while :; do sleep 0.01; done";
    let said = on_a_terminal(&vault, &[ZMS, "run", "--", "sh", "-c", script]);
    assert!(said.contains("caught\nended 44\n"), "{said}");
    let said = on_a_terminal(&vault, &[ZMS, "run", "--", "sh", "-c", "echo ready; exec sleep 60"]);
    assert!(said.ends_with("ended -2\n"), "{said}");
}
