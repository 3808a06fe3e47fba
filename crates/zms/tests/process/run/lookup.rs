//! Which program is found, and what is said where none is.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::scratch::{Go, Scratch};

fn program(vault: &Scratch, name: &str, content: &str, mode: u32) -> String {
    let path = vault.file(name, content);
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

#[test]
fn a_program_that_is_not_there_is_127_and_one_that_can_not_be_executed_126() {
    let vault = Scratch::vault();
    let plain = program(&vault, "plain", "data", 0o644);
    let below = format!("{plain}/x");
    let folder = vault.work().display().to_string();
    let lost = program(&vault, "lost", "#!/no/such/interpreter\n", 0o755);
    let cases = [
        ("/no/such/file", 127),
        ("no-such-program", 127),
        ("./no-such-program", 127),
        (&lost, 127),
        (&plain, 126),
        (&below, 126),
        (&folder, 126),
    ];
    for (name, code) in cases {
        let like_env = vault.other(["env", name]).go();
        assert_eq!(like_env.status.code(), Some(code), "env disagrees about {name:?}");
        vault.run(&[], &[name]).go().refused(code);
    }
}

/// As execvp has it: an empty name is not looked for in the folders of PATH.
#[test]
fn an_empty_name_is_no_program() {
    let vault = Scratch::vault();
    assert_eq!(vault.other(["env", ""]).go().code(), 127);
    vault.run(&[], &[""]).go().refused(127);
}

#[test]
fn attack_a_script_without_its_interpreter_is_given_to_no_shell() {
    let vault = Scratch::vault();
    let canary = vault.work().join("executed");
    let script = program(&vault, "script", &format!("touch {}\n", canary.display()), 0o755);
    let said = vault.run(&[], &[&script]).go().refused(126);
    assert!(said.contains("#!"), "{said}");
    let empty = program(&vault, "empty", "", 0o755);
    vault.run(&[], &[&empty]).go().refused(126);
    assert!(!canary.exists());
    vault.other(["sh", &script]).go().good();
    assert!(canary.exists(), "the script would have shown it");
}

#[test]
fn a_script_with_its_interpreter_runs() {
    let vault = Scratch::vault();
    let script = program(&vault, "script", "#!/bin/sh\necho \"$1\"\n", 0o755);
    assert_eq!(vault.run(&[], &[&script, "it"]).go().text(), "it\n");
}

#[test]
fn the_first_executable_on_the_path_is_taken() {
    let vault = Scratch::vault();
    for (folder, mode) in [("a", 0o644), ("b", 0o755), ("c", 0o755)] {
        fs::create_dir(vault.work().join(folder)).unwrap();
        program(&vault, &format!("{folder}/it"), &format!("#!/bin/sh\necho {folder}\n"), mode);
    }
    let at = |path: &str| vault.run(&[], &["it"]).env("PATH", path).go();
    assert_eq!(at("/nowhere:a:b:c").text(), "b\n");
    assert_eq!(at("c:b").text(), "c\n");
    at("a").refused(126);
    at("/nowhere").refused(127);
    // An empty part is the working folder, as POSIX has it; so is an empty PATH.
    program(&vault, "it", "#!/bin/sh\necho here\n", 0o755);
    assert_eq!(at("/nowhere:").text(), "here\n");
}

#[test]
fn what_fails_before_the_program_starts_is_125() {
    let vault = Scratch::vault();
    vault.run(&[], &["true"]).env_remove("ZMS_HOME").env_remove("HOME").go().refused(125);
    vault.run(&[], &["true"]).go().good();
}

#[test]
fn a_mistake_on_the_command_line_is_2_and_runs_nothing() {
    let vault = Scratch::vault();
    vault.zms(["run"]).go().refused(2);
    vault
        .zms(["run", "--", "touch", "x", "--no-such-option"])
        .env("ZMS_ENV", "a/b")
        .go()
        .refused(2);
    let ran = vault.zms(["run", "touch", "x"]).go();
    assert_eq!(ran.code(), 2, "{}", ran.stderr);
    assert!(!vault.work().join("x").exists());
}
