//! One batch, one transaction.

use std::cell::Cell;

use rusqlite::{Connection, params};
use zms_core::{
    audit::Event,
    batch::{Batch, RosterPut, ScopePut},
    bundle::{Trouble, TroubleClass},
    id::ScopeId,
    pin::RosterPin,
    record::{Envelope, StoredRecord},
    revision::{Revision, SignedMessage, message_hash},
    roster::Roster,
};
use zms_store::{Check, CommitError};

use crate::{
    audit,
    bundle::{SqliteBundle, current_roster, head, vault_id},
    member,
    refusal::{Refusal, require},
    trouble::corrupt,
    writing::Writing,
};

/// Commits a batch with its audit entries.
pub(crate) fn commit(
    connection: &mut Connection,
    batch: &Batch,
    events: &[Event],
    check: Option<Check<'_>>,
) -> Result<(), CommitError> {
    transact(connection, batch, events, check).map_err(CommitError::from)
}

/// Whatever fails, the transaction is dropped with it.
fn transact(
    connection: &mut Connection,
    batch: &Batch,
    events: &[Event],
    check: Option<Check<'_>>,
) -> Result<(), Refusal> {
    // Immediate: what is read here must still hold when it is written.
    let tx = Writing::begin(connection)?;
    if let Some(check) = check {
        // The transaction is this one: a bundle on it begins none of its own, and ends none.
        let within = Cell::new(1);
        let checked = check(&SqliteBundle::begin(&tx, &within)?);
        checked.map_err(CommitError::from).map_err(Refusal::Commit)?;
    }
    apply(&tx, batch)?;
    tx.execute("UPDATE state SET commits = commits + 1", ())?;
    audit::append(&tx, batch.vault, events)?;
    Ok(tx.commit()?)
}

fn apply(tx: &Connection, batch: &Batch) -> Result<(), Refusal> {
    let vault = vault_id(tx)?;
    let current = current_roster(tx)?.map(|signed| pin(&signed)).transpose()?;
    match batch.found {
        None if vault.is_some() => return Err(Refusal::Commit(CommitError::Exists)),
        None => {
            require(batch.roster.is_some())?;
            tx.execute("INSERT INTO vault VALUES (1, ?1, 0)", [batch.vault.0])?;
        }
        found => require(vault == Some(batch.vault) && found == current)?,
    }
    for (scope, number) in &batch.unmoved {
        let mut last =
            tx.prepare_cached("SELECT ifnull(max(revision), 0) FROM revision WHERE scope = ?1")?;
        let head: i64 = last.query_row([scope.0], |row| row.get(0))?;
        require(head.cast_unsigned() == *number)?;
    }
    if let Some(put) = &batch.roster {
        put_roster(tx, put, current.as_ref())?;
    }
    if let Some((put, authority)) = batch.roster.as_ref().zip(batch.authority) {
        tx.execute(
            "INSERT INTO authority (version, vk) VALUES (?1, ?2)",
            params![put.roster.version.cast_signed(), authority.vk.0],
        )?;
    }
    member::put(tx, batch)?;
    for put in &batch.scopes {
        put_revision(tx, put)?;
    }
    // All that ends before all that begins: the order of scopes in a batch means nothing.
    for put in &batch.scopes {
        end_rows(tx, put)?;
    }
    for put in &batch.scopes {
        begin_rows(tx, put)?;
    }
    Ok(())
}

fn pin(signed: &SignedMessage) -> Result<RosterPin, Trouble> {
    let roster = Roster::parse(&signed.message).map_err(|_| corrupt("a roster is malformed"))?;
    let hash = message_hash(&signed.message);
    Ok(RosterPin { generation: roster.generation, version: roster.version, hash })
}

fn put_roster(
    tx: &Connection,
    put: &RosterPut,
    current: Option<&RosterPin>,
) -> Result<(), Refusal> {
    let (version, hash) = current.map_or((0, [0; 32]), |pin| (pin.version, pin.hash));
    require(Some(put.roster.version) == version.checked_add(1) && put.roster.prev_hash == hash)?;
    tx.execute(
        "INSERT INTO roster (version, message, signature) VALUES (?1, ?2, ?3)",
        params![put.roster.version.cast_signed(), put.signed.message, put.signed.signature],
    )?;
    Ok(())
}

