//! The gateway beside a program, with its vaults at an engine elsewhere: plaintext on this machine
//! alone, ciphertext on the network.

use std::{path::PathBuf, sync::Arc};

use zms_client::remote::{RemoteStore, newest_copy, reach};
use zms_core::{
    address::Address,
    audit::Event,
    batch::Batch,
    bundle::{Trouble, TroubleClass},
    id::{PrincipalId, VaultId},
    principal::Principal,
};
use zms_crypto::CryptoRng;
use zms_store::{Check, CommitError, Store};

use super::{Later, Origin};
use crate::vaults::{Handle, Ready, Vaults};

/// An engine that is asked for each request.
pub struct Upstream {
    /// Where it is.
    pub address: Address,
    /// Unix seconds.
    pub clock: fn() -> u64,
    /// Entropy for one request.
    pub entropy: fn() -> Box<dyn CryptoRng + Send>,
    /// The folder of what was answered last, sealed as it came.
    pub copies: PathBuf,
    /// How old an answer may be, in seconds, that is used where the engine can not be reached;
    /// `None`: none is.
    pub most_stale: Option<u64>,
}

impl Origin for Upstream {
    /// The engine notes what it shows.
    fn store_of(
        &self,
        principal: &Principal,
        _: Option<Arc<Later>>,
    ) -> Result<Option<Box<dyn Store>>, Trouble> {
        let entropy = [(self.entropy)(), (self.entropy)()];
        let mut store = RemoteStore::new(self.address.clone(), principal, self.clock, entropy);
        let copy = self.copies.join(format!("{}.copy", principal.id()));
        store.caching(copy, self.most_stale);
        Ok(Some(Box::new(store)))
    }

    /// An engine keeps what its members sign, and whoever brings a wrapping token is none.
    fn keeper(&self, _: VaultId) -> Result<Option<Handle>, Trouble> {
        Ok(None)
    }
}

/// It keeps no vault itself, for nobody.
impl Vaults for Upstream {
    fn find(&self, _: VaultId) -> Result<Option<Handle>, Trouble> {
        Ok(None)
    }

    fn of(&self, _: PrincipalId) -> Result<Vec<VaultId>, Trouble> {
        Ok(Vec::new())
    }

    fn create(&self, _: &Batch, _: &[Event], _: Check<'_>) -> Result<(), CommitError> {
        Err(CommitError::Exists)
    }

    fn is_empty(&self) -> Result<bool, Trouble> {
        Ok(false)
    }

    /// Where the engine can not be reached, a copy that may be used says for whom that is no matter.
    fn ready(&self) -> Result<Ready, Trouble> {
        let unreached = match reach(&self.address) {
            Ok(()) => return Ok(Ready::Whole),
            Err(trouble) if trouble.class == TroubleClass::Unreachable => trouble,
            Err(trouble) => return Err(trouble),
        };
        let usable = |most: &u64| {
            let age = newest_copy(&self.copies).and_then(|at| (self.clock)().checked_sub(at));
            age.is_some_and(|age| age <= *most)
        };
        self.most_stale.filter(usable).map(|_| Ready::Stale).ok_or(unreached)
    }
}
