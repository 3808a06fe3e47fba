//! `GET /v1/vaults/{vault}/bundle`. spec/engine.md#http

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use zms_core::{
    audit::{Action, Event, Outcome},
    bundle::collect::collect,
    engine::{BUNDLE_TYPE, BundleQuery, path::Named},
    id::{PrincipalId, VaultId},
    request::Claim,
};
use zms_crypto::{digest::sha256, parts::Parts as Spelled};
use zms_store::Mark;

use super::{
    answer,
    caller::{Caller, claimed, peer, verify},
    once::used,
    shown::Ready,
};
use crate::{
    problem::{Problem, Shown},
    state::Engine,
};

/// What the caller's line leads to
///
/// Sealed, as it is kept. A read of each scope whose records are sent, or called unchanged, is noted.
#[utoipa::path(
    get,
    path = "/v1/vaults/{vault}/bundle",
    tag = "engine",
    params(
        ("vault" = String, Path, description = "32 hex digits, or `-` for the caller's own", pattern = "^([0-9a-f]{32}|-)$"),
        ("at" = Option<u64>, Query, description = "Only while there were so many commits"),
        ("last" = Option<u64>, Query, description = "The last so many messages of each chain"),
        ("scopes" = Option<String>, Query, description = "Ids, ascending, between commas"),
        ("records" = Option<String>, Query, description = "`none`, or indexes, ascending, between commas"),
        ("of" = Option<String>, Query, description = "`own`, or ids, ascending, between commas"),
        ("past" = Option<u8>, Query, description = "What the scopes were, too", minimum = 1, maximum = 1),
        ("everyone" = Option<u8>, Query, description = "All members, for administrators", minimum = 1, maximum = 1),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of a bundle that is there"),
    ),
    responses(
        (status = 200, description = "The bundle", content_type = "application/vnd.zms.bundle", body = [u8],
            headers(("ETag" = String), ("ZMS-Commits" = u64))),
        (status = 304, description = "It is unchanged"),
        (status = "4XX", description = "Refused", content_type = "application/problem+json", body = Shown),
        (status = "5XX", description = "Not now", content_type = "application/problem+json", body = Shown),
    ),
    security(("signature" = []))
)]
pub(crate) async fn get(
    State(engine): State<Arc<Engine>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let (claim, named) = claimed(&parts)?;
    let counted = match again(&engine, &parts, &claim, named).await? {
        Again::Answered(answer) => return Ok(answer),
        Again::Anew { counted } => counted,
    };
    let caller = Caller::find(&engine, &parts, claim, named, counted).await?;
    let query = Caller::query(&parts);
    let asked = BundleQuery::parse(query)
        .map_err(|_| Problem::malformed("the query of a bundle has one spelling"))?;
    let action = if asked.past { Action::ReadPast } else { Action::Read };
    caller.admitted(&engine, action).await?;
    if asked.everyone {
        caller.administers(&engine, action).await?;
    }
    let key = (caller.principal, query.to_owned());
    let ready = match engine.shown.bundle(caller.vault, &caller.mark, &key) {
        Some(ready) => ready,
        None => {
            let (vault, at) = (caller.vault, asked.at);
            engine.work(move |engine| make(engine, vault, key, &asked)).await.and_then(|ready| {
                let moved = at.is_some_and(|at| at != ready.mark.commits);
                if moved { Err(Problem::moved()) } else { Ok(ready) }
            })?
        }
    };
    note(&engine, caller, &ready).await?;
    Ok(shown(&parts, &ready))
}

/// The answer that a caller was given before, where the state that it was made from is still the
/// present one: that is looked at where the read is noted, for all who ask at the same time at once.
/// Where anything is to be looked at anew, nothing was noted.
async fn again(
    engine: &Arc<Engine>,
    parts: &Parts,
    claim: &Claim,
    named: Named,
) -> Result<Again, Problem> {
    let anew = Again::Anew { counted: false };
    let key = (claim.principal, Caller::query(parts).to_owned());
    let now = engine.now();
    let Some((vault, card, ready)) = engine.shown.before(named, &key) else {
        // It takes as long as for whom something is known of.
        let _stranger = verify(claim, &engine.blind, parts, now);
        return Ok(anew);
    };
    let is_authentic = verify(claim, &card.request_key, parts, now).is_ok();
    let line = &card.line;
    let is_let_in =
        !line.expired(now) && line.limits.uses == 0 && card.is_from(peer(parts).address);
    // What administrators alone may see is allowed anew each time.
    if !is_authentic || !is_let_in || key.1.contains("everyone") {
        return Ok(anew);
    }
    engine.rates.principal(claim.principal)?;
    let events = ready.events(now, claim.principal);
    let noted = engine.note_of(vault, ready.mark, events).await?;
    Ok(match noted {
        true => Again::Answered(shown(parts, &ready)),
        false => Again::Anew { counted: true },
    })
}

