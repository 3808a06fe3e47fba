//! A key file that gets, changes and loses its passphrase, on a terminal: at every moment it opens in
//! one way, and the vault with it.

use std::fs;

use super::fault::faults;
use crate::{
    scratch::{Go, Scratch},
    strace::{options, points_of},
    tools::{ZMS, fixture, python},
};

/// How many points of a command are tried in a run that is not full, and how many refusals of each
/// kind: each takes several passphrases, and those take their time.
const FEW: (usize, usize) = (2, 1);
const ONE: (usize, usize) = (1, 0);

const FIRST: &str = "orbit lemon quarry 7";
const SECOND: &str = "harbour violet anvil 3";
const THIRD: &str = "granite pelican broom 5";
const OPEN: &str = "Passphrase of the master key: ";
const OPEN_NEW: &str = "Passphrase of the new master key: ";
const NEW: &str = "New passphrase: ";
const AGAIN: &str = "Once more: ";

/// What is asked for, and what is typed.
type Dialogue<'a> = &'a [(&'a str, &'a str)];

const NEW_FIRST: Dialogue<'_> = &[(NEW, FIRST), (AGAIN, FIRST)];

/// A command on a terminal behind others, and what is typed there.
fn on_a_terminal(
    vault: &Scratch,
    wrapper: &[String],
    args: &[&str],
    dialogue: Dialogue<'_>,
) -> std::process::Command {
    let steps: Vec<_> = dialogue.iter().map(|(asks, typed)| (asks, format!("{typed}\n"))).collect();
    let words = [python(), fixture("beside/terminal.py").into()];
    let steps = [serde_json::to_string(&steps).unwrap().into()];
    let wrapper = wrapper.iter().map(Into::into);
    let command = [ZMS].iter().chain(args).map(Into::into);
    vault.other(words.into_iter().chain(steps).chain(wrapper).chain(command))
}

/// How it ended, negative on a signal, how often it asked, and the screen.
fn seen(mut command: std::process::Command) -> (i32, usize, String) {
    let said = command.go().text();
    let (screen, end) = said.rsplit_once("\nended ").unwrap();
    let (code, rest) = end.split_once(", played ").unwrap();
    let (played, _) = rest.split_once(" of ").unwrap();
    let shown = [FIRST, SECOND, THIRD].iter().any(|passphrase| screen.contains(passphrase));
    assert!(!shown, "it is shown: {screen}");
    let code = code.parse().unwrap_or_else(|_| panic!("it never ended: {screen}"));
    (code, played.parse().unwrap(), screen.to_owned())
}

/// It asks all of a dialogue and goes through.
#[track_caller]
fn good(vault: &Scratch, args: &[&str], dialogue: Dialogue<'_>) -> String {
    let (code, played, screen) = seen(on_a_terminal(vault, &[], args, dialogue));
    assert_eq!((code, played), (0, dialogue.len()), "{screen}");
    screen
}

/// The passphrase by which the key file opens; `None` where it opens by itself.
#[track_caller]
fn opens_by<'p>(vault: &Scratch, passphrases: &[&'p str]) -> Option<&'p str> {
    let bare = vault.zms(["get", "A"]).go();
    if bare.status.success() {
        assert_eq!(bare.text(), "1");
        return None;
    }
    bare.refused(5);
    // Where it does not open, it is asked for again: Ctrl-C. A replacement that was interrupted
    // behind its commit asks for the new one too, and is done then.
    let next = vault.home().join("zms.master.key.next");
    let waits = next.exists();
    let opens = |passphrase: &&&str| {
        let then = if waits { (OPEN_NEW, SECOND) } else { (OPEN, "\x03") };
        let dialogue = [(OPEN, **passphrase), then];
        let (code, _, screen) = seen(on_a_terminal(vault, &[], &["get", "A"], &dialogue));
        code == 0 && screen.trim_end().ends_with('1')
    };
    let by = passphrases.iter().find(opens);
    let by = by.expect("the key file opens by nothing that was typed");
    Some(if waits && !next.exists() { SECOND } else { by })
}

