//! One run: whatever happens, in one loop.

mod change;
mod job;

use std::{
    io,
    os::fd::AsFd,
    rc::Rc,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use zeroize::Zeroizing;

use super::{
    Handover, Plan,
    child::{Child, Ended, Program, Streams},
    folder::Folder,
    mask::Known,
    mount::Mount,
    relay::{Relay, Sink, one_sink},
    signals::Signals,
    terminal::{Terminal, kinds},
    visible,
    watch::Watch,
    words,
};
use crate::{environment, exit::Outcome, home::trouble};

/// How often we look whether our job was brought to the foreground.
const TURN: Duration = Duration::from_millis(200);

/// What a run is made of.
pub(super) struct Run<'r> {
    plan: Plan<'r>,
    signals: &'r Signals,
    folder: Option<Folder>,
    mount: Option<Mount>,
    /// What the program has.
    given: Handover,
    /// All values that it and those before it have had, where they are masked.
    known: Known,
    /// Which of the last ones are not, as it was said.
    shown: Vec<String>,
    /// What the next one gets.
    next: Option<Handover>,
    relays: Vec<Relay>,
    terminal: Option<Terminal>,
    /// Keys on their way to the program.
    keys: Zeroizing<Vec<u8>>,
    watch: Option<Watch>,
    /// What was last said of a read that failed.
    told: Option<String>,
    child: Child,
    ended: Option<Ended>,
    /// When a program that is to end is killed.
    kill_at: Option<Instant>,
    /// Whether it is not to be started again.
    ending: bool,
    /// Whether the next SIGCONT is the one that woke us.
    woken: bool,
}

impl<'r> Run<'r> {
    /// Starts the program.
    pub(super) fn start(
        plan: Plan<'r>,
        given: Handover,
        signals: &'r Signals,
        folder: Option<Folder>,
        mount: Option<Mount>,
    ) -> Outcome<Self> {
        let unmade = |error: io::Error| trouble(&error, "the output can not be masked");
        let (mut relays, mut terminal, mut known) = (Vec::new(), None, Known::default());
        let mut shown = Vec::new();
        if plan.mask {
            let looked_for = Rc::new(words(&mut known, &given.secrets)?.unwrap_or_default());
            shown = visible(&known, &given.secrets);
            if !shown.is_empty() {
                plan.output.note(format!("not masked: {}", shown.join(", ")));
            }
            let kinds = kinds();
            if kinds.stdout {
                terminal = Some(Terminal::open().map_err(unmade)?);
                relays.push(Relay::terminal(&looked_for));
            } else {
                relays.push(Relay::pipe(Sink::Stdout, &looked_for).map_err(unmade)?);
            }
            let together = one_sink() || (kinds.stdout && kinds.stderr);
            if !together {
                relays.push(Relay::pipe(Sink::Stderr, &looked_for).map_err(unmade)?);
            }
        }
        if let Some(terminal) = &mut terminal {
            terminal.take();
        }
        let now = environment::instant();
        let watch = plan.watch.as_ref().map(|_| Watch::new(now));
        let child = start(&plan, &given, &relays, terminal.as_ref(), signals)?;
        Ok(Self {
            plan,
            signals,
            folder,
            mount,
            given,
            known,
            shown,
            next: None,
            relays,
            terminal,
            keys: Zeroizing::new(Vec::new()),
            watch,
            told: None,
            child,
            ended: None,
            kill_at: None,
            ending: false,
            woken: false,
        })
    }

    /// Waits and acts until the program has ended and all that it said has been passed on.
    pub(super) fn follow(mut self) -> Outcome<Ended> {
        loop {
            let ready = self.wait();
            let now = environment::instant();
            while let Some(came) = self.signals.next() {
                self.signal(came);
            }
            self.reap();
            if ready.told
                && let Some(became) = self.child.hear()
            {
                self.became(became);
            }
            self.carry(&ready, now);
            if self.kill_at.is_some_and(|at| at <= now) {
                self.kill_at = None;
                self.child.send_all(libc::SIGKILL);
            }
            self.look(now);
            if let Some(ended) = self.ended {
                let master = self.terminal.as_ref().map(Terminal::master);
                self.relays.iter_mut().for_each(|relay| relay.settle(master, now));
                if self.relays.iter().all(Relay::done) && !self.again(now)? {
                    return Ok(ended);
                }
            }
        }
    }

