//! `--mount PATH`: a named pipe that gives its content to each who opens it, and keeps none.
//!
//! Those that open it together before this process has taken notice of the first share one copy:
//! a pipe does not tell its readers apart, and nobody can be turned away who has opened it.
#![expect(clippy::disallowed_methods, reason = "this file owns the pipe that a program is given")]

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::{
        fd::OwnedFd,
        unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags, RenameFlags, fcntl_getfl, fcntl_setfl, mkfifoat, renameat_with},
    pipe::{PipeFlags, fcntl_setpipe_size, pipe_with},
    process::{Pid, geteuid, getpid},
};

use super::{
    child::die_with,
    left::Thing,
    signals::{allow, close_all_but, exit_now, fork, reap, send},
};
use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::trouble,
    hygiene::lock_memory,
};

/// How much a pipe holds by itself, and how much it may hold where the system says nothing else.
const LEAST: usize = 64 * 1024;
const MOST: usize = 1024 * 1024;

/// A named pipe, and the processes that wait at its other end: a pipe can only be waited at by
/// opening it. They die with this one.
pub(super) struct Mount {
    path: PathBuf,
    /// Under this name the next pipe is made, before it takes the place of the one that is read.
    next: PathBuf,
    /// How often it may still be read; `None` for always.
    left: Option<u32>,
    /// Who waits now.
    server: Option<Server>,
    /// Who still answers a reader with what was there before.
    retired: Vec<Pid>,
}

struct Server {
    pid: Pid,
    /// One byte for each who has read.
    readers: OwnedFd,
}

impl Mount {
    /// Looks whether a pipe can be made there, and touches nothing.
    pub(super) fn find(path: &Path, reads: Option<u32>) -> Outcome<Self> {
        let shown = path.display();
        if files::exists(path) {
            return Err(Failure::usage(format!("{shown} exists already")).hint(
                "name a path where nothing is: a pipe is made there, and removed at the end",
            ));
        }
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => environment::folder()?,
        };
        let Some(name) = path.file_name() else {
            return Err(Failure::usage(format!("{shown} is no name for a pipe")));
        };
        let parent = files::canonical(&parent)?;
        if !files::keeps_names(&parent) {
            let why =
                format!("others can put a pipe of theirs in its place in {}", parent.display());
            return Err(Failure::new(Exit::Denied, why)
                .hint("name a path in a folder that is yours, as below $XDG_RUNTIME_DIR"));
        }
        let mut next = OsString::from(".");
        next.push(name);
        next.push(format!(".{}", getpid().as_raw_pid()));
        let (path, next) = (parent.join(name), parent.join(next));
        Ok(Self { path, next, left: reads, server: None, retired: Vec::new() })
    }

    /// What is to be removed at the end.
    pub(super) fn things(&self) -> [Thing; 2] {
        [Thing::Pipe(self.path.clone()), Thing::Pipe(self.next.clone())]
    }

    /// Serves a content from now on.
    pub(super) fn serve(&mut self, content: &[u8]) -> Outcome {
        let first = self.server.is_none();
        self.begin(content, first)
            .map_err(|error| trouble(&error, format!("{} can not be made", self.path.display())))
    }

    fn begin(&mut self, content: &[u8], first: bool) -> io::Result<()> {
        self.count();
        if self.left == Some(0) {
            return Ok(());
        }
        let (readers, reader) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setfl(&readers, fcntl_getfl(&readers)? | OFlags::NONBLOCK)?;
        fifo(&self.next)?;
        if first {
            // It takes no place that somebody else has.
            renameat_with(CWD, &self.next, CWD, &self.path, RenameFlags::NOREPLACE)?;
        } else {
            fs::rename(&self.next, &self.path)?;
        }
        let us = getpid();
        let Some(pid) = fork()? else {
            die_with(us);
            close_all_but(&reader);
            lock_memory();
            exit_now(i32::from(self.answer(content, &reader).is_err()));
        };
        if let Some(before) = self.server.replace(Server { pid, readers }) {
            // While it answers somebody it does not hear, and ends afterwards.
            send(before.pid, libc::SIGTERM);
            self.retired.push(before.pid);
        }
        Ok(())
    }

    /// Takes in how many have read.
    fn count(&mut self) {
        let Some(server) = &self.server else { return };
        let mut bytes = [0; 256];
        while let Ok(count @ 1..) = rustix::io::read(&server.readers, &mut bytes) {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.left = self.left.map(|left| left.saturating_sub(count));
        }
    }

    /// In a process of its own: waits for readers, one after the other.
    fn answer(&self, content: &[u8], reader: &OwnedFd) -> io::Result<()> {
        let mut left = self.left;
        while left != Some(0) {
            allow(libc::SIGTERM, true);
            let nofollow = OFlags::NOFOLLOW.bits().cast_signed();
            let opened = OpenOptions::new().write(true).custom_flags(nofollow).open(&self.path);
            allow(libc::SIGTERM, false);
            let mut pipe = opened?;
            if !is_ours(&pipe.metadata()?) {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            left = left.map(|left| left - 1);
            // Whoever opens it from now on gets a pipe of its own, or none.
            if left == Some(0) {
                fs::remove_file(&self.path)?;
            } else {
                fifo(&self.next)?;
                fs::rename(&self.next, &self.path)?;
            }
            // Who opens it and does not read has still been served, and keeps nobody waiting: two
            // that wait for this process would open the next pipe together, and share one copy.
            let _counted = rustix::io::write(reader, b"r");
            let _as_it_is = fcntl_setpipe_size(&pipe, content.len().clamp(LEAST, MOST));
            let _unread = pipe.write_all(content);
        }
        Ok(())
    }

    /// Takes in that a process has ended and been waited for.
    pub(super) fn waited(&mut self, pid: i32) {
        self.count();
        self.retired.retain(|retired| retired.as_raw_pid() != pid);
        if self.server.as_ref().is_some_and(|server| server.pid.as_raw_pid() == pid) {
            // It has served all that it was allowed to.
            self.left = Some(0);
            self.server = None;
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let server = self.server.take().map(|server| server.pid);
        for pid in self.retired.drain(..).chain(server) {
            send(pid, libc::SIGKILL);
            reap(pid);
        }
    }
}

/// Whether it is a pipe that this user made for itself, under one name: in its place somebody may have
/// put another.
fn is_ours(found: &fs::Metadata) -> bool {
    let own = found.uid() == geteuid().as_raw() && found.nlink() <= 1;
    found.file_type().is_fifo() && own && found.mode() & 0o777 == 0o600
}

fn fifo(path: &Path) -> io::Result<()> {
    Ok(mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn attack_what_stands_in_the_place_of_the_pipe_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let looks = |name: &str| is_ours(&fs::symlink_metadata(folder.path().join(name)).unwrap());
        let path = |name: &str| folder.path().join(name);
        fifo(&path("own")).unwrap();
        assert!(looks("own"));
        for mode in [0o666, 0o620, 0o640] {
            fifo(&path("open")).unwrap();
            fs::set_permissions(path("open"), fs::Permissions::from_mode(mode)).unwrap();
            assert!(!looks("open"), "{mode:o}");
            fs::remove_file(path("open")).unwrap();
        }
        fs::write(path("file"), "").unwrap();
        fs::set_permissions(path("file"), fs::Permissions::from_mode(0o600)).unwrap();
        symlink(path("own"), path("link")).unwrap();
        assert!(!looks("file") && !looks("link"));
        fs::hard_link(path("own"), path("second")).unwrap();
        assert!(!looks("own"));
    }
}
