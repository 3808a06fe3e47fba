//! On a terminal: Ctrl-C, Ctrl-Z and full-screen programs, as without zms.

use serde_json::json;

use crate::{
    scratch::{Go, Scratch},
    tools::{ZMS, fixture, python, tool},
};

/// Stands for a folder in memory that no other test has.
const FOLDER: &str = "/dev/shm/FOLDER";

/// The ways to run a program that must look the same, and the bare one first.
const WAYS: [&[&str]; 4] = [
    &[],
    &[ZMS, "run", "-q", "--mask", "--"],
    &[ZMS, "run", "-q", "--watch", "--"],
    &[ZMS, "run", "-q", "--mask", "--watch", "--files", FOLDER, "--"],
];

/// The screen after a dialogue with a command.
fn play(vault: &Scratch, steps: &[[&str; 2]], command: &[&str]) -> String {
    play_on(vault, &json!(steps), command)
}

/// The same, with steps that change the terminal's size among them.
fn play_on(vault: &Scratch, steps: &serde_json::Value, command: &[&str]) -> String {
    let own = tempfile::tempdir_in("/dev/shm").unwrap();
    let own = own.path().join("files").display().to_string();
    let steps = steps.to_string().replace(FOLDER, &own);
    let words = [python(), fixture("beside/terminal.py").into(), steps.into()];
    let command = command.iter().map(|word| word.replace(FOLDER, &own).into());
    let mut command = vault.other(words.into_iter().chain(command));
    command.env("TERM", "xterm").go().text()
}

#[test]
fn ctrl_c_reaches_the_program_once_and_ends_zms_as_it_ends_the_program() {
    let vault = Scratch::vault();
    let counts = "n=0; trap 'n=$((n+1))' INT; echo ready; sleep 2; sleep 0.3; echo n=$n; exit 44";
    for (script, ended) in [(counts, "ended 44"), ("echo ready; exec sleep 60", "ended -2")] {
        for way in WAYS {
            let command = [way, &["sh", "-c", script]].concat();
            let said = play(&vault, &[["ready", "\x03"]], &command);
            assert!(said.contains(ended) && said.contains("terminal kept"), "{way:?} {said}");
            assert_eq!(said.contains("n=1\n"), script == counts, "{way:?} {said}");
        }
    }
}

#[test]
fn a_job_is_suspended_and_resumed_by_its_shell() {
    let vault = Scratch::vault();
    let program =
        [python().into_string().unwrap(), fixture("beside/resumed.py").display().to_string()];
    for way in WAYS {
        let typed = [way, &[&program[0], &program[1], "\r"]].concat().join(" ");
        let steps = [
            ["# ", typed.as_str()],
            ["ready\r", "\x1a"],
            ["topped", "echo echoes $(stty -a | grep -c ' echo '); fg\r"],
            ["went on\r", "\x03"],
            ["# ", "echo status $?; exit 0\r"],
        ];
        let said = play(&vault, &steps, &["bash", "--norc", "--noprofile"]);
        assert!(said.contains("played 5 of 5"), "{way:?} {said}");
        assert!(said.contains("status 130\n") && said.contains("echoes 1\n"), "{way:?} {said}");
        assert_eq!(said.matches("\nwent on").count(), 1, "{way:?} {said}");
    }
}

#[test]
fn the_echo_of_the_key_that_suspends_stands_where_it_does_without_zms() {
    let vault = Scratch::vault();
    // The last character of the echo may be the beginning of this, and of this the whole echo.
    vault.set(&[], "KEY", "Z-value-of-some-length");
    vault.set(&[], "OTHER", "^Z-and-more");
    for way in WAYS {
        let typed = [way, &["sh", "-c", "'echo ready; exec sleep 60'", "\r"]].concat().join(" ");
        let steps =
            [["# ", typed.as_str()], ["ready\r", "\x1a"], ["topped", "kill -9 %1; fg; exit 0\r"]];
        let said = play(&vault, &steps, &["bash", "--norc", "--noprofile"]);
        assert!(said.contains("played 3 of 3"), "{way:?} {said}");
        assert!(said.contains("ready\n^Z\n[1]+  Stopped"), "{way:?} {said}");
    }
}

