//! A folder for what is being made, beside the vault and for nobody else.
#![expect(clippy::disallowed_methods, reason = "this file owns the vault's files")]

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use super::{Home, trouble};
use crate::{exit::Outcome, files};

/// What the names of these folders begin with.
pub const SCRATCH: &str = "zms.scratch.";

/// Removed with all in it when it is dropped. What a process left that died is removed by the next.
pub struct Scratch {
    path: PathBuf,
    /// Held as long as the folder is in use.
    _lock: File,
    /// The home, where it was made for this alone.
    made: Option<PathBuf>,
}

impl Scratch {
    /// Makes an empty folder in a home, which is made too where it is missing.
    pub fn new(home: &Home) -> Outcome<Self> {
        let missing = !files::exists(home.folder());
        home.make()?;
        sweep(home.folder());
        let folder = home.folder();
        let made = missing.then(|| folder.to_owned());
        let unmade =
            |error| trouble(&error, format!("no folder can be made in {}", folder.display()));
        for number in 0_u32.. {
            let path = folder.join(format!("{SCRATCH}{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                // Of a process that has our number, in another container.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made.map_err(unmade)?,
            }
            match lock(&path, FlockOperation::LockExclusive) {
                Ok(Some(lock)) => return Ok(Self { path, _lock: lock, made }),
                // Swept by another before it was locked.
                Ok(None) => {}
                Err(error) => {
                    let _left = fs::remove_dir(&path);
                    return Err(unmade(error));
                }
            }
        }
        unreachable!("some number is free")
    }

    /// A path in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes an empty file in it.
    pub fn create(&self, name: &str) -> Outcome<File> {
        let path = self.file(name);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        made.map_err(|error| trouble(&error, format!("{} can not be made", path.display())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can not be removed is ciphertext, and is removed by the next who makes one.
        let _left = fs::remove_dir_all(&self.path);
        if let Some(home) = &self.made {
            files::remove_empty(home);
        }
    }
}

/// Locks a folder; `None` where it is gone, or locked by who uses it.
fn lock(path: &Path, how: FlockOperation) -> io::Result<Option<File>> {
    let locked = || {
        let folder = File::open(path)?;
        flock(&folder, how)?;
        let (held, now) = (folder.metadata()?, fs::symlink_metadata(path)?);
        Ok((held.ino() == now.ino()).then_some(folder))
    };
    locked().or_else(|error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::WouldBlock => Ok(None),
        _ => Err(error),
    })
}

/// Removes the folders that nobody uses any more.
fn sweep(home: &Path) {
    for name in files::names(home).iter().filter(|name| name.starts_with(SCRATCH)) {
        let path = home.join(name);
        if let Ok(Some(_unused)) = lock(&path, FlockOperation::NonBlockingLockExclusive) {
            let _left = fs::remove_dir_all(&path);
        }
    }
}
