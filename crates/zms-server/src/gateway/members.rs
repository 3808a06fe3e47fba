//! The engine's own vaults, as the gateway finds them: by who is a member.

use std::{cell::Cell, sync::Arc};

use zms_core::{
    audit::{Entry, Event},
    batch::{Batch, MemberPut},
    bundle::{Bundle, Trouble},
    id::{PrincipalId, VaultId},
    principal::Principal,
};
use zms_crypto::digest::{hmac_sha256, hmac_verifies};
use zms_store::{Ahead, CommitError, Mark, Store};

use super::{
    Origin,
    desk::Desks,
    known::{Known, Shown},
};
use crate::vaults::{Handle, Vaults};

/// What two request keys that are the same give the same code of.
const OWN: &[u8] = b"zms/v1/own";

/// Vaults that an engine keeps.
pub struct Members {
    vaults: Arc<dyn Vaults>,
    shared: Arc<Shared>,
}

/// What the requests of all callers share.
#[derive(Default)]
struct Shared {
    desks: Desks,
    known: Known,
}

impl Members {
    /// Those that are kept there.
    pub fn new(vaults: Arc<dyn Vaults>) -> Self {
        Self { vaults, shared: Arc::default() }
    }

    /// A handle on a vault, where a principal is a member of it by its request key, and what may be
    /// remembered of it.
    fn lend(
        &self,
        vault: VaultId,
        principal: &Principal,
        own: [u8; 32],
    ) -> Result<Option<Lent>, Trouble> {
        let Some(handle) = self.vaults.find(vault)? else { return Ok(None) };
        let is_own = || {
            let held = handle.request_key(principal.id())?;
            Ok(held.is_some_and(|held| hmac_verifies(&held, OWN, &own)))
        };
        // Elsewhere a mark is asked for over a network, and what was read is remembered there.
        let mark = self.vaults.is_quick().then(|| handle.mark()).transpose()?;
        let found = match &mark {
            None => is_own()?,
            Some(mark) => {
                let known = self.shared.known.of((vault, handle.file()), mark);
                known.is_own(principal.id(), own, is_own)?
            }
        };
        let (vaults, shared) = (Arc::clone(&self.vaults), Arc::clone(&self.shared));
        Ok(found.then(|| Lent { handle, vault, vaults, shared, mark: Cell::new(mark) }))
    }
}

impl Origin for Members {
    fn store_of(&self, principal: &Principal) -> Result<Option<Box<dyn Store>>, Trouble> {
        // Anybody can make a vault that names it; its own is the one that knows its request key.
        let own = hmac_sha256(&principal.request_key(), OWN);
        for vault in self.vaults.of(principal.id())? {
            if let Some(lent) = self.lend(vault, principal, own)? {
                return Ok(Some(Box::new(lent)));
            }
        }
        Ok(None)
    }

    fn keeper(&self, vault: VaultId) -> Result<Option<Handle>, Trouble> {
        self.vaults.find(vault)
    }
}

/// A handle for one request.
struct Lent {
    handle: Handle,
    vault: VaultId,
    vaults: Arc<dyn Vaults>,
    shared: Arc<Shared>,
    /// Of the state that the member was found in: the first that the request reads.
    mark: Cell<Option<Mark>>,
}

impl Store for Lent {
    fn bundle(&self) -> Result<Box<dyn Bundle + '_>, Trouble> {
        self.bundle_ahead(Ahead::Structure)
    }

    fn bundle_ahead(&self, ahead: Ahead) -> Result<Box<dyn Bundle + '_>, Trouble> {
        if !self.vaults.is_quick() {
            return self.handle.bundle_ahead(ahead);
        }
        let mark = self.mark.take().map_or_else(|| self.handle.mark(), Ok)?;
        let known = self.shared.known.of((self.vault, self.handle.file()), &mark);
        Ok(Box::new(Shown::new(self.vault, mark, known, &self.handle)))
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
        let Self { handle, vault, shared, .. } = self;
        let vault = (*vault, handle.file());
        shared.desks.note(vault, events, |events| handle.audit_append(events))
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
