//! Signals and job control: what reaches zms reaches the program once, and both stop together.

use std::time::Duration;

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::getpid,
};

use super::Run;
use crate::{
    environment,
    supervise::{
        child::Became,
        relay::Relay,
        signals::{Came, leads_session, pass, send, send_ours, wait_any},
        terminal::Terminal,
    },
};

/// How long a program that was continued with its group has to be seen to go on.
const CONTINUED: Duration = Duration::from_millis(20);
/// How long what a program said before it stopped is passed on.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Signals that mean that the run is to end.
const ENDING: [i32; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

impl Run<'_> {
    /// Passes a signal on, unless the program has it already.
    pub(super) fn signal(&mut self, came: Came) {
        let ours = came.sender == getpid().as_raw_pid() && !came.by_system;
        match came.signal {
            libc::SIGCHLD if came.by_system => return,
            _ if ours => return,
            libc::SIGCONT if self.woken => {
                self.woken = false;
                return;
            }
            libc::SIGCONT if self.child.stopped => return self.child.send_all(libc::SIGCONT),
            libc::SIGWINCH if came.by_system => {
                if let Some(terminal) = &self.terminal {
                    terminal.resize();
                }
                return;
            }
            _ => {}
        }
        if self.ended.is_some() {
            if ENDING.contains(&came.signal) {
                // The program is gone, and nobody takes its last words.
                self.ending = true;
                self.relays.iter_mut().for_each(Relay::give_up);
            }
            return;
        }
        if self.next.is_some() && ENDING.contains(&came.signal) {
            self.ending = true;
        }
        if came.by_system && from_terminal(came.signal) {
            // Everybody in the foreground has it, the program too: unless it has a terminal of its
            // own, or the signal is for the leader of a session.
            match self.terminal {
                Some(_) if !matches!(came.signal, libc::SIGTTIN | libc::SIGTTOU) => {
                    self.child.send_all(came.signal);
                }
                None if came.signal == libc::SIGHUP && leads_session() => {
                    send(self.child.pid, came.signal);
                }
                _ => {}
            }
            return;
        }
        // What a program sends to its own group it has itself already.
        if came.sender != self.child.pid.as_raw_pid() {
            pass(came, self.child.pid);
        }
    }

    /// Takes in what has become of any process that is ours: of the program, of who serves a pipe,
    /// and, where we are PID 1, of those whose parents are gone.
    pub(super) fn reap(&mut self) {
        while let Some((pid, status)) = wait_any() {
            if let Some(became) = self.child.waited(pid, status) {
                self.became(became);
            } else if let Some(mount) = &mut self.mount
                && !libc::WIFSTOPPED(status)
                && !libc::WIFCONTINUED(status)
            {
                mount.waited(pid);
            }
        }
    }

    pub(super) fn became(&mut self, became: Became) {
        match became {
            Became::Ended(ended) => {
                self.ended = Some(ended);
                self.kill_at = None;
                // What it wrote last may not have been read yet.
                self.relays.iter_mut().for_each(Relay::begin);
            }
            Became::Stopped => self.stop(),
            Became::Continued => {}
        }
    }

    /// The program has stopped: so do we, and everybody in our job, until somebody continues us.
    fn stop(&mut self) {
        if self.kill_at.is_some() {
            return;
        }
        // What was said before stands before what a shell says now.
        let master = self.terminal.as_ref().map(Terminal::master);
        let until = environment::instant() + LAST_WORDS;
        self.relays.iter_mut().for_each(|relay| relay.hurry(master, until));
        if let Some(terminal) = &mut self.terminal {
            terminal.leave();
            send_ours(libc::SIGTSTP);
        }
        self.signals.stop();
        let mut continued = false;
        while let Some(came) = self.signals.next() {
            if came.signal == libc::SIGCONT { continued = true } else { self.signal(came) }
        }
        if let Some(terminal) = &mut self.terminal {
            terminal.take();
            terminal.resize();
            self.child.stopped = false;
            self.child.send_all(libc::SIGCONT);
        } else if continued {
            // Whoever continued us has usually continued the program with us.
            let until = environment::instant() + CONTINUED;
            while self.child.stopped && self.ended.is_none() && environment::instant() < until {
                let mut fds = [PollFd::new(self.signals, PollFlags::IN)];
                let millisecond = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
                let _woken = poll(&mut fds, Some(&millisecond));
                self.reap();
            }
            if self.child.stopped {
                self.child.send_all(libc::SIGCONT);
            }
        }
    }
}

/// Whether a terminal sends such a signal to its foreground.
fn from_terminal(signal: i32) -> bool {
    let sent = [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    sent.contains(&signal) || [libc::SIGHUP, libc::SIGCONT].contains(&signal)
}