fn put_revision(tx: &Connection, put: &ScopePut) -> Result<(), Refusal> {
    let scope = put.revision.scope;
    let (mut number, mut hash, mut closed) = (0, [0; 32], false);
    if let Some(signed) = head(tx, scope)? {
        let last = Revision::parse(&signed.message);
        let last = last.map_err(|_| corrupt("a revision is malformed"))?;
        (number, hash, closed) = (last.revision, message_hash(&signed.message), last.closes());
    }
    require(
        Some(put.revision.revision) == number.checked_add(1) && put.revision.prev_hash == hash,
    )?;
    require(!closed || put.revision.closes())?;
    tx.prepare_cached(
        "INSERT INTO revision (scope, revision, message, signature) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        scope.0,
        put.revision.revision.cast_signed(),
        put.signed.message,
        put.signed.signature
    ])?;
    Ok(())
}

fn end_rows(tx: &Connection, put: &ScopePut) -> Result<(), Refusal> {
    let (scope, number) = (put.revision.scope.0, put.revision.revision.cast_signed());
    if !put.records_gone.is_empty() {
        let mut keep = tx.prepare_cached(
            "INSERT INTO ended (scope, name_index, rev_from, rev_to, epoch, envelope)
             SELECT scope, name_index, rev_from, ?3, epoch, envelope
             FROM record WHERE scope = ?1 AND name_index = ?2",
        )?;
        let mut end =
            tx.prepare_cached("DELETE FROM record WHERE scope = ?1 AND name_index = ?2")?;
        for index in &put.records_gone {
            require(keep.execute(params![scope, index.0, number])? == 1)?;
            end.execute(params![scope, index.0])?;
        }
    }
    for index in &put.children_gone {
        let mut end =
            tx.prepare_cached("DELETE FROM child WHERE scope = ?1 AND child_index = ?2")?;
        require(end.execute(params![scope, index.0])? == 1)?;
    }
    if put.revision.closes() {
        tx.execute(
            "INSERT INTO ended (scope, name_index, rev_from, rev_to, epoch, envelope)
             SELECT scope, name_index, rev_from, ?2, epoch, envelope
             FROM record WHERE scope = ?1",
            params![scope, number],
        )?;
        tx.execute("DELETE FROM record WHERE scope = ?1", [scope])?;
        tx.execute("DELETE FROM child WHERE scope = ?1", [scope])?;
    }
    Ok(())
}

