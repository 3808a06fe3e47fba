//! `--watch`: a program ends up with the last state, without a storm on the way there.

use std::{
    fs,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::scratch::{Go, Scratch};

/// Whether something becomes true within so many seconds.
pub fn within(seconds: u64, mut becomes: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        if becomes() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// A program that notes each start with what it got, under a watching zms.
struct Watched<'v> {
    vault: &'v Scratch,
    zms: Child,
}

impl<'v> Watched<'v> {
    fn start(vault: &'v Scratch, options: &[&str], script: &str) -> Self {
        let command = ["sh", "-c", script];
        let mut command = vault.run(&[&["--watch"], options].concat(), &command);
        let errors = fs::File::create(vault.work().join("said")).unwrap();
        let zms = command.stdin(Stdio::null()).stderr(errors).spawn().unwrap();
        let watched = Self { vault, zms };
        watched.until("the program has started", |log, _| !log.is_empty());
        watched
    }

    fn log(&self) -> String {
        fs::read_to_string(self.vault.work().join("log")).unwrap_or_default()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.vault.work().join("said")).unwrap_or_default()
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&str, &str) -> bool) {
        let reached = within(60, || holds(&self.log(), &self.said()));
        assert!(reached, "{what}: {} {}", self.log(), self.said());
    }

    fn end(mut self) {
        self.vault.other(["kill", &self.zms.id().to_string()]).go().good();
        self.zms.wait().unwrap();
    }
}

const NOTES: &str = "echo \"$KEY\" >>log; exec sleep 600";

#[test]
fn two_hundred_quick_changes_end_in_the_last_state_with_few_starts() {
    let vault = Scratch::vault();
    vault.set(&[], "KEY", "value 0");
    let watched = Watched::start(&vault, &["-q"], NOTES);
    let begun = Instant::now();
    for change in 1..=200 {
        vault.set(&[], "KEY", format!("value {change}"));
    }
    let most = begun.elapsed().as_secs() / 5 + 3;
    watched.until("the last state", |log, _| log.ends_with("value 200\n"));
    std::thread::sleep(Duration::from_secs(2));
    let starts = watched.log().lines().count() as u64;
    println!("{starts} starts, at most {most}");
    assert!((2..=most).contains(&starts), "{}", watched.log());
    assert!(watched.log().ends_with("value 200\n"));
    watched.end();
}

#[test]
fn a_program_that_ignores_sigterm_is_killed_after_its_grace() {
    let vault = Scratch::vault();
    vault.set(&[], "KEY", "first");
    let script = "trap 'echo asked >>log' TERM; echo \"$KEY\" >>log; \
                  while :; do sleep 0.1; done";
    let watched = Watched::start(&vault, &["--grace", "1s"], script);
    vault.set(&[], "KEY", "second");
    watched.until("killed and started", |log, _| log == "first\nasked\nsecond\n");
    watched.vault.other(["kill", "-KILL", &watched.zms.id().to_string()]).go().good();
}

#[test]
fn what_changes_nothing_for_the_program_does_not_touch_it() {
    let vault = Scratch::vault();
    vault.set(&[], "KEY", "same");
    let watched = Watched::start(&vault, &["--only", "KEY"], NOTES);
    vault.set(&[], "OTHER", "new");
    vault.set(&[], "KEY", "same");
    vault.token(&["ci", "-e", "development"]);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(watched.log(), "same\n", "{}", watched.said());
    let reads = vault.json(&["audit"]).to_string().matches("\"read\"").count();
    assert!(reads < 16, "{reads}");
    watched.end();
}

#[test]
fn a_signal_tells_the_program_and_its_files_hold_the_new_value() {
    let vault = Scratch::vault();
    vault.set(&[], "KEY", "first");
    let folder = format!("/dev/shm/zms-test-{}", std::process::id());
    let script = format!(
        "trap 'cat {folder}/KEY pipe >>log; echo >>log' HUP; echo up >>log; \
         while :; do sleep 0.1; done"
    );
    let options = ["--signal", "HUP", "--files", &folder, "--mount", "pipe"];
    let watched = Watched::start(&vault, &options, &script);
    vault.set(&[], "KEY", "second");
    watched.until("told", |log, _| log == "up\nsecondKEY=second\n\n");
    watched.end();
    assert!(!fs::exists(&folder).unwrap() && !fs::exists(vault.work().join("pipe")).unwrap());
}

