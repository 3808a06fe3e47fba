//! What can be told of a database without a key.

use rusqlite::OptionalExtension;
use zms_core::bundle::Trouble;

use crate::{SqliteStore, trouble::trouble};

/// Most findings that are listed: a file that is damaged is damaged all over.
const MOST: u32 = 20;

impl SqliteStore {
    /// What SQLite finds wrong with the file's structure, each in its own words; nothing where it
    /// is sound. That says nothing of what the records hold: they are proven when they are opened.
    ///
    /// # Errors
    /// [`Trouble`] where the file can not be read.
    pub fn flaws(&self) -> Result<Vec<String>, Trouble> {
        let mut check =
            self.connection.prepare(&format!("PRAGMA integrity_check({MOST})")).map_err(trouble)?;
        let rows = check.query_map((), |row| row.get::<_, String>(0)).map_err(trouble)?;
        let mut flaws = rows.collect::<Result<Vec<_>, _>>().map_err(trouble)?;
        flaws.retain(|flaw| flaw != "ok");
        Ok(flaws)
    }

    /// The number of the database's schema.
    ///
    /// # Errors
    /// [`Trouble`] where the file can not be read.
    pub fn schema_version(&self) -> Result<u32, Trouble> {
        let version = self.connection.query_row("PRAGMA user_version", (), |row| row.get(0));
        version.map_err(trouble)
    }

    /// Unix seconds of the newest audit entry; `None` where there is none.
    ///
    /// # Errors
    /// [`Trouble`] where the file can not be read.
    pub fn newest_entry(&self) -> Result<Option<u64>, Trouble> {
        let newest = "SELECT time FROM audit ORDER BY seq DESC LIMIT 1";
        let time = self.connection.query_row(newest, (), |row| row.get::<_, i64>(0));
        Ok(time.optional().map_err(trouble)?.map(i64::cast_unsigned))
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use zms_core::audit::Action;
    use zms_store::{
        Store,
        contract::vault::{Vault, event},
    };

    use super::*;

    #[test]
    fn a_sound_database_has_no_flaws() {
        let folder = TempDir::new().unwrap();
        let mut store = SqliteStore::create(&folder.path().join("zms.db")).unwrap();
        assert_eq!(store.newest_entry().unwrap(), None);
        let vault = Vault::written(&mut store);
        let mut newest = event(vault.owner.id(), Action::Read);
        newest.time += 7;
        store.audit_append(&[newest.clone()]).unwrap();
        assert_eq!(store.newest_entry().unwrap(), Some(newest.time));
        assert!(store.flaws().unwrap().is_empty());
        assert_eq!(store.schema_version().unwrap(), crate::migrate::MIGRATIONS.len() as u32);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test damages the file")]
    fn a_page_of_noise_is_a_flaw() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("zms.db");
        let mut store = SqliteStore::create(&path).unwrap();
        Vault::written(&mut store);
        store.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).unwrap();
        drop(store);
        let mut bytes = std::fs::read(&path).unwrap();
        // Every page but the first, whose header says how many there are.
        for page in bytes.chunks_mut(16384).skip(1) {
            page[..64].fill(0xff);
        }
        std::fs::write(&path, bytes).unwrap();
        let store = SqliteStore::open(&path).unwrap().unwrap();
        assert!(store.flaws().map_or(true, |flaws| !flaws.is_empty()));
    }
}
