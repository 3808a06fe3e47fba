//! Deletes a file of which all was taken, as long as it is what was read.
#![expect(clippy::disallowed_methods, reason = "this file deletes what the user gave up")]

use std::{
    fs::{self, File},
    io::{self, Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::remove;
use crate::{exit::Outcome, home::trouble};

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It is overwritten, as far as the file system writes in place, and gone.
    Wiped,
    /// This name of it is gone; under another one it is what it was.
    OneName,
    /// It is not what was read, and is left alone.
    Changed,
}

/// Deletes a file that still holds what was read from it.
pub fn delete(path: &Path, read: &[u8]) -> Outcome<Deleted> {
    let unreadable = |error| trouble(&error, format!("{} can not be deleted", path.display()));
    let opened = open(path, true).or_else(|_read_only| open(path, false));
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Deleted::Wiped),
        Err(_) if super::is_link(path) => return Ok(Deleted::Changed),
        Err(error) => return Err(unreadable(error)),
    };
    let found = file.metadata().map_err(unreadable)?;
    if !found.is_file() || !holds(&mut file, read).map_err(unreadable)? || !is_at(&found, path) {
        return Ok(Deleted::Changed);
    }
    let alone = found.nlink() == 1;
    if alone {
        // Best effort: the removal below is what counts, and what is reported.
        let _not_overwritten = overwrite(&mut file, read.len() as u64);
    }
    if !is_at(&found, path) {
        return Ok(Deleted::Changed);
    }
    remove(path)?;
    Ok(if alone { Deleted::Wiped } else { Deleted::OneName })
}

fn open(path: &Path, write: bool) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    fs::OpenOptions::new()
        .read(true)
        .write(write)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

/// Whether a file holds exactly these bytes.
fn holds(file: &mut File, read: &[u8]) -> io::Result<bool> {
    let mut now = Zeroizing::new(Vec::with_capacity(read.len() + 64));
    file.take(read.len() as u64 + 1).read_to_end(&mut now)?;
    Ok(*now == read)
}

/// Whether a path still leads to the file.
fn is_at(file: &fs::Metadata, path: &Path) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|found| (found.dev(), found.ino()) == (file.dev(), file.ino()))
}

fn overwrite(file: &mut File, length: u64) -> io::Result<()> {
    file.rewind()?;
    io::copy(&mut io::repeat(0).take(length), file)?;
    file.flush()?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn only_what_was_read_is_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        let content = |path: &Path| fs::read_to_string(path).unwrap();
        for now in ["A=2\n", "A=1\nB=2\n", "A=1", ""] {
            fs::write(&path, now).unwrap();
            assert_eq!(delete(&path, b"A=1\n").unwrap(), Deleted::Changed, "{now:?}");
            assert_eq!(content(&path), now);
        }
        fs::write(&path, "A=1\n").unwrap();
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(delete(&link, b"A=1\n").unwrap(), Deleted::Changed);
        assert_eq!(delete(folder.path(), b"").unwrap(), Deleted::Changed);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert_eq!(delete(&path, b"A=1\n").unwrap(), Deleted::Wiped);
        assert!(!super::super::exists(&path));
    }

    #[test]
    fn a_file_is_overwritten_unless_it_has_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join(".env"), folder.path().join("copy"));
        fs::write(&path, "A=1\n").unwrap();
        fs::hard_link(&path, &other).unwrap();
        assert_eq!(delete(&path, b"A=1\n").unwrap(), Deleted::OneName);
        assert_eq!(fs::read_to_string(&other).unwrap(), "A=1\n");
        let mut held = File::open(&other).unwrap();
        assert_eq!(delete(&other, b"A=1\n").unwrap(), Deleted::Wiped);
        let mut left = Vec::new();
        held.read_to_end(&mut left).unwrap();
        assert_eq!(left, [0; 4]);
    }
}
