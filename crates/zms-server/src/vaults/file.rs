//! One vault in one SQLite file.
#![expect(clippy::disallowed_methods, reason = "this file tells one database file from another")]

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use zms_core::{
    audit::Event,
    batch::Batch,
    bundle::Trouble,
    id::{PrincipalId, VaultId},
};
use zms_store::{Check, CommitError, Keeper, Store};
use zms_store_sqlite::{SqliteStore, file_trouble};

use super::{
    Ready, Vaults,
    handle::{File, Handle, Shelf},
    room::Room,
};

/// A database that holds one vault, or is to.
pub struct OneFile {
    path: PathBuf,
    kept: Mutex<Option<Kept>>,
    room: Room,
}

/// What is known of the file that has the name now.
struct Kept {
    file: File,
    vault: VaultId,
    shelf: Arc<Shelf>,
}

impl OneFile {
    /// The database of this path, whether it is there or not.
    pub fn new(path: PathBuf) -> Self {
        Self { path, kept: Mutex::default(), room: Room::default() }
    }

    /// A handle on the vault, whatever its id; `None` where there is none.
    pub(super) fn open(&self) -> Result<Option<(VaultId, Handle)>, Trouble> {
        let Some(file) = identity(&self.path)? else { return Ok(None) };
        // A file that was put in its place is another one: handles on the old one are let go.
        if let Some(kept) = self.kept().as_ref().filter(|kept| kept.file == file)
            && let Some(handle) = kept.shelf.take()
        {
            return Ok(Some((kept.vault, handle)));
        }
        let Some(mut store) = SqliteStore::open(&self.path)? else { return Ok(None) };
        let Some(vault) = store.bundle()?.vault()? else { return Ok(None) };
        store.stay_open()?;
        let mut kept = self.kept();
        if kept.as_ref().is_none_or(|kept| kept.file != file || kept.vault != vault) {
            *kept = Some(Kept { file, vault, shelf: Arc::new(Shelf::of(file)) });
        }
        let lent = kept.as_ref().map(|kept| kept.shelf.lend(store));
        Ok(lent.map(|handle| (vault, handle)))
    }

    /// Whether the vault, where there is one, can be read and written.
    pub(super) fn usable(&self) -> Result<(), Trouble> {
        self.open()?.map_or(Ok(()), |(_, mut handle)| handle.writable())
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A vault is made under a name of its own, so that nobody sees it before it is complete.
    fn make(&self, batch: &Batch, events: &[Event], check: Check<'_>) -> Result<(), CommitError> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{}-{number}.made", std::process::id()));
        let path = PathBuf::from(name);
        let mut store = SqliteStore::create(&path)?;
        if let Err(error) = store.commit_checked(batch, events, check) {
            store.discard();
            return Err(error);
        }
        if store.publish(&self.path)? { Ok(()) } else { Err(CommitError::Exists) }
    }
}

/// Which file has a name now.
fn identity(path: &Path) -> Result<Option<File>, Trouble> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some((found.dev(), found.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_trouble(error)),
    }
}

impl Vaults for OneFile {
    fn find(&self, vault: VaultId) -> Result<Option<Handle>, Trouble> {
        let opened = self.open()?.filter(|(found, _)| *found == vault);
        Ok(opened.map(|(_, handle)| handle))
    }

    /// There is but one to look in.
    fn of(&self, _: PrincipalId) -> Result<Vec<VaultId>, Trouble> {
        Ok(self.open()?.map(|(vault, _)| vault).into_iter().collect())
    }

    fn create(&self, batch: &Batch, events: &[Event], check: Check<'_>) -> Result<(), CommitError> {
        if self.open()?.is_some() {
            return Err(CommitError::Exists);
        }
        match SqliteStore::open(&self.path)? {
            // An empty one.
            Some(mut store) => store.commit_checked(batch, events, check),
            None => self.make(batch, events, check),
        }
    }

    fn is_empty(&self) -> Result<bool, Trouble> {
        Ok(self.open()?.is_none())
    }

    fn ready(&self) -> Result<Ready, Trouble> {
        if let Some(folder) = self.path.parent() {
            self.room.is_in(folder)?;
        }
        self.usable().map(|()| Ready::Whole)
    }

    fn known(&self, _: PrincipalId) -> Option<Vec<VaultId>> {
        self.kept().as_ref().map(|kept| vec![kept.vault])
    }

    fn is_open(&self, vault: VaultId) -> bool {
        self.kept().as_ref().is_some_and(|kept| kept.vault == vault && kept.shelf.has_one())
    }

    fn is_quick(&self) -> bool {
        true
    }
}
