//! Replaces the caller's own seed, alone or with everything. spec/revocation.md#the-master-key

use zms_core::{
    audit::Action,
    change::{
        renew::{Renewal, Renewing, renew},
        revoke::reach,
        succeed::succeed,
    },
    principal::Principal,
};
use zms_crypto::Key;

use super::{Noted, Session, SessionError};

impl Session {
    /// How many scopes a replacement of the caller's seed would sign anew.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn succession(&mut self) -> Result<usize, SessionError> {
        let heir = self.heir();
        let (heads, vault, seen) = self.opened_audited(Action::Succeed, |opening, rng| {
            Ok(succeed(opening, &heir, rng)?.scopes.len())
        })?;
        self.keep(vault, seen)?;
        Ok(heads)
    }

    /// Gives the caller, an administrator, a new seed that holds all that the old one held, and
    /// takes the old one out, in one commit. `keep` stores the new one where it survives a crash;
    /// it is called once, before the commit, and where that lost a race the same seed is tried again.
    ///
    /// # Errors
    /// [`SessionError`]; then the old seed is the one that counts. Only where the store or the pins
    /// are in trouble the new one may count already.
    pub fn succeed(
        &mut self,
        keep: impl FnOnce(&Principal) -> Result<(), SessionError>,
    ) -> Result<Principal, SessionError> {
        let heir = self.heir();
        let mut keep = Some(keep);
        let vault = self.change(Action::Succeed, |opening, rng| {
            let batch = succeed(opening, &heir, rng)?;
            if let Some(keep) = keep.take() {
                keep(&heir)?;
            }
            Ok((Some(batch), opening.vault()))
        })?;
        // The new one has seen what the old one has.
        self.pins.hand_on(vault, self.principal.id(), heir.id())?;
        Ok(heir)
    }

    fn heir(&mut self) -> Principal {
        Principal::from_seed(self.principal.kind(), Key::generate(&mut *self.rng))
    }

    /// What [`Session::renew_vault`] would do; nothing is done.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn renewal(
        &mut self,
        renewing: Renewing<'_>,
        told: &mut dyn FnMut(),
    ) -> Result<Renewal, SessionError> {
        let heir = self.heir();
        let (renewal, vault, seen) = self.opened_audited(Action::Succeed, |opening, rng| {
            Ok(renew(opening, &heir, renewing, rng, told)?.1)
        })?;
        self.keep(vault, seen)?;
        Ok(renewal)
    }

    /// Gives the vault a new key, every scope new keys, and every member a new seed, in one commit.
    /// `exposed` notes that everything could be read: by who leaves, or who has the old key.
    /// `keep` stores the new seeds where they survive a crash; it is called before the commit, again
    /// where that lost a race, and the last call counts. The caller's own seed is the same each time.
    ///
    /// # Errors
    /// As [`Session::succeed`], of all seeds.
    pub fn renew_vault(
        &mut self,
        renewing: Renewing<'_>,
        exposed: bool,
        told: &mut dyn FnMut(),
        mut keep: impl FnMut(&Renewal) -> Result<(), SessionError>,
    ) -> Result<Renewal, SessionError> {
        let heir = self.heir();
        let (renewal, vault) = self.change_noting(Action::Succeed, |opening, rng| {
            let (batch, renewal) = renew(opening, &heir, renewing, rng, told)?;
            let reached = match exposed {
                true => reach(opening, &[opening.principal().id()])?,
                false => Vec::new(),
            };
            let expose = |(scope, revision)| Noted { action: Action::Expose, scope, revision };
            keep(&renewal)?;
            let noted = reached.into_iter().map(expose).collect();
            Ok((Some(batch), noted, (renewal, opening.vault())))
        })?;
        // The new one has seen what the old one has.
        self.pins.hand_on(vault, self.principal.id(), renewal.own.principal.id())?;
        Ok(renewal)
    }
}
