//! Nonces of members that have only so many uses: the same request again takes none.
//! spec/engine.md#http

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use zms_core::{
    audit::Event,
    id::PrincipalId,
    request::{LIFETIME, SKEW},
};

use super::caller::Caller;
use crate::{problem::Problem, state::Engine, vaults::Handle};

/// When old ones are looked for, at the latest.
const SWEEP: usize = 4096;

/// What was paid for, until no request with it is good any more.
#[derive(Default)]
pub(crate) struct Nonces(Mutex<HashMap<(PrincipalId, [u8; 16]), u64>>);

impl Nonces {
    /// Held while a use is taken, so that the same request at the same time takes one.
    fn held(&self) -> MutexGuard<'_, HashMap<(PrincipalId, [u8; 16]), u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Takes a use for what is about to be given out, and notes it; `false` where none is left.
    pub(super) fn spend(
        &self,
        handle: &mut Handle,
        caller: &Caller,
        events: &[Event],
    ) -> Result<bool, Problem> {
        let mut paid = self.nonces.held();
        if paid.len() >= SWEEP {
            paid.retain(|_, void| *void >= caller.now);
        }
        let nonce = (caller.principal, caller.claim.nonce);
        if paid.contains_key(&nonce) {
            handle.audit_append(events).map_err(|trouble| Problem::audit(&trouble))?;
            return Ok(true);
        }
        let most = caller.card.line.limits.uses;
        let spent = handle.spend(caller.principal, most, events);
        let spent = spent.map_err(|trouble| Problem::audit(&trouble))?;
        if spent {
            paid.insert(nonce, caller.now + LIFETIME + 2 * SKEW);
        }
        Ok(spent)
    }
}
