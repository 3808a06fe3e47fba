//! Members and their tree: kept with all its nodes, so that a proof reads a few of them.

use rusqlite::{Connection, OptionalExtension, Row, params};
use zms_core::{
    batch::{Batch, MemberPut},
    bundle::{Standing, Trouble, Witness},
    id::PrincipalId,
    roster::MemberPart,
    tree_head::{Step, Tree, proof_positions},
};
use zms_crypto::{Key, digest::sha256};

use crate::{
    refusal::{Refusal, require},
    trouble::{corrupt, trouble},
};

/// Nodes in one row: short enough for several rows to a page.
const CHUNK: usize = 64;
/// Bytes of a node.
const NODE: usize = 32;
/// More members than any tree can prove.
const MOST: u64 = 1 << 40;

/// Puts the members of a batch, and the tree that its roster signs.
pub(crate) fn put(tx: &Connection, batch: &Batch) -> Result<(), Refusal> {
    for principal in &batch.departed {
        leave(tx, *principal, batch.at)?;
    }
    for member in &batch.members {
        match member {
            MemberPut::Joins { .. } => join(tx, member)?,
            MemberPut::Keyring { principal, keyring } => regrant(tx, *principal, keyring)?,
        }
    }
    if batch.departed.is_empty() && batch.members.is_empty() {
        return Ok(());
    }
    Ok(grow(tx)?)
}

fn leave(tx: &Connection, principal: PrincipalId, at: u64) -> Result<(), Refusal> {
    require(tx.execute("DELETE FROM member WHERE principal = ?1", [principal.0])? == 1)?;
    tx.execute("DELETE FROM leaf WHERE principal = ?1", [principal.0])?;
    tx.execute("INSERT INTO departed VALUES (?1, ?2)", params![principal.0, at.cast_signed()])?;
    Ok(())
}

fn join(tx: &Connection, member: &MemberPut) -> Result<(), Refusal> {
    let MemberPut::Joins { principal, line, escrow, keyring, request_key } = member else {
        return Ok(());
    };
    require(departed(tx, *principal)?.is_none())?;
    // EXPOSE: an engine checks requests with it. It opens nothing.
    let request_key = request_key.expose();
    let joined = tx.execute(
        "INSERT INTO member (principal, line, keyring, escrow, request_key)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (principal) DO NOTHING",
        params![principal.0, line, keyring, escrow, request_key],
    )?;
    require(joined == 1)?;
    let part = MemberPart::new(*principal, line, escrow, keyring);
    // Its place is known when all have come and gone.
    tx.execute(
        "INSERT INTO leaf (principal, at, line, escrow, keyring) VALUES (?1, -1, ?2, ?3, ?4)",
        params![principal.0, part.line, part.escrow, part.keyring],
    )?;
    Ok(())
}

fn regrant(tx: &Connection, principal: PrincipalId, keyring: &[u8]) -> Result<(), Refusal> {
    let mut update = tx.prepare_cached("UPDATE member SET keyring = ?2 WHERE principal = ?1")?;
    require(update.execute(params![principal.0, keyring])? == 1)?;
    tx.prepare_cached("UPDATE leaf SET keyring = ?2 WHERE principal = ?1")?
        .execute(params![principal.0, sha256(&[keyring])])?;
    Ok(())
}

