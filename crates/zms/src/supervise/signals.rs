//! Signals as something to read: all that can be caught are held back and come one by one.
#![expect(unsafe_code, reason = "signal masks and signalfd have no safe interface here")]

use std::{
    io,
    mem::{MaybeUninit, zeroed},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr::null_mut,
};

use rustix::process::Pid;

/// What else we change beside the mask: a parent that ignores SIGCHLD learns nothing of its
/// children, and who ignores SIGTSTP does not stop.
const CHANGED: [i32; 2] = [libc::SIGCHLD, libc::SIGTSTP];

/// All signals, held back.
pub(super) struct Signals {
    came: OwnedFd,
    mask: libc::sigset_t,
    before: [libc::sigaction; CHANGED.len()],
}

/// A signal that came.
#[derive(Clone, Copy)]
pub(super) struct Came {
    /// Its number.
    pub(super) signal: i32,
    /// Who sent it; 0 for the system.
    pub(super) sender: i32,
    /// Whether the system sent it: for a terminal, to everybody in the foreground.
    pub(super) by_system: bool,
    /// What came with it, where it was queued with something.
    value: Option<u64>,
}

impl Signals {
    /// Holds back everything from now on.
    pub(super) fn hold() -> io::Result<Self> {
        // SAFETY: the structs are plain data, filled by the calls that get them.
        unsafe {
            let mut all: libc::sigset_t = zeroed();
            let mut mask: libc::sigset_t = zeroed();
            libc::sigfillset(&raw mut all);
            libc::sigprocmask(libc::SIG_BLOCK, &raw const all, &raw mut mask);
            let mut before: [libc::sigaction; CHANGED.len()] = zeroed();
            let mut usual: libc::sigaction = zeroed();
            usual.sa_sigaction = libc::SIG_DFL;
            for (signal, before) in CHANGED.iter().zip(&mut before) {
                libc::sigaction(*signal, &raw const usual, before);
            }
            let number = libc::signalfd(-1, &raw const all, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
            if number < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(Self { came: OwnedFd::from_raw_fd(number), mask, before })
        }
    }

    /// The next one that came; `None` where there is none.
    pub(super) fn next(&self) -> Option<Came> {
        let mut told = MaybeUninit::<libc::signalfd_siginfo>::uninit();
        let size = size_of_val(&told);
        // SAFETY: the buffer is as large as is said, and is read only where it was filled.
        let told = unsafe {
            let read = libc::read(self.came.as_raw_fd(), told.as_mut_ptr().cast(), size);
            (usize::try_from(read) == Ok(size)).then(|| told.assume_init())?
        };
        let queued = told.ssi_code == libc::SI_QUEUE;
        Some(Came {
            signal: told.ssi_signo.cast_signed(),
            sender: told.ssi_pid.cast_signed(),
            by_system: told.ssi_code > 0,
            value: queued.then_some(told.ssi_ptr),
        })
    }

    /// In a new process: everything is again as the caller of zms had it.
    pub(super) fn give_back(&self) {
        for (signal, before) in CHANGED.iter().zip(&self.before) {
            // SAFETY: each was the disposition of that signal before.
            unsafe { libc::sigaction(*signal, before, null_mut()) };
        }
        // SAFETY: the mask was the process's before.
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const self.mask, null_mut()) };
    }

    /// Stops as SIGTSTP stops, and comes back when somebody continues us; at once where nobody is
    /// there to do that, as the system then lets no one stop.
    pub(super) fn stop(&self) {
        raise(libc::SIGTSTP);
        allow(libc::SIGTSTP, true);
        allow(libc::SIGTSTP, false);
    }

    /// Ends as the signal ends a process; comes back where it does not, as for PID 1.
    pub(super) fn die(&self, signal: i32) {
        raise(signal);
        allow(signal, true);
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.came.as_fd()
    }
}

fn raise(signal: i32) {
    // SAFETY: raising a signal on ourselves is always allowed.
    unsafe { libc::raise(signal) };
}

/// Sends a signal by its number; who is gone needs none.
pub(super) fn send(to: Pid, signal: i32) {
    // SAFETY: no memory is involved.
    unsafe { libc::kill(to.as_raw_pid(), signal) };
}

/// Sends a signal to a group of processes.
pub(super) fn send_group(group: Pid, signal: i32) {
    // SAFETY: no memory is involved.
    unsafe { libc::kill(-group.as_raw_pid(), signal) };
}

