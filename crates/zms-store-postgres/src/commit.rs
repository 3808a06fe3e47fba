//! One batch, one transaction.

use tokio_postgres::types::ToSql;
use zms_core::{
    audit::Event,
    batch::{Batch, RosterPut, ScopePut},
    bundle::{Trouble, TroubleClass},
    id::{ScopeId, VaultId},
    pin::RosterPin,
    record::{Envelope, StoredRecord},
    revision::{Revision, SignedMessage, message_hash},
    roster::Roster,
};
use zms_store::{Check, CommitError};

use crate::{
    audit::{self, Head},
    bundle::{PostgresBundle, current_roster, head},
    connection::{Kind, Link},
    database::{self, Core},
    member,
    refusal::{Refusal, require},
    retry::Retry,
    trouble::{Fault, trouble},
};

/// Commits a batch with its audit entries. What lost a race against another transaction is done
/// again, from the start: the race may be lost for good then, which is a conflict.
pub(crate) fn commit(
    core: &Core,
    vault: VaultId,
    batch: &Batch,
    events: &[Event],
    check: Option<Check<'_>>,
    first: bool,
) -> Result<(), CommitError> {
    let mut retry = Retry::new();
    loop {
        // Of one replica's commits of a vault one is under way, so they do not race each other.
        let mut last = core.chains.hold(core, vault)?;
        let link = core.work.link().map_err(Refusal::Driver)?;
        let attempt = Attempt { tx: &link, vault, batch, first };
        match attempt.run(last.chain, last.head, events, check) {
            Ok(head) => {
                last.head = head;
                core.moved(vault);
                return Ok(());
            }
            Err(Refusal::Driver(fault)) if !fault.is_lost_race() => {
                // It may have been committed, and its answer lost.
                last.head = None;
                core.moved(vault);
                let trouble = trouble(fault);
                core.unstored.met(trouble.class);
                return Err(trouble.into());
            }
            Err(refusal @ (Refusal::Driver(_) | Refusal::Stale)) => {
                last.head = None;
                drop((link, last));
                if !retry.pause() {
                    return Err(refusal.into());
                }
            }
            Err(refusal) => return Err(refusal.into()),
        }
    }
}

struct Attempt<'a> {
    tx: &'a Link,
    vault: VaultId,
    batch: &'a Batch,
    /// Only where there is no vault at all.
    first: bool,
}

