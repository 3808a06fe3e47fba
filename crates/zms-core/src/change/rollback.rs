//! Edits that take a scope's secrets back to what they were. spec/revision.md#past

use super::write::Edit;
use crate::history::{Change, History, NoState};

/// The edits that take the current secrets to those of an earlier revision. Times of the values
/// stay: it says when they were set.
///
/// # Errors
/// [`NoState`].
pub fn edits_to(history: &History, revision: u64) -> Result<Vec<Edit>, NoState> {
    Ok(towards_after(&history.changes(history.newest(), revision)?))
}

/// The newest revision that changed secrets, and the edits that take its changes back. `None`
/// where nothing was ever changed, or longer ago than the caller's keys reach.
pub fn edits_to_undo(history: &History) -> Option<(u64, Vec<Edit>)> {
    let numbers = (history.opens_from()..=history.newest()).rev();
    let mut undone = numbers.filter_map(|number| {
        // The first revision that opens is compared with nothing: it may have brought new keys.
        let back = history.changes(number, number.checked_sub(1)?).ok()?;
        (!back.is_empty()).then(|| (number, towards_after(&back)))
    });
    undone.next()
}

fn towards_after(changes: &[Change<'_>]) -> Vec<Edit> {
    let edit = |change: &Change<'_>| match change.after {
        Some(version) => Edit::Put(version.payload.duplicate()),
        None => Edit::Remove(change.name.clone()),
    };
    changes.iter().map(edit).collect()
}
