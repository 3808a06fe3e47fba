//! Moves a vault into another store. spec/engine.md#moving

use zms_core::{
    audit::{Action, Event, Outcome},
    change::{
        ChangeError,
        transplant::{Transplanted, transplant},
    },
    id::{PrincipalId, VaultId},
    open::OpenError,
};
use zms_crypto::{CryptoRng, Key};
use zms_store::{Ahead, Store};

use super::{Session, SessionError};

/// Where the key comes from that an engine checks a member's requests with.
pub type RequestKeys<'k> = &'k mut dyn FnMut(PrincipalId) -> Result<Key, OpenError>;

impl Session {
    /// What a move would take along: nothing is noted but that everything was read, and nothing is
    /// moved.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn transplanted(
        &mut self,
        request_keys: RequestKeys<'_>,
    ) -> Result<(Transplanted, VaultId), SessionError> {
        self.ahead = Ahead::Everything;
        let (made, vault, seen) = self.opened_audited(Action::Backup, |opening, rng| {
            let mut request_key = |id| request_keys(id).map_err(ChangeError::Open);
            Ok(transplant(opening, &mut request_key, rng as &mut dyn CryptoRng)?)
        })?;
        let event = self.event(Action::Backup, None, 0, Outcome::Done);
        self.note(Action::Backup, &[event])?;
        self.keep(vault, seen)?;
        Ok((made, vault))
    }

    /// Puts the vault into another store, which keeps it from now on. What this one holds stays as
    /// it is, and its pins are void. `moved` makes known that it is there, before they are: whoever is
    /// stopped in between still opens what is here.
    ///
    /// # Errors
    /// [`SessionError::Exists`] where a vault is there, and what `moved` says.
    pub fn transplant<E: From<SessionError>>(
        mut self,
        into: Box<dyn Store>,
        made: &Transplanted,
        vault: VaultId,
        moved: impl FnOnce() -> Result<(), E>,
    ) -> Result<Self, E> {
        let (time, principal) = ((self.clock)(), self.principal.id());
        let (action, outcome) = (Action::Init, Outcome::Done);
        let event = Event { time, principal, action, scope: None, revision: 0, outcome };
        self.store = into;
        self.store.commit(&made.batch, &[event]).map_err(SessionError::from)?;
        moved()?;
        self.keep_committed(vault, made.batch.pins())?;
        Ok(self)
    }
}
