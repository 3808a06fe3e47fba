//! Who asks. spec/engine.md#requests
//!
//! All of it is decided from the headers: a stranger's body is never read.

use std::sync::Arc;

use axum::http::{HeaderMap, request::Parts};
use zms_core::{
    audit::{Action, Event, Outcome},
    engine::{
        CONTENT_DIGEST, SIGNATURE, SIGNATURE_INPUT,
        path::{Named, VAULTS},
    },
    id::{PrincipalId, VaultId},
    principal::Kind,
    request::{Asked, Claim, Headers, Unauthentic},
};
use zms_crypto::Key;
use zms_store::Mark;

use super::shown::Card;
use crate::{
    layers::gate::Authority,
    problem::Problem,
    state::{Engine, Peer},
};

/// Somebody whose request is authentic.
pub(crate) struct Caller {
    pub(crate) vault: VaultId,
    pub(crate) principal: PrincipalId,
    pub(crate) card: Arc<Card>,
    pub(crate) claim: Claim,
    /// Of the state in which the caller was looked up.
    pub(crate) mark: Mark,
    pub(crate) now: u64,
    peer: Peer,
}

/// One of our headers, there once.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// What a request claims of itself.
pub(super) fn claim(parts: &Parts) -> Result<Claim, Problem> {
    let headers = &parts.headers;
    let given = || {
        Some(Headers {
            content_digest: text(headers, CONTENT_DIGEST)?,
            signature_input: text(headers, SIGNATURE_INPUT)?,
            signature: text(headers, SIGNATURE)?,
        })
    };
    let given = given().ok_or_else(Problem::unauthenticated)?;
    Claim::parse(&given).map_err(|_| Problem::unauthenticated())
}

/// Whether the holder of a key asked for exactly this, now.
pub(super) fn verify(claim: &Claim, key: &Key, parts: &Parts, now: u64) -> Result<(), Unauthentic> {
    let authority = parts.extensions.get::<Authority>().ok_or(Unauthentic)?;
    // With its `?`, from where it stands in the target.
    let query = parts.uri.query().zip(parts.uri.path_and_query()).and_then(|(query, target)| {
        let target = target.as_str();
        target.get(target.len().checked_sub(query.len() + 1)?..)
    });
    let asked = Asked {
        method: parts.method.as_str(),
        authority: &authority.0,
        path: parts.uri.path(),
        query: query.unwrap_or("?"),
    };
    claim.verify_head(key, &asked, now)
}

/// The vault that the path names, as it was sent.
fn named(parts: &Parts) -> Option<Named> {
    let rest = parts.uri.path().strip_prefix(VAULTS)?.strip_prefix('/')?;
    Named::parse(rest.split('/').next()?)
}

/// What a request claims of itself, and of which vault.
pub(super) fn claimed(parts: &Parts) -> Result<(Claim, Named), Problem> {
    Ok((claim(parts)?, named(parts).ok_or_else(Problem::unauthenticated)?))
}

/// Where a request came from.
pub(super) fn peer(parts: &Parts) -> Peer {
    parts.extensions.get::<Peer>().copied().unwrap_or(Peer { address: None })
}

impl Caller {
    /// Finds out who asks, and of which vault.
    pub(crate) async fn of(engine: &Arc<Engine>, parts: &Parts) -> Result<Self, Problem> {
        let (claim, named) = claimed(parts)?;
        Self::find(engine, parts, claim, named, false).await
    }

    /// As [`Caller::of`], of a request that may be counted among those of its sender already.
    pub(super) async fn find(
        engine: &Arc<Engine>,
        parts: &Parts,
        claim: Claim,
        named: Named,
        counted: bool,
    ) -> Result<Self, Problem> {
        let principal = claim.principal;
        let is_open = match named {
            Named::Vault(vault) => engine.vaults.is_open(vault),
            Named::Own => engine.vaults.are_open(principal),
        };
        let look_up = move |engine: &Engine| look_up(engine, named, principal);
        let found = engine.glance(is_open, look_up).await?;
        let now = engine.now();
        let mut authentic = None;
        if found.is_empty() {
            // It takes as long as for a member.
            let _stranger = verify(&claim, &engine.blind, parts, now);
        }
        for (vault, mark, card) in found {
            if authentic.is_none() && verify(&claim, &card.request_key, parts, now).is_ok() {
                authentic = Some((vault, mark, card));
            }
        }
        let Some((vault, mark, card)) = authentic else { return Err(Problem::unauthenticated()) };
        if !counted {
            engine.rates.principal(principal)?;
        }
        let peer = peer(parts);
        Ok(Self { vault, principal, card, claim, mark, now, peer })
    }

    /// The query as it was sent, without its `?`.
    pub(super) fn query(parts: &Parts) -> &str {
        parts.uri.query().unwrap_or_default()
    }

    /// Refuses whom its line does not let in, and notes that it did.
    pub(crate) async fn admitted(
        &self,
        engine: &Arc<Engine>,
        action: Action,
    ) -> Result<(), Problem> {
        let refusal = if self.card.line.expired(self.now) {
            Problem::new(axum::http::StatusCode::FORBIDDEN, "expired", "the token has expired")
        } else if !self.card.is_from(self.peer.address) {
            Problem::new(
                axum::http::StatusCode::FORBIDDEN,
                "address",
                "the token may not be used from this address",
            )
        } else {
            return Ok(());
        };
        self.note_denied(engine, action).await;
        Err(refusal)
    }

    /// Refuses who is no administrator.
    pub(crate) async fn administers(
        &self,
        engine: &Arc<Engine>,
        action: Action,
    ) -> Result<(), Problem> {
        if self.card.line.kind == Kind::Administrator {
            return Ok(());
        }
        self.note_denied(engine, action).await;
        Err(Problem::denied("only an administrator may ask for this"))
    }

    /// Notes that the caller was refused. The refusal stands whether or not it can be noted.
    pub(super) async fn note_denied(&self, engine: &Arc<Engine>, action: Action) {
        let _unnoted = engine.note(self.vault, vec![self.denied(action)]).await;
    }

    /// The entry of a refusal.
    pub(super) fn denied(&self, action: Action) -> Event {
        let (time, principal) = (self.now, self.principal);
        let outcome = Outcome::Denied;
        Event { time, principal, action, scope: None, revision: 0, outcome }
    }
}

type Found = (VaultId, Mark, Arc<Card>);

/// Everywhere that a principal is a member.
fn look_up(engine: &Engine, named: Named, principal: PrincipalId) -> Result<Vec<Found>, Problem> {
    let vaults = match named {
        Named::Vault(vault) => vec![vault],
        Named::Own => engine.vaults.of(principal)?,
    };
    let mut found = Vec::new();
    for vault in vaults {
        found.extend(member_of(engine, vault, principal)?);
    }
    Ok(found)
}

fn member_of(
    engine: &Engine,
    vault: VaultId,
    principal: PrincipalId,
) -> Result<Option<Found>, Problem> {
    let Some(handle) = engine.vaults.find(vault)? else { return Ok(None) };
    let mark = handle.mark()?;
    if let Some(card) = engine.shown.card(vault, &mark, principal) {
        return Ok(Some((vault, mark, card)));
    }
    // Read after the mark: it may be newer than that, never older.
    let Some(card) = Card::read(&*handle, principal)?.map(Arc::new) else { return Ok(None) };
    engine.shown.keep_card(vault, &mark, principal, Arc::clone(&card));
    Ok(Some((vault, mark, card)))
}
