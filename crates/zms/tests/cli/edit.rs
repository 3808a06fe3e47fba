//! Editing in real editors as they come: what is saved, and that nothing is left behind.

use std::{path::Path, process::Command};

use crate::{
    machine::Machine,
    terminal::{Terminal, ends},
};

/// A value that stands nowhere yet, and the moment from which on it may.
struct Canary {
    value: String,
    since: tempfile::NamedTempFile,
}

impl Canary {
    fn new() -> Self {
        let since = tempfile::NamedTempFile::new().unwrap();
        let random = since.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.');
        Self { value: format!("canary{random}"), since }
    }

    /// Looks into every file that was written since, wherever an editor may write.
    #[track_caller]
    fn left_nothing(&self, machine: &Machine) {
        let planted = machine.home().join("planted");
        std::fs::write(&planted, &self.value).unwrap();
        let found = Command::new("find")
            .args([machine.home(), Path::new("/tmp"), Path::new("/var/tmp"), Path::new("/dev/shm")])
            .args(["-type", "f", "-newer"])
            .arg(self.since.path())
            .args(["-exec", "grep", "-laF", "--", &self.value, "{}", "+"])
            .output()
            .unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        let (own, left): (Vec<&str>, Vec<&str>) =
            found.lines().partition(|file| Path::new(file) == planted);
        assert!(!own.is_empty(), "the search does not find what is there");
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Starts `zms edit` in an editor that has the user's default settings.
fn editing(machine: &Machine, editor: &str, args: &[&str]) -> Terminal {
    let variables = [("EDITOR", editor), ("TERM", "xterm")];
    Terminal::with(ends(), machine, &variables, &[&["zms", "edit"], args].concat())
}

#[test]
fn vim_saves_in_one_revision_and_leaves_nothing() {
    let (machine, canary) = (Machine::with_secret(), Canary::new());
    machine.sh("printf second | zms set B").done();
    let mut terminal = editing(&machine, "vim", &[]);
    terminal.until("A=first");
    terminal.press(&format!("GoNEW={}\x1byy:%s/first/third/\r:w\r:wq\r", canary.value));
    let (code, screen) = terminal.until("[n]o: ").press("y\n").end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("saved in default/development: 2 set, 0 removed"), "{screen}");
    assert_eq!(machine.sh("zms get NEW").done(), canary.value);
    assert_eq!(machine.sh("zms get A").done(), "third");
    assert_eq!(machine.sh("zms log").done().lines().count(), 4, "one revision for both");
    canary.left_nothing(&machine);
}

#[test]
fn vim_that_is_killed_leaves_nothing() {
    let (machine, canary) = (Machine::with_vault(), Canary::new());
    machine.sh(&format!("printf {} | zms set KEY", canary.value)).done();
    let mut terminal = editing(&machine, "vim", &[]);
    terminal.until(&canary.value).press(&format!("Go{}ended\x1b", "typed ".repeat(80)));
    terminal.until("ended");
    let pids = machine.sh(&format!("pgrep -P {} -x vim", terminal.child.id())).done();
    machine.sh(&format!("kill -9 {}", pids.trim())).done();
    let (code, screen) = terminal.end();
    assert!(code == 1 && screen.contains("vim ended by signal 9; nothing was changed"), "{screen}");
    canary.left_nothing(&machine);
}

#[test]
fn nano_saves_and_leaves_nothing() {
    let (machine, canary) = (Machine::with_secret(), Canary::new());
    let mut terminal = editing(&machine, "nano", &["A"]);
    terminal.until("A=first").press(&format!("NEW={}\r\x0f\r", canary.value));
    let (code, screen) = terminal.until("Wrote").press("\x18").until("[n]o: ").press("y\n").end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(machine.sh("zms get NEW").done(), canary.value);
    canary.left_nothing(&machine);
}

#[test]
fn a_mistake_reopens_the_editor_with_all_that_was_typed() {
    let machine = Machine::with_secret();
    let mut terminal = editing(&machine, "vim", &[]);
    terminal.until("A=first").press("Gono line\x1b:wq\r").until("go on editing");
    terminal.screen.clear();
    terminal.press("\n").until("no line");
    let (code, screen) =
        terminal.press("\x1b:%s/no line/B=mended/\r:wq\r").until("[n]o: ").press("y\n").end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(machine.sh("zms get B").done(), "mended");
}

#[test]
fn giving_up_changes_nothing() {
    let machine = Machine::with_secret();
    for answer in ["n\n", "\n", "\x04"] {
        let mut terminal = editing(&machine, "vim", &[]);
        terminal.until("A=first").press(":%s/first/third/\r:wq\r");
        let (code, screen) = terminal.until("[n]o: ").press(answer).end();
        assert_eq!(code, 1, "{screen}");
        assert_eq!(machine.sh("zms get A").done(), "first");
    }
}

#[test]
fn what_somebody_else_changed_meanwhile_is_not_lost() {
    let machine = Machine::with_secret();
    machine.sh("printf 1 | zms set B").done();
    let mut terminal = editing(&machine, "vim", &[]);
    terminal.until("A=first").press(":%s/first/mine/\r");
    machine.sh("printf theirs | zms set A; printf 2 | zms set B").done();
    terminal.press(":wq\r").until("[n]o: ").press("y\n").until("somebody else changed A");
    terminal.screen.clear();
    // The text has what was typed here, and what was changed there elsewhere.
    terminal.press("\n").until("A=mine").until("B=2");
    let (code, screen) = terminal.press(":wq\r").until("[n]o: ").press("y\n").end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(machine.sh("zms get A; zms get B").done(), "mine2");
}

#[test]
fn what_was_typed_is_kept_where_it_can_not_be_saved() {
    let machine = Machine::with_secret();
    let mut terminal = editing(&machine, "vim", &[]);
    terminal.until("A=first").press(":%s/first/mine/\r");
    let database = rusqlite::Connection::open(machine.vault("zms.db")).unwrap();
    database.execute_batch("ALTER TABLE revision RENAME TO away").unwrap();
    terminal.press(":wq\r").until("[n]o: ").press("y\n").until("go on editing");
    database.execute_batch("ALTER TABLE away RENAME TO revision").unwrap();
    terminal.screen.clear();
    let (code, screen) =
        terminal.press("\n").until("A=mine").press(":wq\r").until("[n]o: ").press("y\n").end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(machine.sh("zms get A").done(), "mine");
}

#[test]
fn a_protected_environment_is_confirmed_before_the_editor_starts() {
    let machine = Machine::with_secret();
    machine.sh("zms env protect development").done();
    let mut terminal = editing(&machine, "vim", &[]);
    let (code, screen) = terminal.until("to go on: ").press("no\n").end();
    assert!(code == 1 && !screen.contains("first"), "{screen}");
    let mut terminal = editing(&machine, "vim", &[]);
    terminal.until("to go on: ").press("development\n").until("A=first").press(":q\r");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn attack_an_editor_of_the_working_folder_is_not_started() {
    let machine = Machine::with_secret();
    let planted = machine.home().join("app/vim");
    std::fs::write(&planted, "#!/bin/sh\ntouch ~/ran\n").unwrap();
    machine.sh("chmod +x vim").refused(1);
    machine.own(&machine.home().join("app"));
    machine.sh("chmod +x vim").done();
    let refused = machine.sh("EDITOR=./vim zms edit --yes").refused(2);
    assert!(refused.contains("lies wherever one happens to be"), "{refused}");
    machine.sh("PATH=.::$PATH EDITOR=vim zms edit --yes </dev/null >/dev/null 2>&1 & sleep 1; kill %1; wait");
    assert!(!machine.home().join("ran").exists());
}

#[test]
fn a_script_edits_and_gets_nothing_of_ours() {
    let machine = Machine::with_secret();
    let script = machine.home().join("editor");
    std::fs::write(
        &script,
        "#!/bin/sh\nenv > ~/env\nls -l \"$1\" > ~/file\nsed -i s/first/third/ \"$1\"\n",
    )
    .unwrap();
    machine.own(machine.home());
    machine.sh("chmod +x ~/editor").done();
    machine.sh("ZMS_PROJECT=default EDITOR=$HOME/editor zms edit --yes").done();
    assert_eq!(machine.sh("zms get A").done(), "third");
    let seen = |name| std::fs::read_to_string(machine.home().join(name)).unwrap();
    assert!(seen("env").contains("HOME=") && !seen("env").contains("ZMS_"));
    assert!(
        seen("file").starts_with("-rw-------")
            && !seen("file").contains(machine.home().to_str().unwrap())
    );
    let file = seen("file");
    assert!(!Path::new(file.split_whitespace().last().unwrap()).exists(), "{file}");
}

#[test]
fn who_gives_up_changes_nothing() {
    let machine = Machine::with_secret();
    let script = "printf '#!/bin/sh\\nprintf \"$LINE\" > \"$1\"\\n' > editor && chmod +x editor";
    machine.sh(script).done();
    let editor = machine.sh("echo $PWD/editor").done();
    let words = |line| [("EDITOR", editor.trim()), ("TERM", "xterm"), ("LINE", line)];
    // What was changed well is asked about, and what can not be read as well.
    for (line, question, answer) in [
        ("A=other\n", "[n]o: ", "n\n"),
        ("A=other\n", "[n]o: ", "\n"),
        ("A='other\n", "type n to give up: ", "n\n"),
        ("A='other\n", "type n to give up: ", "\x04"),
    ] {
        let mut terminal = Terminal::with(ends(), &machine, &words(line), &["zms", "edit"]);
        let (code, screen) = terminal.until(question).press(answer).end();
        let said = screen.contains("given up; nothing was changed");
        assert!(code == 1 && said, "{line:?} {answer:?}: {screen}");
        assert_eq!(machine.sh("zms get A").done(), "first");
    }
}
