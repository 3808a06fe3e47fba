//! Asks for something that is not shown while it is typed, and leaves the terminal as it was,
//! whichever way the question ends. After readpassphrase(3) of OpenBSD.
#![expect(unsafe_code, reason = "signal handlers have no safe interface")]

use std::{
    io::{self, Write},
    mem::zeroed,
    ptr::{null, null_mut},
    sync::atomic::{AtomicI32, Ordering},
};

use rustix::{
    process::getpgrp,
    termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr},
};
use zeroize::Zeroizing;

use super::possible;
use crate::exit::{Failure, Outcome};

/// Longest answer in bytes; the buffer never grows, so that no copy of an answer stays behind.
const MAX_ANSWER: usize = 64 * 1024;

/// Signals that end or stop a process at a question; and the one that comes after a stop that can
/// not be caught, when somebody else may have shown again what is typed.
const SIGNALS: [i32; 6] =
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGTSTP, libc::SIGCONT];

/// The signal that came while somebody was asked; 0 for none.
pub(super) static CAUGHT: AtomicI32 = AtomicI32::new(0);

extern "C" fn note(signal: i32) {
    CAUGHT.store(signal, Ordering::Relaxed);
}

/// Asks until there is an answer, a signal, or the end of the input.
pub fn hidden(question: &str) -> Outcome<Zeroizing<String>> {
    if !possible() {
        return Err(Failure::usage("there is no terminal to ask on"));
    }
    loop {
        wait_in_background();
        let (answer, signal) = ask(question)
            .map_err(|error| Failure::other(format!("nothing could be read: {error}")))?;
        if signal != 0 {
            // The terminal is as it was: now the signal does what it would have done.
            raise(signal);
            // Only who was stopped or goes on comes back here, and is asked again.
            continue;
        }
        return answer.ok_or_else(|| Failure::usage("nothing was typed"));
    }
}

/// Sends a signal to ourselves.
pub(super) fn raise(signal: i32) {
    // SAFETY: raising a signal on ourselves is always allowed.
    unsafe { libc::raise(signal) };
}

/// A job in the background stops here until somebody brings it to the front: the terminal is not
/// its own, and what its modes are now is a shell's business.
pub(super) fn wait_in_background() {
    let front = tcgetpgrp(io::stdin());
    if front.is_ok_and(|front| front != getpgrp()) {
        // Where nobody is there to continue us the system discards it, and reading fails.
        raise(libc::SIGTTIN);
    }
}

fn ask(question: &str) -> io::Result<(Option<Zeroizing<String>>, i32)> {
    let stdin = io::stdin();
    let shown = tcgetattr(&stdin)?;
    CAUGHT.store(0, Ordering::Relaxed);
    let handlers = Handlers::install();
    let silence = Silence { shown: shown.clone() };
    let mut quiet = shown;
    quiet.local_modes -= LocalModes::ECHO;
    quiet.local_modes |= LocalModes::ECHONL;
    // First silence, then the question: whoever types at once is hidden too.
    tcsetattr(&stdin, OptionalActions::Flush, &quiet)?;
    let mut stderr = io::stderr();
    write!(stderr, "{}", crate::output::shown(question))?;
    stderr.flush()?;
    let answer = read_line(&handlers);
    let signal = CAUGHT.load(Ordering::Relaxed);
    if signal != 0 {
        writeln!(stderr)?;
    }
    drop(silence);
    drop(handlers);
    if signal != 0 { Ok((None, signal)) } else { Ok((answer?, 0)) }
}

/// One line from the terminal, byte by byte, without a buffer of its own behind; `None` at the end
/// of the input or when a signal came.
fn read_line(handlers: &Handlers) -> io::Result<Option<Zeroizing<String>>> {
    let stdin = io::stdin();
    let mut typed = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
    let mut byte = [0];
    while handlers.wait()? {
        match rustix::io::read(&stdin, &mut byte)? {
            0 if typed.is_empty() => return Ok(None),
            0 => break,
            _ if byte[0] == b'\n' => break,
            _ if typed.len() == MAX_ANSWER => {
                return Err(io::Error::other("the answer is too long; pipe it in"));
            }
            _ => typed.push(byte[0]),
        }
    }
    if CAUGHT.load(Ordering::Relaxed) != 0 {
        return Ok(None);
    }
    let text = std::str::from_utf8(&typed).map_err(|_| io::Error::other("it is not UTF-8 text"))?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}

/// Shows what is typed again when it is dropped.
pub(super) struct Silence {
    pub(super) shown: Termios,
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _terminal_gone = tcsetattr(io::stdin(), OptionalActions::Flush, &self.shown);
    }
}

/// Our handlers, and our signals held back except while we wait; what was there before comes back
/// when it is dropped.
pub(super) struct Handlers {
    before: [libc::sigaction; SIGNALS.len()],
    mask: libc::sigset_t,
}

impl Handlers {
    pub(super) fn install() -> Self {
        // SAFETY: the handler only stores a number, which is async-signal-safe; the structs are
        // plain data, filled by the calls that get them.
        unsafe {
            let mut held: libc::sigset_t = zeroed();
            let mut mask: libc::sigset_t = zeroed();
            libc::sigemptyset(&raw mut held);
            for signal in SIGNALS {
                libc::sigaddset(&raw mut held, signal);
            }
            libc::sigprocmask(libc::SIG_BLOCK, &raw const held, &raw mut mask);
            let mut before: [libc::sigaction; SIGNALS.len()] = zeroed();
            let mut action: libc::sigaction = zeroed();
            action.sa_sigaction = note as extern "C" fn(i32) as libc::sighandler_t;
            for (signal, before) in SIGNALS.iter().zip(&mut before) {
                libc::sigaction(*signal, &raw const action, before);
                if before.sa_sigaction == libc::SIG_IGN {
                    // What was ignored stays ignored.
                    libc::sigaction(*signal, before, null_mut());
                }
            }
            Self { before, mask }
        }
    }

    /// Waits for input, and lets signals in only here: one that came a moment before is seen too.
    /// False when a signal came.
    pub(super) fn wait(&self) -> io::Result<bool> {
        let mut stdin = libc::pollfd { fd: 0, events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, no timeout, and a mask that lives as long as we do.
        let ready = unsafe { libc::ppoll(&raw mut stdin, 1, null(), &raw const self.mask) };
        let error = io::Error::last_os_error();
        if CAUGHT.load(Ordering::Relaxed) != 0 {
            return Ok(false);
        }
        match ready {
            -1 if error.kind() == io::ErrorKind::Interrupted => self.wait(),
            -1 => Err(error),
            _ => Ok(true),
        }
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        for (signal, before) in SIGNALS.iter().zip(&self.before) {
            // SAFETY: each was the disposition of that signal before.
            unsafe { libc::sigaction(*signal, before, null_mut()) };
        }
        // SAFETY: the mask was the process's before.
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const self.mask, null_mut()) };
    }
}
