//! Many vaults in a folder, an SQLite file each.

use std::{
    collections::HashMap,
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;
use zms_core::{
    audit::Event,
    batch::Batch,
    bundle::Trouble,
    engine::path::Named,
    id::{PrincipalId, VaultId},
};
use zms_store::{Check, CommitError};
use zms_store_sqlite::file_trouble;

use super::{Handle, OneFile, Ready, Vaults, room::Room};
use crate::held::held;

/// Most vaults that are kept open.
const MOST_OPEN: usize = 256;
/// Most vaults that are looked at for one that is usable.
const LOOKED_AT: usize = 16;
/// How long the list of members is good for where somebody is asked for who is not on it.
const STALE: Duration = Duration::from_secs(5);

/// A folder with a database for each vault, named by its id.
pub struct Folder {
    path: PathBuf,
    open: Mutex<HashMap<VaultId, Arc<OneFile>>>,
    members: Mutex<Members>,
    room: Room,
}

/// Who is in which vault, as far as it is known.
#[derive(Default)]
struct Members {
    of: HashMap<PrincipalId, Vec<VaultId>>,
    listed: Option<Instant>,
}

impl Members {
    /// `None` where the folder is to be read, which whoever asks for strangers again and again does not
    /// have done each time.
    fn known(&self, principal: PrincipalId) -> Option<Vec<VaultId>> {
        let is_new = self.listed.is_some_and(|at| at.elapsed() < STALE);
        self.of.get(&principal).cloned().or_else(|| is_new.then(Vec::new))
    }

    fn add(&mut self, principal: PrincipalId, vault: VaultId) {
        let vaults = self.of.entry(principal).or_default();
        if !vaults.contains(&vault) {
            vaults.push(vault);
        }
    }
}

impl Folder {
    /// The vaults in a folder that exists.
    pub fn new(path: PathBuf) -> Self {
        Self { path, open: Mutex::default(), members: Mutex::default(), room: Room::default() }
    }

    fn file(&self, vault: VaultId) -> Arc<OneFile> {
        // Declared first, so dropped last: closing a database may wait for the disk, and nobody else
        // is to wait for that.
        let mut _closes = None;
        let mut open = held(&self.open);
        if open.len() >= MOST_OPEN && !open.contains_key(&vault) {
            let any = open.keys().next().copied();
            _closes = any.and_then(|any| open.remove(&any));
        }
        let path = || self.path.join(format!("{vault}.db"));
        Arc::clone(open.entry(vault).or_insert_with(|| Arc::new(OneFile::new(path()))))
    }

    fn vaults(&self) -> Result<Vec<VaultId>, Trouble> {
        self.listed().map_err(file_trouble)?.collect::<io::Result<_>>().map_err(file_trouble)
    }

    /// What lies there under the name of a vault.
    fn listed(&self) -> io::Result<impl Iterator<Item = io::Result<VaultId>>> {
        let vault = |entry: io::Result<fs::DirEntry>| {
            let name = match entry {
                Ok(entry) => entry.file_name(),
                Err(error) => return Some(Err(error)),
            };
            match name.to_str()?.strip_suffix(".db").and_then(Named::parse)? {
                Named::Vault(vault) => Some(Ok(vault)),
                Named::Own => None,
            }
        };
        Ok(fs::read_dir(&self.path)?.filter_map(vault))
    }

    /// Every member of every vault.
    fn list(&self) -> Result<Vec<(PrincipalId, VaultId)>, Trouble> {
        let mut all = Vec::new();
        for vault in self.vaults()? {
            let Some(handle) = self.find(vault)? else { continue };
            let members = handle.bundle()?.members()?;
            all.extend(members.into_iter().map(|part| (part.principal, vault)));
        }
        Ok(all)
    }
}

impl Vaults for Folder {
    fn find(&self, vault: VaultId) -> Result<Option<Handle>, Trouble> {
        self.file(vault).find(vault)
    }

    fn of(&self, principal: PrincipalId) -> Result<Vec<VaultId>, Trouble> {
        {
            let mut members = held(&self.members);
            if let Some(vaults) = members.known(principal) {
                return Ok(vaults);
            }
            members.listed = Some(Instant::now());
        }
        let all = self.list()?;
        let mut members = held(&self.members);
        all.into_iter().for_each(|(principal, vault)| members.add(principal, vault));
        Ok(members.of.get(&principal).cloned().unwrap_or_default())
    }

    fn create(&self, batch: &Batch, events: &[Event], check: Check<'_>) -> Result<(), CommitError> {
        self.file(batch.vault).create(batch, events, check)
    }

    fn is_empty(&self) -> Result<bool, Trouble> {
        Ok(self.vaults()?.is_empty())
    }

    /// One vault in trouble is no reason to turn away those who come for the others; where none of
    /// some is usable, it is.
    fn ready(&self) -> Result<Ready, Trouble> {
        self.room.is_in(&self.path)?;
        let mut trouble = None;
        for vault in self.listed().map_err(file_trouble)?.take(LOOKED_AT) {
            match self.file(vault.map_err(file_trouble)?).usable() {
                Ok(()) => return Ok(Ready::Whole),
                Err(found) => trouble = trouble.or(Some(found)),
            }
        }
        trouble.map_or(Ok(Ready::Whole), Err)
    }

    fn joined(&self, vault: VaultId, principals: &[PrincipalId]) {
        let mut members = held(&self.members);
        principals.iter().for_each(|principal| members.add(*principal, vault));
    }

    fn known(&self, principal: PrincipalId) -> Option<Vec<VaultId>> {
        held(&self.members).known(principal)
    }

    fn is_open(&self, vault: VaultId) -> bool {
        let file = held(&self.open).get(&vault).cloned();
        file.is_some_and(|file| file.is_open(vault))
    }

    fn is_quick(&self) -> bool {
        true
    }
}