#[test]
fn a_key_file_gets_changes_and_loses_its_passphrase() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    let token = vault.token(&["ci", "-e", "development"]);
    let file = || fs::read(vault.home().join("zms.master.key")).unwrap();
    let plain = file();
    good(&vault, &["key", "protect", "passphrase"], NEW_FIRST);
    let first = file();
    vault.zms(["get", "A"]).go().refused(5);
    assert!(good(&vault, &["get", "A"], &[(OPEN, FIRST)]).trim_end().ends_with('1'));
    good(
        &vault,
        &["key", "protect", "passphrase"],
        &[(OPEN, FIRST), (NEW, SECOND), (AGAIN, SECOND)],
    );
    let second = file();
    // A wrong one is told, and asked for again.
    let screen = good(&vault, &["get", "A"], &[(OPEN, FIRST), (OPEN, SECOND)]);
    assert!(screen.contains("that passphrase does not open it"), "{screen}");
    // The new key gets one of its own.
    let renew = [(OPEN, SECOND), (NEW, THIRD), (AGAIN, THIRD)];
    good(&vault, &["key", "rotate", "--yes"], &renew);
    let rotated = file();
    good(&vault, &["get", "A"], &[(OPEN, THIRD)]);
    good(&vault, &["audit", "verify"], &[(OPEN, THIRD)]);
    good(&vault, &["key", "protect", "none"], &[(OPEN, THIRD)]);
    assert_eq!(vault.zms(["get", "A"]).go().text(), "1");
    assert_eq!(vault.zms(["get", "A"]).env("ZMS_TOKEN", &token).go().text(), "1");
    vault.zms(["audit", "verify"]).go().good();
    vault.zms(["doctor"]).go().good();
    // What was kept of the key before the rotation opens nothing; of the one behind it, all.
    let now = file();
    for (old, dialogue, code) in [
        (&plain, &[][..], 4),
        (&first, &[(OPEN, FIRST)], 4),
        (&second, &[(OPEN, SECOND)], 4),
        (&rotated, &[(OPEN, THIRD)], 0),
    ] {
        fs::write(vault.home().join("zms.master.key"), old).unwrap();
        let (ended, played, screen) = seen(on_a_terminal(&vault, &[], &["get", "A"], dialogue));
        assert_eq!((ended, played), (code, dialogue.len()), "{screen}");
    }
    fs::write(vault.home().join("zms.master.key"), now).unwrap();
    vault.zms(["doctor"]).go().good();
}

/// One way in at every moment: by itself, or by a passphrase that was typed.
fn survives(
    (kills, errors): (usize, usize),
    before: Option<&str>,
    args: &[&str],
    dialogue: Dialogue<'_>,
    after: Option<&str>,
) {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    if before.is_some() {
        good(&vault, &["key", "protect", "passphrase"], NEW_FIRST);
    }
    let traced = |set: &str| {
        let copy = vault.copy();
        let log = copy.folder().join("strace.log");
        points_of(&mut on_a_terminal(&copy, &options(set, &log), args, dialogue), &log, b"")
    };
    let (mut old, mut new) = (0, 0);
    for fault in faults(traced, kills, errors) {
        let home = vault.copy();
        let (code, _, screen) = seen(on_a_terminal(&home, &fault.options(), args, dialogue));
        match fault.kills() {
            true => assert_eq!(code, -9, "{screen}"),
            false => assert!(
                code == 0 || [1, 8].contains(&code) && screen.contains("error: "),
                "{screen}"
            ),
        }
        let by = opens_by(&home, &[FIRST, SECOND]);
        assert!(by == before || by == after, "by {by:?}");
        assert!(code != 0 || by == after, "said to be done, and is not");
        *if by == before { &mut old } else { &mut new } += 1;
        // Once more, as whoever saw it end would do.
        let typed = by.map(|passphrase| (OPEN, passphrase));
        let rest = dialogue.iter().filter(|(asks, _)| *asks != OPEN).copied();
        good(&home, args, &typed.into_iter().chain(rest).collect::<Vec<_>>());
        assert_eq!(opens_by(&home, &[FIRST, SECOND]), after);
        let typed: Vec<_> = after.map(|passphrase| (OPEN, passphrase)).into_iter().collect();
        good(&home, &["audit", "verify"], &typed);
        good(&home, &["doctor"], &typed);
    }
    println!("{old} as before, {new} as wanted");
}

#[test]
fn key_protect_passphrase_survives() {
    survives(FEW, None, &["key", "protect", "passphrase"], NEW_FIRST, Some(FIRST));
}

#[test]
fn key_protect_another_passphrase_survives() {
    let dialogue = &[(OPEN, FIRST), (NEW, SECOND), (AGAIN, SECOND)];
    survives(ONE, Some(FIRST), &["key", "protect", "passphrase"], dialogue, Some(SECOND));
}

#[test]
fn key_protect_none_after_a_passphrase_survives() {
    survives(FEW, Some(FIRST), &["key", "protect", "none"], &[(OPEN, FIRST)], None);
}

#[test]
fn key_rotate_under_a_passphrase_survives() {
    let dialogue = &[(OPEN, FIRST), (NEW, SECOND), (AGAIN, SECOND)];
    survives(ONE, Some(FIRST), &["key", "rotate", "--yes"], dialogue, Some(SECOND));
}