/// Whether what was made before is the answer.
enum Again {
    Answered(Response),
    /// All is to be looked at anew; nothing was noted.
    Anew {
        /// Whether the request counts already among those of its sender.
        counted: bool,
    },
}

/// The answer, or that it is the one that the caller has.
fn shown(parts: &Parts, ready: &Ready) -> Response {
    let unchanged = parts.headers.get(header::IF_NONE_MATCH) == Some(&ready.etag);
    let commits = ready.commits.clone();
    let mut response = match unchanged {
        true => answer(StatusCode::NOT_MODIFIED, commits, None),
        false => answer(StatusCode::OK, commits, Some((BUNDLE_TYPE, ready.bytes.clone()))),
    };
    response.headers_mut().insert(header::ETAG, ready.etag.clone());
    response
}

/// Collects what is asked for, from the state that is there now.
fn make(
    engine: &Engine,
    vault: VaultId,
    key: (PrincipalId, String),
    asked: &BundleQuery,
) -> Result<Arc<Ready>, Problem> {
    let handle = engine.vaults.find(vault)?.ok_or_else(Problem::unauthenticated)?;
    let (bundle, mark) = handle.marked()?;
    if asked.at.is_some_and(|at| at != mark.commits) {
        return Err(Problem::moved());
    }
    let packed = collect(&*bundle, &[key.0], &asked.wish())?;
    let bytes = Bytes::from(packed.encode());
    let reads = packed.reads().collect();
    let ready =
        Ready { bytes, reads, etag: etag(vault, &mark, &key), commits: mark.commits.into(), mark };
    let ready = Arc::new(ready);
    engine.shown.keep_bundle(vault, key, Arc::clone(&ready));
    Ok(ready)
}

/// The same for the same state, caller and query, and for no other.
fn etag(vault: VaultId, mark: &Mark, key: &(PrincipalId, String)) -> HeaderValue {
    let parts = Spelled::tagged("zms/v1/etag")
        .bytes(vault.as_bytes())
        .u64(mark.commits)
        .bytes(mark.roster.as_ref().map_or(&[], |roster| &roster[..]))
        .bytes(key.0.as_bytes())
        .bytes(key.1.as_bytes());
    let etag = format!("\"{}\"", hex::encode(&sha256(&[&parts.finish()])[..16]));
    HeaderValue::try_from(etag).expect("hex digits between quotes")
}

impl Ready {
    /// The entries of giving it out.
    fn events(&self, time: u64, principal: PrincipalId) -> Vec<Event> {
        let read = |(scope, revision, past): &(_, u64, bool)| {
            let action = if *past { Action::ReadPast } else { Action::Read };
            let (scope, outcome) = (Some(*scope), Outcome::Done);
            Event { time, principal, action, scope, revision: *revision, outcome }
        };
        self.reads.iter().map(read).collect()
    }
}

/// Notes what is about to be given out, and takes a use where they are counted.
async fn note(engine: &Arc<Engine>, caller: Caller, ready: &Ready) -> Result<(), Problem> {
    if ready.reads.is_empty() {
        return Ok(());
    }
    let events = ready.events(caller.now, caller.principal);
    if caller.card.line.limits.uses == 0 {
        return engine.note(caller.vault, events).await;
    }
    let (spent, caller) = engine
        .work(move |engine| {
            let handle = engine.vaults.find(caller.vault)?;
            let mut handle = handle.ok_or_else(Problem::unauthenticated)?;
            Ok((caller.spend(&mut handle, &events)?, caller))
        })
        .await?;
    if spent {
        return Ok(());
    }
    caller.note_denied(engine, Action::Read).await;
    Err(used())
}
