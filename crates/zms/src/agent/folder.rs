//! The folder of an agent's socket: ours, and for nobody else.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use rustix::{
    fs::{
        AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, flock, fstat, lstat, mkdir, openat,
        statat, unlinkat,
    },
    io::Errno,
    process::geteuid,
};

use crate::{
    exit::{Exit, Failure, Outcome},
    home::trouble,
};

/// The socket's name.
const SOCKET: &str = "socket";

/// How often, and how long each time, somebody who has the folder is waited for.
const WAITS: usize = 200;
const WAIT: Duration = Duration::from_millis(10);

/// A folder that was opened and checked. What is done in it is done by its descriptor, so that it
/// stays the one that was checked, and its path may be longer than a socket's can be.
pub(super) struct Folder(OwnedFd);

impl Folder {
    /// Opens the folder; `None` where there is none. One that others could reach is refused.
    pub(super) fn find(path: &Path) -> Outcome<Option<Self>> {
        let shown = path.display();
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let refused = |why: &str, hint: String| {
            Err(Failure::new(Exit::Denied, format!("{shown} {why}")).hint(hint))
        };
        let remove = || format!("remove it: `zms unlock` makes {shown} anew");
        let folder = match openat(CWD, path, flags, Mode::empty()) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => return refused("is no folder", remove()),
            Err(Errno::ACCESS) => return refused("can not be looked into", remove()),
            Err(error) => {
                return Err(trouble(&io::Error::from(error), format!("{shown} can not be used")));
            }
        };
        let found = fstat(&folder)
            .map_err(|error| trouble(&error.into(), format!("{shown} can not be used")))?;
        if found.st_uid != geteuid().as_raw() {
            return refused("belongs to somebody else", remove());
        }
        if found.st_mode & 0o077 != 0 {
            return refused("can be reached by others", format!("chmod 700 {shown}"));
        }
        Ok(Some(Self(folder)))
    }

    /// Opens the folder, and makes it before where there is none.
    pub(super) fn make(path: &Path) -> Outcome<Self> {
        let failed =
            |error: Errno| trouble(&error.into(), format!("{} can not be made", path.display()));
        match mkdir(path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error)),
        }
        Self::find(path)?.ok_or_else(|| failed(Errno::NOENT))
    }

    /// The way to the socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.way().join(SOCKET)
    }

    /// The way to the folder itself.
    pub(super) fn way(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }

    /// Takes the folder for oneself, as long as it is open; false where somebody has it.
    pub(super) fn hold(&self) -> bool {
        flock(&self.0, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    /// As [`Folder::hold`], and waits a while for whoever has it to end.
    pub(super) fn hold_soon(&self) -> bool {
        (0..WAITS).any(|_| {
            let held = self.hold();
            if !held {
                sleep(WAIT);
            }
            held
        })
    }

    /// Whether the socket is still there, and is what is found at a path.
    pub(super) fn whole(&self, path: &Path) -> bool {
        let here = statat(&self.0, SOCKET, AtFlags::SYMLINK_NOFOLLOW);
        let there = lstat(path.join(SOCKET));
        here.is_ok_and(|here| {
            let same = there.is_ok_and(|it| (it.st_dev, it.st_ino) == (here.st_dev, here.st_ino));
            same && FileType::from_raw_mode(here.st_mode) == FileType::Socket
        })
    }

    /// Removes the socket, where the folder is held.
    pub(super) fn clean(&self) {
        let _gone = unlinkat(&self.0, SOCKET, AtFlags::empty());
    }
}
