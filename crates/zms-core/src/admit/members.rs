//! Who is in after a batch, and whether its roster says so.

use std::collections::{BTreeMap, BTreeSet};

use zms_crypto::{digest::sha256, sign::VerifyingKey};

use super::{Refused, Tree, allow, require};
use crate::{
    batch::{AuthorityPut, Batch, MemberPut, RosterPut, succession},
    bundle::Standing,
    id::PrincipalId,
    principal::Kind,
    roster::{Line, MemberPart, Roster, members_root},
};

/// Longest sealed keyring in bytes.
const MAX_KEYRING: usize = 1024 * 1024;
/// Longest sealed escrow in bytes.
const MAX_ESCROW: usize = 4096;
/// Longest line in bytes.
const MAX_LINE: usize = 256 * 1024;

/// The members as they are once the batch is kept.
pub(super) struct Members<'a> {
    tree: &'a dyn Tree,
    joined: BTreeMap<PrincipalId, Line>,
    departed: BTreeSet<PrincipalId>,
    /// Of the roster that every head is to be signed under.
    pub(super) generation: u64,
}

impl<'a> Members<'a> {
    /// Checks the batch's members and roster against the current ones.
    pub(super) fn after(
        tree: &'a dyn Tree,
        batch: &'a Batch,
        current: Option<&Roster>,
    ) -> Result<Self, Refused> {
        let departed: BTreeSet<PrincipalId> = batch.departed.iter().copied().collect();
        require(departed.len() == batch.departed.len(), "a member leaves twice")?;
        let mut joined = BTreeMap::new();
        for put in &batch.members {
            let (id, keyring) = match put {
                MemberPut::Joins { principal, line, escrow, keyring, request_key: _ } => {
                    require(line.len() <= MAX_LINE, "a line is too long")?;
                    require(escrow.len() <= MAX_ESCROW, "an escrow is too long")?;
                    let line = Line::parse(line);
                    let line = line.map_err(|_| Refused::Wrong("a line is malformed"))?;
                    require(line.principal == *principal, "a line is another member's")?;
                    let new = joined.insert(*principal, line).is_none();
                    require(new, "a member joins twice")?;
                    (*principal, keyring)
                }
                MemberPut::Keyring { principal, keyring } => (*principal, keyring),
            };
            require(keyring.len() <= MAX_KEYRING, "a keyring is too long")?;
            require(!departed.contains(&id), "a member changes and leaves at once")?;
        }
        let generation = match (&batch.roster, current) {
            (Some(put), current) => {
                let authority = authority_after(tree, batch, put)?;
                let roster = Roster::verify(&put.signed, &authority);
                let roster = roster.map_err(|_| Refused::Wrong("the roster is not signed"))?;
                require(roster == put.roster, "the roster is not the one that is signed")?;
                require(roster.vault == batch.vault, "the roster is another vault's")?;
                let before = current.map_or(1, |current| current.generation);
                require(roster.generation >= before, "the roster is of an older generation")?;
                let parts = parts_after(tree, batch)?;
                let root = members_root(&parts) == roster.members_root;
                require(root, "the roster lists other members")?;
                roster.generation
            }
            (None, Some(current)) => {
                let moved = !batch.members.is_empty()
                    || !batch.departed.is_empty()
                    || batch.authority.is_some();
                require(!moved, "members change without a roster")?;
                current.generation
            }
            (None, None) => return Err(Refused::Wrong("a vault begins with a roster")),
        };
        Ok(Self { tree, joined, departed, generation })
    }

    /// The line of who makes a vault: it is in it only afterwards.
    pub(super) fn maker(&self, caller: PrincipalId, now: u64) -> Result<Line, Refused> {
        let line = self.line(caller)?.ok_or(Refused::Denied("the caller is no member"))?;
        allow(!line.expired(now), "the caller's token has expired")?;
        allow(administers(&line), "only an administrator makes a vault")?;
        Ok(line)
    }

    /// A member's line once the batch is kept.
    pub(super) fn line(&self, id: PrincipalId) -> Result<Option<Line>, Refused> {
        if let Some(line) = self.joined.get(&id) {
            return Ok(Some(line.clone()));
        }
        if self.departed.contains(&id) {
            return Ok(None);
        }
        stored_line(self.tree, id)
    }
}

/// The line of a member, where it may hand in such a batch at all. Looked at before anything else:
/// what the rest costs is for those who may.
pub(super) fn sender(
    tree: &dyn Tree,
    caller: PrincipalId,
    batch: &Batch,
    now: u64,
) -> Result<Line, Refused> {
    let line = stored_line(tree, caller)?.ok_or(Refused::Denied("the caller is no member"))?;
    allow(!line.expired(now), "the caller's token has expired")?;
    let shapes = batch.roster.is_some()
        || batch.authority.is_some()
        || !batch.members.is_empty()
        || !batch.departed.is_empty();
    allow(!shapes || administers(&line), "only an administrator changes the members")?;
    Ok(line)
}

/// The key that a batch's roster is to be signed with: that of the roster before, unless that key
/// has named another.
fn authority_after(
    tree: &dyn Tree,
    batch: &Batch,
    put: &RosterPut,
) -> Result<VerifyingKey, Refused> {
    let current = match batch.found {
        Some(_) => Some(tree.authority()?.ok_or(Refused::Wrong("the authority is not known"))?),
        None => None,
    };
    match (current, &batch.authority) {
        (Some(current), None) => Ok(current),
        (None, Some(AuthorityPut { vk, endorsement: None })) => Ok(*vk),
        (Some(current), Some(AuthorityPut { vk, endorsement: Some(signature) })) => {
            let Roster { version, prev_hash, .. } = &put.roster;
            let message = succession(batch.vault, *version, prev_hash, vk);
            let named = current.verify(&message, signature).is_ok();
            require(named, "the new authority is not named by the one before")?;
            Ok(*vk)
        }
        _ => Err(Refused::Wrong("a vault begins with its authority, and goes on by naming one")),
    }
}

pub(super) fn administers(line: &Line) -> bool {
    line.kind == Kind::Administrator
}

fn stored_line(tree: &dyn Tree, id: PrincipalId) -> Result<Option<Line>, Refused> {
    let Standing::Member(witness) = tree.standing(id)? else { return Ok(None) };
    let line = Line::parse(&witness.line);
    line.map(Some).map_err(|_| Refused::Wrong("a member's line is malformed"))
}

/// All members' parts once the batch is kept, sorted.
fn parts_after(tree: &dyn Tree, batch: &Batch) -> Result<Vec<MemberPart>, Refused> {
    let held = match batch.found {
        None => Vec::new(),
        Some(_) => tree.members()?,
    };
    let mut parts: BTreeMap<PrincipalId, MemberPart> =
        held.into_iter().map(|part| (part.principal, part)).collect();
    for id in &batch.departed {
        require(parts.remove(id).is_some(), "who leaves is no member")?;
    }
    for put in &batch.members {
        match put {
            MemberPut::Joins { principal, line, escrow, keyring, request_key: _ } => {
                let part = MemberPart::new(*principal, line, escrow, keyring);
                let new = parts.insert(*principal, part).is_none();
                require(new, "who joins is a member already")?;
            }
            MemberPut::Keyring { principal, keyring } => {
                let part = parts.get_mut(principal);
                let part = part.ok_or(Refused::Wrong("a keyring is of no member"))?;
                part.keyring = sha256(&[keyring]);
            }
        }
    }
    Ok(parts.into_values().collect())
}
