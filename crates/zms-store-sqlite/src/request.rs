//! Requests that are noted once.

use rusqlite::{Connection, params};
use zms_core::{audit::Event, bundle::Trouble};
use zms_store::{Noted, Request};

use crate::{audit, bundle::vault_kept, trouble::trouble, writing::Writing};

/// Notes a request with a use, where they are counted, and its entries, unless it was noted before.
/// The write lock is taken first, so of two that are the same one finds the other.
pub(crate) fn note_once(
    connection: &mut Connection,
    request: &Request,
    now: u64,
    most: Option<u32>,
    events: &[Event],
) -> Result<Noted, Trouble> {
    let tx = Writing::begin(connection).map_err(trouble)?;
    let vault = vault_kept(&tx)?;
    tx.execute("DELETE FROM request WHERE good_until < ?1", [now.cast_signed()])
        .map_err(trouble)?;
    let Request { principal, mac, good_until } = request;
    let sql = "INSERT INTO request VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    let row = params![principal.0, mac, good_until.cast_signed()];
    if tx.execute(sql, row).map_err(trouble)? == 0 {
        return Ok(Noted::Again);
    }
    if let Some(most) = most
        && !audit::use_one(&tx, *principal, most).map_err(trouble)?
    {
        return Ok(Noted::Used);
    }
    audit::append(&tx, vault, events).map_err(trouble)?;
    tx.commit().map_err(trouble)?;
    Ok(Noted::Done)
}
