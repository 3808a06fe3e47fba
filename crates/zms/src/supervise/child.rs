//! The program as a process of its own: how it is started, and what becomes of it.

use std::{
    ffi::OsString,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{
        Pid, Signal, WaitId, WaitIdOptions, getpid, getppid, ioctl_tiocsctty,
        set_parent_process_death_signal, setpgid, setsid, waitid,
    },
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout},
    termios::tcsetpgrp,
};

use super::signals::{Signals, close_all_but, exit_now, fork, reap, send, send_group};
use crate::{
    child::{Environment, execute},
    exit::{Exit, Failure, Outcome},
    home::trouble,
    hygiene::{Inherited, lock_memory},
};

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// With a code.
    Exited(i32),
    /// By a signal.
    Killed(i32),
}

/// What became of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Became {
    /// It ended.
    Ended(Ended),
    /// It was stopped.
    Stopped,
    /// It goes on.
    Continued,
}

/// What is started.
pub(super) struct Program<'p> {
    /// Its words.
    pub(super) command: &'p [OsString],
    /// What it finds in its environment.
    pub(super) environment: &'p Environment,
    /// Where it is looked for.
    pub(super) path: Option<OsString>,
    /// What zms changed of itself.
    pub(super) inherited: &'p Inherited,
}

/// What its streams are to be, where they are not ours.
#[derive(Clone, Copy, Default)]
pub(super) struct Streams<'s> {
    pub(super) stdin: Option<BorrowedFd<'s>>,
    pub(super) stdout: Option<BorrowedFd<'s>>,
    pub(super) stderr: Option<BorrowedFd<'s>>,
    /// The terminal that it stands on, in a session of its own.
    pub(super) terminal: Option<BorrowedFd<'s>>,
}

/// A program that was started.
pub(super) struct Child {
    /// Its process.
    pub(super) pid: Pid,
    /// Whether it is stopped.
    pub(super) stopped: bool,
    leader: Option<Leader>,
}

/// The process between us and a program with a terminal of its own. A session's leader can not be
/// stopped from its terminal, and neither can a group whose parent is in another session: so the
/// leader only waits, and tells what becomes of the program.
struct Leader {
    pid: Pid,
    told: OwnedFd,
}

/// One word of the leader's: what, and a number.
type Told = [i32; 2];
const STARTED: i32 = 0;
const EXITED: i32 = 1;
const KILLED: i32 = 2;
const STOPPED: i32 = 3;
const CONTINUED: i32 = 4;

impl Child {
    /// Starts a program, and returns once it runs or could not be executed.
    pub(super) fn start(
        program: &Program<'_>,
        streams: Streams<'_>,
        signals: &Signals,
    ) -> Outcome<Self> {
        let unmade = |error: io::Error| trouble(&error, "the program can not be started");
        let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|error| unmade(error.into()));
        let (report, reporter) = pipe()?;
        let child = match streams.terminal {
            None => {
                let us = getpid();
                match fork().map_err(unmade)? {
                    Some(pid) => Self { pid, stopped: false, leader: None },
                    None => become_it(program, streams, signals, us, &reporter),
                }
            }
            Some(terminal) => {
                let (told, teller) = pipe()?;
                let us = getpid();
                let Some(leader) = fork().map_err(unmade)? else {
                    let started = lead(terminal, us, |leader| {
                        become_it(program, streams, signals, leader, &reporter)
                    });
                    let Ok(program) = started else { exit_now(1) };
                    tell_on(program, &teller)
                };
                drop(teller);
                let leader = Leader { pid: leader, told };
                let Some([STARTED, number]) = leader.next() else {
                    reap(leader.pid);
                    return Err(unmade(io::Error::from(io::ErrorKind::Other)));
                };
                let pid = Pid::from_raw(number).unwrap_or(leader.pid);
                Self { pid, stopped: false, leader: Some(leader) }
            }
        };
        drop(reporter);
        match said(report) {
            None => Ok(child),
            Some(failure) => {
                child.bury();
                Err(failure)
            }
        }
    }

    /// What tells of it, beside SIGCHLD.
    pub(super) fn told(&self) -> Option<BorrowedFd<'_>> {
        self.leader.as_ref().map(|leader| leader.told.as_fd())
    }

    /// Takes in what its leader has told.
    pub(super) fn hear(&mut self) -> Option<Became> {
        let leader = self.leader.as_ref()?;
        let became = match leader.next() {
            Some([EXITED, code]) => Became::Ended(Ended::Exited(code)),
            Some([KILLED, signal]) => Became::Ended(Ended::Killed(signal)),
            Some([STOPPED, _]) => Became::Stopped,
            Some([CONTINUED, _]) => Became::Continued,
            // Whoever killed the leader has killed the program.
            _ => Became::Ended(Ended::Killed(libc::SIGKILL)),
        };
        self.note(became)
    }

    /// Takes in what a wait for any child has told.
    pub(super) fn waited(&mut self, pid: i32, status: i32) -> Option<Became> {
        if self.leader.is_some() || pid != self.pid.as_raw_pid() {
            return None;
        }
        let became = if libc::WIFSTOPPED(status) {
            Became::Stopped
        } else if libc::WIFCONTINUED(status) {
            Became::Continued
        } else if libc::WIFSIGNALED(status) {
            Became::Ended(Ended::Killed(libc::WTERMSIG(status)))
        } else {
            Became::Ended(Ended::Exited(libc::WEXITSTATUS(status)))
        };
        self.note(became)
    }

    fn note(&mut self, became: Became) -> Option<Became> {
        self.stopped = became == Became::Stopped;
        Some(became)
    }

    /// Sends a signal that concerns its whole terminal, where it has one of its own.
    pub(super) fn send_all(&self, signal: i32) {
        match self.leader {
            Some(_) => send_group(self.pid, signal),
            None => send(self.pid, signal),
        }
    }

    fn bury(self) {
        reap(self.leader.map_or(self.pid, |leader| leader.pid));
    }
}

