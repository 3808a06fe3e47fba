//! Makes vaults and scopes.

use zms_core::{
    audit::{Action, Outcome},
    change::{
        init::init,
        plant::{Seedling, plant},
    },
    id::VaultId,
    open::Reading,
    path::ScopePath,
};

use super::{Session, SessionError};

impl Session {
    /// Makes the vault, with its first scopes, in one commit. The caller becomes its owner.
    ///
    /// # Errors
    /// [`SessionError::Exists`] where the store holds one.
    pub fn init(&mut self, vault: VaultId, seedlings: Vec<Seedling>) -> Result<(), SessionError> {
        let now = (self.clock)();
        let batch = init(&self.principal, vault, seedlings, now, &mut *self.rng)?;
        let event = self.event(Action::Init, None, 0, Outcome::Done);
        self.store.commit(&batch, &[event])?;
        self.keep_committed(vault, batch.pins())
    }

    /// Makes scopes below a path, in one commit.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn plant(
        &mut self,
        path: &ScopePath,
        mut seedlings: impl FnMut() -> Vec<Seedling>,
    ) -> Result<(), SessionError> {
        self.change(Action::Shape, |opening, rng| {
            let way = opening.way(path, Reading::Structure)?;
            Ok((Some(plant(opening, &way, seedlings(), rng)?), ()))
        })
    }
}
