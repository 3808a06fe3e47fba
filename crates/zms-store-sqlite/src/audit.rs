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

/// The chain of a vault on one machine.
const CHAIN: i64 = 0;

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
        .prepare_cached("SELECT seq, hash FROM audit WHERE chain = ?1 ORDER BY seq DESC LIMIT 1")?
        .query_row([CHAIN], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
        .optional()?;
    let (mut seq, mut prev_hash) = last.unwrap_or((0, [0; 32]));
    let mut insert =
        tx.prepare_cached("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
    for event in events {
        let out_of_range = rusqlite::Error::IntegralValueOutOfRange(0, seq);
        seq = seq.checked_add(1).ok_or(out_of_range)?;
        let chain = CHAIN.cast_unsigned();
        let entry = Entry::new(vault, chain, seq.cast_unsigned(), prev_hash, event.clone());
        insert.execute(params![
            CHAIN,
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
    let mut select = connection.prepare_cached(
        "SELECT chain, seq, time, principal, action, scope, revision, outcome, prev_hash, hash
         FROM audit WHERE chain = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    )?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    select.query_map([chain.cast_signed(), after, limit], entry)?.collect()
}

/// Every chain with the place of its last entry: one seek each, from the greatest number down.
pub(crate) fn chains(connection: &Connection) -> rusqlite::Result<Vec<(u64, u64)>> {
    let mut seek = connection.prepare_cached(
        "SELECT chain, seq FROM audit WHERE chain <= ?1 ORDER BY chain DESC, seq DESC LIMIT 1",
    )?;
    let (mut chains, mut most) = (Vec::new(), Some(i64::MAX));
    let end = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    while let Some(at) = most {
        let Some((chain, seq)) = seek.query_row([at], end).optional()? else { break };
        chains.push((chain.cast_unsigned(), seq.cast_unsigned()));
        most = chain.checked_sub(1);
    }
    // A greater number than fits an i64 is kept as a negative one.
    chains.sort_unstable();
    Ok(chains)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    let unknown =
        |column, number: u8| rusqlite::Error::IntegralValueOutOfRange(column, i64::from(number));
    let (action, outcome) = (row.get(4)?, row.get(7)?);
    Ok(Entry {
        chain: number(0)?,
        seq: number(1)?,
        event: Event {
            time: number(2)?,
            principal: PrincipalId(row.get(3)?),
            action: Action::from_number(action).ok_or_else(|| unknown(4, action))?,
            scope: row.get::<_, Option<_>>(5)?.map(ScopeId),
            revision: number(6)?,
            outcome: Outcome::from_number(outcome).ok_or_else(|| unknown(7, outcome))?,
        },
        prev_hash: row.get(8)?,
        hash: row.get(9)?,
    })
}