impl Leader {
    fn next(&self) -> Option<Told> {
        let mut bytes = [0; 8];
        let mut filled = 0;
        while filled < bytes.len() {
            match rustix::io::read(&self.told, &mut bytes[filled..]) {
                Ok(0) => return None,
                Ok(count) => filled += count,
                Err(Errno::INTR) => {}
                Err(_) => return None,
            }
        }
        let number = |at: usize| i32::from_ne_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        Some([number(0), number(4)])
    }
}

/// The leader: makes a session on a terminal and starts the program in its foreground.
fn lead(terminal: BorrowedFd<'_>, parent: Pid, program: impl FnOnce(Pid)) -> io::Result<Pid> {
    die_with(parent);
    setsid()?;
    ioctl_tiocsctty(terminal)?;
    let leader = getpid();
    match fork()? {
        Some(pid) => {
            // Whoever comes first; the other one finds it done.
            let _done = setpgid(Some(pid), Some(pid));
            Ok(pid)
        }
        None => {
            program(leader);
            exit_now(1)
        }
    }
}

/// The leader's life: waits, tells, and ends with the program.
fn tell_on(pid: Pid, teller: &OwnedFd) -> ! {
    close_all_but(teller);
    lock_memory();
    let tell = |told: Told| {
        let bytes = [told[0].to_ne_bytes(), told[1].to_ne_bytes()].concat();
        if rustix::io::write(teller, &bytes).is_err() {
            exit_now(1);
        }
    };
    tell([STARTED, pid.as_raw_pid()]);
    let changes = WaitIdOptions::STOPPED | WaitIdOptions::CONTINUED;
    loop {
        // Looked at first and left where it is: while it is not waited for, its number is its own.
        let look = changes | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let seen = match waitid(WaitId::Pid(pid), look) {
            Ok(Some(seen)) => seen,
            Ok(None) | Err(Errno::INTR) => continue,
            Err(_) => exit_now(1),
        };
        if let Some(code) = seen.exit_status() {
            tell([EXITED, code]);
            exit_now(0);
        }
        if let Some(signal) = seen.terminating_signal() {
            tell([KILLED, signal]);
            exit_now(0);
        }
        tell([if seen.stopped() { STOPPED } else { CONTINUED }, 0]);
        let _taken = waitid(WaitId::Pid(pid), changes | WaitIdOptions::NOHANG);
    }
}

/// Sees to it that this process dies when its parent does.
pub(super) fn die_with(parent: Pid) {
    let set = set_parent_process_death_signal(Some(Signal::KILL));
    if set.is_err() || getppid() != Some(parent) {
        exit_now(1);
    }
}

/// In the new process: becomes the program, or reports why it can not.
fn become_it(
    program: &Program<'_>,
    streams: Streams<'_>,
    signals: &Signals,
    parent: Pid,
    reporter: &OwnedFd,
) -> ! {
    die_with(parent);
    let placed = place(streams);
    signals.give_back();
    let failure = match placed {
        Ok(()) => {
            execute(program.command, program.environment, program.path.clone(), program.inherited)
        }
        Err(error) => trouble(&error, "the program can not be given its streams"),
    };
    report(&failure, reporter);
    exit_now(failure.exit as i32)
}

fn place(streams: Streams<'_>) -> io::Result<()> {
    if let Some(terminal) = streams.terminal {
        setpgid(None, None)?;
        tcsetpgrp(terminal, getpid())?;
    }
    streams.stdin.map(dup2_stdin).transpose()?;
    streams.stdout.map(dup2_stdout).transpose()?;
    streams.stderr.map(dup2_stderr).transpose()?;
    Ok(())
}

/// A failure as bytes: its code, its message and its hint, each after a NUL.
fn report(failure: &Failure, reporter: &OwnedFd) {
    let hint = failure.hint.as_deref().unwrap_or_default();
    let text = format!("{}\0{}\0{hint}", failure.exit as u8, failure.message);
    // Where it can not be told, the exit code still says it.
    let _untold = rustix::io::write(reporter, text.as_bytes());
}

fn said(report: OwnedFd) -> Option<Failure> {
    let mut text = String::new();
    std::fs::File::from(report).read_to_string(&mut text).ok()?;
    let mut parts = text.splitn(3, '\0');
    let exit = match parts.next()?.parse::<u8>().ok()? {
        127 => Exit::NoProgram,
        126 => Exit::NotExecutable,
        2 => Exit::Usage,
        _ => Exit::BeforeExec,
    };
    let failure = Failure::new(exit, parts.next()?);
    Some(match parts.next() {
        Some(hint) if !hint.is_empty() => failure.hint(hint),
        _ => failure,
    })
}
