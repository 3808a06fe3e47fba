//! What is said of several scopes, read at once.

use zms_core::{
    about::About,
    audit::Action,
    open::{OpenError, Reading},
    path::ScopePath,
};

use super::{about_alone, last};
use crate::session::{Noted, Session, SessionError};

impl Session {
    /// What is said of scopes, of each that the caller holds more of than a part. The audit entries
    /// are stored together, before anything is returned.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn said_of(&mut self, paths: &[ScopePath]) -> Result<Vec<Option<About>>, SessionError> {
        let ((said, noted), vault, seen) = self.opened_audited(Action::Read, |opening, _| {
            let (mut said, mut noted) = (Vec::new(), Vec::new());
            for path in paths {
                let way = match opening.way(path, Reading::Names(&about_alone())) {
                    Ok(way) => way,
                    Err(OpenError::OutOfScope(_)) => {
                        said.push(None);
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                };
                said.push(Some(last(&way).about()?.map(|(about, _)| about).unwrap_or_default()));
                noted.push(Noted::of(Action::Read, last(&way)));
            }
            Ok((said, noted))
        })?;
        self.note_all(Action::Read, &noted)?;
        self.keep(vault, seen)?;
        Ok(said)
    }
}
