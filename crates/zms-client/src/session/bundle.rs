//! Makes bundles, and signs the roster anew for who demands a recent one.

use zms_core::{
    audit::Action,
    bundle::{
        Bundle, Packed,
        check::check,
        collect::{Since, Wish},
    },
    change::refresh::refresh,
    id::PrincipalId,
    open::{OpenError, Opening},
    revision::Revision,
};

use super::{Demand, Noted, Session, SessionError};

impl Session {
    /// Collects what members need to read: every scope that their lines name, with all below. The
    /// audit entries, one for each scope, are stored before anything is returned.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn bundle(
        &mut self,
        readers: &[PrincipalId],
        since: Since,
    ) -> Result<Packed, SessionError> {
        let wish = Wish { since, ..Wish::EVERYTHING };
        let (packed, vault, seen) = self.opened_audited(Action::Bundle, |opening, _| {
            let packed = opening.collect(readers, &wish)?;
            // What does not even hold without a key would open nowhere.
            check(&packed)?;
            Ok(packed)
        })?;
        let noted = packed.scopes().map(|scope| {
            let head = packed.head(scope).map_err(OpenError::Trouble)?;
            let head = head.and_then(|head| Revision::parse(&head.message).ok());
            let revision = head.map_or(0, |head| head.revision);
            Ok(Noted { action: Action::Bundle, scope, revision })
        });
        let noted = noted.collect::<Result<Vec<_>, SessionError>>()?;
        self.note_all(Action::Bundle, &noted)?;
        self.keep(vault, seen)?;
        Ok(packed)
    }

    /// Signs the roster anew with the same members, however old it is, and gives back its version.
    ///
    /// # Errors
    /// [`SessionError`]; only an administrator may.
    pub fn refresh_roster(&mut self) -> Result<u64, SessionError> {
        let demand = Demand { roster_age: None, ..self.demand.clone() };
        let demanded = std::mem::replace(&mut self.demand, demand);
        let refreshed = self.change(Action::Refresh, |opening: &Opening<'_>, _| {
            let batch = refresh(opening)?;
            let version = batch.roster.as_ref().map_or(0, |put| put.roster.version);
            Ok((Some(batch), version))
        });
        self.demand = demanded;
        refreshed
    }
}
