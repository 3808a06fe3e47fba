//! What ids are called: as far as the caller's own keys tell.

use std::collections::BTreeMap;

use zms_core::{
    audit::Action,
    id::{PrincipalId, ScopeId},
    keyring::Depth,
    open::{OpenError, OpenScope, Opening, Reading},
    path::ScopePath,
};

use crate::session::{Session, SessionError};

/// What ids are called, as far as the caller can tell.
#[derive(Default)]
pub struct AuditNames {
    /// Members by label, for an administrator.
    pub labels: BTreeMap<PrincipalId, String>,
    /// Places that the caller's keyring leads to.
    pub places: BTreeMap<ScopeId, ScopePath>,
}

impl Session {
    /// Learns them anew.
    pub(super) fn audit_names(&mut self) -> Result<AuditNames, SessionError> {
        let (names, vault, seen) = self.opened_audited(Action::Read, |opening, _| {
            Ok(AuditNames { labels: labels(opening)?, places: places(opening)? })
        })?;
        self.keep(vault, seen)?;
        Ok(names)
    }
}

/// Labels of all members. A list that does not verify tells no names, and hides no entries.
pub(in crate::session) fn labels(
    opening: &Opening<'_>,
) -> Result<BTreeMap<PrincipalId, String>, OpenError> {
    let mut labels = BTreeMap::new();
    if let Some(Some(members)) = unless_trouble(opening.members())? {
        for id in members.ids() {
            if let Some(escrow) = unless_trouble(members.escrow(id))? {
                labels.insert(id, escrow.label);
            }
        }
    }
    Ok(labels)
}

/// Paths of all scopes that the keyring leads to. What does not verify is passed by.
fn places(opening: &Opening<'_>) -> Result<BTreeMap<ScopeId, ScopePath>, OpenError> {
    let mut places = BTreeMap::new();
    let mut open: Vec<OpenScope> = Vec::new();
    for entry in &opening.keyring().entries {
        places.insert(entry.scope(), entry.path.clone());
        if entry.depth == Depth::Subtree
            && let Some(way) = unless_trouble(opening.way(&entry.path, Reading::Structure))?
        {
            open.extend(way.into_iter().last());
        }
    }
    while let Some(scope) = open.pop() {
        for stored in scope.stored_children() {
            let below = opening.below(&scope, stored, Reading::Structure);
            open.extend(unless_trouble(below)?);
        }
        places.insert(scope.id(), scope.path);
    }
    Ok(places)
}

fn unless_trouble<T>(found: Result<T, OpenError>) -> Result<Option<T>, OpenError> {
    match found {
        Err(OpenError::Trouble(trouble)) => Err(trouble.into()),
        found => Ok(found.ok()),
    }
}
