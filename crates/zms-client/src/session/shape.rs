//! Makes vaults and scopes, and changes what scopes are called and whether they are.

use zms_core::{
    audit::{Action, Outcome},
    change::{
        ChangeError,
        copy::cutting,
        init::init,
        plant::{Seedling, plant},
        protect::protect,
        remove::remove,
        rename::rename,
    },
    id::VaultId,
    open::Reading,
    path::{ScopePath, Segment},
};

use super::{Noted, Session, SessionError};

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

    /// Gives a scope another name; who holds it goes on holding it.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn rename(&mut self, path: &ScopePath, name: &Segment) -> Result<(), SessionError> {
        self.change(Action::Shape, |opening, rng| {
            // Its records are read: references among them may lead through its name.
            let way = opening.way(path, Reading::Last)?;
            Ok((Some(rename(opening, &way, name, rng)?), ()))
        })
    }

    /// Removes a scope with all below it.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn remove(&mut self, path: &ScopePath) -> Result<(), SessionError> {
        self.change(Action::Shape, |opening, _| {
            let way = opening.way(path, Reading::Structure)?;
            Ok((Some(remove(opening, &way)?), ()))
        })
    }

    /// Copies a scope with all below it to a path where nothing is, in one commit.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn copy(&mut self, from: &ScopePath, to: &ScopePath) -> Result<(), SessionError> {
        let above = to.parent().ok_or(ChangeError::Root)?;
        self.change_noting(Action::Shape, |opening, rng| {
            let source = opening.way(from, Reading::Last)?.pop();
            let source = source.expect("a way holds at least its target");
            let (seedling, read) = cutting(opening, &source, to)?;
            let way = opening.way(&above, Reading::Structure)?;
            // Who copies it has it: from then on it is read where the copy is.
            let read = read.into_iter();
            let read =
                read.map(|(scope, revision)| Noted { action: Action::Read, scope, revision });
            Ok((Some(plant(opening, &way, vec![seedling], rng)?), read.collect(), ()))
        })
    }

    /// Has changes of a scope confirmed from now on, or no more. Whether that was new.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn protect(&mut self, path: &ScopePath, protected: bool) -> Result<bool, SessionError> {
        self.change(Action::Shape, |opening, rng| {
            let way = opening.way(path, Reading::Structure)?;
            let batch = protect(opening, &way, protected, rng)?;
            let new = batch.is_some();
            Ok((batch, new))
        })
    }
}
