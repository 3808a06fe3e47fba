//! Gives a scope another name. spec/scope.md#changing-an-entry

use zms_crypto::{CryptoRng, SecretBytes, digest::sha256};

use super::{
    Author, ChangeError,
    entry::{entry_of, exchange},
    token::next_roster,
    write::revise_records,
};
use crate::{
    batch::{Batch, MemberPut, ScopePut},
    change::write::Edit,
    child::{ChildContent, seal_child},
    open::{Members, OpenScope, Opening, Reading},
    path::{ScopePath, Segment},
    record::{Payload, Reference, ValueKind},
    roster::MemberPart,
};

/// Renames the last scope of a way: same id, keys and content. Every keyring that names it, or a
/// scope below it, is told; references that lead through the old name are written anew.
///
/// # Errors
/// [`ChangeError::NotAdministrator`], [`ChangeError::Root`], [`ChangeError::ScopeExists`].
pub fn rename(
    opening: &Opening<'_>,
    way: &[OpenScope],
    name: &Segment,
    rng: &mut dyn CryptoRng,
) -> Result<Batch, ChangeError> {
    let members = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    let [.., parent, scope] = way else { return Err(ChangeError::Root) };
    let node = parent.keys.node.as_ref().ok_or(ChangeError::NotAdministrator)?;
    let new = parent.path.child(name.clone()).map_err(ChangeError::Name)?;
    if parent.stored_child(name).is_some() {
        return Err(ChangeError::ScopeExists(new));
    }
    let moved = Moved { old: &scope.path, new: &new };
    let author = Author::of(opening);
    let (stored, content) = entry_of(parent, scope)?;
    let content = ChildContent { name: name.clone(), ..content };
    let (id, epoch) = (stored.child, stored.child_epoch);
    let entry = seal_child(node, &parent.parent_place(), id, epoch, &content, rng);
    let mut scopes = vec![exchange(&author, parent, entry)?];
    readdress(opening, scope, &moved, rng, &mut scopes)?;
    let (puts, parts) = tell(opening, &members, scope, &moved, rng)?;
    let pending = opening.roster().pending.clone();
    let roster = next_roster(opening, &members, pending, |listed| {
        for part in parts {
            listed.retain(|old| old.principal != part.principal);
            listed.push(part);
        }
    });
    Ok(Batch { members: puts, roster: Some(roster), scopes, ..Batch::after(opening) })
}

/// A path that goes by another name now, with all below it.
pub(super) struct Moved<'p> {
    /// Its path.
    pub(super) old: &'p ScopePath,
    /// The new one.
    pub(super) new: &'p ScopePath,
}

impl Moved<'_> {
    /// Where a path at or below the old one is now; `None` for any other.
    pub(super) fn follow(&self, path: &ScopePath) -> Option<ScopePath> {
        let rest = path.segments().get(self.old.segments().len()..)?;
        let segments = [self.new.segments(), rest].concat();
        self.old.is_prefix_of(path).then(|| ScopePath::new(segments).ok())?
    }

    /// A reference that leads through the old path, leading through the new one.
    pub(super) fn readdressed(&self, payload: &Payload) -> Option<Payload> {
        if payload.kind != ValueKind::Reference {
            return None;
        }
        // EXPOSE: a reference's value is an address.
        let target = Reference::decode(payload.value.expose())?;
        let target = Reference { path: self.follow(&target.path)?, name: target.name };
        Some(Payload { value: SecretBytes::new(target.encode()), ..payload.duplicate() })
    }
}

fn readdress(
    opening: &Opening<'_>,
    scope: &OpenScope,
    moved: &Moved<'_>,
    rng: &mut dyn CryptoRng,
    puts: &mut Vec<ScopePut>,
) -> Result<(), ChangeError> {
    let records = scope.open_records()?;
    let edits: Vec<Edit> =
        records.iter().filter_map(|(_, held)| moved.readdressed(held).map(Edit::Put)).collect();
    if !edits.is_empty() {
        puts.push(revise_records(opening, scope, &edits, rng)?);
    }
    for stored in scope.stored_children() {
        let child = opening.below(scope, stored, Reading::Last)?;
        readdress(opening, &child, moved, rng, puts)?;
    }
    Ok(())
}

/// New keyrings for all who hold the scope or one below it.
fn tell(
    opening: &Opening<'_>,
    members: &Members<'_>,
    scope: &OpenScope,
    moved: &Moved<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<(Vec<MemberPut>, Vec<MemberPart>), ChangeError> {
    let (mut puts, mut parts) = (Vec::new(), Vec::new());
    for held in members.parts() {
        let id = held.principal;
        let (wrap, mut keyring) = members.keyring(id)?;
        let mut told = false;
        for entry in &mut keyring.entries {
            if entry.lineage.starts_with(&scope.lineage)
                && let Some(path) = moved.follow(&entry.path)
            {
                (entry.path, told) = (path, true);
            }
        }
        if told {
            // What had the new name before is gone: an entry that still says so would be taken
            // for it, or contradict it.
            keyring.entries.retain(|entry| {
                entry.lineage.starts_with(&scope.lineage) || !moved.new.is_prefix_of(&entry.path)
            });
            let keyring = keyring.seal(&wrap, opening.vault(), id, rng);
            parts.push(MemberPart { keyring: sha256(&[&keyring]), ..*held });
            puts.push(MemberPut::Keyring { principal: id, keyring });
        }
    }
    Ok((puts, parts))
}
