//! SIGKILL before every call that writes.

use std::{fs, os::unix::process::ExitStatusExt};

use super::{
    fault::{Fault, faults, faults_of},
    story::Told,
};
use crate::{
    random::Random,
    scratch::{Go, Scratch, numbered},
    strace::{WRITING, kill, points},
    tools::{ZMS, tool},
};

/// How many points of each command are tried in a run that is not full.
const SAMPLE: usize = 20;
/// As many of each story, of which there are many.
const OF_STORY: usize = 2;
/// How many refusals of each kind.
const ERRORS: usize = 2;

/// Kills a command at its points; the state is whole each time, and the command goes through when
/// it is run again.
pub fn survives(told: &Told) {
    let points = Random::new().sample(told.points(WRITING), OF_STORY);
    let (mut killed, mut states) = (0, Vec::new());
    for point in &points {
        println!("killed before {point:?}");
        let (vault, ran, state) = told.disturbed(point, "signal=KILL", "");
        killed += usize::from(ran.status.signal() == Some(9));
        states.push(state);
        told.again(&vault, state);
    }
    // A call more or less from one run to the next is possible; that none is killed is not.
    assert!(killed * 10 >= points.len() * 9, "only {killed} of {} were killed", points.len());
    println!("{states:?}");
}

#[test]
fn init_survives() {
    let all = points(&Scratch::empty(), WRITING, &["init"], b"");
    for point in Random::new().sample(all, SAMPLE) {
        println!("killed before {point:?}");
        let home = Scratch::empty();
        assert_eq!(kill(&home, &point, &["init"], b"").status.signal(), Some(9));
        let again = home.zms(["init"]).go();
        if again.code() != 0 {
            // It was done already: what it would have said is the same.
            assert!(again.refused(1).contains("there is a vault already"));
        }
        home.set(&[], "A", "1");
        assert_eq!(home.zms(["get", "A"]).go().text(), "1");
        home.zms(["token", "create", "ci", "-e", "production"]).go().good();
    }
}

/// Whoever would rather begin anew can, and nothing of the attempt is left, a key least of all.
#[test]
fn reset_cleans_up_after_an_interrupted_init() {
    let all = points(&Scratch::empty(), WRITING, &["init"], b"");
    // The key is made first.
    let (key, rest) = all.split_at(10);
    for point in [key, &Random::new().sample(rest.to_vec(), SAMPLE)].concat() {
        println!("killed before {point:?}");
        let home = Scratch::empty();
        kill(&home, &point, &["init"], b"");
        let reset = home.zms(["reset", "--yes"]).go();
        assert!([0, 3].contains(&reset.code()), "{}", reset.stderr);
        let left: Vec<_> = home.files().into_iter().map(|(path, _)| path).collect();
        assert!(left.is_empty(), "reset leaves {left:?}");
        home.zms(["init"]).go().good();
    }
}

#[test]
fn reset_survives() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    let token = vault.token(&["ci", "-e", "development"]);
    vault.run(&[], &["true"]).go().good();
    for fault in faults_of(&vault, &["reset", "--yes"], SAMPLE, ERRORS) {
        let home = vault.copy();
        let ran = fault.strike(&home, &["reset", "--yes"]);
        let left = home.files();
        assert!(ran.code() != 0 || left.is_empty(), "said to be done, and leaves {left:?}");
        // Half done is not undone: it is run again, and then everything is new.
        let again = home.zms(["reset", "--yes"]).go();
        assert!([0, 3].contains(&again.code()), "{}", again.stderr);
        home.zms(["init"]).go().good();
        home.zms(["ls"]).env("ZMS_TOKEN", &token).go().refused(4);
        assert_eq!(home.zms(["ls"]).go().text(), "");
        home.zms(["reset", "--yes"]).go().good();
        let left: Vec<_> = home.files().into_iter().map(|(path, _)| path).collect();
        assert!(left.is_empty(), "reset leaves {left:?}");
    }
}

