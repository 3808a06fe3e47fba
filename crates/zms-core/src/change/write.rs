//! Sets and removes secrets of one scope: one of them or thousands, in one revision.

use std::collections::BTreeSet;

use zms_crypto::CryptoRng;

use super::{Author, ChangeError, sign::Next, target};
use crate::{
    batch::{Batch, ScopePut},
    id::NameIndex,
    open::{OpenScope, Opening, Place},
    path::SecretName,
    record::{
        MAX_NOTE, MAX_VALUE, Payload, RecordPlace, Reference, StoredRecord, ValueKind,
        records_root, seal_record,
    },
};

/// One secret's change.
pub enum Edit {
    /// Sets a secret, whether it was there or not.
    Put(Payload),
    /// Removes a secret that is there.
    Remove(SecretName),
}

impl Edit {
    /// The secret that changes.
    pub const fn name(&self) -> &SecretName {
        match self {
            Self::Put(payload) => &payload.name,
            Self::Remove(name) => name,
        }
    }
}

/// Writes in the last scope of a way, whose records must have been read.
///
/// # Errors
/// [`ChangeError::MayNotWrite`], [`ChangeError::Root`], [`ChangeError::NoSecret`],
/// [`ChangeError::Twice`], and the limits of a record.
pub fn write(
    opening: &Opening<'_>,
    way: &[OpenScope],
    edits: &[Edit],
    rng: &mut dyn CryptoRng,
) -> Result<Batch, ChangeError> {
    write_all(opening, &[(way, edits)], rng)
}

/// Writes in the last scopes of several ways, in one batch: all of it or nothing is committed.
///
/// # Errors
/// As for [`write()`], and [`ChangeError::SameScope`] where two ways lead to one scope.
pub fn write_all(
    opening: &Opening<'_>,
    writes: &[(&[OpenScope], &[Edit])],
    rng: &mut dyn CryptoRng,
) -> Result<Batch, ChangeError> {
    let (mut seen, mut scopes) = (BTreeSet::new(), Vec::new());
    for (way, edits) in writes {
        let scope = target(way);
        if !seen.insert(scope.id()) {
            return Err(ChangeError::SameScope(scope.path.clone()));
        }
        for edit in *edits {
            if let Edit::Put(payload) = edit {
                check(scope, payload)?;
            }
        }
        scopes.push(revise_records(opening, scope, edits, rng)?);
    }
    Ok(Batch { scopes, ..Batch::after(opening) })
}

/// The next revision of a scope whose records must have been read. That references stay within
/// its lineage is the caller's to see.
pub(super) fn revise_records(
    opening: &Opening<'_>,
    scope: &OpenScope,
    edits: &[Edit],
    rng: &mut dyn CryptoRng,
) -> Result<ScopePut, ChangeError> {
    let Edited { gone, new, root } = edit_records(opening, scope, edits, rng)?;
    let mut put = Author::of(opening).revise(Next { records_root: root, ..Next::after(scope)? });
    put.records_gone = gone;
    put.records = new;
    Ok(put)
}

/// What edits make of a scope's records.
pub(super) struct Edited {
    /// Those that end.
    pub(super) gone: Vec<NameIndex>,
    /// Those that begin.
    pub(super) new: Vec<StoredRecord>,
    /// Over all that live from then on.
    pub(super) root: [u8; 32],
}

/// Seals what edits put, for the scope's next revision.
pub(super) fn edit_records(
    opening: &Opening<'_>,
    scope: &OpenScope,
    edits: &[Edit],
    rng: &mut dyn CryptoRng,
) -> Result<Edited, ChangeError> {
    if scope.lineage.len() == 1 {
        return Err(ChangeError::Root);
    }
    if !opening.line().writes(&scope.lineage) {
        return Err(ChangeError::MayNotWrite(scope.path.clone()));
    }
    if !scope.records_proven() {
        return Err(ChangeError::Open(Place::Scope(scope.path.clone()).into()));
    }
    let place = RecordPlace {
        vault: opening.vault(),
        scope: scope.id(),
        epoch: scope.head.epoch,
        rev_from: scope.head.revision + 1,
    };
    let (mut seen, mut gone, mut new) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for edit in edits {
        let name = edit.name();
        if !seen.insert(name) {
            return Err(ChangeError::Twice(name.clone()));
        }
        let index = scope.keys.data.name_index(name);
        match edit {
            Edit::Put(payload) => new.push(seal_record(&scope.keys.data, &place, payload, rng)),
            Edit::Remove(name) if scope.stored(name).is_none() => {
                let path = scope.path.clone();
                return Err(ChangeError::NoSecret { name: name.clone(), path });
            }
            Edit::Remove(_) => {}
        }
        gone.insert(index);
    }
    let held = scope.stored_records();
    let stay = held.iter().filter(|record| !gone.contains(&record.name_index));
    let root = records_root(stay.chain(&new));
    gone.retain(|index| held.iter().any(|record| record.name_index == *index));
    Ok(Edited { gone: gone.into_iter().collect(), new, root })
}

pub(super) fn check(scope: &OpenScope, payload: &Payload) -> Result<(), ChangeError> {
    // EXPOSE: lengths, and the address in a reference.
    let value = payload.value.expose();
    if value.len() > MAX_VALUE {
        return Err(ChangeError::ValueTooLarge(payload.name.clone()));
    }
    if payload.note.len() > MAX_NOTE {
        return Err(ChangeError::NoteTooLong(payload.name.clone()));
    }
    let escapes = payload.kind == ValueKind::Reference
        && !Reference::decode(value).is_some_and(|to| to.path.is_prefix_of(&scope.path));
    if escapes { Err(ChangeError::ReferenceEscapes(payload.name.clone())) } else { Ok(()) }
}
