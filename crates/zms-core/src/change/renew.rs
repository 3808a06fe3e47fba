//! Renews the whole vault: a new vault key, new keys for every scope, a new seed for every member,
//! in one commit. spec/revocation.md#everything

mod tree;

use zms_crypto::{CryptoRng, Key};

use self::tree::{Renewed, Tree};
use super::{
    Author, ChangeError, Junk,
    rekey::{
        Spoiled, named,
        salvage::{Orphan, orphans},
        seal::closing,
    },
    succeed::closed_anew,
    token::{Joining, roster_of},
};
use crate::{
    batch::{AuthorityPut, Batch, MemberPut, succession},
    id::{PrincipalId, VaultId},
    keyring::{Depth, Entry, Keyring},
    open::{Members, Opening},
    path::Segment,
    principal::Principal,
    roster::{Line, MemberPart, Rights, Roster, authority},
};

/// A member's successor: the same name, kind, rights and limits under a new seed.
pub struct Heir {
    /// Who it takes the place of.
    pub replaces: PrincipalId,
    /// The name people know it by.
    pub label: Segment,
    /// The seed, to be shown once.
    pub principal: Principal,
    /// Unix seconds past which it is nobody.
    pub expires: Option<u64>,
}

/// What becomes of a vault that is made anew.
pub struct Renewal {
    /// The vault.
    pub vault: VaultId,
    /// The caller's own successor.
    pub own: Heir,
    /// The other members' successors, by name.
    pub heirs: Vec<Heir>,
    /// Names of members that get none: they were to leave, or their lines have ended.
    pub left: Vec<Segment>,
    /// How many scopes get new keys.
    pub scopes: usize,
    /// How many secrets are sealed anew.
    pub records: usize,
}

/// Who leaves with it, and what becomes of what can not be read.
#[derive(Clone, Copy)]
pub struct Renewing<'l> {
    /// Members that get no successor.
    pub leaving: &'l [PrincipalId],
    /// What becomes of what does not open.
    pub spoiled: Spoiled,
}

/// Gives the vault a new key and authority, every scope a new epoch, and every member a new seed:
/// the caller that of `own`. Whoever held an old seed, or the old vault key, opens nothing that comes
/// after. `told` is called once for each scope.
///
/// # Errors
/// [`ChangeError::NotAdministrator`]; [`ChangeError::OwnLine`] where the caller would leave;
/// [`ChangeError::Junk`] with all that can not be read; and what keeps the rest from being proven.
pub fn renew(
    opening: &Opening<'_>,
    own: &Principal,
    renewing: Renewing<'_>,
    rng: &mut dyn CryptoRng,
    told: &mut dyn FnMut(),
) -> Result<(Batch, Renewal), ChangeError> {
    let members = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    let caller = opening.principal().id();
    if renewing.leaving.contains(&caller) {
        return Err(ChangeError::OwnLine);
    }
    let own = Heir {
        replaces: caller,
        label: label(&members, caller)?,
        principal: own.duplicate(),
        expires: opening.line().expires,
    };
    let author = Author {
        principal: &own.principal,
        vault: opening.vault(),
        generation: opening.roster().generation,
        created_at: opening.now(),
    };
    let mut tree = Tree::sealed_anew(opening, &author, rng, told)?;
    let lost = lost(opening, &members, &tree)?;
    for (junk, _) in &lost {
        if !tree.junk.contains(junk) {
            tree.junk.push(junk.clone());
        }
    }
    if renewing.spoiled == Spoiled::Report && !tree.junk.is_empty() {
        return Err(ChangeError::Junk(tree.junk));
    }
    let mut scopes = std::mem::take(&mut tree.puts);
    let count = scopes.len();
    scopes.extend(lost.iter().map(|(_, orphan)| closing(&author, orphan)));
    closed_anew(opening, &members, &author, |_everybody| true, &mut scopes)?;

    let vault_key = Key::generate(rng);
    let (mut heirs, mut left) = (Vec::new(), Vec::new());
    for id in members.ids().filter(|id| *id != caller) {
        if renewing.leaving.contains(&id) || members.line(id)?.expired(opening.now()) {
            left.push(label(&members, id)?);
        } else {
            heirs.push(heir(&members, id, rng)?);
        }
    }
    let (mut joining, mut parts) = (Vec::new(), Vec::new());
    for heir in heirs.iter().chain([&own]) {
        let (joins, part) = joins(opening, &members, heir, &tree, &vault_key, rng)?;
        joining.push(joins);
        parts.push(part);
    }
    let roster = roster_of(opening, parts, Rights::default(), &vault_key);
    let follows = named_by(&members, &vault_key, &roster.roster);
    let records = tree.records;
    heirs.sort_by(|a, b| a.label.cmp(&b.label));
    left.sort();
    let batch = Batch {
        members: joining,
        departed: members.ids().collect(),
        roster: Some(roster),
        authority: Some(follows),
        scopes,
        ..Batch::after(opening)
    };
    Ok((batch, Renewal { vault: opening.vault(), own, heirs, left, scopes: count, records }))
}