#[test]
fn attack_a_revoked_token_gets_nothing_new_and_the_program_goes_on() {
    let vault = Scratch::vault();
    vault.set(&[], "KEY", "before");
    let token = vault.token(&["ci", "-e", "development"]);
    let errors = fs::File::create(vault.work().join("said")).unwrap();
    let mut command = vault.run(&["--watch"], &["sh", "-c", NOTES]);
    let zms = command.env("ZMS_TOKEN", token).stderr(errors).spawn().unwrap();
    let watched = Watched { vault: &vault, zms };
    watched.until("started", |log, _| log == "before\n");
    vault.zms(["token", "revoke", "ci", "--yes"]).go().good();
    vault.set(&[], "KEY", "after the revocation");
    watched.until("told", |_, said| said.contains("revoked"));
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(watched.log(), "before\n");
    assert_eq!(watched.said().matches("goes on with what it has").count(), 1);
    let denied = vault.json(&["audit"]).to_string();
    assert!(denied.contains("denied"), "{denied}");
    watched.end();
}

#[test]
fn a_program_that_ends_by_itself_ends_zms() {
    let vault = Scratch::vault();
    let ran = vault.run(&["--watch"], &["sh", "-c", "exit 9"]).go();
    assert_eq!((ran.code(), ran.stderr.as_str()), (9, ""));
}

#[test]
fn a_value_that_a_program_still_has_stays_hidden_after_every_change() {
    let vault = Scratch::vault();
    vault.set(&[], "KEY", "first-value-of-all");
    let script = "trap : USR1; echo up >log; while :; do echo \"<$KEY>\" >&2; sleep 0.1; done";
    let watched = Watched::start(&vault, &["--mask", "--signal", "USR1"], script);
    for (change, value) in ["second-value", "third-value", "fourth-value"].iter().enumerate() {
        vault.set(&[], "KEY", value);
        watched.until("told and printed", |_, said| {
            let told: Vec<&str> = said.split("the program is told").collect();
            told.len() == change + 2 && told[change + 1].matches('<').count() > 2
        });
    }
    let said = watched.said();
    assert!(said.contains("<***>") && !said.contains("first"), "{said}");
    watched.end();
}

#[test]
fn what_a_change_leaves_visible_is_named_once() {
    let vault = Scratch::vault();
    vault.set(&[], "KEY", "first-value-of-all");
    vault.set(&[], "OTHER", "other-value");
    let script = "trap : USR1; echo up >log; while :; do echo \"<$KEY>\" >&2; sleep 0.1; done";
    let watched = Watched::start(&vault, &["--mask", "--signal", "USR1"], script);
    let told = |count: usize| {
        watched.until("told", |_, said| said.matches("the program is told").count() == count);
    };
    vault.set(&[], "KEY", "abcd");
    told(1);
    vault.set(&[], "KEY", "abce");
    told(2);
    // What was hidden stays hidden, also as configuration.
    let config = |value: &[u8]| {
        vault.zms(["set", "OTHER", "--kind", "config"]).feed(value).good();
    };
    config(b"other-value\n");
    told(3);
    config(b"another value\n");
    told(4);
    let said: Vec<String> = watched.said().lines().map(Into::into).collect();
    let named: Vec<&String> = said.iter().filter(|line| line.contains("not masked")).collect();
    assert_eq!(named, ["not masked: KEY (too short)", "not masked: OTHER (config)"]);
    watched.end();
}

#[test]
fn what_a_new_start_leaves_visible_is_named_before_it() {
    let vault = Scratch::vault();
    vault.set(&[], "KEY", "first-value-of-all");
    let script = "echo up >>log; echo \"<$KEY>\" >&2; exec sleep 600";
    let watched = Watched::start(&vault, &["--mask"], script);
    vault.set(&[], "KEY", "abcd");
    watched.until("started anew", |_, said| said.contains("<abcd>"));
    let said = watched.said();
    let (before, _) = said.split_once("<abcd>").unwrap();
    assert!(before.contains("not masked: KEY (too short)\n"), "{said}");
    assert_eq!(said.matches("not masked").count(), 1, "{said}");
    watched.end();
}
