//! Values come back byte for byte, or are refused without being repeated.

use crate::machine::Machine;

const MOST: usize = 1024 * 1024;

fn kept(machine: &Machine, value: &[u8]) {
    machine.set("VALUE", value).done();
    let got = machine.sh("zms get VALUE");
    assert!(got.out == value, "{} bytes come back as {}", value.len(), got.out.len());
}

#[test]
fn every_byte_comes_back() {
    let machine = Machine::with_vault();
    let all: Vec<u8> = (0..=255).collect();
    for value in [&all[..], b"", b"\n", b"\r\n", b" ", b"a\0b", "caf\u{301}e\u{feff}".as_bytes()] {
        kept(&machine, value);
    }
}

#[test]
fn one_mebibyte_is_kept_and_one_byte_more_is_refused() {
    let machine = Machine::with_vault();
    kept(&machine, &vec![b'x'; MOST]);
    let said = machine.set("MORE", &vec![b'x'; MOST + 1]).refused(2);
    assert_eq!(said, "error: the value of MORE is larger than 1 MiB\n");
    machine.sh("zms get MORE").refused(3);
}

#[test]
fn a_value_on_the_command_line_is_never_repeated() {
    let machine = Machine::with_vault();
    for line in [
        "zms set A=hunter2",
        "zms set A hunter2",
        "zms set =hunter2",
        "zms set A=b=hunter2",
        "zms set A=hunter2 --note x",
        "zms set A=hunter2 --json",
        "zms set 'A B=hunter2'",
        "zms set A=hunter2 --file /dev/null",
        "zms set A hunter2 --ref default/development/B",
        "zms set A --value hunter2",
        "zms set A --value=hunter2",
        "zms set A -v hunter2",
    ] {
        let said = machine.sh(line).refused(2);
        assert!(!said.contains("hunter2"), "{line}: {said}");
    }
}

/// A value of several words, and the quotes forgotten.
#[test]
fn further_words_of_a_value_on_the_command_line_are_not_repeated_either() {
    let machine = Machine::with_vault();
    for line in ["zms set A correct hunter2", "zms set A=correct hunter2 staple"] {
        let said = machine.sh(line).refused(2);
        assert!(!said.contains("hunter2"), "{line}: {said}");
    }
}

#[test]
fn an_empty_value_is_there() {
    let machine = Machine::with_vault();
    machine.set("EMPTY", b"").done();
    let line = "zms run --required -- sh -c 'echo ${EMPTY-unset}'";
    machine.sh("printf '[secrets.EMPTY]\\nrequired = true\\n' > zms.toml").done();
    assert_eq!(machine.sh(line).done(), "\n");
    assert_eq!(machine.sh("zms export").done(), "EMPTY=''\n");
}

#[test]
fn references_are_followed_eight_times_and_no_further() {
    let machine = Machine::with_vault();
    machine.set("R0", b"end").done();
    for at in 1..=9 {
        let target = at - 1;
        machine.sh(&format!("zms set R{at} --ref default/development/R{target}")).done();
    }
    assert_eq!(machine.sh("zms get R8").done(), "end");
    machine.sh("zms get R9").refused(3);
}
