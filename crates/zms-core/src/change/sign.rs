//! Signing revisions.

use super::ChangeError;
use crate::{
    batch::{Batch, ScopePut},
    id::VaultId,
    open::{OpenScope, Opening},
    principal::Principal,
    revision::{LAST_REVISION, Revision, SignedMessage},
    scope::Lineage,
};

/// Who signs, under which roster, when.
pub struct Author<'a> {
    /// The principal.
    pub principal: &'a Principal,
    /// The vault.
    pub vault: VaultId,
    /// Generation of the roster that was verified.
    pub generation: u64,
    /// Unix seconds, within the author's own line.
    pub created_at: u64,
}

/// What the next revision of a scope says.
pub(super) struct Next {
    pub(super) lineage: Lineage,
    pub(super) epoch: u32,
    pub(super) revision: u64,
    pub(super) prev_hash: [u8; 32],
    pub(super) key_commitment: [u8; 32],
    pub(super) records_root: [u8; 32],
    pub(super) children_root: [u8; 32],
}

impl Next {
    /// The same state once more, as the revision after the head: what an author adds to.
    ///
    /// # Errors
    /// [`ChangeError::Exhausted`] where there is no next number.
    pub(super) fn after(scope: &OpenScope) -> Result<Self, ChangeError> {
        if scope.head.revision >= LAST_REVISION {
            return Err(ChangeError::Exhausted(scope.path.clone()));
        }
        Ok(Self {
            lineage: scope.lineage.clone(),
            epoch: scope.head.epoch,
            revision: scope.head.revision + 1,
            prev_hash: scope.head_hash,
            key_commitment: scope.head.key_commitment,
            records_root: scope.head.records_root,
            children_root: scope.head.children_root,
        })
    }
}

impl<'a> Author<'a> {
    /// The principal that opened the vault. A clock behind its own line is taken as its start,
    /// else nobody could open what it signs.
    pub fn of(opening: &'a Opening<'_>) -> Self {
        Self {
            principal: opening.principal(),
            vault: opening.vault(),
            generation: opening.roster().generation,
            created_at: opening.now().max(opening.line().not_before),
        }
    }

    /// Signs a revision; the rows are still to be added.
    pub(super) fn revise(&self, next: Next) -> ScopePut {
        let revision = Revision {
            vault: self.vault,
            scope: *next.lineage.last().expect("a lineage starts with the root"),
            generation: self.generation,
            epoch: next.epoch,
            revision: next.revision,
            prev_hash: next.prev_hash,
            key_commitment: next.key_commitment,
            records_root: next.records_root,
            children_root: next.children_root,
            author: self.principal.id(),
            created_at: self.created_at,
        };
        let message = revision.encode();
        let signature = self.principal.sign(&message);
        ScopePut {
            lineage: next.lineage,
            revision,
            signed: SignedMessage { message, signature },
            records_gone: Vec::new(),
            records: Vec::new(),
            children_gone: Vec::new(),
            children: Vec::new(),
            past: None,
        }
    }
}

impl Batch {
    /// An empty batch on top of what was opened.
    pub(super) fn after(opening: &Opening<'_>) -> Self {
        Self {
            vault: opening.vault(),
            found: Some(opening.roster_pin()),
            members: Vec::new(),
            departed: Vec::new(),
            roster: None,
            authority: None,
            scopes: Vec::new(),
            unmoved: Vec::new(),
            at: opening.now(),
        }
    }
}
