//! Members and their tree: kept with all its nodes, so that a proof reads a few of them.

use tokio_postgres::Row;
use zms_core::{
    batch::{Batch, MemberPut},
    bundle::{Standing, Witness},
    id::{PrincipalId, VaultId},
    roster::MemberPart,
    tree_head::{Step, Tree, proof_positions},
};
use zms_crypto::{Key, digest::sha256};

use crate::{
    connection::Link,
    refusal::{Refusal, require},
    row::{bytes, fixed, number},
    trouble::Fault,
};

/// Nodes in one row.
const CHUNK: usize = 64;
/// Bytes of a node.
const NODE: usize = 32;
/// More members than any tree can prove.
const MOST: u64 = 1 << 40;

/// Puts the members of a batch, and the tree that its roster signs.
pub(crate) fn put(tx: &Link, batch: &Batch) -> Result<(), Refusal> {
    for principal in &batch.departed {
        leave(tx, batch.vault, *principal, batch.at)?;
    }
    for member in &batch.members {
        match member {
            MemberPut::Joins { .. } => join(tx, batch.vault, member)?,
            MemberPut::Keyring { principal, keyring } => {
                regrant(tx, batch.vault, *principal, keyring)?;
            }
        }
    }
    if batch.departed.is_empty() && batch.members.is_empty() {
        return Ok(());
    }
    Ok(grow(tx, batch.vault)?)
}

fn leave(tx: &Link, vault: VaultId, principal: PrincipalId, at: u64) -> Result<(), Refusal> {
    let (vault, principal) = (vault.as_bytes(), principal.as_bytes());
    let sql = "DELETE FROM member WHERE vault = $1 AND principal = $2";
    require(tx.execute(sql, &[&vault, &principal])? == 1)?;
    tx.execute("DELETE FROM leaf WHERE vault = $1 AND principal = $2", &[&vault, &principal])?;
    let sql = "INSERT INTO departed (vault, principal, at) VALUES ($1, $2, $3)";
    tx.execute(sql, &[&vault, &principal, &at.cast_signed()])?;
    Ok(())
}

fn join(tx: &Link, vault: VaultId, member: &MemberPut) -> Result<(), Refusal> {
    let MemberPut::Joins { principal, line, escrow, keyring, request_key } = member else {
        return Ok(());
    };
    require(departed(tx, vault, *principal)?.is_none())?;
    let (vault, id) = (vault.as_bytes(), principal.as_bytes());
    // EXPOSE: an engine checks requests with it. It opens nothing.
    let request_key = &request_key.expose()[..];
    let joined = tx.execute(
        "INSERT INTO member (vault, principal, joined_at, line, keyring, escrow, request_key)
         VALUES ($1, $2, now(), $3, $4, $5, $6) ON CONFLICT (vault, principal) DO NOTHING",
        &[&vault, &id, line, keyring, escrow, &request_key],
    )?;
    require(joined == 1)?;
    let part = MemberPart::new(*principal, line, escrow, keyring);
    // Its place is known when all have come and gone.
    tx.execute(
        "INSERT INTO leaf (vault, principal, at, line, escrow, keyring)
         VALUES ($1, $2, -1, $3, $4, $5)",
        &[&vault, &id, &&part.line[..], &&part.escrow[..], &&part.keyring[..]],
    )?;
    Ok(())
}

fn regrant(
    tx: &Link,
    vault: VaultId,
    principal: PrincipalId,
    keyring: &[u8],
) -> Result<(), Refusal> {
    let (vault, principal) = (vault.as_bytes(), principal.as_bytes());
    let sql = "UPDATE member SET keyring = $3 WHERE vault = $1 AND principal = $2";
    require(tx.execute(sql, &[&vault, &principal, &keyring])? == 1)?;
    let sql = "UPDATE leaf SET keyring = $3 WHERE vault = $1 AND principal = $2";
    tx.execute(sql, &[&vault, &principal, &&sha256(&[keyring])[..]])?;
    Ok(())
}

