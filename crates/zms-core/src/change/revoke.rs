//! Takes members out. spec/revocation.md#leaving

use super::{Author, ChangeError, sign::Next, token::next_roster};
use crate::{
    batch::{Batch, MemberPut, ScopePut},
    id::{PrincipalId, ScopeId},
    open::{Members, OpenError, OpenScope, Opening, Reading},
    path::ScopePath,
    principal::Kind,
    roster::{MemberPart, Right, Rights},
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
    leave(opening, &members, leaving, pending, Vec::new())
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
    leave(opening, &members, &leaving, pending, Vec::new()).map(Some)
}

/// Takes members out while others join, in one commit.
pub(super) fn leave(
    opening: &Opening<'_>,
    members: &Members<'_>,
    leaving: &[PrincipalId],
    pending: Rights,
    joining: Vec<(MemberPut, MemberPart)>,
) -> Result<Batch, ChangeError> {
    let (author, mut signed) = (Author::of(opening), SignedAnew::default());
    for id in leaving {
        let line = members.line(*id)?;
        let (_, keyring) = members.keyring(*id)?;
        for entry in &keyring.entries {
            if line.rights.on(entry.scope()) == Some(Right::Write)
                && let Some(mut way) = unless_broken(opening.way(&entry.path, Reading::Last))?
                && let Some(scope) = way.pop().filter(|scope| scope.lineage == entry.lineage)
            {
                let theirs = |author| leaving.contains(&author);
                resign_below(opening, &author, &scope, &theirs, &mut signed)?;
            }
        }
    }
    let (puts, new): (Vec<_>, Vec<_>) = joining.into_iter().unzip();
    let roster = next_roster(opening, members, pending, |parts| {
        parts.retain(|part| !leaving.contains(&part.principal));
        parts.extend(new);
    });
    let departed = leaving.to_vec();
    let SignedAnew { scopes, unmoved } = signed;
    let base = Batch::after(opening);
    Ok(Batch { members: puts, departed, roster: Some(roster), scopes, unmoved, ..base })
}

/// Heads that leaving members could have authored.
#[derive(Default)]
pub(super) struct SignedAnew {
    /// Those that they did.
    pub(super) scopes: Vec<ScopePut>,
    /// The others: a member that signs one of them before the commit would leave a head that
    /// nobody verifies.
    pub(super) unmoved: Vec<(ScopeId, u64)>,
}

/// Signs anew, in empty revisions, the heads of a scope and all below it whose author is `whose`:
/// after the commit those signatures count no more.
pub(super) fn resign_below(
    opening: &Opening<'_>,
    author: &Author<'_>,
    scope: &OpenScope,
    whose: &dyn Fn(PrincipalId) -> bool,
    signed: &mut SignedAnew,
) -> Result<(), ChangeError> {
    let done = signed.scopes.iter().any(|put| put.revision.scope == scope.id());
    if !whose(scope.head.author) {
        signed.unmoved.push((scope.id(), scope.head.revision));
    } else if !done {
        match Next::after(scope) {
            Ok(next) => signed.scopes.push(author.revise(next)),
            // It stays as it is and verifies no more: the re-key closes it.
            Err(_exhausted) => return Ok(()),
        }
    }
    for stored in scope.stored_children() {
        if let Some(child) = unless_broken(opening.below(scope, stored, Reading::Last))? {
            resign_below(opening, author, &child, whose, signed)?;
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

/// Every scope that a member can read now, with the revision of its head: what is exposed once it
/// turns out that it should not have been a member. What does not open is passed by.
///
/// # Errors
/// [`ChangeError::NotAdministrator`].
pub fn reach(
    opening: &Opening<'_>,
    members: &[PrincipalId],
) -> Result<Vec<(ScopeId, u64)>, ChangeError> {
    let all = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    let mut reached = Vec::new();
    for id in members {
        let line = all.line(*id)?;
        let (_, keyring) = all.keyring(*id)?;
        for entry in &keyring.entries {
            let right = line.rights.on(entry.scope());
            if let Some(right) = right
                && let Some(mut way) = unless_broken(opening.way(&entry.path, Reading::Structure))?
                && let Some(scope) = way.pop().filter(|scope| scope.lineage == entry.lineage)
            {
                reach_below(opening, &scope, right > Right::Exact, &mut reached)?;
            }
        }
    }
    // By path: ids are random, and who reads the audit would see another order each time.
    reached.sort_unstable();
    reached.dedup();
    Ok(reached.into_iter().map(|(_, scope, revision)| (scope, revision)).collect())
}

fn reach_below(
    opening: &Opening<'_>,
    scope: &OpenScope,
    below: bool,
    reached: &mut Vec<(ScopePath, ScopeId, u64)>,
) -> Result<(), ChangeError> {
    // The root holds no secrets.
    if scope.lineage.len() > 1 {
        reached.push((scope.path.clone(), scope.id(), scope.head.revision));
    }
    for stored in scope.stored_children().iter().filter(|_| below) {
        if let Some(child) = unless_broken(opening.below(scope, stored, Reading::Structure))? {
            reach_below(opening, &child, below, reached)?;
        }
    }
    Ok(())
}
