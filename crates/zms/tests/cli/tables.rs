//! Tables and colours on terminals of several widths and wishes.

use crate::{machine::Machine, terminal::Terminal};

const NOTE: &str = "the primary database of the shop, for reading and writing";
const UTF8: (&str, &str) = ("LANG", "en_GB.UTF-8");
const XTERM: (&str, &str) = ("TERM", "xterm");

/// A vault with rows that are too wide for most terminals.
fn machine() -> Machine {
    let machine = Machine::with_vault();
    machine.sh(&format!("printf x | zms set DATABASE_URL --note '{NOTE}'")).done();
    machine.sh("printf x | zms set 'ÄÖ漢字'").done();
    machine
}

fn screen(columns: u16, variables: &[(&str, &str)], args: &[&str], machine: &Machine) -> String {
    Terminal::sized(columns, machine, variables, args).end().1.replace("\r\n", "\n")
}

/// Columns that a line of these tests takes.
fn columns(line: &str) -> usize {
    line.chars().map(|char| if matches!(char, '漢' | '字') { 2 } else { 1 }).sum()
}

#[test]
fn a_table_fits_the_terminal() {
    let machine = machine();
    let wide = screen(200, &[UTF8], &["ls"], &machine);
    assert!(wide.starts_with("NAME          FROM                 KIND    UPDATED"), "{wide}");
    assert!(wide.contains(NOTE) && wide.lines().count() == 3, "{wide}");
    let middle = screen(80, &[UTF8], &["ls"], &machine);
    assert!(middle.contains("the primary da…\n") && middle.lines().count() == 3, "{middle}");
    assert!(middle.contains("\nÄÖ漢字        default/development  secret  2"), "{middle}");
    assert!(middle.lines().all(|line| columns(line) <= 80), "{middle}");
    let narrow = screen(40, &[UTF8], &["ls"], &machine);
    assert!(narrow.starts_with("DATABASE_URL\n  from     default/development\n"), "{narrow}");
    assert!(
        narrow.contains(&format!("  note     {NOTE}\n")) && !narrow.contains("NAME"),
        "{narrow}"
    );
}

#[test]
fn a_locale_without_unicode_gets_three_dots() {
    let machine = machine();
    for locale in [
        &[("LANG", "C")][..],
        &[("LANG", "POSIX")],
        &[],
        &[UTF8, ("LC_ALL", "C")],
        &[UTF8, ("LC_CTYPE", "C")],
        &[("LC_ALL", ""), ("LANG", "C")],
    ] {
        let text = screen(80, locale, &["ls"], &machine);
        assert!(text.contains("the primary ...\n") && !text.contains('…'), "{locale:?} {text}");
    }
    for locale in [[("LC_ALL", "C.utf8"), ("LANG", "C")], [("LC_CTYPE", "C.UTF-8"), ("LANG", "C")]]
    {
        assert!(screen(80, &locale, &["ls"], &machine).contains("the primary da…\n"), "{locale:?}");
    }
}

#[test]
fn a_pipe_gets_all_of_it() {
    let machine = machine();
    let mut command = machine.zms(&["ls"]);
    command.envs([XTERM, UTF8, ("CLICOLOR_FORCE", "1"), ("COLUMNS", "40")]);
    let text = crate::machine::run(command).done();
    assert!(text.starts_with("DATABASE_URL  default/development  secret  2"), "{text}");
    assert!(text.contains(NOTE) && !text.contains('\x1b') && text.lines().count() == 2, "{text}");
}

#[test]
fn labels_and_headings_have_a_colour_unless_it_is_not_wanted() {
    let machine = machine();
    let all = |variables: &[(&str, &str)]| {
        let said = [&["ls"][..], &["get", "NO"], &["gte"], &["--help"], &["set", "X", "v"]];
        said.map(|args| screen(100, variables, args, &machine))
    };
    let coloured = all(&[XTERM]);
    assert!(coloured[0].starts_with("\x1b[1mNAME"), "{:?}", coloured[0]);
    assert!(coloured[1].starts_with("\x1b[1m\x1b[31merror:\x1b[0m no secret"), "{:?}", coloured[1]);
    assert!(coloured[1].contains("\n\x1b[36mhint:\x1b[0m "), "{:?}", coloured[1]);
    assert!(coloured[2].starts_with("\x1b[1m\x1b[31merror:\x1b[0m "), "{:?}", coloured[2]);
    assert!(coloured[3].contains("\x1b[1m\x1b[4mSecrets:\x1b[0m\n"), "{:?}", coloured[3]);
    let warning = screen(100, &[XTERM, ("ZMS_ENVIRONMENT", "x")], &["ls"], &machine);
    assert!(warning.starts_with("\x1b[33mwarning:\x1b[0m "), "{warning:?}");

    let plain = coloured.map(|text| {
        let mut parts = text.split('\x1b');
        let first = parts.next().unwrap().to_owned();
        first + &parts.map(|part| part.split_once('m').unwrap().1).collect::<String>()
    });
    for unwanted in [
        &[XTERM, ("NO_COLOR", "1")][..],
        &[XTERM, ("NO_COLOR", "0")],
        &[XTERM, ("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
        &[XTERM, ("CLICOLOR", "0")],
        &[("TERM", "dumb")],
        &[("TERM", "dumb"), ("CI", "1")],
        &[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")],
        &[],
    ] {
        assert_eq!(all(unwanted), plain, "the same words without colour: {unwanted:?}");
    }
    assert_ne!(all(&[XTERM, ("NO_COLOR", "")]), plain, "an empty NO_COLOR says nothing");
}

#[test]
fn attack_a_command_line_can_not_drive_the_terminal() {
    let machine = machine();
    for word in ["\x1b]0;x\x07", "--\x1b[2J", "\u{202e}ls", "a\nerror: forged"] {
        for args in [&[word][..], &["get", word], &["run", word], &["token", word], &["help", word]]
        {
            let text = screen(100, &[("NO_COLOR", "1")], args, &machine);
            assert!(text.contains("error: "), "{args:?} {text:?}");
            assert!(!text.contains(['\x1b', '\x07', '\u{202e}']), "{args:?} {text:?}");
            assert!(!text.contains("\nerror: forged"), "{args:?} {text:?}");
        }
    }
}

#[test]
fn attack_a_folder_name_can_not_drive_the_terminal() {
    let machine = Machine::new();
    let home = "/tmp/\x1b[2J\x07";
    let text = screen(100, &[("ZMS_HOME", home)], &["ls"], &machine);
    assert!(text.contains("error: ") && !text.contains(['\x1b', '\x07']), "{text:?}");
    let home = machine.home().join("\x1b[2J");
    let home = home.to_str().unwrap();
    for args in [&["init"][..], &["status"], &["reset", "--dry-run"], &["reset", "--yes"]] {
        let (code, text) = Terminal::sized(100, &machine, &[("ZMS_HOME", home)], args).end();
        assert!(code == 0 && text.contains("\\u{1b}[2J") && !text.contains('\x1b'), "{text:?}");
    }
}
