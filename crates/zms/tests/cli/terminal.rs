//! Questions on a terminal: what is typed is hidden where it is a secret, and the terminal is
//! left as it was.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    process::Child,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Action, LocalModes, Winsize, tcflow, tcgetattr, tcsetwinsize},
};

use crate::machine::Machine;

/// A command on a terminal of its own.
pub struct Terminal {
    pub keyboard: File,
    pub slave: File,
    pub child: Child,
    pub screen: String,
}

/// The two ends of a new terminal: who types and looks, and what runs on it.
pub fn ends() -> (File, File) {
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(OFlags::NOCTTY.bits().cast_signed());
    (keyboard.into(), options.open(name).unwrap())
}

impl Terminal {
    pub fn start(machine: &Machine, args: &[&str]) -> Self {
        Self::on(ends(), machine, args)
    }

    fn on(ends: (File, File), machine: &Machine, args: &[&str]) -> Self {
        Self::with(ends, machine, &[], &[&["zms"], args].concat())
    }

    /// On a terminal of so many columns, with variables set.
    pub fn sized(
        columns: u16,
        machine: &Machine,
        variables: &[(&str, &str)],
        args: &[&str],
    ) -> Self {
        let ends = ends();
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&ends.1, size).unwrap();
        Self::with(ends, machine, variables, &[&["zms"], args].concat())
    }

    /// Any program.
    pub fn with(
        (keyboard, slave): (File, File),
        machine: &Machine,
        variables: &[(&str, &str)],
        words: &[&str],
    ) -> Self {
        let mut command = machine.command("setsid");
        command.arg("--ctty").args(words).envs(variables.iter().copied());
        let end = || slave.try_clone().unwrap();
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        Self { keyboard, slave, child, screen: String::new() }
    }

    /// Waits until the screen shows a text, and gives the whole screen.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> &mut Self {
        let begun = Instant::now();
        while !self.screen.contains(text) {
            assert!(begun.elapsed() < Duration::from_secs(20), "no {text:?} on {:?}", self.screen);
            self.look();
        }
        self
    }

    /// Waits for a question whose answer is not shown.
    #[track_caller]
    pub fn until_hidden(&mut self, question: &str) -> &mut Self {
        self.until(question);
        let begun = Instant::now();
        while self.echoes() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the answer would be shown");
        }
        self
    }

    /// Takes in what was written within a tenth of a second.
    pub fn look(&mut self) -> bool {
        let mut ready = [PollFd::new(&self.keyboard, PollFlags::IN)];
        let wait = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        if poll(&mut ready, Some(&wait)).unwrap() == 0 {
            return false;
        }
        let mut bytes = [0; 4096];
        let count = self.keyboard.read(&mut bytes).unwrap_or(0);
        self.screen += &String::from_utf8_lossy(&bytes[..count]);
        count > 0
    }

    pub fn press(&mut self, keys: &str) -> &mut Self {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self
    }

    pub fn echoes(&self) -> bool {
        tcgetattr(&self.slave).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// The exit code, 128 and more on a signal, and the whole screen.
    pub fn end(&mut self) -> (i32, String) {
        use std::os::unix::process::ExitStatusExt;
        let begun = Instant::now();
        let status = loop {
            self.look();
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "still there: {:?}", self.screen);
        };
        while self.look() {}
        (status.code().unwrap_or_else(|| 128 + status.signal().unwrap()), self.screen.clone())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ended = kill_process(Pid::from_child(&self.child), Signal::KILL);
        let _reaped = self.child.wait();
    }
}

#[test]
fn a_value_is_not_shown_while_it_is_typed() {
    let machine = Machine::with_vault();
    let mut terminal = Terminal::start(&machine, &["set", "KEY"]);
    let (code, screen) = terminal.until_hidden("Value of KEY: ").press("hunter2\n").end();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains("hunter2") && screen.contains("KEY set in default/development"));
    assert!(terminal.echoes());
    assert_eq!(machine.sh("zms get KEY").done(), "hunter2");
}

