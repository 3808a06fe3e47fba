//! The gateway: a caller presents a whole token, and the request derives, opens, answers and wipes.
//! No key and no secret is kept between requests. `docs/vault.md` says what it speaks.

mod answer;
mod call;
mod caller;
mod door;
mod hosts;
mod known;
mod later;
mod members;
mod refusal;
pub(crate) mod routes;
mod secrets;
mod serve;
mod upstream;

use std::{net::IpAddr, path::PathBuf, sync::Arc};

use zms_client::{Session, pins::PinFolder};
use zms_core::{
    bundle::Trouble,
    id::{PrincipalId, VaultId},
    principal::Principal,
};
use zms_crypto::{CryptoRng, sign::Proven};
use zms_store::Store;

use crate::{state::Engine, vault::Open, vaults::Handle};

pub(crate) use self::{
    answer::Answer,
    call::Call,
    caller::{principal, token_text},
    refusal::Refusal,
};
pub use self::{hosts::Hosts, later::Later, members::Members, serve::router, upstream::Upstream};

/// Where a caller's vault is kept.
pub trait Origin: Send + Sync {
    /// A handle of its own on the vault that has this member; `None` where no vault has. Only its
    /// id and its request key may be looked at. Where the request only reads, its entries may be
    /// left to `later`.
    ///
    /// # Errors
    /// [`Trouble`] where that can not be told.
    fn store_of(
        &self,
        principal: &Principal,
        later: Option<Arc<Later>>,
    ) -> Result<Option<Box<dyn Store>>, Trouble>;

    /// Whether what this principal reads is at hand and little, so that it can be opened in between other
    /// requests. A guess: it may be more by now.
    fn is_light(&self, _: PrincipalId) -> bool {
        false
    }

    /// A vault where answers can wait for their token; `None` where this origin keeps none of this
    /// id itself.
    ///
    /// # Errors
    /// [`Trouble`] where that can not be told.
    fn keeper(&self, vault: VaultId) -> Result<Option<Handle>, Trouble>;
}

/// What every request is answered from.
pub struct Gateway {
    /// Where vaults are kept.
    pub origin: Arc<dyn Origin>,
    /// What the gateway is called.
    pub hosts: Hosts,
    /// Where what was seen is kept, to hold later states against it; `None` where the store is the
    /// gateway's own.
    pub pins: Option<PathBuf>,
    /// Unix seconds.
    pub clock: fn() -> u64,
    /// Entropy for one request.
    pub entropy: fn() -> Box<dyn CryptoRng + Send>,
    /// Signatures that were proven for requests before. They are public, and no keys.
    pub proven: Arc<Proven>,
}

/// A gateway, and the engine whose limits it keeps to.
pub(crate) struct Within {
    pub(crate) engine: Arc<Engine>,
    pub(crate) gateway: Arc<Gateway>,
}

/// Who asks, as far as the headers tell.
pub(crate) enum Asker {
    /// Whoever has a token that could be one.
    Somebody(Principal),
    /// Anybody, for what needs no token there.
    Anybody(Open),
}

impl Asker {
    /// Whether little is to be opened for whoever asks.
    fn is_light(&self, gateway: &Gateway) -> bool {
        match self {
            Self::Somebody(principal) => gateway.origin.is_light(principal.id()),
            Self::Anybody(_) => false,
        }
    }
}

impl Gateway {
    /// Where the vault of a principal is.
    fn store_of(
        &self,
        principal: &Principal,
        later: Option<Arc<Later>>,
    ) -> Result<Box<dyn Store>, Refusal> {
        let store = self.origin.store_of(principal, later)?;
        store.ok_or(Refusal::Unknown("a token of no vault here, or a revoked one"))
    }

    /// A session for one request.
    pub(crate) fn session(&self, principal: Principal, call: &Call) -> Result<Session, Refusal> {
        let (from, later) = (call.peer, call.only_reads().then(|| Arc::clone(&call.later)));
        let store = self.store_of(&principal, later)?;
        let (clock, entropy) = (self.clock, (self.entropy)());
        let session = match &self.pins {
            Some(pins) => {
                Session::new(store, principal, PinFolder::new(pins.clone()), clock, entropy)
            }
            None => Session::forgetful(store, principal, clock, entropy),
        };
        let session = session.knowing(Arc::clone(&self.proven));
        Ok(session.admitting(Box::new(move |line| is_within(&line.limits.addresses, from))))
    }
}

/// Whether a path is one of the gateway's, where there is one: refusals there are in its own words.
pub(crate) fn answers(path: &str) -> bool {
    let engine = |rest: &str| rest == "vaults" || rest.starts_with("vaults/");
    path.strip_prefix("/v1/").is_some_and(|rest| !engine(rest))
}

/// Whether ranges in CIDR text hold an address; none are any.
fn is_within(ranges: &[String], address: Option<IpAddr>) -> bool {
    let holds = |range: &String, address| {
        zms_core::roster::Range::parse(range).is_some_and(|it| it.holds(address))
    };
    ranges.is_empty()
        || address.is_some_and(|address| ranges.iter().any(|range| holds(range, address)))
}
