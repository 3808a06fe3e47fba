//! Who is an administrator now, for what administrators sign beside revisions and rosters.

use super::{OpenError, Opening, prove};
use crate::{bundle::Standing, id::PrincipalId, principal::Kind, roster::Line};

impl Opening<'_> {
    /// The proven line of an administrator; `None` for anybody else.
    ///
    /// # Errors
    /// Integrity, where the line is not the one listed.
    pub fn administrator(&self, id: PrincipalId) -> Result<Option<Line>, OpenError> {
        let Standing::Member(witness) = self.bundle.standing(id)? else { return Ok(None) };
        let line = prove(id, &witness, &self.roster)?;
        let administers = line.kind == Kind::Administrator && line.writes(&[self.vault.root()]);
        Ok(Some(line).filter(|_| administers))
    }
}