/// Makes the tree anew, and writes what of it changed.
fn grow(tx: &Link, vault: VaultId) -> Result<(), Fault> {
    let vault = vault.as_bytes();
    let sql = "SELECT principal, line, escrow, keyring, at FROM leaf
               WHERE vault = $1 ORDER BY principal";
    let leaves = tx.all(sql, &[&vault], |row| Ok((part(row)?, row.try_get::<_, i64>(4)?)))?;
    let moved = (0_i64..).zip(&leaves).filter(|(at, (_, before))| at != before);
    let (places, who): (Vec<i64>, Vec<&[u8]>) =
        moved.map(|(at, (part, _))| (at, part.principal.as_bytes())).unzip();
    let sql = "UPDATE leaf SET at = moved.at
               FROM unnest($2::BYTEA[], $3::BIGINT[]) AS moved (principal, at)
               WHERE leaf.vault = $1 AND leaf.principal = moved.principal";
    tx.execute(sql, &[&vault, &who, &places])?;
    let parts: Vec<[u8; 112]> = leaves.iter().map(|(part, _)| part.encode()).collect();
    let tree = Tree::new(parts.iter().map(|part| &part[..]));
    let nodes: Vec<u8> = tree.nodes().flatten().copied().collect();
    let chunks: Vec<&[u8]> = nodes.chunks(CHUNK * NODE).collect();
    let numbers: Vec<i64> = (0..chunks.len() as i64).collect();
    let sql = "INSERT INTO node (vault, chunk, hashes)
               SELECT $1, new.chunk, new.hashes
               FROM unnest($2::BIGINT[], $3::BYTEA[]) AS new (chunk, hashes)
               ON CONFLICT (vault, chunk) DO UPDATE SET hashes = excluded.hashes
               WHERE node.hashes <> excluded.hashes";
    tx.execute(sql, &[&vault, &numbers, &chunks])?;
    let sql = "DELETE FROM node WHERE vault = $1 AND chunk >= $2";
    tx.execute(sql, &[&vault, &(chunks.len() as i64)])?;
    let sql = "UPDATE vault SET members = $2 WHERE id = $1";
    tx.execute(sql, &[&vault, &(leaves.len() as i64)])?;
    Ok(())
}

/// What is known of a principal, in a vault of so many members.
pub(crate) fn standing(
    link: &Link,
    vault: VaultId,
    principal: PrincipalId,
    members: u64,
) -> Result<Standing, Fault> {
    let sql = "SELECT member.line, leaf.escrow, leaf.keyring, leaf.at
               FROM member JOIN leaf USING (vault, principal)
               WHERE vault = $1 AND principal = $2";
    let found = link.one(sql, &[&vault.as_bytes(), &principal.as_bytes()], |row| {
        Ok((bytes(row, 0)?, fixed(row, 1)?, fixed(row, 2)?, row.try_get::<_, i64>(3)?))
    })?;
    let Some((line, escrow, keyring, at)) = found else {
        let at = departed(link, vault, principal)?;
        return Ok(at.map_or(Standing::Unknown, |at| Standing::Departed { at }));
    };
    let place = u64::try_from(at).ok().filter(|at| *at < members && members < MOST);
    let place = place.ok_or(Fault::Damaged("a member stands outside the members' tree"))?;
    let proof = proof(link, vault, members as usize, place as usize)?;
    Ok(Standing::Member(Witness { line, escrow, keyring, proof }))
}

fn proof(link: &Link, vault: VaultId, members: usize, at: usize) -> Result<Vec<Step>, Fault> {
    let positions = proof_positions(members, at);
    let places = positions.iter().map(|(_, index)| (index / CHUNK, 1 + index % CHUNK * NODE));
    let (chunks, offsets): (Vec<i64>, Vec<i32>) =
        places.map(|(chunk, offset)| (chunk as i64, offset as i32)).unzip();
    let sql = "SELECT substr(node.hashes, step.place, 32)
               FROM unnest($2::BIGINT[], $3::INT4[]) WITH ORDINALITY AS step (chunk, place, number)
               JOIN node ON node.vault = $1 AND node.chunk = step.chunk
               ORDER BY step.number";
    let hashes = link.all(sql, &[&vault.as_bytes(), &chunks, &offsets], |row| fixed(row, 0))?;
    if hashes.len() != positions.len() {
        return Err(Fault::Damaged("a node of the members' tree is missing"));
    }
    Ok(positions.iter().zip(hashes).map(|((left, _), hash)| Step { left: *left, hash }).collect())
}

/// The key that a member's requests are checked with.
pub(crate) const REQUEST_KEY: &str =
    "SELECT request_key FROM member WHERE vault = $1 AND principal = $2";

/// Its only column.
pub(crate) fn request_key(row: &Row) -> Result<Key, Fault> {
    fixed(row, 0).map(|bytes| Key::from_bytes(&bytes))
}

/// When a principal left.
fn departed(link: &Link, vault: VaultId, principal: PrincipalId) -> Result<Option<u64>, Fault> {
    let sql = "SELECT at FROM departed WHERE vault = $1 AND principal = $2";
    link.one(sql, &[&vault.as_bytes(), &principal.as_bytes()], |row| number(row, 0))
}

/// All members' parts, sorted.
pub(crate) fn parts(link: &Link, vault: VaultId) -> Result<Vec<MemberPart>, Fault> {
    let sql = "SELECT principal, line, escrow, keyring FROM leaf
               WHERE vault = $1 ORDER BY principal";
    link.all(sql, &[&vault.as_bytes()], part)
}

fn part(row: &Row) -> Result<MemberPart, Fault> {
    Ok(MemberPart {
        principal: PrincipalId(fixed(row, 0)?),
        line: fixed(row, 1)?,
        escrow: fixed(row, 2)?,
        keyring: fixed(row, 3)?,
    })
}
