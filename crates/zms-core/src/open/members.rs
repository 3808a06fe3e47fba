//! The whole list of members, for administrators: proven against the roster.

use std::collections::BTreeMap;

use zms_crypto::{Key, digest::sha256};

use super::{OpenError, Opening, Place};
use crate::{
    bundle::Standing,
    id::PrincipalId,
    keyring::Keyring,
    roster::{Escrow, Line, MemberPart, members_root},
};

/// All members, and the vault key that opens their escrows.
pub struct Members<'o> {
    opening: &'o Opening<'o>,
    vault_key: &'o Key,
    parts: BTreeMap<PrincipalId, MemberPart>,
}

impl<'o> Opening<'o> {
    /// All members as the roster proves them; `None` for who is no administrator.
    ///
    /// # Errors
    /// Integrity, where the list is not the one that was signed.
    pub fn members(&'o self) -> Result<Option<Members<'o>>, OpenError> {
        let Some(vault_key) = &self.keyring.vault_key else {
            return Ok(None);
        };
        let listed = self.bundle.members()?;
        let sorted = listed.windows(2).all(|pair| pair[0].principal < pair[1].principal);
        if !sorted || members_root(&listed) != self.roster.members_root {
            return Err(Place::Roster.into());
        }
        let parts = listed.into_iter().map(|part| (part.principal, part)).collect();
        Ok(Some(Members { opening: self, vault_key, parts }))
    }
}

impl Members<'_> {
    /// Their ids, ascending.
    pub fn ids(&self) -> impl Iterator<Item = PrincipalId> + '_ {
        self.parts.keys().copied()
    }

    /// Their parts of the tree head, ascending.
    pub fn parts(&self) -> impl Iterator<Item = &MemberPart> {
        self.parts.values()
    }

    /// The vault key R.
    pub const fn vault_key(&self) -> &Key {
        self.vault_key
    }

    fn part(&self, id: PrincipalId) -> Result<&MemberPart, OpenError> {
        self.parts.get(&id).ok_or_else(|| Place::Member.into())
    }

    /// A member's line.
    ///
    /// # Errors
    /// Integrity, where it is not the one listed.
    pub fn line(&self, id: PrincipalId) -> Result<Line, OpenError> {
        let part = self.part(id)?;
        match self.opening.bundle.standing(id)? {
            Standing::Member(witness) if sha256(&[&witness.line]) == part.line => {
                Line::parse(&witness.line).map_err(|_| Place::Member.into())
            }
            _ => Err(Place::Member.into()),
        }
    }

    /// A member's escrow: its W and its label.
    ///
    /// # Errors
    /// Integrity, where it is not the one listed.
    pub fn escrow(&self, id: PrincipalId) -> Result<Escrow, OpenError> {
        let part = self.part(id)?;
        let sealed = self.opening.bundle.escrow(id)?.ok_or(Place::Member)?;
        if sha256(&[&sealed]) != part.escrow {
            return Err(Place::Member.into());
        }
        Escrow::open(self.vault_key, self.opening.vault, id, &sealed)
            .map_err(|_| Place::Member.into())
    }

    /// A member's keyring, opened with its escrowed W; with that W, to seal it again.
    ///
    /// # Errors
    /// Integrity, where it is not the one listed.
    pub fn keyring(&self, id: PrincipalId) -> Result<(Key, Keyring), OpenError> {
        let part = self.part(id)?;
        let escrow = self.escrow(id)?;
        let sealed = self.opening.bundle.keyring(id)?.ok_or(Place::Member)?;
        if sha256(&[&sealed]) != part.keyring {
            return Err(Place::Member.into());
        }
        let keyring = Keyring::open(&escrow.wrap, self.opening.vault, id, &sealed)
            .map_err(|_| Place::Member)?;
        Ok((escrow.wrap, keyring))
    }
}
