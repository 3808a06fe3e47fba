//! Makes a vault.

use zms_crypto::{CryptoRng, Key};

use super::{
    Author, ChangeError,
    plant::{Seedling, first_revision, grow, unseen},
};
use crate::{
    batch::{AuthorityPut, Batch, MemberPut, RosterPut},
    child::ParentPlace,
    id::VaultId,
    keyring::{Depth, Entry, Keyring},
    path::ScopePath,
    principal::Principal,
    roster::{Escrow, Line, MemberPart, Right, Rights, Roster, authority, members_root},
    scope::NodeKeys,
};

/// The label of the owner's own line.
pub const OWNER: &str = "owner";

/// Makes a vault for an owner, with a first tree of scopes, in one commit: the root's N and R at
/// random, every scope's revision 1, the owner's keyring, line and escrow, roster 1.1.
///
/// # Errors
/// [`ChangeError::Name`] for a tree that is too deep.
pub fn init(
    owner: &Principal,
    vault: VaultId,
    seedlings: Vec<Seedling>,
    now: u64,
    rng: &mut dyn CryptoRng,
) -> Result<Batch, ChangeError> {
    let (vault_key, root) = (Key::generate(rng), NodeKeys::new(Key::generate(rng)));
    let author = Author { principal: owner, vault, generation: 1, created_at: now };
    let (lineage, place) =
        (vec![vault.root()], ParentPlace { vault, scope: vault.root(), epoch: 1 });
    let (children, mut scopes) =
        grow(&author, &root, &place, &lineage, seedlings, rng, &mut unseen)?;
    scopes.push(first_revision(&author, lineage.clone(), &root, Vec::new(), children));
    let authority = authority(&vault_key);
    let keyring = Keyring {
        authority: authority.verifying_key(),
        entries: vec![Entry {
            lineage,
            path: ScopePath::default(),
            epoch: 1,
            depth: Depth::Subtree,
            key: root.node().duplicate(),
        }],
        vault_key: Some(vault_key.duplicate()),
    };
    let keyring = keyring.seal(&owner.wrap_key(), vault, owner.id(), rng);
    let mut rights = Rights::default();
    rights.add(vault.root(), Right::Write);
    let line = Line::new(owner, now, None, rights).encode();
    let escrow = Escrow { wrap: owner.wrap_key(), label: OWNER.to_owned() };
    let escrow = escrow.seal(&vault_key, vault, owner.id(), rng);
    let part = MemberPart::new(owner.id(), &line, &escrow, &keyring);
    let roster = Roster {
        vault,
        generation: 1,
        version: 1,
        prev_hash: [0; 32],
        issued_at: now,
        members_root: members_root([&part]),
        pending: Rights::default(),
    };
    let joins = MemberPut::Joins {
        principal: owner.id(),
        line,
        escrow,
        keyring,
        request_key: owner.request_key(),
    };
    let signed = roster.sign(&authority);
    Ok(Batch {
        vault,
        found: None,
        members: vec![joins],
        departed: Vec::new(),
        roster: Some(RosterPut { roster, signed }),
        authority: Some(AuthorityPut { vk: authority.verifying_key(), endorsement: None }),
        scopes,
        unmoved: Vec::new(),
        at: now,
    })
}
