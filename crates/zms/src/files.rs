//! Files that the user names: read whole, with errors that name them.
#![expect(clippy::disallowed_methods, reason = "this file owns the user's files")]

pub mod backup;
pub mod delete;

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, OFlags, RenameFlags, renameat_with, statfs},
    io::Errno,
    process::geteuid,
};
use zeroize::Zeroizing;

use crate::{
    exit::{Exit, Failure, Outcome},
    home::trouble,
};

/// Largest file that is read, in bytes: ten thousand secrets of a few kilobytes.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// What `statfs` says of tmpfs and ramfs.
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// Reads a whole file, or stdin for `-`.
pub fn read(path: &Path) -> Outcome<Zeroizing<Vec<u8>>> {
    if path == Path::new("-") {
        return all(io::stdin().lock(), "stdin");
    }
    all(open(path)?, &path.display().to_string())
}

/// Opens a file to be read.
pub fn open(path: &Path) -> Outcome<fs::File> {
    let shown = path.display();
    fs::File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::not_found(format!("{shown} does not exist")),
        _ => trouble(&error, format!("{shown} can not be read")),
    })
}

/// Reads a file that nobody named, but that lies where one is looked for. Anything but a regular
/// file is none: a folder called `.env` is somebody's, and a pipe would wait for ever.
pub fn read_found(path: &Path) -> Outcome<Option<Zeroizing<Vec<u8>>>> {
    Ok(found(path)?.map(|(bytes, _)| bytes))
}

/// The same, and whether it may speak for the caller: it is ours or root's, and others can not
/// write it. Both are of the same file, whatever has its name a moment later.
pub fn read_trusted(path: &Path) -> Outcome<Option<(Zeroizing<Vec<u8>>, bool)>> {
    let trusted = |file: &fs::Metadata| is_own(file) && file.mode() & 0o002 == 0;
    Ok(found(path)?.map(|(bytes, file)| (bytes, trusted(&file))))
}

fn found(path: &Path) -> Outcome<Option<(Zeroizing<Vec<u8>>, fs::Metadata)>> {
    let nonblock = OFlags::NONBLOCK.bits().cast_signed();
    let unreadable = |error| trouble(&error, format!("{} can not be read", path.display()));
    let file = match fs::OpenOptions::new().read(true).custom_flags(nonblock).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if fs::metadata(path).is_ok_and(|found| !found.is_file()) => {
            drop(error);
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Ok(None);
    }
    let bytes = all(file, &path.display().to_string())?;
    Ok(Some((bytes, about)))
}

fn all(source: impl Read, shown: &str) -> Outcome<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
    source
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| trouble(&error, format!("{shown} can not be read")))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Failure::usage(format!("{shown} is larger than 64 MiB")));
    }
    Ok(bytes)
}

/// Whether a path is a symbolic link.
pub fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

/// Whether it is this user's, or root's, who needs no permission.
fn is_own(found: &fs::Metadata) -> bool {
    found.uid() == geteuid().as_raw() || found.uid() == 0
}

/// Whether a name in a folder stays with what we gave it: others can neither replace nor remove it.
pub fn keeps_names(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|found| {
        is_own(&found) && (found.mode() & 0o002 == 0 || found.mode() & 0o1000 != 0)
    })
}

/// Whether a path is a folder, or a link to one.
pub fn is_folder(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_dir())
}

/// Folders that hold what others made, or what is made anew.
const PASSED_OVER: [&str; 7] =
    ["node_modules", "target", "vendor", "venv", "dist", "build", "__pycache__"];

/// Deepest folder, and most names, that are looked at below one.
const MAX_DEPTH: usize = 16;
const MAX_NAMES: usize = 200_000;

/// The files of a folder and below it whose names are wanted, in order, and links of such names. No
/// link is followed; folders whose name begins with a dot are not looked into.
pub fn below(
    folder: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Outcome<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut files, mut links, mut looked) = (Vec::new(), Vec::new(), 0);
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let unreadable = |error| trouble(&error, format!("{} can not be read", folder.display()));
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            looked += 1;
            if looked > MAX_NAMES {
                return Err(Failure::usage(format!("there are more than {MAX_NAMES} files below"))
                    .hint("name a folder further down"));
            }
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                let passed = name.starts_with('.') || PASSED_OVER.contains(&&*name);
                if !passed && depth < MAX_DEPTH {
                    folders.push((entry.path(), depth + 1));
                }
            } else if wanted(&name) {
                if kind.is_symlink() { links.push(entry.path()) } else { files.push(entry.path()) }
            }
        }
    }
    files.sort();
    links.sort();
    Ok((files, links))
}

