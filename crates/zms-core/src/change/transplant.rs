//! Makes the same vault once more, in a store that is to keep it from now on: its present, for the
//! same members. spec/engine.md#moving

use std::collections::BTreeMap;

use zms_crypto::{CryptoRng, Key};

use super::{
    Author, ChangeError, OpenError, OpenScope, ScopePath,
    plant::{Seedling, first_revision, grow},
};
use crate::{
    batch::{AuthorityPut, Batch, MemberPut, RosterPut},
    child::ParentPlace,
    id::PrincipalId,
    keyring::{Depth, Entry, Keyring},
    open::{Members, Opening, Place, Reading},
    path::Segment,
    principal::Kind,
    roster::{Escrow, MemberPart, Rights, Roster, authority, members_root},
    scope::{Lineage, NodeKeys},
};

/// What a vault is once it has been moved.
pub struct Transplanted {
    /// To be committed where there is no vault yet.
    pub batch: Batch,
    /// How many scopes there are, the top among them.
    pub scopes: usize,
    /// How many secrets.
    pub records: usize,
    /// Names of members whose lines have ended: they do not come along.
    pub left: Vec<String>,
}

/// A scope in its new place.
struct Planted {
    lineage: Lineage,
    keys: NodeKeys,
}

/// The vault that was opened, with new keys for everything, to be committed in another store: the
/// same id, scopes, secrets, members and seeds, under a higher generation, as after a restore. Its
/// past stays where it was. `request_key` gives the key that an engine checks a member's requests
/// with; opens nothing.
///
/// # Errors
/// [`ChangeError::NotAdministrator`], [`ChangeError::LastGeneration`]; and what keeps any of it from
/// being proven: nothing is left behind in silence.
pub fn transplant(
    opening: &Opening<'_>,
    request_key: &mut dyn FnMut(PrincipalId) -> Result<Key, ChangeError>,
    rng: &mut dyn CryptoRng,
) -> Result<Transplanted, ChangeError> {
    let members = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    let after = opening.roster().generation.checked_add(1).ok_or(ChangeError::LastGeneration)?;
    let generation = after.max(opening.now());
    let author = Author { generation, ..Author::of(opening) };
    let vault = opening.vault();
    let top = opening.way(&ScopePath::default(), Reading::Last)?.pop();
    let top = top.expect("a way holds at least its target");
    let mut records = 0;
    let seedlings = seedlings(opening, &top, &mut records)?;

    let mut planted = BTreeMap::new();
    let root = NodeKeys::new(Key::generate(rng));
    let lineage = vec![vault.root()];
    let place = ParentPlace { vault, scope: vault.root(), epoch: 1 };
    let mut paths: BTreeMap<Lineage, ScopePath> = [(lineage.clone(), ScopePath::default())].into();
    let grown = grow(&author, &root, &place, &lineage, seedlings, rng, &mut |at, name, keys| {
        let above = paths.get(&at[..at.len() - 1]).cloned().unwrap_or_default();
        let path = above.child(name.clone()).map_err(ChangeError::Name)?;
        let keys = NodeKeys::new(keys.node().duplicate());
        planted.insert(path.clone(), Planted { lineage: at.to_vec(), keys });
        paths.insert(at.to_vec(), path);
        Ok(())
    });
    let (children, mut scopes) = grown?;
    scopes.push(first_revision(&author, lineage.clone(), &root, Vec::new(), children));
    planted.insert(ScopePath::default(), Planted { lineage, keys: root });

    let vault_key = Key::generate(rng);
    let (mut joining, mut parts, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for id in members.ids() {
        if members.line(id)?.expired(opening.now()) {
            left.push(members.escrow(id)?.label);
            continue;
        }
        let request_key = request_key(id)?;
        let (joins, part) = member(opening, &members, id, &planted, &vault_key, request_key, rng)?;
        joining.push(joins);
        parts.push(part);
    }
    parts.sort_unstable();
    let signs = authority(&vault_key);
    let roster = Roster {
        vault,
        generation,
        version: 1,
        prev_hash: [0; 32],
        issued_at: opening.now(),
        members_root: members_root(&parts),
        pending: Rights::default(),
    };
    let signed = roster.sign(&signs);
    let scopes_there = scopes.len();
    let batch = Batch {
        found: None,
        members: joining,
        roster: Some(RosterPut { roster, signed }),
        authority: Some(AuthorityPut { vk: signs.verifying_key(), endorsement: None }),
        scopes,
        ..Batch::after(opening)
    };
    Ok(Transplanted { batch, scopes: scopes_there, records, left })
}

/// What lies below a scope, whole.
fn seedlings(
    opening: &Opening<'_>,
    above: &OpenScope,
    records: &mut usize,
) -> Result<Vec<Seedling>, ChangeError> {
    let grow = |stored| {
        let broken = |_| OpenError::Integrity(Place::Child(above.path.clone()));
        let content = above.open_child(stored).map_err(broken)?;
        let scope = opening.below(above, stored, Reading::Last)?;
        let held: Vec<_> = scope.open_records()?.into_iter().map(|(_, payload)| payload).collect();
        *records += held.len();
        let children = seedlings(opening, &scope, records)?;
        let (name, protected) = (content.name, content.protected);
        Ok(Seedling { name, protected, records: held, children })
    };
    above.stored_children().iter().map(grow).collect()
}

/// A member as it was, with the new ids of its scopes in its line and their new keys in its
/// keyring. A scope that is no more is left out of both.
fn member(
    opening: &Opening<'_>,
    members: &Members<'_>,
    id: PrincipalId,
    planted: &BTreeMap<ScopePath, Planted>,
    vault_key: &Key,
    request_key: Key,
    rng: &mut dyn CryptoRng,
) -> Result<(MemberPut, MemberPart), ChangeError> {
    let (mut line, escrow) = (members.line(id)?, members.escrow(id)?);
    let (wrap, held) = members.keyring(id)?;
    let administers = line.kind == Kind::Administrator;
    let mut keyring = Keyring {
        authority: authority(vault_key).verifying_key(),
        vault_key: administers.then(|| vault_key.duplicate()),
        entries: Vec::new(),
    };
    let mut rights = Rights::default();
    for entry in &held.entries {
        let Some(Planted { lineage, keys }) = planted.get(&entry.path) else { continue };
        if let Some(right) = line.rights.on(entry.scope()) {
            rights.add(*lineage.last().expect("a lineage starts with the root"), right);
        }
        let key = match entry.depth {
            Depth::Subtree => keys.node().duplicate(),
            Depth::Exact => keys.data().data().duplicate(),
        };
        let (path, depth) = (entry.path.clone(), entry.depth);
        keyring.add(Entry { lineage: lineage.clone(), path, epoch: 1, depth, key });
    }
    line.rights = rights;
    let line = line.encode();
    let vault = opening.vault();
    let keyring = keyring.seal(&wrap, vault, id, rng);
    let label = Segment::parse(&escrow.label).map_err(ChangeError::Name)?.as_str().to_owned();
    let escrow = Escrow { wrap, label }.seal(vault_key, vault, id, rng);
    let part = MemberPart::new(id, &line, &escrow, &keyring);
    Ok((MemberPut::Joins { principal: id, line, escrow, keyring, request_key }, part))
}
