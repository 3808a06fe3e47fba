//! One state of the vault: everything it answers is read within one transaction.

use std::cell::Cell;

use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use zms_core::{
    admit::Tree,
    bundle::{Bundle, Standing, Trouble, TroubleClass, Wanted},
    child::StoredChild,
    id::{ChildIndex, NameIndex, PrincipalId, ScopeId, VaultId},
    record::{EndedRecord, Envelope, StoredRecord},
    revision::SignedMessage,
    roster::MemberPart,
};
use zms_crypto::sign::{Signature, VerifyingKey};
use zms_store::Mark;

use crate::{member, trouble::trouble};

/// A read transaction, shared by all bundles held at the same time.
pub(crate) struct SqliteBundle<'c> {
    reading: Reading<'c>,
    vault: Option<VaultId>,
    members: u64,
}

impl<'c> SqliteBundle<'c> {
    /// Begins a transaction, unless one is open, and reads: only reading fixes its state.
    pub(crate) fn begin(
        connection: &'c Connection,
        bundles: &'c Cell<usize>,
    ) -> rusqlite::Result<Self> {
        let reading = Reading::begin(connection, bundles)?;
        let found = one(connection, "SELECT id, members FROM vault", (), |row| {
            Ok((VaultId(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned()))
        })?;
        let (vault, members) = found.unzip();
        Ok(Self { reading, vault, members: members.unwrap_or(0) })
    }
}

/// What tells the current state from every other.
pub(crate) fn mark(connection: &Connection) -> rusqlite::Result<Mark> {
    let sql = "SELECT commits, (SELECT signature FROM roster ORDER BY version DESC LIMIT 1)
               FROM state";
    connection.prepare_cached(sql)?.query_row((), |row| {
        let commits = row.get::<_, i64>(0)?.cast_unsigned();
        Ok(Mark { commits, roster: row.get(1)? })
    })
}

impl Tree for SqliteBundle<'_> {
    fn parent(&self, child: ScopeId) -> Result<Option<ScopeId>, Trouble> {
        self.one("SELECT scope FROM child WHERE child = ?1", [child.0], |row| {
            row.get(0).map(ScopeId)
        })
    }

    fn scopes(&self) -> Result<u64, Trouble> {
        let count: Option<i64> = self.one("SELECT COUNT(*) FROM child", (), |row| row.get(0))?;
        Ok(count.unwrap_or(0).cast_unsigned())
    }

    fn authority(&self) -> Result<Option<VerifyingKey>, Trouble> {
        let sql = "SELECT vk FROM authority ORDER BY version DESC LIMIT 1";
        self.one(sql, (), |row| row.get(0).map(VerifyingKey))
    }
}

struct Reading<'c> {
    connection: &'c Connection,
    bundles: &'c Cell<usize>,
}

impl<'c> Reading<'c> {
    fn begin(connection: &'c Connection, bundles: &'c Cell<usize>) -> rusqlite::Result<Self> {
        if bundles.get() == 0 {
            connection.prepare_cached("BEGIN DEFERRED")?.execute(())?;
        }
        bundles.set(bundles.get() + 1);
        Ok(Self { connection, bundles })
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.bundles.set(self.bundles.get() - 1);
        if self.bundles.get() == 0 {
            // It wrote nothing, and SQLite has ended it itself where ending fails.
            let _ = self.connection.prepare_cached("ROLLBACK").and_then(|mut end| end.execute(()));
        }
    }
}