#[test]
fn import_that_deletes_its_file_survives() {
    let vault = Scratch::vault();
    let secrets = numbered("MORE", 20);
    let lines = secrets.iter().map(|(name, value)| format!("{name}='{value}'\n"));
    let text: String = lines.collect();
    let args = ["import", "app.env", "--delete"];
    for fault in faults_with_file(&vault, &args, &text) {
        let home = vault.copy();
        let file = home.file("app.env", &text);
        let ran = fault.strike(&home, &args);
        let seen = home.secrets(&[]);
        assert!(seen.is_empty() || seen == secrets, "a mixture: {seen:?}");
        let whole = fs::read_to_string(&file).is_ok_and(|now| now == text);
        assert!(whole || seen == secrets, "in neither the file nor the vault");
        assert!(ran.code() != 0 || (seen == secrets && !file.exists()), "said to be done");
        if whole {
            home.zms(args).go().good();
            assert!(!file.exists());
        }
        assert!(home.secrets(&[]) == secrets);
    }
}

fn faults_with_file(vault: &Scratch, args: &[&str], text: &str) -> Vec<Fault> {
    let with_file = || {
        let copy = vault.copy();
        copy.file("app.env", text);
        copy
    };
    faults(|set| points(&with_file(), set, args, b""), SAMPLE, ERRORS)
}

