//! The unlock agent: a process for each vault that holds its master key until a time, so that a
//! passphrase or shares are asked for once. It is this same program, executed again. It is asked
//! over a socket in a folder of the vault's own, so it needs no session; and it ends, with what it
//! holds, on `lock`, at its time, or when the key file or database is not what it was.

mod folder;
mod peer;
mod serve;
mod start;
mod wire;

use std::{
    io::{self, ErrorKind, Read},
    os::unix::net::UnixStream,
    time::Duration,
};

use rustix::{
    net::{
        self, AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, send, socket_with,
    },
    process::{Pid, Signal, kill_process},
};
use zms_crypto::Key;

use self::{
    folder::Folder,
    peer::Peer,
    wire::{Ask, HELLO},
};
pub use self::{serve::serve, start::start};
use crate::{
    exit::{Exit, Failure, Outcome},
    home::{Home, trouble},
};

/// What this program is called where it is the agent.
pub const NAME: &str = "zms-agent";

/// How long an agent may take to answer; it has nothing else to do.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to an agent that is ours.
struct Agent {
    stream: UnixStream,
    peer: Peer,
}

impl Agent {
    /// Finds the agent of a vault; `None` where none runs. What a dead one left is removed.
    fn find(home: &Home) -> Outcome<Option<Self>> {
        let Some(folder) = Folder::find(&home.agent())? else { return Ok(None) };
        let stream = match connect(&folder) {
            Ok(stream) => stream,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                // Whoever serves holds the folder, so nothing that is in use is removed.
                if folder.hold() {
                    folder.clean();
                }
                return Ok(None);
            }
            Err(error) => return Err(silent(home, &error)),
        };
        let peer = Peer::of(&stream).map_err(|error| silent(home, &error))?;
        if !peer.ours() {
            let whose = format!("the agent in {} is somebody else's", home.agent().display());
            return Err(Failure::new(Exit::Denied, whose).hint("remove that folder"));
        }
        let timed = stream.set_read_timeout(Some(PATIENCE));
        let timed = timed.and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        timed.map_err(|error| silent(home, &error))?;
        Ok(Some(Self { stream, peer }))
    }

    /// Has it end, whether it listens or not.
    fn end(mut self, home: &Home) -> Outcome {
        let mut rest = Vec::new();
        let asked = tell(&self.stream, &Ask::Lock.request());
        let ended = asked.and_then(|()| self.stream.read_to_end(&mut rest));
        match ended {
            Ok(_) => Ok(()),
            Err(error) if over(&error) => Ok(()),
            // The connection lives, so its number still is the agent's.
            Err(error) => match Pid::from_raw(self.peer.pid) {
                Some(pid) => kill_process(pid, Signal::KILL).map_err(|it| silent(home, &it.into())),
                None => Err(silent(home, &error)),
            },
        }
    }

    /// Asks; gives until when the key is held. An agent that ends meanwhile is none.
    fn ask(&mut self, ask: Ask) -> io::Result<u64> {
        tell(&self.stream, &ask.request())?;
        let mut answer = [0; HELLO.len() + 8];
        self.stream.read_exact(&mut answer)?;
        wire::until(&answer).ok_or_else(|| ErrorKind::InvalidData.into())
    }
}

/// The owner's seed, where an agent holds it.
pub fn key(home: &Home) -> Outcome<Option<Key>> {
    asked(home, |agent| {
        agent.ask(Ask::Key)?;
        let mut read = Ok(());
        let seed = Key::fill(|seed| read = agent.stream.read_exact(seed));
        read.map(|()| seed)
    })
}

/// Until when a vault is unlocked, in unix seconds; `None` where it is locked.
pub fn until(home: &Home) -> Outcome<Option<u64>> {
    asked(home, |agent| agent.ask(Ask::Until))
}

fn asked<T>(home: &Home, ask: impl FnOnce(&mut Agent) -> io::Result<T>) -> Outcome<Option<T>> {
    let Some(mut agent) = Agent::find(home)? else { return Ok(None) };
    match ask(&mut agent) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if over(&error) => Ok(None),
        Err(error) => Err(silent(home, &error)),
    }
}

/// Whether the agent ended while it was asked.
fn over(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn silent(home: &Home, error: &io::Error) -> Failure {
    let what = format!("the agent in {} does not answer", home.agent().display());
    let failure = match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Failure::other(what),
        _ => trouble(error, what),
    };
    Failure { exit: Exit::Locked, ..failure }.hint(format!("`zms lock{}` ends it", home.as_typed()))
}

/// Has the agent forget the key and end, and waits until it has; whether there was one. One that
/// does not listen is killed.
pub fn lock(home: &Home) -> Outcome<bool> {
    let asked = match Agent::find(home)? {
        Some(agent) => agent.end(home).map(|()| true)?,
        None => false,
    };
    // One that ends by itself at this moment has no socket any more, and the folder until it is
    // gone. What a killed one left is removed.
    let Some(folder) = Folder::find(&home.agent())? else { return Ok(asked) };
    if !folder.hold_soon() {
        return Err(silent(home, &ErrorKind::TimedOut.into()));
    }
    folder.clean();
    Ok(asked)
}

/// Connects, or fails at once: an agent that no longer listens has nobody wait in its queue.
fn connect(folder: &Folder) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    net::connect(&socket, &SocketAddrUnix::new(folder.socket())?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Sends a short message. Nobody at the other end is an error, and no signal.
pub fn tell(stream: &UnixStream, message: &[u8]) -> io::Result<()> {
    match send(stream, message, SendFlags::NOSIGNAL)? {
        sent if sent == message.len() => Ok(()),
        _ => Err(ErrorKind::WriteZero.into()),
    }
}
