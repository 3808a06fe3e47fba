//! Requests that are noted once, whichever replica serves them.

use tokio_postgres::types::ToSql;
use zms_core::{audit::Event, bundle::Trouble, id::VaultId};
use zms_store::{Noted, Request};

use crate::{audit, database::Core};

/// Notes a request with a use, where they are counted, and its entries, unless it was noted before.
pub(crate) fn note_once(
    core: &Core,
    vault: VaultId,
    request: &Request,
    now: u64,
    most: Option<u32>,
    events: &[Event],
) -> Result<Noted, Trouble> {
    let Request { principal, mac, good_until } = request;
    let mut why_not = Noted::Again;
    let done = audit::noting(core, vault, events, |tx| {
        // Now and then: all that write at once would look at the same rows otherwise.
        if mac[0] % 64 == 0 {
            let over = "DELETE FROM request WHERE vault = $1 AND good_until < $2";
            tx.execute(over, &[&vault.as_bytes(), &now.cast_signed()])?;
        }
        let sql = "INSERT INTO request (vault, principal, mac, good_until)
                   VALUES ($1, $2, $3, $4) ON CONFLICT (vault, principal, mac) DO NOTHING";
        let row: [&(dyn ToSql + Sync); 4] =
            [&vault.as_bytes(), &principal.as_bytes(), &&mac[..], &good_until.cast_signed()];
        if tx.execute(sql, &row)? == 0 {
            why_not = Noted::Again;
            return Ok(false);
        }
        why_not = Noted::Used;
        most.map_or(Ok(true), |most| audit::use_one(tx, vault, *principal, most))
    })?;
    Ok(if done { Noted::Done } else { why_not })
}