/// The new authority, named by the old one.
fn named_by(members: &Members<'_>, vault_key: &Key, roster: &Roster) -> AuthorityPut {
    let vk = authority(vault_key).verifying_key();
    let message = succession(roster.vault, roster.version, &roster.prev_hash, &vk);
    AuthorityPut { vk, endorsement: Some(authority(members.vault_key()).sign(&message)) }
}

fn label(members: &Members<'_>, id: PrincipalId) -> Result<Segment, ChangeError> {
    Segment::parse(&members.escrow(id)?.label).map_err(ChangeError::Name)
}

fn heir(
    members: &Members<'_>,
    replaces: PrincipalId,
    rng: &mut dyn CryptoRng,
) -> Result<Heir, ChangeError> {
    let line = members.line(replaces)?;
    let principal = Principal::from_seed(line.kind, Key::generate(rng));
    Ok(Heir { replaces, label: label(members, replaces)?, principal, expires: line.expires })
}

/// Scopes that keyrings name and the tree no longer leads to, and that are not closed.
fn lost(
    opening: &Opening<'_>,
    members: &Members<'_>,
    tree: &Tree<'_, '_>,
) -> Result<Vec<(Junk, Orphan)>, ChangeError> {
    let named = named(members)?;
    let lost = orphans(opening, &named, Spoiled::LeaveOut, |named| {
        !tree.renewed.contains_key(&named.lineage)
    })?;
    let path = |orphan: &Orphan| {
        let place = named.iter().find(|named| named.lineage == orphan.lineage);
        place.map(|named| named.path.clone()).unwrap_or_default()
    };
    Ok(lost.into_iter().map(|orphan| (Junk::Scope(path(&orphan)), orphan)).collect())
}

/// A successor as a new member: the old one's line, and its keyring with the new keys. What was
/// closed keeps the entry it had: whoever meets it is told so.
fn joins(
    opening: &Opening<'_>,
    members: &Members<'_>,
    heir: &Heir,
    tree: &Tree<'_, '_>,
    vault_key: &Key,
    rng: &mut dyn CryptoRng,
) -> Result<(MemberPut, MemberPart), ChangeError> {
    let old = members.line(heir.replaces)?;
    let (_, held) = members.keyring(heir.replaces)?;
    let renewed = |entry: &Entry| match tree.renewed.get(&entry.lineage) {
        Some(Renewed { epoch, keys }) => Entry {
            epoch: *epoch,
            key: match entry.depth {
                Depth::Subtree => keys.node().duplicate(),
                Depth::Exact => keys.data().data().duplicate(),
            },
            ..entry.duplicate()
        },
        None => entry.duplicate(),
    };
    let keyring = Keyring {
        authority: authority(vault_key).verifying_key(),
        vault_key: held.vault_key.as_ref().map(|_old| vault_key.duplicate()),
        entries: held.entries.iter().map(renewed).collect(),
    };
    let line = Line {
        limits: old.limits,
        ..Line::new(&heir.principal, opening.now(), old.expires, old.rights)
    };
    let joining =
        Joining { principal: &heir.principal, line: &line, keyring: &keyring, label: &heir.label };
    Ok(joining.join(opening.vault(), vault_key, rng))
}
