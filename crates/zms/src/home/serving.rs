//! Which process serves from a folder: a file that it holds locked for as long as it does.
#![expect(clippy::disallowed_methods, reason = "this file owns that file")]

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
};
use serde::{Deserialize, Serialize};

use super::trouble;
use crate::exit::{Failure, Outcome};

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// Its process.
    pub pid: i32,
    /// Where it listens.
    pub listen: Vec<String>,
    /// Unix seconds at which it began.
    pub since: u64,
}

/// Held for as long as a folder is served from.
pub struct Held {
    path: PathBuf,
    file: File,
}

fn path(folder: &Path) -> PathBuf {
    folder.join("zms.serving")
}

fn open(path: &Path, make: bool) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).write(make).create(make).mode(0o600).custom_flags(flags).open(path)
}

impl Held {
    /// Takes the folder, unless another server has it.
    pub fn take(folder: &Path) -> Outcome<Self> {
        let path = path(folder);
        let failed =
            |error: &io::Error| trouble(error, format!("{} can not be used", path.display()));
        let file = open(&path, true).map_err(|error| failed(&error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path, file }),
            Err(Errno::WOULDBLOCK) => {
                let other = running(folder)?;
                let pid = other.map(|it| format!(" (process {})", it.pid)).unwrap_or_default();
                let why = format!("a server of {} runs already{pid}", folder.display());
                Err(Failure::other(why).hint("end it with `zms stop`"))
            }
            Err(error) => Err(failed(&error.into())),
        }
    }

    /// Says who serves, and where.
    pub fn say(&mut self, serving: &Serving) -> Outcome {
        let text = serde_json::to_string(serving).expect("numbers and texts are JSON");
        let written = self
            .file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(text.as_bytes()));
        let shown = self.path.display();
        written.map_err(|error| trouble(&error, format!("{shown} can not be written")))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _left = fs::remove_file(&self.path);
    }
}

/// Who serves from a folder; `None` where nobody does.
pub fn running(folder: &Path) -> Outcome<Option<Serving>> {
    let path = path(folder);
    let shown = path.display();
    let file = match open(&path, false) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(trouble(&error, format!("{shown} can not be read"))),
    };
    if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return Ok(None);
    }
    let mut text = String::new();
    let read = file.take(64 * 1024).read_to_string(&mut text);
    read.map_err(|error| trouble(&error, format!("{shown} can not be read")))?;
    // Between the lock and the first word it is about to begin.
    Ok(serde_json::from_str(&text).ok())
}
