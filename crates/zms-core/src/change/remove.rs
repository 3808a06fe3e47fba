//! Removes a scope with all below it. spec/scope.md#changing-an-entry

use super::{Author, ChangeError, rekey::end_orphans, sign::Next};
use crate::{
    batch::{Batch, ScopePut},
    child::children_root,
    open::{OpenScope, Opening, Reading},
    record::records_root,
    revision::CLOSED,
};

/// Closes the last scope of a way and every scope below it, in one commit, with those that only
/// keyrings still name. An administrator's act: a keyring may name any of them.
///
/// # Errors
/// [`ChangeError::NotAdministrator`], [`ChangeError::Root`], and what keeps a scope below from
/// being proven.
pub fn remove(opening: &Opening<'_>, way: &[OpenScope]) -> Result<Batch, ChangeError> {
    let members = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    let [.., parent, scope] = way else { return Err(ChangeError::Root) };
    let author = Author::of(opening);
    let stay = parent.stored_children().iter().filter(|child| child.child != scope.id());
    let mut put =
        author.revise(Next { children_root: children_root(stay), ..Next::after(parent)? });
    let gone = parent.stored_children().iter().filter(|child| child.child == scope.id());
    put.children_gone = gone.map(|child| child.child_index).collect();
    let mut scopes = vec![put];
    close_all(opening, &author, scope, &mut scopes)?;
    let orphans = end_orphans(opening, &members, &scope.lineage, &scopes)?;
    scopes.extend(orphans);
    Ok(Batch { scopes, ..Batch::after(opening) })
}

fn close_all(
    opening: &Opening<'_>,
    author: &Author<'_>,
    scope: &OpenScope,
    puts: &mut Vec<ScopePut>,
) -> Result<(), ChangeError> {
    for stored in scope.stored_children() {
        let child = opening.below(scope, stored, Reading::Structure)?;
        close_all(opening, author, &child, puts)?;
    }
    puts.push(author.revise(Next {
        key_commitment: CLOSED,
        records_root: records_root([]),
        children_root: children_root([]),
        ..Next::after(scope)?
    }));
    Ok(())
}
