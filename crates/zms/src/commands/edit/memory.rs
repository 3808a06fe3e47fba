//! Where the text lies while it is edited: in memory, on no disk.
#![expect(clippy::disallowed_methods, reason = "this file owns the text that is edited")]

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::PathBuf,
};

use rustix::fs::{MemfdFlags, OFlags, memfd_create};
use zeroize::Zeroizing;

use crate::{
    environment,
    exit::{Failure, Outcome},
    files::in_memory,
    home::trouble,
};

/// Most bytes that an editor may leave.
const MAX_TEXT: u64 = 64 * 1024 * 1024;

/// The text, and how an editor finds it.
pub(super) enum Text {
    /// A file without a name, which the editor inherits.
    Inherited(File),
    /// A file in a folder of its own on a memory file system, for editors that hand the name to
    /// another process.
    Named { folder: PathBuf, file: PathBuf },
}

impl Text {
    /// Makes an empty one.
    pub(super) fn new(inherited: bool, extension: &str) -> Outcome<Self> {
        if inherited
            && let Ok(memory) = memfd_create(c"zms", MemfdFlags::empty())
            && fs::metadata(format!("/proc/self/fd/{}", memory.as_raw_fd())).is_ok()
        {
            return Ok(Self::Inherited(File::from(memory)));
        }
        let mut random = [0; 8];
        environment::entropy().fill_bytes(&mut random);
        for place in places() {
            let folder = place.join(format!("zms-edit-{}", hex::encode(random)));
            if !in_memory(&place) || DirBuilder::new().mode(0o700).create(&folder).is_err() {
                continue;
            }
            let file = folder.join(format!("secrets.{extension}"));
            return Ok(Self::Named { folder, file });
        }
        Err(Failure::other("there is no place in memory for the text, and it goes on no disk")
            .hint("use vim, nano or emacs, or mount a tmpfs on /dev/shm"))
    }

    /// The name to give to the editor.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            // Its own number: the editor inherits it, and nobody may look into our process.
            Self::Inherited(file) => format!("/proc/self/fd/{}", file.as_raw_fd()).into(),
            Self::Named { file, .. } => file.clone(),
        }
    }

    /// Replaces the text.
    pub(super) fn put(&mut self, text: &[u8]) -> Outcome {
        let put = match self {
            Self::Inherited(file) => rewrite(file, text),
            Self::Named { file, .. } => OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(file)
                .and_then(|mut file| file.write_all(text)),
        };
        put.map_err(|error| trouble(&error, "the text can not be put into memory"))
    }

    /// The text as the editor left it.
    pub(super) fn take(&mut self) -> Outcome<Zeroizing<Vec<u8>>> {
        let unread = |error: io::Error| trouble(&error, "what the editor left can not be read");
        let taken = match self {
            Self::Inherited(file) => file.seek(SeekFrom::Start(0)).and_then(|_| whole(file)),
            Self::Named { file, .. } => OpenOptions::new()
                .read(true)
                .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
                .open(file)
                .and_then(|mut file| whole(&mut file)),
        };
        let taken = taken.map_err(unread)?;
        if taken.len() as u64 > MAX_TEXT {
            return Err(Failure::usage("the editor left more than 64 MiB"));
        }
        Ok(taken)
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        let Self::Named { folder, file } = self else { return };
        // Best effort: it was never on a disk.
        let _gone = crate::files::wipe(file);
        // Backups and locks that the editor left are in there too.
        let _gone = fs::remove_dir_all(folder);
    }
}

fn rewrite(file: &mut File, text: &[u8]) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(text)
}

fn whole(file: &mut File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(256 * 1024));
    file.take(MAX_TEXT + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// Where memory file systems are.
fn places() -> Vec<PathBuf> {
    let runtime = environment::raw("XDG_RUNTIME_DIR").map(PathBuf::from);
    let usual = ["/dev/shm", "/run/shm", "/tmp"].map(PathBuf::from);
    runtime.into_iter().filter(|path| path.is_absolute()).chain(usual).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_text_with_a_name_is_private_and_goes_with_its_folder() {
        let mut text = Text::new(false, "env").unwrap();
        text.put(b"A=1").unwrap();
        let path = text.path();
        let folder = path.parent().unwrap().to_owned();
        assert!(in_memory(&folder));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        fs::write(folder.join("secrets.env~"), "A=1").unwrap();
        assert_eq!(*text.take().unwrap(), b"A=1");
        drop(text);
        assert!(!folder.exists());
    }

    #[test]
    fn a_text_is_replaced_whole() {
        let mut text = Text::new(true, "env").unwrap();
        assert!(matches!(text, Text::Inherited(_)));
        text.put(b"A=longer").unwrap();
        text.put(b"A=1").unwrap();
        assert_eq!(*text.take().unwrap(), b"A=1");
        assert_eq!(*text.take().unwrap(), b"A=1");
    }
}
