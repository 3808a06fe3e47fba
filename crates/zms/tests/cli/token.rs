//! A token that is there is used or refused; it is never repeated, and nothing stands in for it.

use std::mem::MaybeUninit;

use rustix::fs::inotify;

use crate::machine::{Machine, run};

#[test]
fn attack_tokens_that_are_none_are_denied_and_not_repeated() {
    let machine = Machine::with_secret();
    let good = machine.sh("zms token create ci -q").done();
    let good = good.trim();
    let mut changed = good.to_owned();
    changed.replace_range(20..21, if &good[20..21] == "q" { "p" } else { "q" });
    for bad in [
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{good}\t"),
        format!("{good}{good}"),
        format!("Bearer {good}"),
        format!("\"{good}\""),
        format!("{good}\\0"),
        format!("{good}\u{202e}"),
        good.to_uppercase(),
        good[..good.len() - 1].to_owned(),
        good.replace("zms_st_1", "zms_at_1"),
        good.replace("zms_st_1", "zms_mcp_1"),
        good.replace("zms_st_1", "st_1"),
        good[8..].to_owned(),
        changed,
        "x".repeat(3000),
        "tökén-canary".to_owned(),
        "$(touch pwned)".to_owned(),
        "'; DROP TABLE member; --".to_owned(),
        "\u{1b}[2Jcanary".to_owned(),
    ] {
        let mut command = machine.zms(&["get", "A"]);
        command.env("ZMS_TOKEN", &bad);
        let said = run(command).refused(4);
        assert!(!said.contains(bad.trim()) && !said.contains(&good[10..30]), "{bad:?}: {said}");
        assert!(said.starts_with("error: malformed token in ZMS_TOKEN\n"), "{bad:?}: {said}");
    }
}

#[test]
fn attack_a_nul_in_a_token_of_a_file_or_descriptor_is_denied() {
    let machine = Machine::with_secret();
    machine.sh("zms token create ci -q > ci && (tr -d '\\n' < ci; printf '\\000') > nul").done();
    machine.sh("chmod 600 nul").done();
    machine.sh("ZMS_TOKEN_FILE=nul zms get A").refused(4);
    machine.sh("zms get A --token-fd 7 7< nul").refused(4);
}

#[test]
fn one_line_break_behind_a_token_is_dropped() {
    let machine = Machine::with_secret();
    machine.sh("zms token create ci -q > ci").done();
    assert_eq!(machine.sh("tr -d '\\n' < ci | zms get A --token-fd 3 3<&0").done(), "first");
    assert_eq!(machine.sh("cat ci | zms get A --token-fd 3 3<&0").done(), "first");
    machine.sh("(cat ci; echo) | zms get A --token-fd 3 3<&0").refused(4);
    machine.sh("cat ci ci | zms get A --token-fd 3 3<&0").refused(4);
}

#[test]
fn a_descriptor_that_was_named_is_the_only_source() {
    let machine = Machine::with_secret();
    machine.sh("zms token create ci -q > ci").done();
    machine.sh("ZMS_TOKEN=$(cat ci) zms get A --token-fd 3 3< /dev/null").refused(4);
    machine.sh("ZMS_TOKEN=$(cat ci) zms get A --token-fd 9").refused(2);
    for number in ["0", "1", "2", "2147483647", "99999999999"] {
        machine.sh(&format!("ZMS_TOKEN=$(cat ci) zms get A --token-fd {number}")).refused(2);
    }
}

#[test]
fn a_refused_token_is_not_replaced_by_the_key_that_lies_there() {
    let machine = Machine::with_secret();
    machine.sh("printf 2 | zms set A -e staging").done();
    machine
        .sh("zms token create gone -q > gone; zms token create brief -q --ttl 1s > brief")
        .done();
    machine.sh("zms token create here -q > here; zms token revoke gone --yes; sleep 2").done();
    for (token, place) in [("gone", ""), ("brief", ""), ("here", "-e staging"), ("here", "-p x")] {
        for line in [
            "zms get A",
            "zms ls",
            "zms export",
            "zms run -- echo not reached",
            "printf 3 | zms set A",
            "zms rm A",
            "zms status",
        ] {
            let line = line
                .replace("zms", "ZMS_TOKEN=$(cat TOKEN) zms")
                .replace("TOKEN)", &format!("{token})"));
            let line = match line.split_once(" --") {
                Some((zms, rest)) => format!("{zms} {place} --{rest}"),
                None => format!("{line} {place}"),
            };
            machine.sh(&line).refused(4);
        }
    }
    assert_eq!(machine.sh("zms get A; zms get A -e staging").done(), "first2");
}

