//! Makes a backup the current state: a rollback by right. spec/backup.md#restoring

use super::{Author, ChangeError, succeed::signed_anew, token::next_roster};
use crate::{batch::Batch, open::Opening, roster::authority};

/// Signs every head anew, closed ones too, and the roster, all with a new generation: the greatest
/// of one more than the backup's, `least`, and the time. Older pins are void from then on, and what
/// was signed since the backup opens nowhere beside it.
///
/// # Errors
/// [`ChangeError::NotAdministrator`], [`ChangeError::LastGeneration`].
pub fn restore(opening: &Opening<'_>, least: u64) -> Result<Batch, ChangeError> {
    let members = opening.members()?.ok_or(ChangeError::NotAdministrator)?;
    let after = opening.roster().generation.checked_add(1).ok_or(ChangeError::LastGeneration)?;
    let generation = after.max(least).max(opening.now());
    let author = Author { generation, ..Author::of(opening) };
    let anew = signed_anew(opening, &members, &author, &|_| true)?;
    let mut roster = next_roster(opening, &members, opening.roster().pending.clone(), |_| {});
    roster.roster.generation = generation;
    roster.signed = roster.roster.sign(&authority(members.vault_key()));
    let roster = Some(roster);
    Ok(Batch { roster, scopes: anew.scopes, unmoved: anew.unmoved, ..Batch::after(opening) })
}