#[test]
fn a_new_size_of_the_terminal_reaches_the_program_once() {
    let vault = Scratch::vault();
    let script = "import os, signal, time\n\
        seen = []\n\
        signal.signal(signal.SIGWINCH, lambda *_: seen.append(tuple(os.get_terminal_size())))\n\
        print('ready', flush=True)\n\
        while not seen: time.sleep(0.01)\n\
        time.sleep(0.3)\n\
        print(seen)";
    let python = python().into_string().unwrap();
    for way in WAYS {
        let steps = json!([["ready", [50, 132]]]);
        let said = play_on(&vault, &steps, &[way, &[&python, "-c", script]].concat());
        assert!(said.contains("[(132, 50)]\n") && said.contains("ended 0"), "{way:?} {said}");
    }
}

#[test]
fn full_screen_programs_work_and_show_no_value() {
    let vault = Scratch::vault();
    let value = "s3cr3t-value-of-some-length";
    vault.set(&[], "KEY", value);
    let lines: String = (0..200).map(|line| format!("line {line}\n")).collect();
    vault.file("text", lines + value + "\nthe last line\n");
    let (less, vim) = (tool("less").display().to_string(), tool("vim").display().to_string());
    let less_keys = [["line 5", "G"], ["last line", "g"], ["line 3", "q"]];
    let vim_keys = [
        ["line 5", "G"],
        ["last line", "obetween\x1b"],
        ["between", ":w out\r"],
        ["written", ":q!\r"],
    ];
    for way in WAYS {
        let said = play(&vault, &less_keys, &[way, &[&less, "text"]].concat());
        let ended = "ended 0, played 3 of 3, terminal kept";
        assert!(said.contains(ended), "{way:?} {said}");
        let hides = way.contains(&"--mask");
        assert_eq!(said.contains(value), !hides, "{way:?} {said}");
        let command = [way, &[&vim, "-u", "NONE", "-i", "NONE", "-n", "text"]].concat();
        let said = play(&vault, &vim_keys, &command);
        let ended = "ended 0, played 4 of 4, terminal kept";
        assert!(said.contains(ended), "{way:?} {said}");
        assert_eq!(said.contains(value), !hides, "{way:?} {said}");
        let out = std::fs::read_to_string(vault.work().join("out")).unwrap();
        assert!(out.contains(value) && out.ends_with("between\n"), "{way:?}");
        std::fs::remove_file(vault.work().join("out")).unwrap();
    }
}

#[test]
fn a_program_that_looks_at_its_processes_works() {
    let vault = Scratch::vault();
    let htop = tool("htop").display().to_string();
    for way in WAYS {
        let command = [way, &[&htop]].concat();
        let said = play(&vault, &[["Load average", "q"]], &command);
        assert!(said.contains("ended 0, played 1 of 1, terminal kept"), "{way:?} {said}");
    }
}

#[test]
fn the_program_stands_on_a_terminal_of_the_same_size_and_kind() {
    let vault = Scratch::vault();
    let look = "import os; print([os.isatty(n) for n in range(3)], \
                os.tcgetpgrp(0) == os.getpgrp(), os.get_terminal_size())";
    let python = python().into_string().unwrap();
    let stty = tool("stty").display().to_string();
    let bare = play(&vault, &[], &[&python, "-c", look]);
    let settings = play(&vault, &[], &[&stty, "-a"]);
    for way in WAYS {
        assert_eq!(play(&vault, &[], &[way, &[&python, "-c", look]].concat()), bare);
        assert_eq!(play(&vault, &[], &[way, &[&stty, "-a"]].concat()), settings);
    }
}