/// Whether a folder lies on a file system that is memory only.
pub fn in_memory(folder: &Path) -> bool {
    statfs(folder).is_ok_and(|found| IN_MEMORY.contains(&found.f_type))
}

/// Whether something is there.
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// How long a file is, in bytes; `None` where there is none.
pub fn size(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).ok().map(|file| file.len())
}

/// The path without links and dots.
pub fn canonical(path: &Path) -> Outcome<PathBuf> {
    fs::canonicalize(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::not_found(format!("{} does not exist", path.display())),
        _ => trouble(&error, format!("{} can not be used", path.display())),
    })
}

/// Makes a folder for nobody else.
pub fn make_folder(path: &Path) -> Outcome {
    let new: Vec<&Path> = path.ancestors().take_while(|it| !it.exists()).collect();
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    let made = made.and_then(|()| new.into_iter().try_for_each(settle));
    made.map_err(|error| trouble(&error, format!("{} can not be made", path.display())))
}

/// Has the disk know a name: of a file, or of a folder.
pub fn settle(path: &Path) -> io::Result<()> {
    let Some(above) = path.parent() else { return Ok(()) };
    let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
    match fs::File::open(above)?.sync_all() {
        // A network file system may know no such thing.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// Writes a file that holds no secret, replacing it whole.
pub fn write(path: &Path, text: &str) -> Outcome {
    put(path, 0o666, text, |new| fs::rename(new, path))
        .map_err(|error| trouble(&error, format!("{} can not be written", path.display())))
}

/// Makes a new file with a secret in it, mode 0600, on disk with its name; not in the place of
/// another one.
pub fn create_secret(path: &Path, text: &str) -> Outcome {
    let shown = path.display();
    put(path, 0o600, text, |new| rename_new(new, path)).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::new(Exit::Conflict, format!("{shown} is there already"))
        }
        _ => trouble(&error, format!("{shown} can not be written")),
    })
}

/// Writes a new file that holds no secret; `None` where one is there.
pub fn create(path: &Path, text: &str) -> Outcome<Option<()>> {
    match put(path, 0o666, text, |new| rename_new(new, path)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(trouble(&error, format!("{} can not be written", path.display()))),
        Ok(()) => Ok(Some(())),
    }
}

/// Writes a text beside a path, on disk, before it gets its name, which is on disk too in the end:
/// under it there is never half of it. Where it does not get it, nothing is left.
fn put(
    path: &Path,
    mode: u32,
    text: &str,
    publish: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let new = path.with_extension(format!("new.{}", std::process::id()));
    // Left by a process that died and had our number.
    let _none = fs::remove_file(&new);
    let write = || -> io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        publish(&new)?;
        settle(path)
    };
    let written = write();
    let _gone = fs::remove_file(&new);
    written
}

/// Renames to a name that nothing has.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A network file system may know no such rename, and one of a stick knows no links.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => fs::hard_link(from, to),
        renamed => Ok(renamed?),
    }
}

/// Removes a file; one that is not there is removed already.
pub fn remove(path: &Path) -> Outcome {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(trouble(&error, format!("{} can not be removed", path.display())))
        }
        _ => Ok(()),
    }
}

/// Overwrites a file with zeros, as far as the file system writes in place, and removes it.
pub fn wipe(path: &Path) -> Outcome {
    let overwrite = || -> io::Result<()> {
        let length = fs::symlink_metadata(path)?.len();
        let mut file = fs::OpenOptions::new()
            .write(true)
            .custom_flags(
                OFlags::NOFOLLOW.bits().cast_signed() | OFlags::NONBLOCK.bits().cast_signed(),
            )
            .open(path)?;
        io::copy(&mut io::repeat(0).take(length), &mut file)?;
        file.sync_all()
    };
    // Best effort: the removal below is what counts, and what is reported.
    let _not_overwritten = overwrite();
    remove(path)
}

/// Removes a folder with all in it; one that is not there is removed already.
pub fn remove_folder(path: &Path) -> Outcome {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(trouble(&error, format!("{} can not be removed", path.display())))
        }
        _ => Ok(()),
    }
}

/// Removes a folder where nothing is in it; what is in it was not made by us.
pub fn remove_empty(path: &Path) {
    let _holds_something = fs::remove_dir(path);
}

/// Names of the files in a folder; none where there is no folder.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_whole_or_nothing_is_left_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.note");
        assert!(create(&path, "first").unwrap().is_some());
        assert!(create(&path, "second").unwrap().is_none());
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        write(&path, "third").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "third");
        let taken = folder.path().join("taken");
        fs::create_dir_all(taken.join("by a folder")).unwrap();
        write(&taken, "nowhere to go").unwrap_err();
        assert!(create(&taken, "nowhere to go").unwrap().is_none());
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left, ["audit.note", "taken"]);
    }
}