    /// Waits for anything at all.
    fn wait(&self) -> Ready {
        let master = self.terminal.as_ref().map(Terminal::master);
        let mut watched = vec![(What::Signal, self.signals.as_fd(), PollFlags::IN)];
        if self.ended.is_none()
            && let Some(told) = self.child.told()
        {
            watched.push((What::Told, told, PollFlags::IN));
        }
        for (at, relay) in self.relays.iter().enumerate() {
            if let Some(sink) = relay.writable() {
                watched.push((What::Write(at), sink, PollFlags::OUT));
            } else if self.ended.is_none()
                && let Some(from) = relay.readable(master)
            {
                watched.push((What::Read(at), from, PollFlags::IN));
            }
        }
        if let Some((terminal, master)) = self.terminal.as_ref().zip(master) {
            if !self.keys.is_empty() {
                watched.push((What::Type, master, PollFlags::OUT));
            } else if let Some(keyboard) = terminal.keyboard() {
                watched.push((What::Key, keyboard, PollFlags::IN));
            }
        }
        let timeout = self.due().map(|due| {
            let wait = due.saturating_duration_since(environment::instant());
            // A millisecond more, so that it is over when we look.
            Timespec::try_from(wait + Duration::from_millis(1)).unwrap_or_default()
        });
        let mut ready = Ready::default();
        let polled = watched.iter().map(|(_, fd, flags)| PollFd::from_borrowed_fd(*fd, *flags));
        let mut fds: Vec<PollFd<'_>> = polled.collect();
        if poll(&mut fds, timeout.as_ref()).unwrap_or(0) > 0 {
            let woken = watched.iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
            woken.for_each(|((what, ..), _)| ready.note(*what));
        }
        ready
    }

    /// When there is something to do although nothing happens.
    fn due(&self) -> Option<Instant> {
        let now = environment::instant();
        let turn = self.terminal.as_ref().filter(|terminal| terminal.waits()).map(|_| now + TURN);
        let watch = self.watch.as_ref().filter(|_| self.ended.is_none()).map(Watch::due);
        let relays = self.relays.iter().filter_map(Relay::deadline);
        relays.chain([turn, watch, self.kill_at].into_iter().flatten()).min()
    }

    /// Moves what is ready: keys to the program, output from it.
    fn carry(&mut self, ready: &Ready, now: Instant) {
        if let Some(terminal) = &mut self.terminal {
            terminal.take();
            if ready.key {
                let mut bytes = Zeroizing::new([0; 4096]);
                let read = terminal.keyboard().map(|from| rustix::io::read(from, &mut bytes[..]));
                match read {
                    Some(Ok(count @ 1..)) => {
                        self.keys.extend_from_slice(&bytes[..count]);
                        terminal.share(&bytes[..count]);
                    }
                    Some(Err(Errno::AGAIN | Errno::INTR)) | None => {}
                    Some(_) => terminal.lose_keyboard(),
                }
            }
            if !self.keys.is_empty()
                && let Ok(count) = rustix::io::write(terminal.master(), &self.keys)
            {
                self.keys.drain(..count);
            }
        }
        let master = self.terminal.as_ref().map(Terminal::master);
        for at in &ready.read {
            self.relays[*at].read(master, now);
        }
        for relay in &mut self.relays {
            relay.release_at(now);
        }
        for at in &ready.write {
            self.relays[*at].write();
        }
        // What was just read goes on at once, where it can.
        for at in &ready.read {
            self.relays[*at].go_on();
        }
    }
}

/// One thing that can happen.
#[derive(Clone, Copy)]
enum What {
    Signal,
    Told,
    Read(usize),
    Write(usize),
    Key,
    Type,
}

/// What has happened.
#[derive(Default)]
struct Ready {
    told: bool,
    read: Vec<usize>,
    write: Vec<usize>,
    key: bool,
}

impl Ready {
    fn note(&mut self, what: What) {
        match what {
            What::Told => self.told = true,
            What::Read(at) => self.read.push(at),
            What::Write(at) => self.write.push(at),
            What::Key => self.key = true,
            What::Signal | What::Type => {}
        }
    }
}

fn start(
    plan: &Plan<'_>,
    given: &Handover,
    relays: &[Relay],
    terminal: Option<&Terminal>,
    signals: &Signals,
) -> Outcome<Child> {
    let program = Program {
        command: plan.command,
        environment: &given.environment,
        path: given.path.clone(),
        inherited: plan.inherited,
    };
    let pipe = |sink: Sink| relays.iter().find(|relay| relay.sink() == sink)?.theirs();
    let mut streams = Streams { stdout: pipe(Sink::Stdout), ..Streams::default() };
    streams.stderr = match pipe(Sink::Stderr) {
        None if plan.mask && one_sink() => streams.stdout,
        stderr => stderr,
    };
    if let Some(terminal) = terminal {
        let kinds = kinds();
        let slave = Some(terminal.slave());
        streams.terminal = slave;
        streams.stdout = slave;
        streams.stdin = slave.filter(|_| kinds.stdin);
        if kinds.stderr {
            streams.stderr = slave;
        }
    }
    Child::start(&program, streams, signals)
}
