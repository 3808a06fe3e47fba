//! Carries what a program prints to where it goes, through a mask.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    rc::Rc,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, Mode, OFlags, fcntl_getfl, fcntl_setfl, fstat, open},
    io::Errno,
    pipe::{PipeFlags, fcntl_setpipe_size, pipe_with},
};
use zeroize::Zeroizing;

use super::mask::{Mask, SHORTEST, Words};
use crate::environment;

/// How much is read at once, and how much a pipe of ours holds.
const PIECE: usize = 256 * 1024;
/// How much is written at once where a write could wait: so much never does where the system says
/// that it can be written.
const STEP: usize = 4096;

/// How long a few bytes, too few to tell a value by, are held back on a terminal, where somebody
/// may have typed them; and in a pipe.
const GLIMPSE: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(100)];
/// How long more than that is held back.
const LIKELY: Duration = Duration::from_secs(1);

/// How long the echo of a key takes at most.
const ECHO: Duration = Duration::from_millis(20);

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
    /// What was just read.
    piece: Zeroizing<Vec<u8>>,
    sink: Sink,
    way: Way,
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
        // A smaller one is only slower.
        let _as_it_is = fcntl_setpipe_size(&ours, PIECE);
        Ok(Self::new(Source::Pipe(ours, theirs), sink, words))
    }

    /// From the terminal to stdout.
    pub(super) fn terminal(words: &Rc<Words>) -> Self {
        Self::new(Source::Terminal, Sink::Stdout, words)
    }

    fn new(source: Source, sink: Sink, words: &Rc<Words>) -> Self {
        let [piece, out] = [Zeroizing::new(vec![0; PIECE]), Zeroizing::default()];
        let (way, mask) = (Way::to(sink), Mask::new(Rc::clone(words)));
        let (since, dry, broken) = (None, false, false);
        Self { source, piece, sink, way, mask, out, written: 0, since, dry, broken }
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
    pub(super) fn writable(&self) -> Option<BorrowedFd<'_>> {
        self.waiting().then(|| self.way.fd(self.sink))
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

    /// Everybody is about to stop: passes on what there is and what comes at once, but not for
    /// long, and nothing that is likely to be a value.
    pub(super) fn hurry(&mut self, master: Option<BorrowedFd<'_>>, until: Instant) {
        while !self.broken {
            if let Some(sink) = self.writable() {
                if !comes(sink, PollFlags::OUT, until) {
                    return;
                }
                self.write();
            } else if let Some(from) = self.readable(master)
                && comes(from, PollFlags::IN, until.min(environment::instant() + ECHO))
            {
                self.read(master, environment::instant());
            } else if (1..SHORTEST).contains(&self.mask.waits_for()) {
                self.release();
            } else {
                return;
            }
        }
    }

    /// The program that writes is a new one.
    pub(super) fn begin(&mut self) {
        self.dry = false;
    }

    /// Takes in what there is to read.
    pub(super) fn read(&mut self, master: Option<BorrowedFd<'_>>, now: Instant) {
        let mut piece = std::mem::take(&mut self.piece);
        let read = self.readable(master).map(|from| rustix::io::read(from, &mut piece[..]));
        self.piece = piece;
        let Some(read) = read else { return };
        match read {
            Ok(0) | Err(Errno::AGAIN | Errno::IO) => self.dry = true,
            Ok(count) => {
                self.dry = false;
                self.renew();
                self.mask.feed(&self.piece[..count], &mut self.out);
                self.since = (self.mask.waits_for() > 0).then_some(now);
            }
            Err(Errno::INTR) => {}
            Err(_) => self.broken = true,
        }
    }

    /// Writes what was just read, where that can be done at once.
    pub(super) fn go_on(&mut self) {
        if self.writable().is_some_and(|sink| comes(sink, PollFlags::OUT, environment::instant())) {
            self.write();
        }
    }

    /// Writes what can be written without waiting.
    pub(super) fn write(&mut self) {
        let end = self.out.len().min(self.written + self.way.most());
        let bytes = &self.out[self.written..end];
        match rustix::io::write(self.way.fd(self.sink), bytes) {
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

/// How our stream is written to.
enum Way {
    /// As it is, a step at a time: others have it too, and it may wait.
    Shared,
    /// As it is and all at once: a file waits for nobody.
    File,
    /// The same pipe, opened once more by ourselves, where nothing waits.
    Own(OwnedFd),
}

impl Way {
    fn to(sink: Sink) -> Self {
        let kind = |fd: BorrowedFd<'_>| {
            fstat(fd)
                .ok()
                .map(|found| (FileType::from_raw_mode(found.st_mode), found.st_dev, found.st_ino))
        };
        let found = kind(sink.fd());
        match found.map(|(kind, ..)| kind) {
            Some(FileType::RegularFile) => Self::File,
            Some(FileType::Fifo) => {
                let path = format!("/proc/self/fd/{}", sink.fd().as_raw_fd());
                let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                let own = open(path, flags, Mode::empty()).ok();
                own.filter(|own| kind(own.as_fd()) == found).map_or(Self::Shared, Self::Own)
            }
            _ => Self::Shared,
        }
    }

    fn fd(&self, sink: Sink) -> BorrowedFd<'_> {
        match self {
            Self::Shared | Self::File => sink.fd(),
            Self::Own(own) => own.as_fd(),
        }
    }

    fn most(&self) -> usize {
        if matches!(self, Self::Shared) { STEP } else { PIECE }
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

/// Whether something can be done with a stream, or can be soon.
fn comes(fd: BorrowedFd<'_>, what: PollFlags, until: Instant) -> bool {
    let wait = until.saturating_duration_since(environment::instant());
    let wait = Timespec::try_from(wait).unwrap_or_default();
    poll(&mut [PollFd::from_borrowed_fd(fd, what)], Some(&wait)).is_ok_and(|count| count > 0)
}

/// Whether stdout and stderr go to the same place, where they must keep their order.
pub(super) fn one_sink() -> bool {
    let place = |sink: Sink| fstat(sink.fd()).map(|found| (found.st_dev, found.st_ino)).ok();
    place(Sink::Stdout).is_some_and(|stdout| place(Sink::Stderr) == Some(stdout))
}
