//! Files: the only place that touches the file system.
//!
//! SQLite gives the log (`-wal`) and the shared memory (`-shm`) the mode of the database, so it
//! is enough that we make the database itself, privately, before SQLite sees it.
//!
//! An existing database is never opened and closed here: closing any descriptor of a file drops
//! all POSIX locks that this process holds on it, those of SQLite's other connections included.

#![expect(clippy::disallowed_methods, reason = "this file owns the database's files")]

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use zms_core::bundle::{Trouble, TroubleClass};

use crate::trouble::file_trouble;

/// The path with its folder resolved. Folders may be links, a database may not, and SQLite is
/// told to refuse any link in what it is given.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Trouble> {
    let name = path.file_name().ok_or_else(|| file_trouble(io::ErrorKind::InvalidInput.into()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().map_err(file_trouble)?;
    Ok(folder.join(name))
}

/// Whether the folder of a path is there; one that can not be looked at is.
pub(crate) fn has_folder(path: &Path) -> bool {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let missing = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
    !folder.is_some_and(|folder| fs::metadata(folder).is_err_and(missing))
}

/// Whether a database is there. A link, a folder, or a file of somebody else is refused.
pub(crate) fn exists(path: &Path) -> Result<bool, Trouble> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        found => found.map_err(file_trouble)?,
    };
    let refused = |why| Err(Trouble::new(TroubleClass::Other, why));
    if found.is_symlink() {
        return refused("the path is a symbolic link");
    }
    if !found.is_file() {
        return refused("the path is no file");
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return refused("the file belongs to another user");
    }
    Ok(true)
}

/// How long the log is, in bytes.
pub(crate) fn log_size(path: &Path) -> u64 {
    fs::symlink_metadata(beside(path, "-wal")).map_or(0, |log| log.len())
}

/// A file beside the database: its name and a suffix.
pub(crate) fn beside(path: &Path, suffix: impl AsRef<OsStr>) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Gives a database that can not be used another name, with its log. It keeps its own until
/// something takes its place.
pub(crate) fn set_aside(path: &Path, aside: &Path) -> Result<(), Trouble> {
    let set = || -> io::Result<()> {
        fs::hard_link(path, aside)?;
        for suffix in ["-wal", "-shm"] {
            match fs::rename(beside(path, suffix), beside(aside, suffix)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed?,
            }
        }
        flush_folder(path)
    };
    set().map_err(file_trouble)
}

/// A database in the making, under a name of its own. Removed unless it is published.
pub(crate) struct Draft(PathBuf);

impl Draft {
    /// Makes an empty file that only we can read, whatever the umask.
    pub(crate) fn new(path: &Path) -> Result<Self, Trouble> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            let draft = beside(path, format!(".{}-{number}.new", process::id()));
            let mut options = OpenOptions::new();
            let file = match options.write(true).create_new(true).mode(0o600).open(&draft) {
                // Left by a process that died and had our number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made.map_err(file_trouble)?,
            };
            let draft = Self(draft);
            file.set_permissions(Permissions::from_mode(0o600)).map_err(file_trouble)?;
            return Ok(draft);
        }
    }

    /// A complete database that was made under a name of its own.
    pub(crate) const fn of(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Gives it its name, unless something has that name: then `false`.
    pub(crate) fn publish(self, path: &Path) -> Result<bool, Trouble> {
        let linked = self.flush().and_then(|()| fs::hard_link(&self.0, path));
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            linked => linked.and_then(|()| flush_folder(path)).map(|()| true).map_err(file_trouble),
        }
    }

    /// Gives it its name, in place of what has it.
    pub(crate) fn replace(self, path: &Path) -> Result<(), Trouble> {
        let renamed = self.flush().and_then(|()| fs::rename(&self.0, path));
        renamed.and_then(|()| flush_folder(path)).map_err(file_trouble)
    }

    fn flush(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // What can not be removed is an empty or complete database that nobody will open.
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let _ = fs::remove_file(beside(&self.0, suffix));
        }
    }
}

fn flush_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
