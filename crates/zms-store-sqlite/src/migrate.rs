//! Schemas, each following the one before. A migration is never edited, only followed.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use zms_core::bundle::{Trouble, TroubleClass};

use crate::{
    connection::{self, Header},
    copy,
    file::beside,
    trouble::{corrupt, trouble},
};

/// Tells our databases from others: "ZMS1".
pub(crate) const APPLICATION_ID: i32 = 0x5a4d_5331;

/// What leads from schema number 0, the empty one, to each next.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_vault.sql"),
    include_str!("migrations/0002_uses.sql"),
    include_str!("migrations/0003_engine.sql"),
    include_str!("migrations/0004_wrapped.sql"),
    include_str!("migrations/0005_request.sql"),
    include_str!("migrations/0006_audit.sql"),
];

/// Lays out an empty database.
pub(crate) fn lay_out(connection: &mut Connection, migrations: &[&str]) -> Result<(), Trouble> {
    // The page size is fixed by the first page, and the log stays on for whoever opens it later.
    let settled = connection
        .execute_batch("PRAGMA page_size = 16384; PRAGMA journal_mode = WAL;")
        .and_then(|()| connection.pragma_update(None, "application_id", APPLICATION_ID));
    settled.and_then(|()| run(connection, migrations)).map_err(trouble)
}

/// Brings a database that was opened to the newest schema, after a copy of it was put beside it.
pub(crate) fn bring_up(
    connection: &mut Connection,
    header: &Header,
    path: &Path,
    migrations: &[&str],
) -> Result<(), Trouble> {
    let found = known(header)?;
    let newest = migrations.len() as u32;
    if found == newest {
        return Ok(());
    }
    if found > newest {
        return Err(Trouble::new(TroubleClass::Newer, format!("its schema has number {found}")));
    }
    back_up(connection, found, path)?;
    connection::wait_for_disk(connection, true)
        .and_then(|()| run(connection, migrations))
        .and_then(|()| connection::wait_for_disk(connection, false))
        .map_err(trouble)
}

/// The number of a schema that is ours.
fn known(header: &Header) -> Result<u32, Trouble> {
    match header {
        Header { application: APPLICATION_ID, version: 1.. } => Ok(header.version),
        _ => Err(corrupt("the file is a database of something else")),
    }
}

/// Runs what is still to run, all or nothing. Somebody else may have done so meanwhile.
fn run(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = tx.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    for migration in migrations.iter().skip(found as usize) {
        tx.execute_batch(migration)?;
    }
    tx.pragma_update(None, "user_version", found.max(migrations.len() as u32))?;
    tx.commit()
}

/// `zms.db.v1.bak` beside `zms.db`. A newer copy of the same schema takes the place of an older.
fn back_up(connection: &Connection, version: u32, path: &Path) -> Result<(), Trouble> {
    let (draft, copied) = copy::draft(connection, path)?;
    // Where somebody else migrated it meanwhile, the copy is no backup.
    if known(&copied)? == version {
        draft.replace(&beside(path, format!(".v{version}.bak")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the test looks at files")]

    use std::{fs, os::unix::fs::PermissionsExt, thread};

    use tempfile::TempDir;
    use zms_store::{Store, contract::vault::Vault};

    use super::*;
    use crate::SqliteStore;

    /// Today's schema in one step, and two that might come.
    const NEXT: &[&str] = &[
        concat!(
            include_str!("migrations/0001_vault.sql"),
            include_str!("migrations/0002_uses.sql"),
            include_str!("migrations/0003_engine.sql"),
            include_str!("migrations/0004_wrapped.sql"),
            include_str!("migrations/0005_request.sql"),
            include_str!("migrations/0006_audit.sql")
        ),
        "CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT;",
        "ALTER TABLE extra ADD COLUMN more TEXT; INSERT INTO extra VALUES (7, 'seven');",
    ];

    fn made(folder: &TempDir) -> std::path::PathBuf {
        let path = folder.path().join("zms.db");
        Vault::written(&mut SqliteStore::create_with(&path, &NEXT[..1]).expect("it is made"));
        path
    }

    fn version(store: &SqliteStore) -> u32 {
        let version = store.connection.query_row("PRAGMA user_version", (), |row| row.get(0));
        version.expect("the header is read")
    }

    #[test]
    fn an_older_database_is_brought_up_and_backed_up() {
        let folder = TempDir::new().unwrap();
        let path = made(&folder);
        let store = SqliteStore::open_with(&path, NEXT).unwrap().unwrap();
        assert_eq!(version(&store), 3);
        let extra: i64 =
            store.connection.query_row("SELECT id FROM extra", (), |row| row.get(0)).unwrap();
        assert_eq!(extra, 7);
        let backup = folder.path().join("zms.db.v1.bak");
        assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o7777, 0o600);
        let before = SqliteStore::open_with(&backup, &NEXT[..1]).unwrap().unwrap();
        assert_eq!(version(&before), 1);
        for store in [store, before] {
            let scope = Vault::unmade().scope(&store, "shop/production");
            assert_eq!(scope.open_records().unwrap().len(), 3);
        }
        let Err(trouble) = SqliteStore::open_with(&path, &NEXT[..1]) else {
            panic!("an older program opened a newer database");
        };
        assert_eq!(trouble.class, TroubleClass::Newer);
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let folder = TempDir::new().unwrap();
        let path = made(&folder);
        let broken = [NEXT[0], NEXT[1], "INSERT INTO extra VALUES ('no number');"];
        assert!(SqliteStore::open_with(&path, &broken).is_err());
        let store = SqliteStore::open_with(&path, &NEXT[..1]).unwrap().unwrap();
        assert_eq!(version(&store), 1);
        assert!(store.connection.prepare("SELECT * FROM extra").is_err());
        assert_eq!(store.audit_read(0, 0, 9).unwrap().len(), 2);
    }

    #[test]
    fn many_that_open_an_older_database_at_once_all_find_it_new() {
        let folder = TempDir::new().unwrap();
        let path = made(&folder);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let store = SqliteStore::open_with(&path, NEXT).unwrap().unwrap();
                    assert_eq!(version(&store), 3);
                });
            }
        });
        let backup = folder.path().join("zms.db.v1.bak");
        let before = SqliteStore::open_with(&backup, &NEXT[..1]).unwrap().unwrap();
        assert_eq!(version(&before), 1);
    }
}
