//! Gives the master key a successor: a new seed with all that the old one held.
//! spec/revocation.md#the-master-key

use std::collections::BTreeSet;

use zms_crypto::CryptoRng;

use super::{
    Author, ChangeError,
    revoke::{SignedAnew, resign_below},
    sign::Next,
    token::{Joining, next_roster},
};
use crate::{
    batch::{Batch, ScopePut},
    id::{PrincipalId, ScopeId},
    keyring::{Entry, Keyring},
    open::{Members, Opening, Reading},
    path::{ScopePath, Segment},
    principal::Principal,
    record::records_root,
    revision::{CLOSED, LAST_REVISION},
    roster::Line,
};

/// Replaces the caller, an administrator, by an heir of its kind: its keyring and label, a new line,
/// the old line out, and every head that it authored signed anew, closed ones too. One commit, no
/// new keys: it helps only where the old seed meets no old copy of the database, for that gives R.
///
/// # Errors
/// [`ChangeError::NotAdministrator`].
pub fn succeed(
    opening: &Opening<'_>,
    heir: &Principal,
    rng: &mut dyn CryptoRng,
) -> Result<Batch, ChangeError> {
    let members = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    let old = opening.principal().id();
    let held = opening.keyring();
    let keyring = Keyring {
        authority: held.authority,
        vault_key: Some(members.vault_key().duplicate()),
        entries: held.entries.iter().map(Entry::duplicate).collect(),
    };
    let line = Line {
        limits: opening.line().limits.clone(),
        ..Line::new(heir, opening.now(), opening.line().expires, opening.line().rights.clone())
    };
    let label = Segment::parse(&members.escrow(old)?.label).map_err(ChangeError::Name)?;
    let joining = Joining { principal: heir, line: &line, keyring: &keyring, label: &label };
    let (joins, part) = joining.join(opening.vault(), members.vault_key(), rng);
    let author = Author {
        principal: heir,
        vault: opening.vault(),
        generation: opening.roster().generation,
        created_at: opening.now(),
    };
    let SignedAnew { scopes, unmoved } =
        signed_anew(opening, &members, &author, &|author| author == old)?;
    let pending = opening.roster().pending.clone();
    let roster = next_roster(opening, &members, pending, |parts| {
        parts.retain(|held| held.principal != old);
        parts.push(part);
    });
    let base = Batch::after(opening);
    let (members, departed) = (vec![joins], vec![old]);
    Ok(Batch { members, departed, roster: Some(roster), scopes, unmoved, ..base })
}

/// Every head whose author is `whose`: those of the tree, and those of closed scopes that a keyring
/// still names.
pub(super) fn signed_anew(
    opening: &Opening<'_>,
    members: &Members<'_>,
    author: &Author<'_>,
    whose: &dyn Fn(PrincipalId) -> bool,
) -> Result<SignedAnew, ChangeError> {
    let mut signed = SignedAnew::default();
    if let Some(root) = opening.way(&ScopePath::default(), Reading::Last)?.pop() {
        resign_below(opening, author, &root, whose, &mut signed)?;
    }
    closed_anew(opening, members, author, whose, &mut signed.scopes)?;
    Ok(signed)
}

/// The last words of closed scopes that a keyring still names, once more, where who said them
/// leaves: their holders must go on being told that they are closed.
pub(super) fn closed_anew(
    opening: &Opening<'_>,
    members: &Members<'_>,
    author: &Author<'_>,
    leaves: impl Fn(PrincipalId) -> bool,
    puts: &mut Vec<ScopePut>,
) -> Result<(), ChangeError> {
    let mut done: BTreeSet<ScopeId> = puts.iter().map(|put| put.revision.scope).collect();
    for id in members.ids() {
        let (_, keyring) = members.keyring(id)?;
        for entry in &keyring.entries {
            if !done.contains(&entry.scope())
                && let Some((head, prev_hash)) = opening.closed_head(&entry.lineage)?
                && leaves(head.author)
                && head.revision < LAST_REVISION
            {
                done.insert(entry.scope());
                puts.push(author.revise(Next {
                    lineage: entry.lineage.clone(),
                    epoch: head.epoch,
                    revision: head.revision + 1,
                    prev_hash,
                    key_commitment: CLOSED,
                    records_root: records_root([]),
                    children_root: head.children_root,
                }));
            }
        }
    }
    Ok(())
}
