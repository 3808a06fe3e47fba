//! Signals and lost terminals at a hidden question. After each the terminal shows again what is
//! typed, and nothing was stored.

use std::time::{Duration, Instant};

use rustix::{
    process::{Pid, Signal, kill_process},
    termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr},
};

use crate::{
    machine::Machine,
    terminal::{Terminal, ends},
};

const QUESTION: &str = "Value of KEY: ";

fn asked(machine: &Machine) -> Terminal {
    let mut terminal = Terminal::start(machine, &["set", "KEY"]);
    terminal.until_hidden(QUESTION);
    terminal
}

/// The job of a shell.
fn job(machine: &Machine, shell: &Terminal) -> Pid {
    let found = machine.sh(&format!("pgrep -P {} -x zms", shell.child.id())).done();
    Pid::from_raw(found.trim().parse().unwrap()).unwrap()
}

#[test]
fn a_signal_that_ends_it_restores_the_terminal() {
    let machine = Machine::with_vault();
    for signal in [Signal::TERM, Signal::HUP, Signal::QUIT, Signal::INT] {
        let mut terminal = asked(&machine);
        terminal.press("hunt");
        kill_process(Pid::from_child(&terminal.child), signal).unwrap();
        let (code, screen) = terminal.end();
        assert_eq!(code, 128 + signal.as_raw(), "{screen}");
        assert!(terminal.echoes() && !screen.contains("hunt"), "{signal:?} {screen:?}");
        machine.sh("zms get KEY").refused(3);
    }
}

/// A shell that starts zms as a job, as people's shells do.
fn shell(machine: &Machine) -> Terminal {
    let mut terminal = Terminal::with(ends(), machine, &[("PS1", "$ ")], &["bash", "--norc", "-i"]);
    terminal.until("$ ");
    terminal
}

/// Waits for the question once more.
fn again(terminal: &mut Terminal, times: usize) {
    let begun = Instant::now();
    while terminal.screen.matches(QUESTION).count() < times || terminal.echoes() {
        assert!(begun.elapsed() < Duration::from_secs(20), "no question: {:?}", terminal.screen);
        terminal.look();
    }
}

fn answered(terminal: &mut Terminal, machine: &Machine) {
    terminal.press("hunter2\n").until("KEY set in default/development");
    assert_eq!(machine.sh("zms get KEY").done(), "hunter2");
    let (_, screen) = terminal.press("exit\n").end();
    assert!(!screen.contains("hunter2"), "{screen:?}");
    assert!(terminal.echoes());
}

#[test]
fn ctrl_z_shows_again_what_is_typed_and_fg_hides_it() {
    let machine = Machine::with_vault();
    let mut terminal = shell(&machine);
    terminal.press("zms set KEY\n").until_hidden(QUESTION).press("hunt\x1a").until("Stopped");
    let shown = "echo seen-$((1 + 1))\n";
    terminal.press(shown).until("seen-2");
    terminal.press("fg\n");
    again(&mut terminal, 2);
    answered(&mut terminal, &machine);
}

#[test]
fn a_stop_that_can_not_be_caught_ends_hidden_as_well() {
    let machine = Machine::with_vault();
    let mut terminal = shell(&machine);
    terminal.press("zms set KEY\n").until_hidden(QUESTION);
    kill_process(job(&machine, &terminal), Signal::STOP).unwrap();
    terminal.until("Stopped").press("stty sane\n").press("fg\n");
    again(&mut terminal, 2);
    answered(&mut terminal, &machine);
}

#[test]
fn a_job_in_the_background_asks_once_it_is_in_front() {
    let machine = Machine::with_vault();
    let mut terminal = shell(&machine);
    terminal.press("zms set KEY &\n").until("[1] ");
    let begun = Instant::now();
    while !terminal.screen.contains("Stopped") {
        // The shell tells of its jobs before each line.
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", terminal.screen);
        terminal.press("\n").look();
    }
    terminal.press("fg\n");
    again(&mut terminal, 1);
    let canonical = tcgetattr(&terminal.slave).unwrap().local_modes.contains(LocalModes::ICANON);
    assert!(canonical, "the modes of the shell's own line editor are not taken over");
    answered(&mut terminal, &machine);
}

#[test]
fn a_terminal_that_goes_away_ends_the_question() {
    let machine = Machine::with_vault();
    let Terminal { keyboard, slave, child, screen } = &mut asked(&machine);
    let (other, _) = ends();
    drop(std::mem::replace(keyboard, other));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "still there: {screen:?} {slave:?}");
    };
    assert!(!status.success());
    machine.sh("zms get KEY").refused(3);
}

#[test]
fn whoever_ignores_hangups_is_not_kept_by_a_terminal_that_went_away() {
    let machine = Machine::with_vault();
    let words = ["sh", "-c", "trap '' HUP; exec zms set KEY"];
    let mut terminal = Terminal::with(ends(), &machine, &[], &words);
    terminal.until_hidden(QUESTION);
    let (other, _) = ends();
    drop(std::mem::replace(&mut terminal.keyboard, other));
    let begun = Instant::now();
    while terminal.child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it asks nobody for ever");
    }
    machine.sh("zms get KEY").refused(3);
}

#[test]
fn an_empty_answer_is_stored_only_when_it_is_meant() {
    let machine = Machine::with_vault();
    for answer in ["\n", "n\n", "\x04"] {
        let mut terminal = asked(&machine);
        terminal.press("\n").until("Store an empty value? [y/N] ").press(answer);
        let (code, screen) = terminal.end();
        assert!(code == 2 && terminal.echoes(), "{screen}");
        assert!(screen.contains("error: nothing was typed, and nothing stored"), "{screen}");
        machine.sh("zms get KEY").refused(3);
    }
    let mut terminal = asked(&machine);
    terminal.press("\n").until("Store an empty value? [y/N] ").press("y\n");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(machine.sh("zms get KEY").done(), "");
}

/// A terminal that was silent before stays so.
#[test]
fn what_was_hidden_before_stays_hidden() {
    let machine = Machine::with_vault();
    let ends = ends();
    let mut silent = tcgetattr(&ends.1).unwrap();
    silent.local_modes -= LocalModes::ECHO;
    tcsetattr(&ends.1, OptionalActions::Now, &silent).unwrap();
    let mut terminal = Terminal::with(ends, &machine, &[], &["zms", "set", "KEY"]);
    assert_eq!(terminal.until(QUESTION).press("hunter2\n").end().0, 0);
    assert!(!terminal.echoes());
}