impl Bundle for SqliteBundle<'_> {
    fn vault(&self) -> Result<Option<VaultId>, Trouble> {
        Ok(self.vault)
    }

    fn standing(&self, principal: PrincipalId) -> Result<Standing, Trouble> {
        member::standing(self.reading.connection, principal, self.members)
    }

    fn keyring(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        let sql = "SELECT keyring FROM member WHERE principal = ?1";
        self.one(sql, [principal.0], |row| row.get(0))
    }

    fn escrow(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        let sql = "SELECT escrow FROM member WHERE principal = ?1";
        self.one(sql, [principal.0], |row| row.get(0))
    }

    fn members(&self) -> Result<Vec<MemberPart>, Trouble> {
        member::parts(self.reading.connection).map_err(trouble)
    }

    fn roster(&self) -> Result<Option<SignedMessage>, Trouble> {
        current_roster(self.reading.connection).map_err(trouble)
    }

    fn roster_messages(&self, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        let sql = "SELECT message FROM roster
                   WHERE version > ?1 AND version < (SELECT max(version) FROM roster)
                   ORDER BY version";
        self.all(sql, [behind(after)], |row| row.get(0))
    }

    fn head(&self, scope: ScopeId) -> Result<Option<SignedMessage>, Trouble> {
        head(self.reading.connection, scope).map_err(trouble)
    }

    fn revision_messages(&self, scope: ScopeId, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        let sql = "SELECT message FROM revision
                   WHERE scope = ?1 AND revision > ?2
                   AND revision < (SELECT max(revision) FROM revision WHERE scope = ?1)
                   ORDER BY revision";
        self.all(sql, params![scope.0, behind(after)], |row| row.get(0))
    }

    fn records(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<StoredRecord>, Trouble> {
        let Wanted::Only(names) = wanted else {
            let sql = "SELECT name_index, rev_from, epoch, envelope FROM record WHERE scope = ?1";
            return self.all(sql, [scope.0], |row| record(row, Envelope::Whole(row.get(3)?)));
        };
        let sql = "SELECT name_index, rev_from, epoch, hash FROM record WHERE scope = ?1";
        let mut records =
            self.all(sql, [scope.0], |row| record(row, Envelope::Bare(row.get(3)?)))?;
        for record in records.iter_mut().filter(|record| names.contains(&record.name_index)) {
            let sql = "SELECT envelope FROM record WHERE scope = ?1 AND name_index = ?2";
            let whole = self.one(sql, [scope.0, record.name_index.0], |row| row.get(0))?;
            record.envelope = whole.map_or(record.envelope.clone(), Envelope::Whole);
        }
        Ok(records)
    }

    fn children(&self, scope: ScopeId) -> Result<Vec<StoredChild>, Trouble> {
        let sql = "SELECT child_index, child, child_epoch, envelope FROM child WHERE scope = ?1";
        self.all(sql, [scope.0], |row| {
            Ok(StoredChild {
                child_index: ChildIndex(row.get(0)?),
                child: ScopeId(row.get(1)?),
                child_epoch: row.get(2)?,
                envelope: row.get(3)?,
            })
        })
    }

    fn signatures(&self, scope: ScopeId) -> Result<Vec<(u64, Signature)>, Trouble> {
        let sql = "SELECT revision, signature FROM revision
                   WHERE scope = ?1
                   AND revision < (SELECT max(revision) FROM revision WHERE scope = ?1)
                   ORDER BY revision";
        self.all(sql, [scope.0], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?)))
    }

    fn ended(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<EndedRecord>, Trouble> {
        let sql = "SELECT name_index, rev_from, epoch, envelope, rev_to FROM ended
                   WHERE scope = ?1";
        self.all(sql, [scope.0], |row| {
            let whole = Envelope::Whole(row.get(3)?);
            let mut record = record(row, whole)?;
            if !wanted.includes(record.name_index) {
                record.envelope = Envelope::Bare(record.envelope.hash());
            }
            Ok(EndedRecord { record, rev_to: row.get::<_, i64>(4)?.cast_unsigned() })
        })
    }

    fn past(&self, scope: ScopeId, epoch: u32) -> Result<Option<Vec<u8>>, Trouble> {
        let sql = "SELECT envelope FROM past WHERE scope = ?1 AND epoch = ?2";
        self.one(sql, params![scope.0, epoch], |row| row.get(0))
    }
}

impl SqliteBundle<'_> {
    fn one<T>(
        &self,
        sql: &str,
        key: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Trouble> {
        one(self.reading.connection, sql, key, read).map_err(trouble)
    }

    fn all<T>(
        &self,
        sql: &str,
        key: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Trouble> {
        let statement = self.reading.connection.prepare_cached(sql);
        let rows = |mut statement: rusqlite::CachedStatement<'_>| {
            statement.query_map(key, read)?.collect()
        };
        statement.and_then(rows).map_err(trouble)
    }
}

fn one<T>(
    connection: &Connection,
    sql: &str,
    key: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    connection.prepare_cached(sql)?.query_row(key, read).optional()
}

/// The vault kept here.
pub(crate) fn vault_id(connection: &Connection) -> rusqlite::Result<Option<VaultId>> {
    one(connection, "SELECT id FROM vault", (), |row| row.get(0).map(VaultId))
}

/// The vault kept here, where there has to be one.
pub(crate) fn vault_kept(connection: &Connection) -> Result<VaultId, Trouble> {
    let vault = vault_id(connection).map_err(trouble)?;
    vault.ok_or_else(|| Trouble::new(TroubleClass::Other, "there is no vault"))
}

/// The newest roster.
pub(crate) fn current_roster(connection: &Connection) -> rusqlite::Result<Option<SignedMessage>> {
    let sql = "SELECT message, signature FROM roster ORDER BY version DESC LIMIT 1";
    one(connection, sql, (), signed)
}

/// The newest revision of a scope: one seek to the end of its rows.
pub(crate) fn head(
    connection: &Connection,
    scope: ScopeId,
) -> rusqlite::Result<Option<SignedMessage>> {
    let sql = "SELECT message, signature FROM revision
               WHERE scope = ?1 ORDER BY revision DESC LIMIT 1";
    one(connection, sql, [scope.0], signed)
}

fn signed(row: &Row<'_>) -> rusqlite::Result<SignedMessage> {
    Ok(SignedMessage { message: row.get(0)?, signature: row.get(1)? })
}

fn record(row: &Row<'_>, envelope: Envelope) -> rusqlite::Result<StoredRecord> {
    Ok(StoredRecord {
        name_index: NameIndex(row.get(0)?),
        rev_from: row.get::<_, i64>(1)?.cast_unsigned(),
        epoch: row.get(2)?,
        envelope,
    })
}

/// A number as a bound: no row lies behind the greatest.
fn behind(after: u64) -> i64 {
    i64::try_from(after).unwrap_or(i64::MAX)
}
