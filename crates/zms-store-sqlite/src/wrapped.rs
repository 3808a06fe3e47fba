//! Sealed answers that wait for their token.

use rusqlite::{Connection, OptionalExtension, params};
use zms_core::{audit::Event, bundle::Trouble, id::WrappedId, wrapped::MAX_KEPT};
use zms_store::Waiting;

use crate::{audit, bundle::vault_kept, trouble::trouble, writing::Writing};

/// Keeps one, where there is room.
pub(crate) fn keep(
    connection: &mut Connection,
    waiting: &Waiting,
    now: u64,
) -> Result<bool, Trouble> {
    let tx = Writing::begin(connection).map_err(trouble)?;
    vault_kept(&tx)?;
    tx.execute("DELETE FROM wrapped WHERE expires < ?1", [now.cast_signed()]).map_err(trouble)?;
    let sql = "SELECT COALESCE(SUM(length(sealed)), 0) FROM wrapped";
    let kept: i64 = tx.query_row(sql, (), |row| row.get(0)).map_err(trouble)?;
    if kept.cast_unsigned() + waiting.sealed.len() as u64 > MAX_KEPT {
        return Ok(false);
    }
    let row = params![waiting.id.0, waiting.expires.cast_signed(), waiting.sealed];
    tx.execute("INSERT INTO wrapped VALUES (?1, ?2, ?3)", row).map_err(trouble)?;
    tx.commit().map_err(trouble)?;
    Ok(true)
}

/// One that waits.
pub(crate) fn find(connection: &Connection, id: WrappedId) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut select = connection.prepare_cached("SELECT sealed FROM wrapped WHERE id = ?1")?;
    select.query_row([id.0], |row| row.get(0)).optional()
}

/// Takes one away with its entries. The write lock is taken first, so one of many gets it.
pub(crate) fn take(
    connection: &mut Connection,
    id: WrappedId,
    events: &[Event],
) -> Result<bool, Trouble> {
    let tx = Writing::begin(connection).map_err(trouble)?;
    if tx.execute("DELETE FROM wrapped WHERE id = ?1", [id.0]).map_err(trouble)? == 0 {
        return Ok(false);
    }
    let vault = vault_kept(&tx)?;
    audit::append(&tx, vault, events).map_err(trouble)?;
    tx.commit().map_err(trouble)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use zms_core::audit::Action;
    use zms_store::{
        Keeper,
        contract::vault::{NOW, Vault, event},
    };

    use super::*;
    use crate::SqliteStore;

    fn waiting() -> (TempDir, SqliteStore, Vault, WrappedId) {
        let folder = TempDir::new().unwrap();
        let mut store = SqliteStore::create(&folder.path().join("zms.db")).unwrap();
        let vault = Vault::made(&mut store);
        let id = WrappedId([1; 16]);
        let waiting = Waiting { id, expires: NOW + 60, sealed: vec![1; 300] };
        assert!(store.keep_wrapped(&waiting, NOW).unwrap());
        (folder, store, vault, id)
    }

    #[test]
    fn an_answer_whose_entry_can_not_be_stored_goes_on_waiting() {
        let (_folder, mut store, vault, id) = waiting();
        store.connection.execute_batch("ALTER TABLE audit RENAME TO away").unwrap();
        let events = [event(vault.owner.id(), Action::Unwrap)];
        assert!(store.take_wrapped(id, &events).is_err());
        assert!(store.wrapped(id).unwrap().is_some());
        store.connection.execute_batch("ALTER TABLE away RENAME TO audit").unwrap();
        assert!(store.take_wrapped(id, &events).unwrap());
    }

    #[test]
    fn attack_a_copy_of_the_vault_brings_no_answer_back() {
        let (folder, mut store, _, id) = waiting();
        let copy = folder.path().join("copy.db");
        store.copy_to(&copy).unwrap();
        assert!(store.take_wrapped(id, &[]).unwrap());
        let copied = SqliteStore::open(&copy).unwrap().unwrap();
        assert!(copied.wrapped(id).unwrap().is_none());
        store.become_copy(&copied).unwrap();
        assert!(store.wrapped(id).unwrap().is_none());
    }
}