/// Whoever types or pastes as soon as the question is there is hidden too.
#[test]
fn the_question_comes_when_nothing_is_shown_anymore() {
    let machine = Machine::with_vault();
    let ends = ends();
    // Whoever writes to a terminal that is held waits: zms does, with its question.
    tcflow(&ends.1, Action::OOff).unwrap();
    let mut terminal = Terminal::on(ends, &machine, &["set", "KEY"]);
    let begun = Instant::now();
    while terminal.echoes() {
        assert!(begun.elapsed() < Duration::from_secs(3), "it asks while typing is still shown");
    }
    tcflow(&terminal.slave, Action::OOn).unwrap();
    assert_eq!(terminal.until("Value of KEY: ").press("hunter2\n").end().0, 0);
}

#[test]
fn ctrl_c_at_a_hidden_question_stores_nothing_and_restores_the_terminal() {
    let machine = Machine::with_vault();
    let mut terminal = Terminal::start(&machine, &["set", "KEY"]);
    terminal.until_hidden("Value of KEY: ").press("hunt\x03");
    let (code, screen) = terminal.end();
    assert!(code != 0 && !screen.contains("hunt"), "{code} {screen:?}");
    assert!(terminal.echoes(), "the terminal shows nothing that is typed from now on");
    machine.sh("zms get KEY").refused(3);
}

#[test]
fn the_end_of_input_at_a_hidden_question_stores_nothing() {
    let machine = Machine::with_vault();
    let mut terminal = Terminal::start(&machine, &["set", "KEY"]);
    let (code, screen) = terminal.until_hidden("Value of KEY: ").press("\x04").end();
    assert!(code == 2 && screen.contains("error: nothing was typed"), "{screen}");
    assert!(terminal.echoes());
    machine.sh("zms get KEY").refused(3);
}

#[test]
fn attack_a_value_can_not_drive_the_terminal() {
    let machine = Machine::with_vault();
    machine.set("A", "a\x1b[2J\u{202e}b\x07".as_bytes()).done();
    machine.set("B", b"\xff\x1b").done();
    let (code, screen) = Terminal::start(&machine, &["get", "A"]).end();
    assert_eq!((code, screen.as_str()), (0, "a\\u{1b}[2J\\u{202e}b\\u{7}\r\n"));
    let (code, screen) = Terminal::start(&machine, &["get", "B"]).end();
    assert!(code == 0 && screen.contains("base64") && screen.contains("/xs=\r\n"), "{screen:?}");
    assert!(!screen.contains('\x1b'));
}

#[test]
fn attack_a_value_in_a_format_can_not_drive_the_terminal_either() {
    let machine = Machine::with_vault();
    machine.set("A", "a\x1b[2J\u{202e}b\x07".as_bytes()).done();
    for args in [
        &["get", "A", "--json"][..],
        &["export", "--format", "json"],
        &["export"],
        &["export", "--format", "shell"],
    ] {
        let (_, screen) = Terminal::start(&machine, args).end();
        let driven = screen.contains(['\x1b', '\u{202e}', '\x07']);
        assert!(!driven, "{args:?}: {screen:?}");
    }
}

#[test]
fn a_terminal_gets_headings() {
    let machine = Machine::with_secret();
    let (_, screen) = Terminal::start(&machine, &["ls"]).end();
    assert!(screen.starts_with("NAME  FROM ") && screen.contains("\r\nA     default/"), "{screen}");
    let (_, screen) = Terminal::start(&machine, &["token", "ls"]).end();
    assert!(screen.starts_with("NAME   KIND "), "{screen}");
}

#[test]
fn reset_asks_for_a_typed_word() {
    let machine = Machine::with_secret();
    for answer in ["\n", "y\n", "yes\n", "Reset\n", "\x04", "\x03"] {
        let mut terminal = Terminal::start(&machine, &["reset"]);
        terminal.until("Encrypted backup first? ").press("\n");
        let (code, screen) = terminal.until("Type \"reset\" to go on: ").press(answer).end();
        assert_ne!(code, 0, "{answer:?}: {screen}");
        assert!(screen.contains("zms.master.key"), "what would go is listed: {screen}");
        let said = screen.contains("error: not confirmed; nothing was changed");
        assert!(said || answer == "\x03", "{answer:?}: {screen}");
        assert_eq!(machine.sh("zms get A").done(), "first");
    }
    let mut terminal = Terminal::start(&machine, &["reset"]);
    terminal.until("Encrypted backup first? ").press("\n");
    let (code, screen) = terminal.until("Type \"reset\" to go on: ").press("reset\n").end();
    assert_eq!(code, 0, "{screen}");
    machine.sh("test ! -e ~/.zexio/zms.db && test ! -e ~/.zexio/zms.master.key").done();
}

