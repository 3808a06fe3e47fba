//! The engine's own vaults, as the gateway finds them: by who is a member.

use std::{
    cell::Cell,
    collections::HashSet,
    sync::{Arc, Mutex},
};

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
    Later, Origin,
    known::{Known, Shown},
};
use crate::{
    held::held,
    vaults::{Handle, Vaults},
};

/// What two request keys that are the same give the same code of.
const OWN: &[u8] = b"zms/v1/own";

/// Vaults that an engine keeps.
pub struct Members {
    vaults: Arc<dyn Vaults>,
    known: Arc<Known>,
    light: Arc<Light>,
}

/// Who read last without a wait, of a state that is known and little.
#[derive(Default)]
struct Light(Mutex<HashSet<PrincipalId>>);

/// About how many sealed bytes are opened in less than two milliseconds.
const LITTLE: usize = 256 << 10;
/// How many principals are remembered; then all are forgotten.
const MOST_LIGHT: usize = 16_384;

impl Light {
    fn tell(&self, principal: PrincipalId, is_light: bool) {
        let mut all = held(&self.0);
        if !is_light {
            all.remove(&principal);
        } else if !all.contains(&principal) {
            if all.len() >= MOST_LIGHT {
                all.clear();
            }
            all.insert(principal);
        }
    }
}

impl Members {
    /// Those that are kept there.
    pub fn new(vaults: Arc<dyn Vaults>) -> Self {
        Self { vaults, known: Arc::default(), light: Arc::default() }
    }

    /// A handle on a vault, where a principal is a member of it by its request key, and what may be
    /// remembered of it.
    fn lend(
        &self,
        vault: VaultId,
        principal: &Principal,
        own: [u8; 32],
        later: Option<&Arc<Later>>,
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
                let known = self.known.of((vault, handle.file()), mark);
                known.is_own(principal.id(), own, is_own)?
            }
        };
        let (vaults, known) = (Arc::clone(&self.vaults), Arc::clone(&self.known));
        let (light, caller) = (Arc::clone(&self.light), principal.id());
        let (later, mark, waits) = (later.cloned(), Cell::new(mark), false);
        Ok(found.then(|| Lent { handle, vault, vaults, known, light, caller, later, mark, waits }))
    }
}

impl Origin for Members {
    fn store_of(
        &self,
        principal: &Principal,
        later: Option<Arc<Later>>,
    ) -> Result<Option<Box<dyn Store>>, Trouble> {
        // Anybody can make a vault that names it; its own is the one that knows its request key.
        let own = hmac_sha256(&principal.request_key(), OWN);
        for vault in self.vaults.of(principal.id())? {
            if let Some(lent) = self.lend(vault, principal, own, later.as_ref())? {
                return Ok(Some(Box::new(lent)));
            }
        }
        Ok(None)
    }

    fn is_light(&self, principal: PrincipalId) -> bool {
        held(&self.light.0).contains(&principal) && self.vaults.are_open(principal)
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
    known: Arc<Known>,
    light: Arc<Light>,
    caller: PrincipalId,
    /// Whether something was waited for.
    waits: bool,
    /// Takes the entries of a request that only reads.
    later: Option<Arc<Later>>,
    /// Of the state that the member was found in: the first that the request reads.
    mark: Cell<Option<Mark>>,
}

impl Lent {
    /// Remembers whether the next request of this caller is likely to take little.
    fn tell_weight(&self) {
        if self.vaults.is_quick() && !self.waits {
            let is_little = self.known.is_little((self.vault, self.handle.file()), LITTLE);
            self.light.tell(self.caller, is_little);
        }
    }
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
        let known = self.known.of((self.vault, self.handle.file()), &mark);
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
        match &self.later {
            Some(later) if !events.is_empty() => {
                later.add(self.vault, events);
                self.tell_weight();
            }
            Some(_) => {}
            None => self.handle.audit_append(events)?,
        }
        Ok(())
    }

    fn spend(
        &mut self,
        principal: PrincipalId,
        most: u32,
        events: &[Event],
    ) -> Result<bool, Trouble> {
        self.waits = true;
        self.light.tell(self.caller, false);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_light_is_forgotten_when_it_waits_and_all_are_when_they_are_many() {
        let light = Light::default();
        let who = |at: usize| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&at.to_le_bytes());
            PrincipalId(id)
        };
        for at in 0..MOST_LIGHT {
            light.tell(who(at), true);
        }
        assert_eq!(held(&light.0).len(), MOST_LIGHT);
        light.tell(who(7), false);
        assert!(!held(&light.0).contains(&who(7)));
        light.tell(who(7), true);
        light.tell(who(MOST_LIGHT), true);
        assert_eq!(*held(&light.0), HashSet::from([who(MOST_LIGHT)]));
    }
}
