//! Sealed answers that wait for their token.

use zms_core::{
    audit::Event,
    bundle::Trouble,
    id::{VaultId, WrappedId},
    wrapped::MAX_KEPT,
};
use zms_store::Waiting;

use crate::{audit, connection::Link, database::Core, row::number, trouble::Fault};

/// Keeps one, where there is room.
pub(crate) fn keep(
    core: &Core,
    vault: VaultId,
    waiting: &Waiting,
    now: u64,
) -> Result<bool, Trouble> {
    audit::noting(core, vault, &[], |tx| {
        let over = "DELETE FROM wrapped WHERE vault = $1 AND expires < $2";
        tx.execute(over, &[&vault.as_bytes(), &now.cast_signed()])?;
        let kept = "SELECT COALESCE(SUM(octet_length(sealed)), 0)::BIGINT FROM wrapped
                    WHERE vault = $1";
        let kept = tx.one(kept, &[&vault.as_bytes()], |row| number(row, 0))?.unwrap_or(0);
        if kept + waiting.sealed.len() as u64 > MAX_KEPT {
            return Ok(false);
        }
        tx.execute(
            "INSERT INTO wrapped (vault, id, expires, sealed) VALUES ($1, $2, $3, $4)",
            &[
                &vault.as_bytes(),
                &waiting.id.as_bytes(),
                &waiting.expires.cast_signed(),
                &waiting.sealed,
            ],
        )?;
        Ok(true)
    })
}

/// One that waits.
pub(crate) fn find(link: &Link, vault: VaultId, id: WrappedId) -> Result<Option<Vec<u8>>, Fault> {
    let sql = "SELECT sealed FROM wrapped WHERE vault = $1 AND id = $2";
    link.one(sql, &[&vault.as_bytes(), &id.as_bytes()], |row| Ok(row.try_get(0)?))
}

/// Takes one away with its entries. Of many that do so at once, one finds the row.
pub(crate) fn take(
    core: &Core,
    vault: VaultId,
    id: WrappedId,
    events: &[Event],
) -> Result<bool, Trouble> {
    audit::noting(core, vault, events, |tx| {
        let sql = "DELETE FROM wrapped WHERE vault = $1 AND id = $2";
        Ok(tx.execute(sql, &[&vault.as_bytes(), &id.as_bytes()])? > 0)
    })
}
