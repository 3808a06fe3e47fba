//! What lies below a scope, as wholes and as folders of them.

use zms_core::{
    audit::Action,
    open::{OpenError, OpenScope, Opening, Reading},
    path::{ScopePath, Segment},
};

use super::{about_alone, last};
use crate::session::{Noted, Session, SessionError};

/// One name below a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name.
    pub name: Segment,
    /// Whether it has versions, or something is said of it, or nothing lies below it.
    pub whole: bool,
    /// Whether scopes lie below it.
    pub folder: bool,
}

impl Session {
    /// The scopes right below a path, by name. The audit entry, of the scope above them, is stored
    /// before anything is returned.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn listing(&mut self, path: &ScopePath) -> Result<Vec<Listed>, SessionError> {
        let ((listing, noted), vault, seen) = self.opened_audited(Action::Read, |opening, _| {
            let way = opening.way(path, Reading::Structure)?;
            let scope = last(&way);
            if scope.keys.node.is_none() {
                return Err(OpenError::OutOfScope(path.clone()).into());
            }
            let about = about_alone();
            let mut listing = Vec::new();
            for stored in scope.stored_children() {
                let child = opening.below(scope, stored, Reading::Names(&about))?;
                listing.extend(listed(opening, &child)?);
            }
            listing.sort_by(|one, other| one.name.cmp(&other.name));
            Ok((listing, Noted::of(Action::Read, scope)))
        })?;
        self.note_all(Action::Read, &[noted])?;
        self.keep(vault, seen)?;
        Ok(listing)
    }
}

fn listed(opening: &Opening<'_>, scope: &OpenScope) -> Result<Option<Listed>, OpenError> {
    let Some(name) = scope.path.segments().last().cloned() else { return Ok(None) };
    let about = scope.about()?.map(|(about, _)| about).unwrap_or_default();
    let versions = opening.newest_version(scope, &about)?.is_some();
    let folder = !scope.stored_children().is_empty();
    let whole = versions || about.says() || !folder && about.forgotten == 0;
    Ok((whole || folder).then_some(Listed { name, whole, folder }))
}
