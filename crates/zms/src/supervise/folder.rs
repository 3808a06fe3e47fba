//! `--files DIR`: secrets as files in memory, one each, readable by their owner only.
#![expect(clippy::disallowed_methods, reason = "this file owns the files that a program is given")]

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use super::{Handed, left::Thing};
use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::trouble,
};

/// Longest name of a file, in bytes.
const LONGEST_NAME: usize = 255;

/// A folder in memory.
pub(super) struct Folder {
    path: PathBuf,
    /// Whether it was there before.
    existed: bool,
    names: Vec<String>,
}

impl Folder {
    /// Looks whether a folder can be used, and touches nothing.
    pub(super) fn find(path: &Path) -> Outcome<Self> {
        let shown = path.display();
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => environment::folder()?,
        };
        let existed = files::exists(path);
        let (above, path) = match path.file_name() {
            _ if existed => {
                let path = files::canonical(path)?;
                (path.clone(), path)
            }
            Some(name) => {
                let parent = files::canonical(&parent)?;
                (parent.clone(), parent.join(name))
            }
            None => return Err(Failure::usage(format!("{shown} is no name for a folder"))),
        };
        if !files::in_memory(&above) {
            return Err(Failure::new(
                Exit::Denied,
                format!("{shown} would not lie in memory, and secrets go on no disk"),
            )
            .hint("name a folder on a tmpfs, such as /dev/shm/app or one below /run/user"));
        }
        if existed {
            let found = fs::symlink_metadata(&path)
                .map_err(|error| trouble(&error, format!("{shown} can not be used")))?;
            if !found.is_dir() || found.uid() != geteuid().as_raw() || found.mode() & 0o077 != 0 {
                return Err(Failure::new(
                    Exit::Denied,
                    format!("{shown} is not a folder of yours that is closed to others"),
                )
                .hint("name one that does not exist: it is made, and removed at the end"));
            }
            if !files::names(&path).is_empty() {
                return Err(Failure::usage(format!("{shown} is not empty"))
                    .hint("name one that does not exist: it is made, and removed at the end"));
            }
        }
        Ok(Self { path, existed, names: Vec::new() })
    }

    /// What is to be removed at the end.
    pub(super) fn thing(&self) -> Thing {
        let path = self.path.clone();
        if self.existed { Thing::Content(path) } else { Thing::Folder(path) }
    }

    /// Makes the folder.
    pub(super) fn make(&self) -> Outcome {
        if self.existed {
            return Ok(());
        }
        DirBuilder::new().mode(0o700).create(&self.path).map_err(|error| self.unmade(&error))
    }

    /// Puts secrets there, each whole or not at all, and removes those that are no more.
    pub(super) fn fill(&mut self, secrets: &[Handed]) -> Outcome {
        let put = || -> io::Result<()> {
            for secret in secrets {
                self.put(secret)?;
            }
            for name in &self.names {
                if !secrets.iter().any(|secret| secret.name == *name) {
                    fs::remove_file(self.path.join(name))?;
                }
            }
            Ok(())
        };
        put().map_err(|error| self.unmade(&error))?;
        self.names = secrets.iter().map(|secret| secret.name.clone()).collect();
        Ok(())
    }

    fn put(&self, secret: &Handed) -> io::Result<()> {
        // A secret of this name is refused.
        let new = self.path.join(".new");
        let _none = fs::remove_file(&new);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&new)?;
        file.write_all(&secret.value)?;
        fs::rename(&new, self.path.join(&secret.name))
    }

    fn unmade(&self, error: &io::Error) -> Failure {
        trouble(error, format!("the files in {} can not be made", self.path.display()))
    }
}

/// Whether a secret's name can be a file's.
pub(super) fn file_name(name: &str) -> bool {
    !name.contains('/') && ![".", "..", ".new", ""].contains(&name) && name.len() <= LONGEST_NAME
}
