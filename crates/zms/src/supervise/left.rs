//! What must not outlive a run: noted before it is made, and removed by the next command where the
//! run itself could not. A note says where things lie. It holds no name and no value of a secret.
#![expect(clippy::disallowed_methods, reason = "this file owns what runs may leave behind")]

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    process::geteuid,
};

use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, plain, trouble},
    output::Output,
};

/// A thing that is removed at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A named pipe.
    Pipe(PathBuf),
    /// All that is in a folder, which was empty.
    Content(PathBuf),
    /// A folder that was made, with all that is in it.
    Folder(PathBuf),
}

/// A note of what is there for as long as this process lives. Dropping it removes both.
pub struct Note {
    path: PathBuf,
    things: Vec<Thing>,
    /// Holds the lock that says that we live.
    _lock: File,
}

impl Note {
    /// Notes what is about to be made.
    pub fn new(things: Vec<Thing>) -> Outcome<Self> {
        let folder = Home::find(None)?.left();
        files::make_folder(&folder)?;
        let mut random = [0; 8];
        environment::entropy().fill_bytes(&mut random);
        let path = folder.join(hex::encode(random));
        let make = || -> io::Result<File> {
            let mut file = made(&path)?;
            file.write_all(&written(&things))?;
            file.sync_data()?;
            Ok(file)
        };
        let lock = make().map_err(|error| {
            let failure = trouble(&error, format!("{} can not be written", path.display()));
            Failure { exit: Exit::BeforeExec, ..failure }
                .hint("it notes what must be removed should this run be killed")
        })?;
        Ok(Self { path, things, _lock: lock })
    }
}

/// An empty note that is locked and stands in its place. Another command that clears may find it
/// before it is locked: that one removes nothing else, but the note, and maybe the folder.
fn made(path: &Path) -> io::Result<File> {
    loop {
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = path.parent().ok_or(error)?;
                files::make_folder(folder).map_err(|failure| io::Error::other(failure.message))?;
                continue;
            }
            opened => opened?,
        };
        flock(&file, FlockOperation::LockExclusive)?;
        let ours = file.metadata()?;
        let stands = fs::symlink_metadata(path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (ours.dev(), ours.ino()));
        if stands {
            return Ok(file);
        }
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        if self.things.iter().all(|thing| remove(thing).is_ok()) {
            forget(&self.path);
        }
    }
}

/// Removes what dead runs left. Costs one look where there is none.
pub fn clear(output: Output) {
    let Ok(home) = Home::find(None) else { return };
    for name in files::names(&home.left()) {
        if let Err(error) = clear_one(&home.left().join(name)) {
            output.warn(format!("what a run that was killed has left is still there: {error}"));
        }
    }
}

fn clear_one(path: &Path) -> Result<(), String> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    // Another command may have been faster.
    let Ok(mut file) = opened else { return Ok(()) };
    let ours = file.metadata().is_ok_and(|found| {
        found.is_file() && found.uid() == geteuid().as_raw() && found.mode() & 0o077 == 0
    });
    if !ours || flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(());
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(|error| plain(&error))?;
    for thing in read(&text) {
        remove(&thing).map_err(|error| format!("{}: {}", thing.path().display(), plain(&error)))?;
    }
    forget(path);
    Ok(())
}

fn forget(note: &Path) {
    let _gone = fs::remove_file(note);
    if let Some(folder) = note.parent() {
        files::remove_empty(folder);
    }
}

impl Thing {
    fn path(&self) -> &Path {
        match self {
            Self::Pipe(path) | Self::Content(path) | Self::Folder(path) => path,
        }
    }
}

fn written(things: &[Thing]) -> Vec<u8> {
    let record = |thing: &Thing| {
        let kind: &[u8] = match thing {
            Thing::Pipe(_) => b"pipe",
            Thing::Content(_) => b"content",
            Thing::Folder(_) => b"folder",
        };
        [kind, b"\0", thing.path().as_os_str().as_bytes(), b"\0"].concat()
    };
    things.iter().flat_map(record).collect()
}

fn read(text: &[u8]) -> Vec<Thing> {
    let parts: Vec<&[u8]> = text.split(|byte| *byte == 0).collect();
    // What follows the last NUL was not written to its end.
    let pairs = parts[..parts.len() - 1].chunks_exact(2);
    let thing = |pair: &[&[u8]]| {
        let path = PathBuf::from(std::ffi::OsString::from_vec(pair[1].to_vec()));
        match pair[0] {
            _ if !path.is_absolute() => None,
            b"pipe" => Some(Thing::Pipe(path)),
            b"content" => Some(Thing::Content(path)),
            b"folder" => Some(Thing::Folder(path)),
            _ => None,
        }
    };
    pairs.filter_map(thing).collect()
}

/// Removes a thing, where what lies there is one: ours, and of its kind.
fn remove(thing: &Thing) -> io::Result<()> {
    let found = match fs::symlink_metadata(thing.path()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if found.uid() != geteuid().as_raw() {
        return Ok(());
    }
    match thing {
        Thing::Pipe(path) if found.file_type().is_fifo() => fs::remove_file(path),
        Thing::Content(path) if found.is_dir() => empty(path),
        Thing::Folder(path) if found.is_dir() && files::in_memory(path) => {
            empty(path)?;
            fs::remove_dir(path)
        }
        _ => Ok(()),
    }
}

/// Removes the files of a folder that is in memory; what else is there was not made by us.
fn empty(folder: &Path) -> io::Result<()> {
    if !files::in_memory(folder) {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let odd = PathBuf::from(std::ffi::OsString::from_vec(b"/tmp/\xff\n a".to_vec()));
        let things = vec![
            Thing::Pipe("/tmp/a".into()),
            Thing::Content("/dev/shm/x".into()),
            Thing::Folder(odd),
        ];
        let text = written(&things);
        assert_eq!(read(&text), things);
        assert_eq!(read(&text[..text.len() - 1]), things[..2]);
        assert_eq!(read(b""), []);
        assert_eq!(read(b"folder\0relative\0root\0/\0"), []);
    }

    #[test]
    fn attack_a_note_removes_nothing_but_pipes_and_files_in_memory() {
        let disk = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let file = disk.path().join("kept");
        fs::write(&file, "kept").unwrap();
        for thing in [
            Thing::Pipe(file.clone()),
            Thing::Content(disk.path().to_owned()),
            Thing::Folder(disk.path().to_owned()),
            Thing::Folder(file.clone()),
        ] {
            remove(&thing).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), "kept", "{thing:?}");
        }
    }
}
