//! The gateway beside a program, with its vaults at an engine elsewhere: plaintext on this machine
//! alone, ciphertext on the network.

use std::path::PathBuf;

use zms_client::remote::{RemoteStore, reach};
use zms_core::{address::Address, bundle::Trouble, principal::Principal};
use zms_crypto::CryptoRng;
use zms_store::Store;

use super::Origin;

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
    fn store_of(&self, principal: &Principal) -> Result<Option<Box<dyn Store>>, Trouble> {
        let entropy = [(self.entropy)(), (self.entropy)()];
        let mut store = RemoteStore::new(self.address.clone(), principal, self.clock, entropy);
        store.caching(self.copies.join(principal.id().to_string()), self.most_stale);
        Ok(Some(Box::new(store)))
    }

    fn ready(&self) -> Result<(), Trouble> {
        reach(&self.address)
    }
}
