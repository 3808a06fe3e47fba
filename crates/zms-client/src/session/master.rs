//! Replaces the caller's own seed. spec/revocation.md#the-master-key

use zms_core::{audit::Action, change::succeed::succeed, principal::Principal};

use super::{Session, SessionError};

impl Session {
    /// How many scopes a replacement of the caller's seed would sign anew.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn succession(&mut self) -> Result<usize, SessionError> {
        let (heads, vault, seen) = self.opened_audited(Action::Succeed, |opening, rng| {
            Ok(succeed(opening, rng)?.0.scopes.len())
        })?;
        self.keep(vault, seen)?;
        Ok(heads)
    }

    /// Gives the caller, an administrator, a new seed that holds all that the old one held, and
    /// takes the old one out, in one commit. `keep` stores the new one where it survives a crash;
    /// it is called before the commit, again where that lost a race, and the last call counts.
    ///
    /// # Errors
    /// [`SessionError`]; then the old seed is the one that counts.
    pub fn succeed(
        &mut self,
        mut keep: impl FnMut(&Principal) -> Result<(), SessionError>,
    ) -> Result<Principal, SessionError> {
        let (heir, vault) = self.change(Action::Succeed, |opening, rng| {
            let (batch, heir) = succeed(opening, rng)?;
            keep(&heir)?;
            Ok((Some(batch), (heir, opening.vault())))
        })?;
        // The new one has seen what the old one has.
        self.pins.hand_on(vault, self.principal.id(), heir.id())?;
        Ok(heir)
    }
}
