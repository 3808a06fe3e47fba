//! Changes one child entry of a scope: what renaming, protecting and re-keying have in common.

use super::{Author, ChangeError, sign::Next};
use crate::{
    batch::ScopePut,
    child::{ChildContent, StoredChild, children_root},
    open::{OpenError, OpenScope, Place},
};

/// The entry that leads from a parent to a scope, as stored and opened.
///
/// # Errors
/// Integrity, where the parent has none that opens.
pub(super) fn entry_of<'p>(
    parent: &'p OpenScope,
    scope: &OpenScope,
) -> Result<(&'p StoredChild, ChildContent), ChangeError> {
    let broken = || ChangeError::Open(OpenError::Integrity(Place::Child(parent.path.clone())));
    let stored = parent.stored_children().iter().find(|child| child.child == scope.id());
    let stored = stored.ok_or_else(broken)?;
    let content = parent.open_child(stored).map_err(|_| broken())?;
    Ok((stored, content))
}

/// The parent's next revision, with a child's entry in place of the one it had.
///
/// # Errors
/// [`ChangeError::Exhausted`].
pub(super) fn exchange(
    author: &Author<'_>,
    parent: &OpenScope,
    entry: StoredChild,
) -> Result<ScopePut, ChangeError> {
    let held = parent.stored_children().iter();
    let (old, stay): (Vec<_>, Vec<_>) = held.partition(|child| child.child == entry.child);
    let root = children_root(stay.into_iter().chain([&entry]));
    let mut put = author.revise(Next { children_root: root, ..Next::after(parent)? });
    put.children_gone = old.iter().map(|child| child.child_index).collect();
    put.children = vec![entry];
    Ok(put)
}