#[test]
fn import_asks_whether_to_delete() {
    let machine = Machine::with_vault();
    for (answer, gone) in [("\n", false), ("n\n", false), ("\x04", false), ("y\n", true)] {
        machine.sh("echo A=1 > .env").done();
        let mut terminal = Terminal::start(&machine, &["import", ".env"]);
        let (code, screen) = terminal.until("Delete .env now? [y/N] ").press(answer).end();
        assert_eq!(code, 0, "{screen}");
        assert_eq!(machine.sh("test -e .env").code == 1, gone, "{answer:?}");
    }
    machine.sh("echo A=1 > .env").done();
    for flag in ["--keep", "--dry-run"] {
        let (code, screen) = Terminal::start(&machine, &["import", ".env", flag]).end();
        assert!(code == 0 && !screen.contains("[y/N]"), "{screen}");
    }
}

#[test]
fn revoke_asks_for_the_name() {
    let machine = Machine::with_vault();
    machine.sh("zms token create ci -q > ci").done();
    let mut terminal = Terminal::start(&machine, &["token", "revoke", "ci"]);
    let (code, _) = terminal.until("Type \"ci\" to go on: ").press("c\n").end();
    assert_eq!(code, 1);
    machine.sh("ZMS_TOKEN=$(cat ci) zms ls").done();
    let mut terminal = Terminal::start(&machine, &["token", "revoke", "ci"]);
    let (code, _) = terminal.until("Type \"ci\" to go on: ").press("ci\n").end();
    assert_eq!(code, 0);
    machine.sh("ZMS_TOKEN=$(cat ci) zms ls").refused(4);
}

#[test]
fn a_passphrase_is_asked_for_twice_and_then_whenever_the_owner_acts() {
    let machine = Machine::new();
    let init = || Terminal::start(&machine, &["init", "--protect", "passphrase"]);
    for weak in ["short\n", "P4ssw0rd!\n", "zms master key\n"] {
        let (code, screen) = init().until_hidden("New passphrase: ").press(weak).end();
        assert!(
            code == 2
                && screen.contains("the passphrase is weak: it is found within")
                && screen.contains("hint: "),
            "{screen}"
        );
        assert!(!screen.contains(weak.trim()), "{screen}");
    }
    let mut terminal = init();
    terminal
        .until_hidden("New passphrase: ")
        .press("orbit lemon quarry 7\n")
        .until_hidden("Once more: ");
    let (code, screen) = terminal.press("orbit lemon quarry 8\n").end();
    assert!(code == 2 && screen.contains("error: the two passphrases differ"), "{screen}");
    machine.sh("test ! -e ~/.zexio/zms.master.key").done();
    let mut terminal = init();
    terminal
        .until_hidden("New passphrase: ")
        .press("orbit lemon quarry 7\n")
        .until_hidden("Once more: ");
    let (code, screen) = terminal.press("orbit lemon quarry 7\n").end();
    assert!(code == 0 && !screen.contains("lemon"), "{screen}");

    let said = machine.sh("zms ls").refused(5);
    assert!(said.contains("is protected by a passphrase\nhint: "), "{said}");
    let ask = || Terminal::start(&machine, &["project", "ls"]);
    let question = "Passphrase of the master key: ";
    // What needs no key is checked without one, and nothing is asked for in vain.
    let doctor = machine.sh("zms doctor").done();
    assert!(
        doctor.contains("skip  key          ") && doctor.contains("ok    integrity"),
        "{doctor}"
    );
    let mut terminal = ask();
    terminal.until_hidden(question).press("orbit lemon quarry 8\n");
    terminal.until_hidden(&format!("that passphrase does not open it\r\n{question}"));
    let (code, screen) = terminal.press("orbit lemon quarry 7\n").end();
    assert!(code == 0 && screen.ends_with("default\r\n"), "{screen}");
}