/// In a container every command has the same process number, so a file that an interrupted one
/// left is met by the next under the very name it would make.
fn survives_what_was_left(left: &str, keyed: bool) {
    let home = Scratch::vault();
    for (path, _) in home.files() {
        if !(keyed && path.ends_with("zms.master.key")) {
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(home.home().join(left), "").unwrap();
    let unshare = tool("unshare").display().to_string();
    let first = [unshare.as_str(), "--pid", "--fork", "--mount-proc"];
    let ran = home.under(&first, ["init"]).go();
    assert_eq!(ran.code(), 0, "{}", ran.stderr);
    home.set(&[], "A", "1");
}

#[test]
fn init_survives_what_a_process_of_the_same_number_left_of_a_key() {
    survives_what_was_left("zms.master.new.1", false);
}

#[test]
fn init_survives_what_a_process_of_the_same_number_left_of_a_database() {
    survives_what_was_left("zms.db.1-0.new", true);
}

/// With a credential in the working folder at hand, where there is one.
fn keyed(scratch: Scratch) -> Scratch {
    scratch.behind(vec!["env".into(), "CREDENTIALS_DIRECTORY=.".into()], ZMS.into())
}

/// At every moment exactly one key opens the vault, and it is at hand.
fn survives_with_a_key(before: &[&[&str]], args: &[&str]) {
    let vault = keyed(Scratch::vault());
    vault.set(&[], "A", "1");
    let token = vault.token(&["ci", "-e", "development"]);
    for args in before {
        vault.zms(*args).go().good();
    }
    let key = fs::read(vault.home().join("zms.master.key")).unwrap();
    let faults = faults(|set| points(&keyed(vault.copy()), set, args, b""), SAMPLE, ERRORS);
    for fault in faults {
        let home = keyed(vault.copy());
        let ran = fault.strike(&home, args);
        let file = fs::read(home.home().join("zms.master.key")).unwrap();
        assert!(ran.code() != 0 || file != key, "said to be done, and is not");
        assert_eq!(home.zms(["get", "A"]).go().text(), "1");
        assert_eq!(home.zms(["get", "A"]).env("ZMS_TOKEN", &token).go().text(), "1");
        home.zms(["audit", "verify"]).go().good();
        home.zms(args).go().good();
        assert_eq!(home.zms(["get", "A"]).go().text(), "1");
        home.zms(["doctor"]).go().good();
        if args.iter().any(|arg| arg.ends_with("rotate")) {
            assert_ne!(fs::read(home.home().join("zms.master.key")).unwrap(), key);
            fs::write(home.home().join("zms.master.key"), &key).unwrap();
            let said = home.zms(["get", "A"]).go().refused(4);
            assert!(said.contains("has been replaced"), "{said}");
        }
    }
}

const SYSTEMD: &[&str] = &["key", "protect", "systemd", "--credential", "zms-key"];

#[test]
fn key_rotate_survives() {
    survives_with_a_key(&[], &["key", "rotate", "--yes"]);
}

#[test]
fn key_rotate_under_a_credential_survives() {
    survives_with_a_key(&[SYSTEMD], &["key", "rotate", "--yes"]);
}

#[test]
fn key_split_that_replaces_the_key_survives() {
    let flags = ["--shares", "3", "--threshold", "2", "--sheets", "sheets", "--yes"];
    survives_with_a_key(&[], &[&["key", "split", "--rotate"], &flags[..]].concat());
}

#[test]
fn key_protect_none_survives() {
    survives_with_a_key(&[], &["key", "protect", "none"]);
    survives_with_a_key(&[SYSTEMD], &["key", "protect", "none"]);
}

#[test]
fn key_protect_systemd_survives() {
    survives_with_a_key(&[], SYSTEMD);
}

/// Everything is made anew or nothing is, and no token that was made is lost.
fn survives_with_new_tokens(args: &[&str], stay: &[&str]) {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    vault.import(&["-e", "staging"], &numbered("MORE", 3));
    vault.set(&["-e", "staging"], "A", "1");
    let ci = vault.token(&["ci", "-e", "development,staging"]);
    let second = vault.token(&["second", "--admin"]);
    let key = fs::read(vault.home().join("zms.master.key")).unwrap();
    let opens = |home: &Scratch, tokens: &[String]| {
        for token in tokens {
            for at in ["development", "staging"] {
                let read = home.zms(["get", "A", "-e", at]).env("ZMS_TOKEN", token).go();
                assert_eq!(read.text(), "1");
            }
        }
    };
    let (mut before, mut after) = (0, 0);
    for fault in faults_of(&vault, args, SAMPLE, ERRORS) {
        let home = vault.copy();
        let ran = fault.strike(&home, args);
        assert_eq!(home.zms(["get", "A"]).go().text(), "1");
        assert_eq!(home.secrets(&["-e", "staging"]).len(), 4);
        home.zms(["audit", "verify"]).go().good();
        let done = home.zms(["get", "A"]).env("ZMS_TOKEN", &ci).go().code() == 4;
        if done {
            after += 1;
            home.zms(["get", "A"]).env("ZMS_TOKEN", &second).go().refused(4);
        } else {
            before += 1;
            opens(&home, &[ci.clone(), second.clone()]);
        }
        // What was printed is good, whether or not it got any further.
        let shown = named(&ran.stdout);
        assert!(shown.is_empty() || done, "printed and not done");
        assert!(ran.code() != 0 || (done && shown.len() == stay.len()), "said to be done");
        opens(&home, &shown.values().cloned().collect::<Vec<_>>());
        let waits = home.home().join("zms.master.tokens");
        assert!(!done || waits.exists() || shown.len() == stay.len(), "tokens are lost");
        // Once more shows what was not shown yet, or does all of it.
        let again = home.zms(args).go();
        let all_shown = shown.len() == stay.len();
        let shown = named(&again.stdout);
        let gone = done && args[0] == "admin";
        if gone {
            assert_eq!(again.code(), 3, "{}", again.stderr);
        } else {
            again.good();
        }
        if !(gone && all_shown && shown.is_empty()) {
            assert_eq!(shown.keys().map(String::as_str).collect::<Vec<_>>(), stay);
            opens(&home, &shown.into_values().collect::<Vec<_>>());
        }
        assert!(!waits.exists());
        assert_eq!(home.zms(["get", "A"]).go().text(), "1");
        home.zms(["doctor"]).go().good();
        for old in [&ci, &second] {
            home.zms(["get", "A"]).env("ZMS_TOKEN", old).go().refused(4);
        }
        fs::write(home.home().join("zms.master.key"), &key).unwrap();
        home.zms(["get", "A"]).go().refused(4);
    }
    println!("{before} before the commit, {after} behind it");
}

/// Tokens by name, as a full rotation prints them.
fn named(said: &[u8]) -> std::collections::BTreeMap<String, String> {
    let said = String::from_utf8_lossy(said);
    let pairs = said.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(name, token)| (name.to_owned(), token.trim().to_owned())).collect()
}

#[test]
fn key_rotate_full_survives() {
    survives_with_new_tokens(&["key", "rotate", "--full", "--yes"], &["ci", "second"]);
}

#[test]
fn admin_rm_survives() {
    survives_with_new_tokens(&["admin", "rm", "second", "--yes"], &["ci"]);
}
