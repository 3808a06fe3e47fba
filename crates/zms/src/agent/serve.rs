//! The agent itself: a process without a terminal, a folder or an environment of its own.
#![expect(unsafe_code, reason = "closing whatever was inherited has no safe interface")]

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, inotify, open},
    process::{Resource, Rlimit, setrlimit, setsid, umask},
    stdio::{dup2_stdin, dup2_stdout},
    thread::set_name,
    time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create,
        timerfd_settime,
    },
};
use zeroize::Zeroizing;
use zms_crypto::Key;

use super::{
    folder::Folder,
    peer::Peer,
    tell,
    wire::{Ask, HELLO, Orders, answer},
};
use crate::{
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, read_private, trouble},
    hygiene::lock_memory,
    session::located,
};

/// How often the files are looked at where nothing tells of a change, in seconds: a network file
/// system does not.
const LOOK: i64 = 60;
/// How long who asks may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads the key from stdin, and serves until there is a reason to end. Why it can not is said on
/// stdout, where whoever started it listens.
pub fn serve(words: &[OsString]) -> Outcome {
    let served = begin(words);
    if let Err(failure) = &served {
        let _nobody_there = io::stdout().write_all(failure.message.as_bytes());
    }
    served
}

fn begin(words: &[OsString]) -> Outcome {
    detach().map_err(|error| trouble(&error, "the agent can not be started"))?;
    let vault = words.get(1).and_then(|word| word.to_str());
    let home = located(vault, None)?;
    home.check()?;
    let agent = Serving::begin(&home)?;
    // Whoever started it goes on, and keeps no end of a pipe.
    let told = io::stdout().write_all(b"\n").and_then(|()| forget_streams());
    told.map_err(|error| trouble(&error, "the agent can not be started"))?;
    agent.run();
    Ok(())
}

/// Leaves the terminal and whatever else was inherited.
fn detach() -> io::Result<()> {
    let none = Some(0);
    setrlimit(Resource::Core, Rlimit { current: none, maximum: none })?;
    setsid()?;
    umask(Mode::RWXG | Mode::RWXO);
    set_name(c"zms-agent")?;
    // SAFETY: nothing of ours is open yet but the three streams.
    let _older_system = unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
    Ok(())
}

/// Points stdin and stdout to nowhere.
fn forget_streams() -> io::Result<()> {
    let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    Ok(())
}

/// An agent with what it holds and what it waits for.
struct Serving<'h> {
    home: &'h Home,
    seed: Key,
    until: u64,
    /// The key file as it was; what it says now decides whether the key is still the owner's.
    key_file: Option<Zeroizing<String>>,
    folder: Folder,
    listener: UnixListener,
    timer: OwnedFd,
    watch: OwnedFd,
}

impl<'h> Serving<'h> {
    fn begin(home: &'h Home) -> Outcome<Self> {
        let failed = |error: io::Error| trouble(&error, "the agent can not be started");
        let key_file = read_private(&home.key(), Exit::Integrity)?;
        let folder = Folder::make(&home.agent())?;
        // Another one may just be ending, and who looked whether there is one may just be looking.
        if !folder.hold_soon() {
            return Err(Failure::other("another agent of this vault was started meanwhile")
                .hint("see what it holds with `zms status`"));
        }
        folder.clean();
        let watch = watch(home, &folder).map_err(failed)?;
        // Nothing else is made from here on.
        umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
        let listener = UnixListener::bind(folder.socket()).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        lock_memory();
        let mut orders = [0; Orders::LENGTH];
        read_bare(&mut orders).map_err(failed)?;
        let orders = Orders::read(&orders)
            .ok_or_else(|| Failure::usage("this is no command: `zms unlock` starts it"))?;
        let mut read = Ok(());
        let seed = Key::fill(|seed| read = read_bare(seed));
        read.map_err(failed)?;
        let timer = timer(orders.seconds).map_err(failed)?;
        Ok(Self { home, seed, until: orders.until, key_file, folder, listener, timer, watch })
    }

