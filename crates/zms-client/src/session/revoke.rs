//! Takes tokens out and gives what they could open new keys.

use zms_core::{
    audit::Action,
    change::{
        rekey::{self, Spoiled},
        revoke::{reach, revoke},
    },
    id::PrincipalId,
    path::ScopePath,
};

use super::{Noted, Session, SessionError};

/// One step of a re-key, told as it happens.
pub struct Progress {
    /// The scope that has new keys; `None` for a step that gave none.
    pub path: Option<ScopePath>,
    /// How many expired members this step took out as well.
    pub expired: usize,
    /// How many scopes were pending before this step.
    pub pending: usize,
}

impl Session {
    /// Takes members out of the roster at once; what they could open is pending from then on.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn revoke(&mut self, leaving: &[PrincipalId]) -> Result<(), SessionError> {
        self.change_noting(Action::Revoke, |opening, _| {
            let reached = reach(opening, leaving)?.into_iter();
            let expose = |(scope, revision)| Noted { action: Action::Expose, scope, revision };
            Ok((Some(revoke(opening, leaving)?), reached.map(expose).collect(), ()))
        })
    }

    /// Re-keys all that is pending, parents first, one commit each: it can be interrupted anywhere
    /// and goes on from what the roster says.
    ///
    /// # Errors
    /// [`SessionError`]; what was re-keyed before it stays re-keyed.
    pub fn rekey_pending(
        &mut self,
        spoiled: Spoiled,
        mut told: impl FnMut(&Progress),
    ) -> Result<(), SessionError> {
        loop {
            let step = self.change(Action::Rekey, |opening, rng| {
                Ok(match rekey::next(opening, spoiled, rng)? {
                    Some(rekey::Step { batch, path, pending }) => {
                        let expired = batch.departed.len();
                        (Some(batch), Some(Progress { path, expired, pending }))
                    }
                    None => (None, None),
                })
            })?;
            match step {
                Some(progress) => told(&progress),
                None => return Ok(()),
            }
        }
    }
}
