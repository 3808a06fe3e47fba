//! `GET /v1/vaults/{vault}/bundle`. spec/engine.md#http

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use zms_core::{
    audit::{Action, Event, Outcome},
    bundle::collect::collect,
    engine::{BUNDLE_TYPE, BundleQuery},
    id::{PrincipalId, VaultId},
};
use zms_crypto::{digest::sha256, parts::Parts};
use zms_store::Mark;

use super::{answer, caller::Caller, once::used, shown::Ready};
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
    let caller = Caller::of(&engine, &parts).await?;
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
    let etag = HeaderValue::from_str(&ready.etag).expect("hex digits between quotes");
    let unchanged = parts.headers.get(header::IF_NONE_MATCH) == Some(&etag);
    let caller = note(&engine, caller, &ready).await?;
    drop(caller);
    let commits = ready.mark.commits;
    let mut response = match unchanged {
        true => answer(StatusCode::NOT_MODIFIED, commits, None),
        false => answer(StatusCode::OK, commits, Some((BUNDLE_TYPE, ready.bytes.clone()))),
    };
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
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
    let ready = Ready { bytes, reads, etag: etag(vault, &mark, &key), mark };
    let ready = Arc::new(ready);
    engine.shown.keep_bundle(vault, key, Arc::clone(&ready));
    Ok(ready)
}

/// The same for the same state, caller and query, and for no other.
fn etag(vault: VaultId, mark: &Mark, key: &(PrincipalId, String)) -> String {
    let parts = Parts::tagged("zms/v1/etag")
        .bytes(vault.as_bytes())
        .u64(mark.commits)
        .bytes(mark.roster.as_ref().map_or(&[], |roster| &roster[..]))
        .bytes(key.0.as_bytes())
        .bytes(key.1.as_bytes());
    format!("\"{}\"", hex::encode(&sha256(&[&parts.finish()])[..16]))
}

/// Notes what is about to be given out, and takes a use where they are counted.
async fn note(engine: &Arc<Engine>, caller: Caller, ready: &Ready) -> Result<Caller, Problem> {
    if ready.reads.is_empty() {
        return Ok(caller);
    }
    let (time, principal) = (caller.now, caller.principal);
    let read = |(scope, revision, past): &(_, u64, bool)| {
        let action = if *past { Action::ReadPast } else { Action::Read };
        let (scope, outcome) = (Some(*scope), Outcome::Done);
        Event { time, principal, action, scope, revision: *revision, outcome }
    };
    let events: Vec<Event> = ready.reads.iter().map(read).collect();
    if caller.card.line.limits.uses == 0 {
        engine.note(caller.vault, events).await?;
        return Ok(caller);
    }
    let (spent, caller) = engine
        .work(move |engine| {
            let handle = engine.vaults.find(caller.vault)?;
            let mut handle = handle.ok_or_else(Problem::unauthenticated)?;
            Ok((caller.spend(&mut handle, &events)?, caller))
        })
        .await?;
    if spent {
        return Ok(caller);
    }
    caller.note_denied(engine, Action::Read).await;
    Err(used())
}
