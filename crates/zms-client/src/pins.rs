//! Pins on disk, apart from the database: one file per principal. spec/pins.md#file
#![expect(clippy::disallowed_methods, reason = "this file owns the pins' files")]

mod checkpoint;
mod handed;
mod json;
mod table;

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, OFlags, flock};
use zms_core::{
    id::{PrincipalId, VaultId},
    pin::{Pinned, Pins},
};

pub use self::{handed::HandedPins, table::PinTable};

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
    /// What was handed in is damaged, or of another vault.
    #[error("the pin that was handed in is damaged, or of another vault")]
    Handed,
}

/// The folder that keeps all pins.
pub struct PinFolder(PathBuf);

impl PinFolder {
    /// Names the folder; it is made when the first pins are kept.
    pub const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Where a principal's pins are kept.
    pub fn path(&self, principal: PrincipalId) -> PathBuf {
        self.0.join(format!("{principal}.pins"))
    }

    /// Where they were kept before, as JSON.
    fn json_path(&self, principal: PrincipalId) -> PathBuf {
        self.0.join(format!("{principal}.json"))
    }

    /// What a principal's file holds now, before it is known of which vault it must be.
    pub fn peek(&self, principal: PrincipalId) -> Peek {
        let (path, json) = (self.path(principal), self.json_path(principal));
        // The first one again at last: another process may have put it in place of the other.
        let files: [(&Path, Made); 3] =
            [(&path, Form::Table), (&json, Form::Json), (&path, Form::Table)];
        for (path, form) in files {
            match read(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                held => return Peek { path: path.to_owned(), held: held.map(form) },
            }
        }
        Peek { path, held: Ok(Form::None) }
    }

    /// What a principal has seen of a vault. No file is a first use; a file that can not be
    /// understood is an error, because passing over it would undo what it protects.
    ///
    /// # Errors
    /// [`PinTrouble`].
    pub fn load(&self, vault: VaultId, principal: PrincipalId) -> Result<PinTable, PinTrouble> {
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
        seen: &Pins,
    ) -> Result<(), PinTrouble> {
        let path = self.path(principal);
        let trouble = |source| PinTrouble::File { path: path.clone(), verb: "kept", source };
        let _lock = self.lock().map_err(trouble)?;
        let peek = self.peek(principal);
        let renewed = matches!(peek.held, Ok(Form::Json(_)));
        let pins = peek.of(vault)?;
        if renewed || pins.gains(seen) {
            write(&path, &pins.advanced(vault, seen).into_bytes()).map_err(trouble)?;
            self.drop_json(principal).map_err(trouble)?;
        }
        Ok(())
    }

    /// Gives a new principal what another one has seen.
    ///
    /// # Errors
    /// [`PinTrouble`].
    pub fn hand_on(
        &self,
        vault: VaultId,
        from: PrincipalId,
        to: PrincipalId,
    ) -> Result<(), PinTrouble> {
        let path = self.path(to);
        let trouble = |source| PinTrouble::File { path: path.clone(), verb: "kept", source };
        let _lock = self.lock().map_err(trouble)?;
        let pins = self.peek(from).of(vault)?;
        write(&path, &pins.into_bytes()).map_err(trouble)
    }

    /// Removes the file of the old form, once the new one has its name for good.
    fn drop_json(&self, principal: PrincipalId) -> io::Result<()> {
        let json = self.json_path(principal);
        if json.symlink_metadata().is_err() {
            return Ok(());
        }
        File::open(&self.0)?.sync_all()?;
        fs::remove_file(json)
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
    held: io::Result<Form>,
}

/// How content becomes what it is.
type Made = fn(Vec<u8>) -> Form;

/// What was found.
enum Form {
    Table(Vec<u8>),
    Json(Vec<u8>),
    None,
}

impl Peek {
    /// As [`PinFolder::load`].
    ///
    /// # Errors
    /// [`PinTrouble`].
    pub fn of(self, vault: VaultId) -> Result<PinTable, PinTrouble> {
        let Self { path, held } = self;
        let table = match held {
            Ok(Form::Table(bytes)) => PinTable::read(bytes, vault),
            Ok(Form::Json(text)) => json::parse(&text, vault)
                .map(|pins| PinTable::default().advanced(vault, &pins).into_bytes())
                .and_then(|bytes| PinTable::read(bytes, vault)),
            Ok(Form::None) => Some(PinTable::default()),
            Err(source) => return Err(PinTrouble::File { path, verb: "read", source }),
        };
        table.ok_or(PinTrouble::Foreign { path })
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

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)?;
    let length = file.metadata()?.len().min(MAX_FILE);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Replaces the file: a crash leaves the old pins or the new ones.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = create(&new, true)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests;
