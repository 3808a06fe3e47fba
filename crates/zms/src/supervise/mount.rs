//! `--mount PATH`: a named pipe that gives its content to each who opens it, and keeps none.
#![expect(clippy::disallowed_methods, reason = "this file owns the pipe that a program is given")]

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags, RenameFlags, fcntl_getfl, fcntl_setfl, mkfifoat, renameat_with},
    pipe::{PipeFlags, pipe_with},
    process::{Pid, getpid},
};

use super::{
    child::die_with,
    left::Thing,
    signals::{allow, close_all_but, exit_now, fork, reap, send},
};
use crate::{
    environment,
    exit::{Failure, Outcome},
    files,
    home::trouble,
    hygiene::lock_memory,
};

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
            let opened = OpenOptions::new().write(true).open(&self.path);
            allow(libc::SIGTERM, false);
            let mut pipe = opened?;
            left = left.map(|left| left - 1);
            // Whoever opens it from now on gets a pipe of its own, or none.
            if left == Some(0) {
                fs::remove_file(&self.path)?;
            } else {
                fifo(&self.next)?;
                fs::rename(&self.next, &self.path)?;
            }
            // Who opens it and does not read has still been served.
            let _counted = rustix::io::write(reader, b"r");
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

fn fifo(path: &Path) -> io::Result<()> {
    Ok(mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?)
}
