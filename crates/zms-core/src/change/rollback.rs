//! Edits that take a scope's secrets back to what they were. spec/revision.md#past

use zms_crypto::SecretBytes;

use super::write::Edit;
use crate::{
    history::{Change, History, NoState},
    path::ScopePath,
    record::{Payload, Reference, ValueKind},
};

/// The edits that take the current secrets to those of an earlier revision. Times of the values
/// stay: it says when they were set.
///
/// # Errors
/// [`NoState`].
pub fn edits_to(history: &History, revision: u64) -> Result<Vec<Edit>, NoState> {
    Ok(towards_after(history, &history.changes(history.newest(), revision)?))
}

/// The newest revision that changed secrets, and the edits that take its changes back. `None`
/// where nothing was ever changed, or longer ago than the caller's keys reach.
pub fn edits_to_undo(history: &History) -> Option<(u64, Vec<Edit>)> {
    let numbers = (history.opens_from()..=history.newest()).rev();
    let mut undone = numbers.filter_map(|number| {
        // The first revision that opens is compared with nothing: it may have brought new keys.
        let back = history.changes(number, number.checked_sub(1)?).ok()?;
        let edits = towards_after(history, &back);
        (!edits.is_empty()).then_some((number, edits))
    });
    undone.next()
}

fn towards_after(history: &History, changes: &[Change<'_>]) -> Vec<Edit> {
    let edit = |change: &Change<'_>| {
        let Some(version) = change.after else { return Some(Edit::Remove(change.name.clone())) };
        let payload = at_home(history.path(), &version.payload);
        let same = change.before.is_some_and(|before| before.payload.says_the_same(&payload));
        (!same).then_some(Edit::Put(payload))
    };
    changes.iter().filter_map(edit).collect()
}

/// A secret as it reads where its scope stands now. A reference leads into its own scope or one
/// above, and lineages never change: where one of them has another name since, its depth tells.
fn at_home(path: &ScopePath, payload: &Payload) -> Payload {
    let moved = || {
        if payload.kind != ValueKind::Reference {
            return None;
        }
        // EXPOSE: a reference's value is an address.
        let target = Reference::decode(payload.value.expose())?;
        let now = path.segments().get(..target.path.segments().len())?;
        let target = Reference { path: ScopePath::new(now.to_vec()).ok()?, name: target.name };
        Some(SecretBytes::new(target.encode()))
    };
    match moved() {
        Some(value) => Payload { value, ..payload.duplicate() },
        None => payload.duplicate(),
    }
}
