//! Connections: how a database is opened, and what holds for every connection.

use std::{
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use zms_core::bundle::Trouble;

use crate::{file, trouble::trouble};

/// How long a connection waits for another one's transaction.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it waits before it asks again: about half of what a commit takes.
const PAUSE: Duration = Duration::from_millis(2);

/// How many statements a connection keeps prepared: more than there are, so that one that serves
/// many requests prepares each once.
const STATEMENTS: usize = 128;

/// What the header of a database says of itself.
pub(crate) struct Header {
    /// `application_id`: whose database it is.
    pub(crate) application: i32,
    /// `user_version`: the number of its schema.
    pub(crate) version: u32,
}

/// Opens a database that exists, and reads its header.
pub(crate) fn open(path: &Path) -> Result<(Connection, Header), Trouble> {
    match attempt(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Others::LetIn) {
        Err(error) if is_shut(&error) && file::log_size(path) == 0 => {
            // The log's shared memory can not be made beside the database: the folder is read
            // only. Without a log nothing is missing from the file, so it can be read as it lies.
            attempt(&as_immutable(path), OpenFlags::SQLITE_OPEN_READ_ONLY, Others::LetIn)
        }
        outcome => outcome,
    }
    .map_err(trouble)
}

/// As [`open`], for a session that is over in a moment. Where nobody else has the database open, others
/// are kept out until then: what is shared with them (`-shm`), which the first one of a crowd has to
/// make anew, is not made at all. Where somebody has, or it can not be done, it is opened as ever.
pub(crate) fn open_alone(path: &Path) -> Result<(Connection, Header), Trouble> {
    match attempt(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Others::KeptOut) {
        Ok(opened) => Ok(opened),
        Err(_) => open(path),
    }
}

/// What becomes of others that open the same database.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    LetIn,
    KeptOut,
}

fn attempt(
    path: &Path,
    access: OpenFlags,
    others: Others,
) -> rusqlite::Result<(Connection, Header)> {
    // No URI unless it is ours, no creation, and no mutex: a connection stays on its thread.
    let mut flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    flags.set(OpenFlags::SQLITE_OPEN_URI, access == OpenFlags::SQLITE_OPEN_READ_ONLY);
    let mut connection = Connection::open_with_flags(path, flags)?;
    if others == Others::KeptOut {
        // Before anything is read, or it has no effect; and without patience, which is five seconds
        // of a new connection's own.
        connection.busy_timeout(Duration::ZERO)?;
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE")?;
    } else {
        be_patient(&mut connection)?;
    }
    settle(&connection)?;
    let header = Header {
        application: connection.query_row("PRAGMA application_id", (), |row| row.get(0))?,
        version: connection.query_row("PRAGMA user_version", (), |row| row.get(0))?,
    };
    if others == Others::KeptOut {
        be_patient(&mut connection)?;
    }
    Ok((connection, header))
}

/// Waits for another connection's transaction, asking at a steady pace. SQLite's own wait
/// (`busy_timeout`) asks less and less often, up to ten times a second, so that who has waited long
/// is overtaken by everybody who comes later.
fn be_patient(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_handler(Some(ask_again))
}

/// Waits a moment; whether it is worth asking once more.
pub(crate) fn ask_again(asked: i32) -> bool {
    thread::sleep(PAUSE);
    PAUSE * u32::try_from(asked).unwrap_or(u32::MAX) < PATIENCE
}

/// What holds for every connection.
fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // The schema is a stranger's word like everything else in the file.
    for (switch, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        // A statement is planned once, and not again for what is bound to it.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
    ] {
        connection.set_db_config(switch, on)?;
    }
    checkpoint_on_close(connection, false)?;
    connection.execute_batch(
        "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 268435456;
         PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;",
    )
}

/// How far the log grows before it is folded: 64 pages where sessions come and go, 4,096 in a process
/// that stays.
pub(crate) const LOG_STEP: u64 = 64 * 16384;
pub(crate) const LONG_LOG_STEP: u64 = 4096 * 16384;
/// From where on a process that stays folds it beside those who write.
pub(crate) const LONG_LOG: u64 = 1024 * 16384;

/// Whether closing the last connection folds the log into the database and removes it.
///
/// That waits for the disk, so a session that only read and noted it does without, and leaves the
/// log to the next session. A session that committed has waited for the disk anyway, and leaves
/// one file that is complete.
///
/// A process that is replaced or killed closes nothing. That is the same as leaving the log.
pub(crate) fn checkpoint_on_close(connection: &Connection, on: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !on).map(|_| ())
}

/// Folds the log into the database and empties it, each time it has grown by another
/// `step`. What fails here fails nothing: the log holds all that was committed.
///
/// SQLite would do so itself (`wal_autocheckpoint`), but it only notes in shared memory how much
/// is folded, and begins the log anew at a later commit. Where every session is a short one, that
/// note is lost with each, so that the log would never begin anew. Hence the emptying.
///
/// The step is about what costs least in all: a session that finds a log reads all of it (5 us a
/// page), and the folding, which one of 64 sessions pays for, waits for the disk several times
/// (25 ms where one wait takes 4). While a process stays that has the database open, nobody has to
/// read the log to know what it holds, so that a longer one costs nothing, and folding it for every
/// tenth commit would cost a third of them.
pub(crate) fn fold_log(connection: &mut Connection, before: u64, after: u64, step: u64) {
    if before / step < after / step {
        // Where somebody reads an older state, it is folded up to there, at the next step the rest.
        let _ = connection.busy_timeout(Duration::ZERO);
        let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
        let _ = be_patient(connection);
    }
}