/// Sends a signal to our own group.
pub(super) fn send_ours(signal: i32) {
    // SAFETY: no memory is involved.
    unsafe { libc::kill(0, signal) };
}

/// Hands a signal on, with what came with it.
pub(super) fn pass(came: Came, to: Pid) {
    match came.value {
        Some(value) => {
            let value = libc::sigval { sival_ptr: value as *mut libc::c_void };
            // SAFETY: the value is a number to us and is not followed.
            unsafe { libc::sigqueue(to.as_raw_pid(), came.signal, value) };
        }
        None => send(to, came.signal),
    }
}

/// The number of a signal by its name, with or without `SIG`, or as a number.
pub(super) fn number(name: &str) -> Option<i32> {
    const NAMES: [(&str, i32); 11] = [
        ("HUP", libc::SIGHUP),
        ("INT", libc::SIGINT),
        ("QUIT", libc::SIGQUIT),
        ("TERM", libc::SIGTERM),
        ("USR1", libc::SIGUSR1),
        ("USR2", libc::SIGUSR2),
        ("WINCH", libc::SIGWINCH),
        ("CONT", libc::SIGCONT),
        ("ALRM", libc::SIGALRM),
        ("IO", libc::SIGIO),
        ("PWR", libc::SIGPWR),
    ];
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let named = NAMES.iter().find(|(name, _)| *name == short).map(|(_, number)| *number);
    let kept = [libc::SIGKILL, libc::SIGSTOP];
    named.or_else(|| {
        let number = short.parse().ok()?;
        ((1..=libc::SIGRTMAX()).contains(&number) && !kept.contains(&number)).then_some(number)
    })
}

/// Lets a signal in, to do what it usually does, or holds it back again.
pub(super) fn allow(signal: i32, yes: bool) {
    // SAFETY: the set is plain data, and the default action a valid disposition.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut one: libc::sigset_t = zeroed();
        libc::sigemptyset(&raw mut one);
        libc::sigaddset(&raw mut one, signal);
        let how = if yes { libc::SIG_UNBLOCK } else { libc::SIG_BLOCK };
        libc::sigprocmask(how, &raw const one, null_mut());
    }
}

/// Whether our job has a terminal at the moment. A job that was started outside of a container has
/// no number in it, and neither has a session: both are 0 there.
pub(super) fn in_foreground(terminal: &impl AsRawFd) -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::tcgetpgrp(terminal.as_raw_fd()) == libc::getpgrp() }
}

/// Whether we lead our session.
pub(super) fn leads_session() -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::getsid(0) == libc::getpid() }
}

/// Waits for nothing but the end of the process, whatever signals are held back.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process without running what the other one registered.
    unsafe { libc::_exit(code) }
}

/// Another process, that goes on here with 0.
pub(super) fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: this process has one thread, so the new one has all that it needs.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        number => Ok(Pid::from_raw(number)),
    }
}

/// Closes every file from 3 on but one.
pub(super) fn close_all_but(kept: &impl AsRawFd) {
    let kept = kept.as_raw_fd().cast_unsigned();
    // SAFETY: called in a process that uses none of them again.
    unsafe {
        if kept > 3 {
            libc::syscall(libc::SYS_close_range, 3_u32, kept - 1, 0_u32);
        }
        libc::syscall(libc::SYS_close_range, kept.max(2) + 1, u32::MAX, 0_u32);
    }
}

/// Waits for any child that ended, stopped or went on: its number and what happened.
pub(super) fn wait_any() -> Option<(i32, i32)> {
    let mut status = 0;
    let flags = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED;
    // SAFETY: the status is a number of ours.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, flags) };
    (pid > 0).then_some((pid, status))
}

/// Waits for one child to end, without a limit.
pub(super) fn reap(pid: Pid) {
    // SAFETY: no status is asked for.
    while unsafe { libc::waitpid(pid.as_raw_pid(), null_mut(), 0) } == -1
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_named_as_kill_names_them() {
        assert_eq!(number("HUP"), Some(1));
        assert_eq!(number("sigusr1"), Some(libc::SIGUSR1));
        assert_eq!(number("34"), Some(34));
        for wrong in ["", "KILL", "STOP", "9", "19", "0", "65", "HUPP", "-1"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }
}
