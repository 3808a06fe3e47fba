//! Carries what a program prints to where it goes, through a mask.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    rc::Rc,
    time::{Duration, Instant},
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl, fstat},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
};
use zeroize::Zeroizing;

use super::mask::{Mask, SHORTEST, Words};

/// How much is read at once.
const PIECE: usize = 64 * 1024;
/// How much is written at once: so much never waits where the system says that it can be written.
const STEP: usize = 4096;

/// How long a few bytes, too few to tell a value by, are held back on a terminal, where somebody
/// may have typed them; and in a pipe.
const GLIMPSE: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(100)];
/// How long more than that is held back.
const LIKELY: Duration = Duration::from_secs(1);

/// Which of our streams it goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    Stdout,
    Stderr,
}

/// Where it comes from.
enum Source {
    /// A pipe: our end, and the program's, which stays open for the next program.
    Pipe(OwnedFd, OwnedFd),
    /// The terminal, which lies elsewhere.
    Terminal,
}

/// One stream of the program's.
pub(super) struct Relay {
    source: Source,
    sink: Sink,
    mask: Mask,
    /// What is ready to be written, and how much of it is.
    out: Zeroizing<Vec<u8>>,
    written: usize,
    /// Since when something is held back.
    since: Option<Instant>,
    /// Whether nothing is left to read for now; asked once the program has ended.
    dry: bool,
    /// Whether nobody reads it any more.
    broken: bool,
}

impl Relay {
    /// Through a pipe.
    pub(super) fn pipe(sink: Sink, words: &Rc<Words>) -> io::Result<Self> {
        let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setfl(&ours, fcntl_getfl(&ours)? | OFlags::NONBLOCK)?;
        Ok(Self::new(Source::Pipe(ours, theirs), sink, words))
    }

    /// From the terminal to stdout.
    pub(super) fn terminal(words: &Rc<Words>) -> Self {
        Self::new(Source::Terminal, Sink::Stdout, words)
    }

    fn new(source: Source, sink: Sink, words: &Rc<Words>) -> Self {
        let (mask, out) = (Mask::new(Rc::clone(words)), Zeroizing::new(Vec::new()));
        Self { source, sink, mask, out, written: 0, since: None, dry: false, broken: false }
    }

    /// The end of a pipe that the program gets.
    pub(super) fn theirs(&self) -> Option<BorrowedFd<'_>> {
        match &self.source {
            Source::Pipe(_, theirs) => Some(theirs.as_fd()),
            Source::Terminal => None,
        }
    }

    /// Where to wait for what the program says, unless something waits to be written first.
    pub(super) fn readable<'f>(&'f self, master: Option<BorrowedFd<'f>>) -> Option<BorrowedFd<'f>> {
        match &self.source {
            _ if self.broken || self.waiting() => None,
            Source::Pipe(ours, _) => Some(ours.as_fd()),
            Source::Terminal => master,
        }
    }

    /// Where to wait until something can be written, where something waits.
    pub(super) fn writable(&self) -> Option<Sink> {
        self.waiting().then_some(self.sink)
    }

    fn waiting(&self) -> bool {
        self.written < self.out.len()
    }

    /// Whether all that can be had has been passed on.
    pub(super) fn done(&self) -> bool {
        self.broken || (self.dry && !self.waiting())
    }

    /// Where it goes.
    pub(super) fn sink(&self) -> Sink {
        self.sink
    }

    /// The program has ended: takes in the rest of what it said.
    pub(super) fn settle(&mut self, master: Option<BorrowedFd<'_>>, now: Instant) {
        while !self.broken && !self.waiting() && !self.dry {
            self.read(master, now);
        }
        if self.dry && !self.waiting() {
            self.release();
        }
    }

    /// The program that writes is a new one.
    pub(super) fn begin(&mut self) {
        self.dry = false;
    }

    /// Takes in what there is to read.
    pub(super) fn read(&mut self, master: Option<BorrowedFd<'_>>, now: Instant) {
        let mut piece = Zeroizing::new([0; PIECE]);
        let Some(from) = self.readable(master) else { return };
        match rustix::io::read(from, &mut piece[..]) {
            Ok(0) | Err(Errno::AGAIN | Errno::IO) => self.dry = true,
            Ok(count) => {
                self.dry = false;
                self.renew();
                self.mask.feed(&piece[..count], &mut self.out);
                self.since = (self.mask.waits_for() > 0).then_some(now);
            }
            Err(Errno::INTR) => {}
            Err(_) => self.broken = true,
        }
    }

    /// Writes what can be written without waiting.
    pub(super) fn write(&mut self) {
        let end = self.out.len().min(self.written + STEP);
        let bytes = &self.out[self.written..end];
        match rustix::io::write(self.sink.fd(), bytes) {
            Ok(count) => self.written += count,
            Err(Errno::INTR | Errno::AGAIN) => {}
            // Nobody reads it any more: the program learns that by its own next write.
            Err(_) => self.give_up(),
        }
        if !self.waiting() {
            self.renew();
        }
    }

    fn renew(&mut self) {
        self.out.clear();
        self.written = 0;
    }

    /// Passes on nothing any more.
    pub(super) fn give_up(&mut self) {
        self.broken = true;
        self.out.clear();
        self.written = 0;
        if let Source::Pipe(ours, _) = &mut self.source
            && let Ok((closed, _)) = pipe_with(PipeFlags::CLOEXEC)
        {
            // In its place comes one that reads nothing, so that theirs has no reader.
            *ours = closed;
        }
    }

    /// When what is held back is let go, should nothing follow.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let most = match (&self.source, self.mask.waits_for()) {
            (_, SHORTEST..) => LIKELY,
            (Source::Terminal, _) => GLIMPSE[0],
            (Source::Pipe(..), _) => GLIMPSE[1],
        };
        self.since.map(|since| since + most)
    }

    /// Lets go what was held back for long enough.
    pub(super) fn release_at(&mut self, now: Instant) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.release();
        }
    }

    /// Lets go what is held back: nothing more is to come.
    pub(super) fn release(&mut self) {
        self.since = None;
        self.mask.release(&mut self.out);
    }

    /// Looks for more words from here on.
    pub(super) fn replace(&mut self, words: &Rc<Words>) {
        self.mask.replace(Rc::clone(words), &mut self.out);
    }
}

impl Sink {
    /// Our stream.
    pub(super) fn fd(self) -> BorrowedFd<'static> {
        match self {
            Self::Stdout => rustix::stdio::stdout(),
            Self::Stderr => rustix::stdio::stderr(),
        }
    }
}

/// Whether stdout and stderr go to the same place, where they must keep their order.
pub(super) fn one_sink() -> bool {
    let place = |sink: Sink| fstat(sink.fd()).map(|found| (found.st_dev, found.st_ino)).ok();
    place(Sink::Stdout).is_some_and(|stdout| place(Sink::Stderr) == Some(stdout))
}
