//! The audit chain.

use rusqlite::{Connection, OptionalExtension, Row, params};
use zms_core::{
    audit::{Action, Entry, Event, Outcome},
    bundle::Trouble,
    id::{PrincipalId, ScopeId, VaultId},
};
use zms_store::{Mark, Slip};

use crate::{
    bundle::{mark, vault_kept},
    trouble::trouble,
    writing::Writing,
};

/// The chain of a vault on one machine, which is all that a database holds.
const CHAIN: u64 = 0;

/// Appends entries that tell of no commit.
pub(crate) fn append_alone(connection: &mut Connection, events: &[Event]) -> Result<(), Trouble> {
    if events.is_empty() {
        return Ok(());
    }
    let tx = Writing::begin(connection).map_err(trouble)?;
    let vault = vault_kept(&tx)?;
    append(&tx, vault, events).map_err(trouble)?;
    tx.commit().map_err(trouble)
}

/// Appends the entries of those slips that hold of the state that is there, and gives its mark.
pub(crate) fn note(connection: &mut Connection, slips: &[Slip]) -> Result<Option<Mark>, Trouble> {
    let tx = Writing::begin(connection).map_err(trouble)?;
    let now = Slip::name_a_state(slips).then(|| mark(&tx)).transpose().map_err(trouble)?;
    let held = slips.iter().filter(|slip| slip.holds(now.as_ref()));
    let events = held.flat_map(|slip| &slip.events);
    let mut events = events.peekable();
    if events.peek().is_some() {
        let vault = vault_kept(&tx)?;
        append(&tx, vault, events).map_err(trouble)?;
    }
    tx.commit().map_err(trouble)?;
    Ok(now)
}

/// Notes a use with its entries, unless all are used.
pub(crate) fn spend(
    connection: &mut Connection,
    principal: PrincipalId,
    most: u32,
    events: &[Event],
) -> Result<bool, Trouble> {
    let tx = Writing::begin(connection).map_err(trouble)?;
    let vault = vault_kept(&tx)?;
    if !use_one(&tx, principal, most).map_err(trouble)? {
        return Ok(false);
    }
    append(&tx, vault, events).map_err(trouble)?;
    tx.commit().map_err(trouble)?;
    Ok(true)
}

/// Takes a use within the transaction that is open, unless all are used.
pub(crate) fn use_one(
    tx: &Connection,
    principal: PrincipalId,
    most: u32,
) -> rusqlite::Result<bool> {
    let noted = tx.execute(
        "INSERT INTO spent (principal, uses) SELECT ?1, 1 WHERE ?2 > 0
         ON CONFLICT (principal) DO UPDATE SET uses = uses + 1 WHERE uses < ?2",
        params![principal.0, most],
    )?;
    Ok(noted > 0)
}

/// Chains events behind the last entry, within the transaction that is open.
pub(crate) fn append<'e>(
    tx: &Connection,
    vault: VaultId,
    events: impl IntoIterator<Item = &'e Event>,
) -> rusqlite::Result<()> {
    let last = tx
        .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?
        .query_row((), |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
        .optional()?;
    let (mut seq, mut prev_hash) = last.unwrap_or((0, [0; 32]));
    let mut insert =
        tx.prepare_cached("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    for event in events {
        let out_of_range = rusqlite::Error::IntegralValueOutOfRange(0, seq);
        seq = seq.checked_add(1).ok_or(out_of_range)?;
        let entry = Entry::new(vault, CHAIN, seq.cast_unsigned(), prev_hash, event.clone());
        insert.execute(params![
            seq,
            event.time.cast_signed(),
            event.principal.0,
            event.action as u8,
            event.scope.map(|scope| scope.0),
            event.revision.cast_signed(),
            event.outcome as u8,
            entry.prev_hash,
            entry.hash,
        ])?;
        prev_hash = entry.hash;
    }
    Ok(())
}

/// Up to `limit` entries behind `after`.
pub(crate) fn read(
    connection: &Connection,
    chain: u64,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<Entry>> {
    if chain != CHAIN {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare_cached(
        "SELECT seq, time, principal, action, scope, revision, outcome, prev_hash, hash
         FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    select.query_map([after, limit], entry)?.collect()
}

/// The chain with the place of its last entry, where there is one.
pub(crate) fn chains(connection: &Connection) -> rusqlite::Result<Vec<(u64, u64)>> {
    let last = connection
        .prepare_cached("SELECT seq FROM audit ORDER BY seq DESC LIMIT 1")?
        .query_row((), |row| row.get(0).map(i64::cast_unsigned))
        .optional()?;
    Ok(last.map(|seq| (CHAIN, seq)).into_iter().collect())
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    let unknown =
        |column, number: u8| rusqlite::Error::IntegralValueOutOfRange(column, i64::from(number));
    let (action, outcome) = (row.get(3)?, row.get(6)?);
    Ok(Entry {
        chain: CHAIN,
        seq: number(0)?,
        event: Event {
            time: number(1)?,
            principal: PrincipalId(row.get(2)?),
            action: Action::from_number(action).ok_or_else(|| unknown(3, action))?,
            scope: row.get::<_, Option<_>>(4)?.map(ScopeId),
            revision: number(5)?,
            outcome: Outcome::from_number(outcome).ok_or_else(|| unknown(6, outcome))?,
        },
        prev_hash: row.get(7)?,
        hash: row.get(8)?,
    })
}
