//! Who is at the other end of a socket.
#![expect(unsafe_code, reason = "the safe form has no room for a process of another namespace")]

use std::{
    io,
    os::{fd::AsRawFd, unix::net::UnixStream},
};

use rustix::process::geteuid;

/// The process that connected, or that listens.
pub(super) struct Peer {
    /// Its user.
    uid: u32,
    /// Its number; 0 where it can not be seen from here.
    pub(super) pid: i32,
}

impl Peer {
    /// Asks the system.
    pub(super) fn of(stream: &UnixStream) -> io::Result<Self> {
        let mut found = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
        let mut length = size_of::<libc::ucred>() as libc::socklen_t;
        // SAFETY: the system writes at most `length` bytes into a struct of plain numbers.
        let failed = unsafe {
            libc::getsockopt(
                stream.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERCRED,
                (&raw mut found).cast(),
                &raw mut length,
            )
        };
        if failed == 0 {
            Ok(Self { uid: found.uid, pid: found.pid })
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Whether it is the same user. Root is not.
    pub(super) fn ours(&self) -> bool {
        self.uid == geteuid().as_raw()
    }
}
