//! The engine's own vaults, as the gateway finds them: by who is a member.

use std::sync::Arc;

use zms_core::{
    audit::{Entry, Event},
    batch::{Batch, MemberPut},
    bundle::{Bundle, Trouble},
    id::{PrincipalId, VaultId},
    principal::Principal,
};
use zms_crypto::digest::{hmac_sha256, hmac_verifies};
use zms_store::{Ahead, CommitError, Store};

use super::Origin;
use crate::vaults::{Handle, Vaults};

/// What two request keys that are the same give the same code of.
const OWN: &[u8] = b"zms/v1/own";

/// Vaults that an engine keeps.
pub struct Members(pub Arc<dyn Vaults>);

impl Origin for Members {
    fn store_of(&self, principal: &Principal) -> Result<Option<Box<dyn Store>>, Trouble> {
        // Anybody can make a vault that names it; its own is the one that knows its request key.
        let own = hmac_sha256(&principal.request_key(), OWN);
        for vault in self.0.of(principal.id())? {
            let Some(handle) = self.0.find(vault)? else { continue };
            let held = handle.request_key(principal.id())?;
            if held.is_some_and(|held| hmac_verifies(&held, OWN, &own)) {
                return Ok(Some(Box::new(Lent { handle, vault, vaults: Arc::clone(&self.0) })));
            }
        }
        Ok(None)
    }

    fn keeper(&self, vault: VaultId) -> Result<Option<Handle>, Trouble> {
        self.0.find(vault)
    }

    fn ready(&self) -> Result<(), Trouble> {
        self.0.ready()
    }
}

/// A handle for one request.
struct Lent {
    handle: Handle,
    vault: VaultId,
    vaults: Arc<dyn Vaults>,
}

impl Store for Lent {
    fn bundle(&self) -> Result<Box<dyn Bundle + '_>, Trouble> {
        self.handle.bundle()
    }

    fn bundle_ahead(&self, ahead: Ahead) -> Result<Box<dyn Bundle + '_>, Trouble> {
        self.handle.bundle_ahead(ahead)
    }

    fn commit(&mut self, batch: &Batch, events: &[Event]) -> Result<(), CommitError> {
        self.handle.commit(batch, events)?;
        let joined = batch.members.iter().filter_map(|put| match put {
            MemberPut::Joins { principal, .. } => Some(*principal),
            MemberPut::Keyring { .. } => None,
        });
        let joined: Vec<PrincipalId> = joined.collect();
        if !joined.is_empty() {
            self.vaults.joined(self.vault, &joined);
        }
        Ok(())
    }

    fn audit_append(&mut self, events: &[Event]) -> Result<(), Trouble> {
        self.handle.audit_append(events)
    }

    fn spend(
        &mut self,
        principal: PrincipalId,
        most: u32,
        events: &[Event],
    ) -> Result<bool, Trouble> {
        self.handle.spend(principal, most, events)
    }

    fn audit_read(&self, chain: u64, after: u64, limit: usize) -> Result<Vec<Entry>, Trouble> {
        self.handle.audit_read(chain, after, limit)
    }

    fn audit_chains(&self) -> Result<Vec<(u64, u64)>, Trouble> {
        self.handle.audit_chains()
    }

    fn is_copy(&self) -> bool {
        self.handle.is_copy()
    }
}
