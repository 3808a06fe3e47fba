//! Pins on disk, apart from the database: one file per principal. spec/pins.md#file
#![expect(clippy::disallowed_methods, reason = "this file owns the pins' files")]

mod checkpoint;
mod form;

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, OFlags, flock};
use zms_core::{
    id::{PrincipalId, VaultId},
    pin::Pins,
};

use self::form::{parse, render};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 256 * 1024 * 1024;

/// Pins can not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinTrouble {
    /// They can not be read or kept.
    #[error("the pins in {} can not be {verb}: {source}", path.display())]
    File {
        /// Where they are kept.
        path: PathBuf,
        /// What was tried.
        verb: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// They are damaged, or of another vault: either they or the database were exchanged.
    #[error("the pins in {} are damaged, or of another vault than the database", path.display())]
    Foreign {
        /// Where they are kept.
        path: PathBuf,
    },
}

/// The folder that keeps all pins.
pub struct PinFolder(PathBuf);

impl PinFolder {
    /// Names the folder; it is made when the first pins are kept.
    pub const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    fn path(&self, principal: PrincipalId) -> PathBuf {
        self.0.join(format!("{principal}.json"))
    }

    /// What a principal's file holds now, before it is known of which vault it must be.
    pub fn peek(&self, principal: PrincipalId) -> Peek {
        let path = self.path(principal);
        let text = read(&path);
        Peek { path, text }
    }

    /// What a principal has seen of a vault. No file is a first use; a file that can not be
    /// understood is an error, because passing over it would undo what it protects.
    ///
    /// # Errors
    /// [`PinTrouble`].
    pub fn load(&self, vault: VaultId, principal: PrincipalId) -> Result<Pins, PinTrouble> {
        self.peek(principal).of(vault)
    }

    /// Takes in what was seen, under a lock: two processes never lower each other's pins.
    ///
    /// # Errors
    /// [`PinTrouble`].
    pub fn advance(
        &self,
        vault: VaultId,
        principal: PrincipalId,
        seen: Pins,
    ) -> Result<(), PinTrouble> {
        let path = self.path(principal);
        let trouble = |source| PinTrouble::File { path: path.clone(), verb: "kept", source };
        let _lock = self.lock().map_err(trouble)?;
        let mut pins = self.load(vault, principal)?;
        if pins.gains(&seen) {
            pins.advance(seen);
            write(&path, &render(&pins, vault)).map_err(trouble)?;
        }
        Ok(())
    }

    /// Locks the folder, which is made where it is missing, until the file is dropped.
    fn lock(&self) -> io::Result<File> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let lock = create(&self.0.join("lock"), false)?;
        flock(&lock, FlockOperation::LockExclusive)?;
        Ok(lock)
    }
}

/// What a file of pins held at one moment. Whoever compares it with a state must have looked before
/// that state was read: what is pinned meanwhile, by another process, may be newer than the state.
pub struct Peek {
    path: PathBuf,
    text: io::Result<String>,
}

impl Peek {
    /// As [`PinFolder::load`].
    ///
    /// # Errors
    /// [`PinTrouble`].
    pub fn of(self, vault: VaultId) -> Result<Pins, PinTrouble> {
        let Self { path, text } = self;
        match text {
            Ok(text) => parse(&text, vault).ok_or(PinTrouble::Foreign { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Pins::default()),
            Err(source) => Err(PinTrouble::File { path, verb: "read", source }),
        }
    }
}

fn create(path: &Path, truncate: bool) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(truncate)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

fn read(path: &Path) -> io::Result<String> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)?;
    let mut text = String::new();
    file.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(text)
}

/// Replaces the file: a crash leaves the old pins or the new ones.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = create(&new, true)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use zms_core::{
        id::ScopeId,
        pin::{HeadPin, RosterPin},
    };

    use super::*;

    fn seen(version: u64) -> Pins {
        let roster = RosterPin { generation: 1, version, hash: [version as u8; 32] };
        let head = HeadPin { revision: version, hash: [9; 32] };
        Pins { roster: Some(roster), heads: [(vec![ScopeId([1; 16])], head)].into() }
    }

    #[test]
    fn pins_are_kept_and_never_lowered() {
        let home = tempfile::tempdir().expect("a scratch folder");
        let folder = PinFolder::new(home.path().join("pins"));
        let (vault, me) = (VaultId([7; 16]), PrincipalId([8; 16]));
        assert_eq!(folder.load(vault, me).expect("first use"), Pins::default());
        folder.advance(vault, me, seen(5)).expect("kept");
        folder.advance(vault, me, seen(4)).expect("kept");
        assert_eq!(folder.load(vault, me).expect("kept"), seen(5));
        assert!(folder.load(VaultId([6; 16]), me).is_err(), "pins of another vault are no pins");
        fs::write(folder.path(me), "{}").expect("writable");
        assert!(folder.load(vault, me).is_err(), "damaged pins are not a first use");
    }
}
