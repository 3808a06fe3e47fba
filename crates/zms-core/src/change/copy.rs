//! Copies a scope with all below it: secrets, structure, no history.

use super::{ChangeError, plant::Seedling, rename::Moved};
use crate::{
    id::ScopeId,
    open::{OpenScope, Opening, Reading},
    path::{ScopePath, Segment},
};

/// A scope and all below it as seedlings, to be planted at another path, and what was read for
/// it: each scope with its revision. References within it lead to the copies, others to where
/// they led.
///
/// # Errors
/// What keeps a scope from being proven, or a record from opening.
pub fn cutting(
    opening: &Opening<'_>,
    scope: &OpenScope,
    to: &ScopePath,
) -> Result<(Seedling, Vec<(ScopeId, u64)>), ChangeError> {
    let name = to.segments().last().ok_or(ChangeError::Root)?.clone();
    let mut read = Vec::new();
    let seedling = take(opening, scope, &Moved { old: &scope.path, new: to }, name, &mut read)?;
    Ok((seedling, read))
}

fn take(
    opening: &Opening<'_>,
    scope: &OpenScope,
    moved: &Moved<'_>,
    name: Segment,
    read: &mut Vec<(ScopeId, u64)>,
) -> Result<Seedling, ChangeError> {
    read.push((scope.id(), scope.head.revision));
    let records = scope.open_records()?.into_iter();
    let records = records.map(|(_, held)| moved.readdressed(&held).unwrap_or(held)).collect();
    let mut children = Vec::new();
    for stored in scope.stored_children() {
        let child = opening.below(scope, stored, Reading::Last)?;
        let name = child.path.segments().last().ok_or(ChangeError::Root)?.clone();
        children.push(take(opening, &child, moved, name, read)?);
    }
    Ok(Seedling { name, protected: false, records, children })
}