    /// Serves until the time is over, the vault is not what it was, or somebody locks it.
    fn run(self) {
        let slice = Timespec { tv_sec: LOOK, tv_nsec: 0 };
        let asked_to_end = loop {
            let mut waiting = [
                PollFd::new(&self.timer, PollFlags::IN),
                PollFd::new(&self.listener, PollFlags::IN),
                PollFd::new(&self.watch, PollFlags::IN),
            ];
            match poll(&mut waiting, Some(&slice)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => break None,
            }
            let [over, asked, _] = waiting.map(|it| !it.revents().is_empty());
            drain(&self.watch);
            if over || self.changed() {
                break None;
            }
            if !asked {
                continue;
            }
            let Ok((stream, _)) = self.listener.accept() else { continue };
            if let Ok(true) = self.answer(&stream) {
                break Some(stream);
            }
        };
        let Self { seed, folder, .. } = self;
        // Wiped before anybody is told.
        drop(seed);
        folder.clean();
        // Whoever waits until there is no process any more waits for the system to close these.
        std::mem::forget(folder);
        if let Some(stream) = asked_to_end {
            let _gone = tell(&stream, &HELLO);
            std::mem::forget(stream);
        }
    }

    /// Answers one question of our own user; whether it was to end.
    fn answer(&self, mut stream: &UnixStream) -> io::Result<bool> {
        if !Peer::of(stream)?.ours() {
            return Ok(false);
        }
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut request = [0; HELLO.len() + 1];
        stream.read_exact(&mut request)?;
        match Ask::read(&request) {
            None => {}
            Some(Ask::Lock) => return Ok(true),
            Some(Ask::Until) => tell(stream, &answer(self.until))?,
            Some(Ask::Key) => {
                tell(stream, &answer(self.until))?;
                // EXPOSE: the command that asks is our own user's, and works with the key.
                tell(stream, self.seed.expose())?;
            }
        }
        Ok(false)
    }

    /// Whether the key file, the database or the way to us is not what it was.
    fn changed(&self) -> bool {
        let now = read_private(&self.home.key(), Exit::Integrity);
        let same = now.is_ok_and(|now| now.as_deref() == self.key_file.as_deref());
        let kept = self.home.server().is_some() || files::exists(&self.home.database());
        !same || !kept || !self.folder.whole(&self.home.agent())
    }
}

/// Reads from stdin, past any buffer that would keep a copy.
fn read_bare(mut rest: &mut [u8]) -> io::Result<()> {
    while !rest.is_empty() {
        match rustix::io::read(io::stdin(), &mut *rest)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => rest = &mut rest[read..],
        }
    }
    Ok(())
}

/// A clock that goes on while the machine sleeps, and that nobody sets.
fn timer(seconds: u64) -> io::Result<OwnedFd> {
    let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC)?;
    let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
    let end = Timespec { tv_sec: i64::try_from(seconds).unwrap_or(i64::MAX), tv_nsec: 0 };
    let once = Itimerspec { it_interval: zero, it_value: end };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once)?;
    Ok(timer)
}

/// Tells of every name that comes or goes in the folders of the vault and of the socket.
fn watch(home: &Home, folder: &Folder) -> io::Result<OwnedFd> {
    use inotify::{CreateFlags, WatchFlags};
    let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let names = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
    let itself = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::CLOSE_WRITE;
    inotify::add_watch(&watch, home.folder(), names | itself | WatchFlags::ATTRIB)?;
    inotify::add_watch(&watch, folder.way(), names | itself)?;
    Ok(watch)
}

/// Takes what the watch tells; what it was is found by looking.
fn drain(watch: &OwnedFd) {
    let mut told = [0_u8; 4096];
    while rustix::io::read(watch, &mut told[..]).is_ok_and(|read| read > 0) {}
}
