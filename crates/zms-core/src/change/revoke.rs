//! Takes members out. spec/revocation.md#leaving

use super::{Author, ChangeError, sign::Next, token::next_roster};
use crate::{
    batch::{Batch, ScopePut},
    id::PrincipalId,
    open::{Members, OpenError, OpenScope, Opening, Reading},
    principal::Kind,
    roster::{Right, Rights},
};

/// Takes members out, and notes what they could open as pending: the engine refuses them at
/// once, readers refuse their signatures, and [`super::rekey`] goes on from there.
///
/// # Errors
/// [`ChangeError::NotAdministrator`], [`ChangeError::AdministratorLeaves`].
pub fn revoke(opening: &Opening<'_>, leaving: &[PrincipalId]) -> Result<Batch, ChangeError> {
    let members = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    let mut pending = opening.roster().pending.clone();
    for id in leaving {
        let line = members.line(*id)?;
        if line.kind == Kind::Administrator {
            return Err(ChangeError::AdministratorLeaves);
        }
        for (scope, right) in line.rights.iter() {
            pending.add(scope, right);
        }
    }
    leave(opening, &members, leaving, pending)
}

/// Takes out every member whose line has ended, as [`revoke`] does: a re-key grants to none of
/// them, and what they could open gets new keys too. `None` where there is none.
///
/// # Errors
/// [`ChangeError::NotAdministrator`].
pub fn sweep_expired(opening: &Opening<'_>) -> Result<Option<Batch>, ChangeError> {
    let members = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    let (mut leaving, mut pending) = (Vec::new(), opening.roster().pending.clone());
    for id in members.ids() {
        let line = members.line(id)?;
        if line.expired(opening.now()) {
            leaving.push(id);
            line.rights.iter().for_each(|(scope, right)| pending.add(scope, right));
        }
    }
    if leaving.is_empty() {
        return Ok(None);
    }
    leave(opening, &members, &leaving, pending).map(Some)
}

fn leave(
    opening: &Opening<'_>,
    members: &Members<'_>,
    leaving: &[PrincipalId],
    pending: Rights,
) -> Result<Batch, ChangeError> {
    let mut scopes = Vec::new();
    for id in leaving {
        let line = members.line(*id)?;
        let (_, keyring) = members.keyring(*id)?;
        for entry in &keyring.entries {
            if line.rights.on(entry.scope()) == Some(Right::Write)
                && let Some(mut way) = unless_broken(opening.way(&entry.path, Reading::Last))?
                && let Some(scope) = way.pop().filter(|scope| scope.lineage == entry.lineage)
            {
                resign_below(opening, &scope, leaving, &mut scopes)?;
            }
        }
    }
    let roster = next_roster(opening, members, pending, |parts| {
        parts.retain(|part| !leaving.contains(&part.principal));
    });
    let departed = leaving.to_vec();
    Ok(Batch { departed, roster: Some(roster), scopes, ..Batch::after(opening) })
}

/// Signs anew, as the caller and in empty revisions, the heads that leaving members authored:
/// after the commit their signatures count no more.
fn resign_below(
    opening: &Opening<'_>,
    scope: &OpenScope,
    leaving: &[PrincipalId],
    puts: &mut Vec<ScopePut>,
) -> Result<(), ChangeError> {
    let done = puts.iter().any(|put| put.revision.scope == scope.id());
    if leaving.contains(&scope.head.author) && !done {
        match Next::after(scope) {
            Ok(next) => puts.push(Author::of(opening).revise(next)),
            // It stays as it is and verifies no more: the re-key closes it.
            Err(_exhausted) => return Ok(()),
        }
    }
    for stored in scope.stored_children() {
        if let Some(child) = unless_broken(opening.below(scope, stored, Reading::Last))? {
            resign_below(opening, &child, leaving, puts)?;
        }
    }
    Ok(())
}

/// What does not verify is signed by nobody: it stops every reader already, and the re-key
/// reports it. Trouble stays trouble.
fn unless_broken<T>(opened: Result<T, OpenError>) -> Result<Option<T>, OpenError> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(OpenError::Trouble(trouble)) => Err(OpenError::Trouble(trouble)),
        Err(_) => Ok(None),
    }
}