/// Whether who writes next may have to wait for the disk: at the beginning of a log, and where one of a
/// process that stays has nearly reached its next step.
pub(crate) const fn is_slow(log: u64) -> bool {
    log == 0 || log % LONG_LOG_STEP > LONG_LOG_STEP - LOG_STEP
}

/// Does something that fails where it would have to wait for another connection's transaction.
pub(crate) fn at_once<T>(
    connection: &mut Connection,
    act: impl FnOnce(&mut Connection) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    connection.busy_timeout(Duration::ZERO).map_err(trouble)?;
    let done = act(connection);
    be_patient(connection).map_err(trouble)?;
    done
}

/// Folds the log beside those who write: most of it while they do, and only what came meanwhile while
/// they wait.
pub(crate) fn fold_beside(connection: &mut Connection) {
    let _ = connection.busy_timeout(Duration::ZERO);
    for how in ["PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        let _ = connection.query_row(how, (), |_| Ok(()));
    }
    let _ = be_patient(connection);
}

/// Folds all of the log into the database, which brings both to the disk. Whoever reads an older
/// state is waited for, and then it is an error.
pub(crate) fn fold_whole_log(connection: &Connection) -> rusqlite::Result<()> {
    let left = connection.query_row("PRAGMA wal_checkpoint(FULL)", (), |row| row.get(0))?;
    match left {
        0 => Ok(()),
        _ => {
            let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
            Err(rusqlite::Error::SqliteFailure(busy, None))
        }
    }
}

/// What holds for a connection of a process that stays: the database is read, not mapped. Each entry
/// that another connection appends ends a mapping, for all threads of the process. There are several
/// such connections to a database, so each keeps few of its pages.
pub(crate) fn stay(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA mmap_size = 0; PRAGMA cache_size = -512")?;
    checkpoint_on_close(connection, true)
}

/// Whether commits wait for the disk.
pub(crate) fn wait_for_disk(connection: &Connection, on: bool) -> rusqlite::Result<()> {
    connection.execute_batch(match on {
        true => "PRAGMA synchronous = FULL",
        false => "PRAGMA synchronous = NORMAL",
    })
}

/// Whether SQLite could not open something for lack of permission.
fn is_shut(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// The URI of a database that nobody changes.
fn as_immutable(path: &Path) -> PathBuf {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(char::from(*byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    PathBuf::from(uri)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        time::Instant,
    };

    use tempfile::TempDir;
    use zms_store::Store;

    use super::*;
    use crate::SqliteStore;

    #[test]
    fn who_finds_a_database_held_gets_it_when_it_is_free_also_after_folding_the_log() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("zms.db");
        drop(SqliteStore::create(&path).unwrap());
        let (mut mine, _) = open(&path).unwrap();
        for _ in 0..2 {
            let (other, _) = open(&path).unwrap();
            other.execute_batch("BEGIN IMMEDIATE").unwrap();
            let freed = AtomicBool::new(false);
            thread::scope(|scope| {
                let freed = &freed;
                let free = move || {
                    thread::sleep(PAUSE * 5);
                    freed.store(true, Ordering::SeqCst);
                    other.execute_batch("COMMIT").unwrap();
                };
                scope.spawn(free);
                mine.execute_batch("BEGIN IMMEDIATE").unwrap();
                assert!(freed.load(Ordering::SeqCst), "it waited");
                mine.execute_batch("COMMIT").unwrap();
            });
            fold_log(&mut mine, 0, LOG_STEP, LOG_STEP);
        }
    }

    #[test]
    fn commits_wait_for_the_disk_whatever_was_noted_between_them() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("zms.db");
        let waits = |store: &SqliteStore| {
            let row = store.connection.query_row("PRAGMA synchronous", (), |row| row.get(0));
            row.map(|level: u8| level == 2).unwrap()
        };
        for stays in [false, true] {
            let mut store = SqliteStore::create(&path).unwrap();
            if stays {
                store.stay_open().unwrap();
            }
            assert!(!waits(&store), "a read does not");
            for _ in 0..2 {
                store.make_durable().unwrap();
                assert!(waits(&store));
                store.audit_append(&[]).unwrap();
                assert_eq!(waits(&store), !stays, "what comes after a commit of somebody else's");
            }
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "that nobody waits is seen by a clock")]
    fn who_is_alone_keeps_others_out_and_makes_nothing_that_is_shared() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("zms.db");
        // Who has committed leaves nothing beside the file.
        SqliteStore::create(&path).unwrap().make_durable().unwrap();
        let shared = folder.path().join("zms.db-shm");
        let (alone, _) = open_alone(&path).unwrap();
        assert!(!shared.exists());
        let left = AtomicBool::new(false);
        thread::scope(|scope| {
            let left = &left;
            scope.spawn(move || {
                thread::sleep(PAUSE * 5);
                left.store(true, Ordering::SeqCst);
                drop(alone);
            });
            let (waited, _) = open(&path).unwrap();
            assert!(left.load(Ordering::SeqCst), "it waited");
            // Where somebody is, nobody is alone.
            let begun = Instant::now();
            let (other, _) = open_alone(&path).unwrap();
            assert!(begun.elapsed() < PATIENCE / 2, "that is no reason to wait");
            assert!(shared.exists());
            for connection in [&waited, &other] {
                connection.execute_batch("UPDATE state SET commits = commits + 1").unwrap();
            }
            drop((waited, other));
        });
        // Nothing is lost for those who come later.
        let (next, _) = open_alone(&path).unwrap();
        let commits = next.query_row("SELECT commits FROM state", (), |row| row.get(0));
        assert_eq!(commits, Ok(2));
    }

    #[test]
    fn patience_ends() {
        assert!(ask_again(0));
        assert!(ask_again(2_499));
        assert!(!ask_again(2_500));
        assert!(!ask_again(i32::MAX));
    }
}