fn begin_rows(tx: &Connection, put: &ScopePut) -> Result<(), Refusal> {
    let scope = put.revision.scope;
    let begins = !put.records.is_empty() || !put.children.is_empty();
    require(!(begins && put.revision.closes()))?;
    for record in &put.records {
        begin_record(tx, scope, record)?;
    }
    for child in &put.children {
        // Either the place is taken, or the child is live in another.
        let mut begin = tx.prepare_cached(
            "INSERT INTO child (scope, child_index, child, child_epoch, envelope)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        )?;
        let (index, id) = (child.child_index.0, child.child.0);
        let began =
            begin.execute(params![scope.0, index, id, child.child_epoch, child.envelope])?;
        require(began == 1)?;
    }
    if let Some(envelope) = &put.past {
        tx.execute(
            "INSERT INTO past (scope, epoch, envelope) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET envelope = excluded.envelope",
            params![scope.0, put.revision.epoch, envelope],
        )?;
    }
    Ok(())
}

fn begin_record(tx: &Connection, scope: ScopeId, record: &StoredRecord) -> Result<(), Refusal> {
    let Envelope::Whole(envelope) = &record.envelope else {
        return Err(Trouble::new(TroubleClass::Other, "a bare record can not be kept").into());
    };
    let mut begin = tx.prepare_cached(
        "INSERT INTO record (scope, name_index, rev_from, epoch, hash, envelope)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
    )?;
    let began = begin.execute(params![
        scope.0,
        record.name_index.0,
        record.rev_from.cast_signed(),
        record.epoch,
        record.envelope.hash(),
        envelope
    ])?;
    require(began == 1)
}

#[cfg(test)]
mod tests {
    use rusqlite::ErrorCode;
    use tempfile::TempDir;
    use zms_core::audit::Action;
    use zms_store::{
        Store,
        contract::vault::{Vault, event, put},
    };

    use super::*;
    use crate::SqliteStore;

    fn made(folder: &TempDir) -> (SqliteStore, Vault) {
        let mut store = SqliteStore::create(&folder.path().join("zms.db")).expect("it is made");
        let vault = Vault::written(&mut store);
        (store, vault)
    }

    fn class(outcome: Result<(), CommitError>) -> TroubleClass {
        match outcome {
            Err(CommitError::Trouble(trouble)) => trouble.class,
            other => panic!("{other:?} is no trouble"),
        }
    }

    #[test]
    fn a_full_disk_is_said_and_changes_nothing() {
        let folder = TempDir::new().unwrap();
        let (mut store, mut vault) = made(&folder);
        let pages: i64 =
            store.connection.query_row("PRAGMA page_count", (), |row| row.get(0)).unwrap();
        store.connection.pragma_update(None, "max_page_count", pages).unwrap();
        let batch = vault.write(&store, "shop/production", &[put("BIG", &[7; 500_000])]);
        let events = [event(vault.owner.id(), Action::Write)];
        assert_eq!(class(store.commit(&batch, &events)), TroubleClass::Full);
        let scope = vault.scope(&store, "shop/production");
        assert_eq!((scope.head.revision, scope.stored_records().len()), (2, 3));
        assert_eq!(store.audit_read(0, 0, 9).unwrap().len(), 2);
        store.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
        vault.commit(&mut store, &batch);
    }

    #[test]
    fn a_full_disk_refuses_what_would_not_be_noted() {
        let folder = TempDir::new().unwrap();
        let (mut store, vault) = made(&folder);
        let pages: i64 =
            store.connection.query_row("PRAGMA page_count", (), |row| row.get(0)).unwrap();
        store.connection.pragma_update(None, "max_page_count", pages).unwrap();
        let many = vec![event(vault.owner.id(), Action::Read); 2000];
        let trouble = store.audit_append(&many).unwrap_err();
        assert_eq!(trouble.class, TroubleClass::Full);
        assert_eq!(store.audit_read(0, 0, usize::MAX).unwrap().len(), 2);
    }

    #[test]
    fn a_database_that_somebody_holds_is_busy() {
        let folder = TempDir::new().unwrap();
        let (mut store, mut vault) = made(&folder);
        let other = SqliteStore::open(&folder.path().join("zms.db")).unwrap().unwrap();
        other.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        store.connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        let batch = vault.write(&store, "shop/production", &[put("A", b"new")]);
        assert_eq!(class(store.commit(&batch, &[])), TroubleClass::Busy);
        other.connection.execute_batch("ROLLBACK").unwrap();
        vault.commit(&mut store, &batch);
    }

    #[test]
    fn a_bare_record_is_not_kept() {
        let folder = TempDir::new().unwrap();
        let (mut store, mut vault) = made(&folder);
        let mut batch = vault.write(&store, "shop/production", &[put("A", b"new")]);
        batch.scopes[0].records[0].envelope = Envelope::Bare([1; 32]);
        assert_eq!(class(store.commit(&batch, &[])), TroubleClass::Other);
        assert_eq!(vault.scope(&store, "shop/production").head.revision, 2);
    }

    #[test]
    fn what_a_stranger_put_into_the_schema_does_not_run() {
        let folder = TempDir::new().unwrap();
        let (mut store, mut vault) = made(&folder);
        let batch = vault.write(&store, "shop/production", &[put("A", b"new")]);
        let trigger = "CREATE TRIGGER t AFTER INSERT ON audit BEGIN DELETE FROM audit; END";
        store.connection.execute_batch(trigger).unwrap();
        vault.commit(&mut store, &batch);
        assert_eq!(store.audit_read(0, 0, 9).unwrap().len(), 3);
        let defended = store.connection.execute_batch("UPDATE sqlite_schema SET sql = ''");
        let code = defended.unwrap_err().sqlite_error_code();
        assert_ne!(code, Some(ErrorCode::DatabaseCorrupt));
    }
}