/// Makes the tree anew, and writes what of it changed.
fn grow(tx: &Connection) -> rusqlite::Result<()> {
    let mut select =
        tx.prepare("SELECT principal, line, escrow, keyring, at FROM leaf ORDER BY principal")?;
    let leaves: Vec<(MemberPart, i64)> =
        select.query_map((), |row| Ok((part(row)?, row.get(4)?)))?.collect::<Result<_, _>>()?;
    let mut place = tx.prepare("UPDATE leaf SET at = ?2 WHERE principal = ?1")?;
    for (at, (part, before)) in (0_i64..).zip(&leaves) {
        if at != *before {
            place.execute(params![part.principal.0, at])?;
        }
    }
    let parts: Vec<[u8; 112]> = leaves.iter().map(|(part, _)| part.encode()).collect();
    let tree = Tree::new(parts.iter().map(|part| &part[..]));
    let nodes: Vec<u8> = tree.nodes().flatten().copied().collect();
    let mut write = tx.prepare(
        "INSERT INTO node VALUES (?1, ?2) ON CONFLICT (chunk)
         DO UPDATE SET hashes = excluded.hashes WHERE hashes <> excluded.hashes",
    )?;
    for (chunk, hashes) in nodes.chunks(CHUNK * NODE).enumerate() {
        write.execute(params![chunk as i64, hashes])?;
    }
    let chunks = nodes.len().div_ceil(CHUNK * NODE);
    tx.execute("DELETE FROM node WHERE chunk >= ?1", [chunks as i64])?;
    tx.execute("UPDATE vault SET members = ?1", [leaves.len() as i64])?;
    Ok(())
}

/// What is known of a principal, in a vault of so many members.
pub(crate) fn standing(
    connection: &Connection,
    principal: PrincipalId,
    members: u64,
) -> Result<Standing, Trouble> {
    let found = connection
        .prepare_cached(
            "SELECT member.line, leaf.escrow, leaf.keyring, leaf.at
             FROM member JOIN leaf USING (principal) WHERE principal = ?1",
        )
        .and_then(|mut select| {
            let row =
                |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, i64>(3)?));
            select.query_row([principal.0], row).optional()
        })
        .map_err(trouble)?;
    let Some((line, escrow, keyring, at)) = found else {
        let at = departed(connection, principal).map_err(trouble)?;
        return Ok(at.map_or(Standing::Unknown, |at| Standing::Departed { at }));
    };
    let place = u64::try_from(at).ok().filter(|at| *at < members && members < MOST);
    let place = place.ok_or_else(|| corrupt("a member stands outside the members' tree"))?;
    let steps = proof(connection, members as usize, place as usize).map_err(trouble)?;
    Ok(Standing::Member(Witness { line, escrow, keyring, proof: steps }))
}

fn proof(connection: &Connection, members: usize, at: usize) -> rusqlite::Result<Vec<Step>> {
    let mut select =
        connection.prepare_cached("SELECT substr(hashes, ?2, 32) FROM node WHERE chunk = ?1")?;
    let positions = proof_positions(members, at).into_iter();
    positions
        .map(|(left, index)| {
            let (chunk, offset) = (index / CHUNK, 1 + index % CHUNK * NODE);
            let hash = select.query_row([chunk as i64, offset as i64], |row| row.get(0))?;
            Ok(Step { left, hash })
        })
        .collect()
}

/// The key that a member's requests are checked with.
pub(crate) fn request_key(
    connection: &Connection,
    principal: PrincipalId,
) -> rusqlite::Result<Option<Key>> {
    connection
        .prepare_cached("SELECT request_key FROM member WHERE principal = ?1")?
        .query_row([principal.0], |row| row.get(0).map(|bytes| Key::from_bytes(&bytes)))
        .optional()
}

/// When a principal left.
fn departed(connection: &Connection, principal: PrincipalId) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("SELECT at FROM departed WHERE principal = ?1")?
        .query_row([principal.0], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))
        .optional()
}

/// All members' parts, sorted.
pub(crate) fn parts(connection: &Connection) -> rusqlite::Result<Vec<MemberPart>> {
    let mut select = connection
        .prepare_cached("SELECT principal, line, escrow, keyring FROM leaf ORDER BY principal")?;
    select.query_map((), part)?.collect()
}

fn part(row: &Row<'_>) -> rusqlite::Result<MemberPart> {
    Ok(MemberPart {
        principal: PrincipalId(row.get(0)?),
        line: row.get(1)?,
        escrow: row.get(2)?,
        keyring: row.get(3)?,
    })
}