/// Whether a command opens the master key.
fn opens_the_key(machine: &Machine, line: &str) -> bool {
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    inotify::add_watch(&watch, machine.vault("zms.master.key"), inotify::WatchFlags::OPEN).unwrap();
    assert_eq!(machine.sh(line).code, 0, "{line}");
    let mut bytes = [MaybeUninit::uninit(); 512];
    inotify::Reader::new(&watch, &mut bytes).next().is_ok()
}

#[test]
fn with_a_token_the_master_key_is_never_opened() {
    let machine = Machine::with_secret();
    machine.sh("zms token create ci -q > ci && chmod 600 ci").done();
    assert!(opens_the_key(&machine, "zms get A"), "the watch works");
    for line in [
        "zms get A",
        "zms run -- true",
        "zms ls",
        "zms status",
        "zms export",
        "zms search A",
        "zms doctor",
    ] {
        assert!(!opens_the_key(&machine, &format!("ZMS_TOKEN_FILE=ci {line}")), "{line}");
    }
    machine.sh("chmod 000 ~/.zexio/zms.master.key").done();
    assert_eq!(machine.sh("ZMS_TOKEN_FILE=ci zms get A").done(), "first");
    assert!(machine.sh("zms get A").refused(1).contains("zms.master.key can not be read"));
    machine.sh("rm -f ~/.zexio/zms.master.key").done();
    assert_eq!(machine.sh("ZMS_TOKEN_FILE=ci zms get A").done(), "first");
    machine.sh("ZMS_TOKEN_FILE=ci zms get A --as-owner").refused(5);
}

#[test]
fn the_program_that_is_run_gets_no_token() {
    let machine = Machine::with_secret();
    machine.sh("zms token create ci -q > ci && chmod 600 ci").done();
    let clean = |line: &str| {
        let shown = machine.sh(line).done();
        assert!(shown.contains("A=first") && !shown.contains("zms_st_"), "{line}: {shown}");
        assert!(!shown.contains("ZMS_"), "{line}: {shown}");
    };
    clean("ZMS_TOKEN=$(cat ci) zms run -- env");
    clean("ZMS_TOKEN_FILE=ci ZMS_ENV=development zms run -- env");
    clean("ZMS_TOKEN=$(cat ci) zms run --preserve ZMS_TOKEN --no-override -- env");
    clean("zms run --token-fd 5 -- env 5< ci");
    // A file that is read could be read again from its start.
    let open = "for it in 5 6; do test -e /proc/self/fd/$it && echo $it; done; true";
    for run in ["run", "run --mask"] {
        let line = format!("zms {run} --token-fd 5 -- sh -c '{open}' 5< ci 6< /dev/null");
        assert_eq!(machine.sh(&line).done(), "6\n", "{run}");
    }
}

#[test]
fn attack_one_use_by_fifty_at_once() {
    let machine = Machine::with_secret();
    machine.sh("zms token create once -q --uses 1 > once && chmod 600 once").done();
    let said = machine
        .sh("for n in $(seq 50); do \
             (ZMS_TOKEN_FILE=once zms get A 2>>refused && echo) & done; wait")
        .done();
    assert_eq!(said, "first\n", "one of them was given the value");
    let refused = machine.sh("grep -c 'as often as it may be' refused").done();
    assert_eq!(refused.trim(), "49");
    let noted = machine.sh("zms exposure A --json | grep -c '\"name\": \"once\"'").done();
    assert_eq!(noted.trim(), "2", "once as who received it, once as who may");
}
