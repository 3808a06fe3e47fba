//! Signs the roster anew, as it is: for readers that demand a recent one. spec/roster.md#age

use super::{ChangeError, token::next_roster};
use crate::{batch::Batch, open::Opening};

/// The same members under the next version.
///
/// # Errors
/// [`ChangeError::NotAdministrator`].
pub fn refresh(opening: &Opening<'_>) -> Result<Batch, ChangeError> {
    let members = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    let pending = opening.roster().pending.clone();
    let roster = next_roster(opening, &members, pending, |_| {});
    Ok(Batch { roster: Some(roster), ..Batch::after(opening) })
}