impl Attempt<'_> {
    /// Whatever fails, the transaction is rolled back with its connection.
    fn run(
        &self,
        chain: i64,
        last: Option<Head>,
        events: &[Event],
        check: Option<Check<'_>>,
    ) -> Result<Option<Head>, Refusal> {
        // That there is no other vault is held by no row. Else vaults have nothing to do with each
        // other, and neighbours on a page of some index would be told that they lost a race.
        self.tx.begin(if self.first { Kind::Writing } else { Kind::Committing })?;
        // First of all, so that another commit of this vault waits here, or has lost here.
        let there = self.tx.execute(
            "UPDATE vault SET commits = commits + 1, moved_at = now() WHERE id = $1",
            &[&self.vault.as_bytes()],
        )? == 1;
        if let Some(check) = check {
            let checked = check(&PostgresBundle::within(self.tx, self.vault)?);
            checked.map_err(CommitError::from).map_err(Refusal::Commit)?;
        }
        self.apply(there)?;
        let head = audit::append(self.tx, self.batch.vault, chain, last, events)?;
        self.tx.commit()?;
        Ok(head)
    }

    fn apply(&self, there: bool) -> Result<(), Refusal> {
        let (tx, batch) = (self.tx, self.batch);
        let vault = batch.vault.as_bytes();
        let current = current_roster(tx, self.vault)?.map(|signed| pin(&signed)).transpose()?;
        match batch.found {
            None if there => return Err(Refusal::Commit(CommitError::Exists)),
            // One that is made meanwhile is not seen. Its maker has seen none either, so this would
            // be no order in which both went, and the database lets one of them commit.
            None if self.first && !database::is_empty(tx)? => {
                return Err(Refusal::Commit(CommitError::Exists));
            }
            None => {
                require(batch.roster.is_some() && self.vault == batch.vault)?;
                let sql = "INSERT INTO vault (id, commits, roster, members, made_at, moved_at)
                           VALUES ($1, 1, '', 0, now(), now()) ON CONFLICT (id) DO NOTHING";
                if tx.execute(sql, &[&vault])? == 0 {
                    return Err(Refusal::Commit(CommitError::Exists));
                }
            }
            found => require(there && self.vault == batch.vault && found == current)?,
        }
        self.stay_put()?;
        if let Some(put) = &batch.roster {
            self.put_roster(put, current.as_ref())?;
        }
        if let Some((put, authority)) = batch.roster.as_ref().zip(batch.authority) {
            let sql = "INSERT INTO authority (vault, version, vk) VALUES ($1, $2, $3)";
            let version = put.roster.version.cast_signed();
            tx.execute(sql, &[&vault, &version, &&authority.vk.0[..]])?;
        }
        member::put(tx, batch)?;
        for put in &batch.scopes {
            self.put_revision(put)?;
        }
        // All that ends before all that begins: the order of scopes in a batch means nothing.
        for put in &batch.scopes {
            self.end_rows(put)?;
        }
        for put in &batch.scopes {
            self.begin_rows(put)?;
        }
        Ok(())
    }

    /// Scopes that the batch leaves alone have the heads that it saw.
    fn stay_put(&self) -> Result<(), Refusal> {
        if self.batch.unmoved.is_empty() {
            return Ok(());
        }
        let (scopes, numbers): (Vec<&[u8]>, Vec<i64>) = self
            .batch
            .unmoved
            .iter()
            .map(|(scope, number)| (scope.as_bytes(), number.cast_signed()))
            .unzip();
        let sql = "SELECT count(*) FROM unnest($2::BYTEA[], $3::BIGINT[]) AS seen (scope, number)
                   WHERE seen.number <> coalesce((SELECT max(revision) FROM revision
                       WHERE vault = $1 AND revision.scope = seen.scope), 0)";
        let moved = self.tx.one(sql, &[&self.vault.as_bytes(), &scopes, &numbers], |row| {
            Ok(row.try_get::<_, i64>(0)?)
        })?;
        require(moved == Some(0))
    }

    fn put_roster(&self, put: &RosterPut, current: Option<&RosterPin>) -> Result<(), Refusal> {
        let (version, hash) = current.map_or((0, [0; 32]), |pin| (pin.version, pin.hash));
        require(
            Some(put.roster.version) == version.checked_add(1) && put.roster.prev_hash == hash,
        )?;
        let sql = "INSERT INTO roster (vault, version, message, signature) VALUES ($1, $2, $3, $4)";
        let version = put.roster.version.cast_signed();
        let signature = &put.signed.signature[..];
        let vault = self.vault.as_bytes();
        self.tx.execute(sql, &[&vault, &version, &put.signed.message, &signature])?;
        let sql = "UPDATE vault SET roster = $2 WHERE id = $1";
        self.tx.execute(sql, &[&vault, &signature])?;
        Ok(())
    }

    fn put_revision(&self, put: &ScopePut) -> Result<(), Refusal> {
        let scope = put.revision.scope;
        let (mut number, mut hash, mut closed) = (0, [0; 32], false);
        if let Some(signed) = head(self.tx, self.vault, scope)? {
            let last = Revision::parse(&signed.message);
            let last = last.map_err(|_| Fault::Damaged("a revision is malformed"))?;
            (number, hash, closed) = (last.revision, message_hash(&signed.message), last.closes());
        }
        require(
            Some(put.revision.revision) == number.checked_add(1) && put.revision.prev_hash == hash,
        )?;
        require(!closed || put.revision.closes())?;
        let sql = "INSERT INTO revision (vault, scope, revision, message, signature)
                   VALUES ($1, $2, $3, $4, $5)";
        let number = put.revision.revision.cast_signed();
        let (vault, scope) = (self.vault.as_bytes(), scope.as_bytes());
        let signature = &put.signed.signature[..];
        self.tx.execute(sql, &[&vault, &scope, &number, &put.signed.message, &signature])?;
        Ok(())
    }

    fn end_rows(&self, put: &ScopePut) -> Result<(), Refusal> {
        let (vault, scope) = (self.vault.as_bytes(), put.revision.scope.as_bytes());
        let number = put.revision.revision.cast_signed();
        if !put.records_gone.is_empty() {
            let gone: Vec<&[u8]> = put.records_gone.iter().map(|index| &index.0[..]).collect();
            let sql = "INSERT INTO ended
                       (vault, scope, name_index, rev_from, rev_to, epoch, envelope)
                       SELECT vault, scope, name_index, rev_from, $3, epoch, envelope
                       FROM record WHERE vault = $1 AND scope = $2 AND name_index = ANY($4)";
            let kept = self.tx.execute(sql, &[&vault, &scope, &number, &gone])?;
            require(kept == gone.len() as u64)?;
            let sql = "DELETE FROM record
                       WHERE vault = $1 AND scope = $2 AND name_index = ANY($3)";
            self.tx.execute(sql, &[&vault, &scope, &gone])?;
        }
        if !put.children_gone.is_empty() {
            let gone: Vec<&[u8]> = put.children_gone.iter().map(|index| &index.0[..]).collect();
            let sql = "DELETE FROM child
                       WHERE vault = $1 AND scope = $2 AND child_index = ANY($3)";
            require(self.tx.execute(sql, &[&vault, &scope, &gone])? == gone.len() as u64)?;
        }
        if put.revision.closes() {
            let sql = "INSERT INTO ended
                       (vault, scope, name_index, rev_from, rev_to, epoch, envelope)
                       SELECT vault, scope, name_index, rev_from, $3, epoch, envelope
                       FROM record WHERE vault = $1 AND scope = $2";
            self.tx.execute(sql, &[&vault, &scope, &number])?;
            for table in ["record", "child"] {
                let sql = format!("DELETE FROM {table} WHERE vault = $1 AND scope = $2");
                self.tx.execute(&sql, &[&vault, &scope])?;
            }
        }
        Ok(())
    }

    fn begin_rows(&self, put: &ScopePut) -> Result<(), Refusal> {
        let (vault, scope) = (self.vault.as_bytes(), put.revision.scope);
        let begins = !put.records.is_empty() || !put.children.is_empty();
        require(!(begins && put.revision.closes()))?;
        self.begin_records(scope, &put.records)?;
        for child in &put.children {
            // Either the place is taken, or the child is live in another.
            let sql = "INSERT INTO child (vault, scope, child_index, child, child_epoch, envelope)
                       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
            let (index, id) = (&child.child_index.0[..], child.child.as_bytes());
            let epoch = i64::from(child.child_epoch);
            let params: &[&(dyn ToSql + Sync)] =
                &[&vault, &scope.as_bytes(), &index, &id, &epoch, &child.envelope];
            require(self.tx.execute(sql, params)? == 1)?;
        }
        if let Some(envelope) = &put.past {
            let sql = "INSERT INTO past (vault, scope, epoch, envelope) VALUES ($1, $2, $3, $4)
                       ON CONFLICT (vault, scope, epoch)
                       DO UPDATE SET envelope = excluded.envelope";
            let epoch = i64::from(put.revision.epoch);
            self.tx.execute(sql, &[&vault, &scope.as_bytes(), &epoch, envelope])?;
        }
        Ok(())
    }

    /// All records of a scope in one statement, however many.
    fn begin_records(&self, scope: ScopeId, records: &[StoredRecord]) -> Result<(), Refusal> {
        if records.is_empty() {
            return Ok(());
        }
        let (mut names, mut froms, mut epochs) = (Vec::new(), Vec::new(), Vec::new());
        let (mut hashes, mut envelopes) = (Vec::new(), Vec::new());
        for record in records {
            let Envelope::Whole(envelope) = &record.envelope else {
                let what = "a bare record can not be kept";
                return Err(Trouble::new(TroubleClass::Other, what).into());
            };
            names.push(&record.name_index.0[..]);
            froms.push(record.rev_from.cast_signed());
            epochs.push(i64::from(record.epoch));
            hashes.push(record.envelope.hash().to_vec());
            envelopes.push(&envelope[..]);
        }
        let sql = "INSERT INTO record (vault, scope, name_index, rev_from, epoch, hash, envelope)
                   SELECT $1, $2, new.name_index, new.rev_from, new.epoch, new.hash, new.envelope
                   FROM unnest($3::BYTEA[], $4::BIGINT[], $5::BIGINT[], $6::BYTEA[], $7::BYTEA[])
                       AS new (name_index, rev_from, epoch, hash, envelope)
                   ON CONFLICT (vault, scope, name_index) DO NOTHING";
        let (vault, scope) = (self.vault.as_bytes(), scope.as_bytes());
        let params: &[&(dyn ToSql + Sync)] =
            &[&vault, &scope, &names, &froms, &epochs, &hashes, &envelopes];
        require(self.tx.execute(sql, params)? == records.len() as u64)
    }
}

fn pin(signed: &SignedMessage) -> Result<RosterPin, Fault> {
    let roster = Roster::parse(&signed.message);
    let roster = roster.map_err(|_| Fault::Damaged("a roster is malformed"))?;
    let hash = message_hash(&signed.message);
    Ok(RosterPin { generation: roster.generation, version: roster.version, hash })
}
