//! `/v1/vaults/{vault}/audit`. spec/engine.md#http

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use zms_core::{
    audit::Action,
    engine::{AuditQuery, CBOR_TYPE, Unlisted, decode_events, encode_chains, encode_entries},
};

use super::{answer, body, caller::Caller};
use crate::{
    problem::{Problem, Shown},
    state::Engine,
};

/// Hand in entries
///
/// Of what only the caller knows. Who and when is the engine's to say.
#[utoipa::path(
    post,
    path = "/v1/vaults/{vault}/audit",
    tag = "engine",
    params(
        ("vault" = String, Path, description = "32 hex digits, or `-` for the caller's own", pattern = "^([0-9a-f]{32}|-)$"),
    ),
    request_body(content = [u8], content_type = "application/cbor", description = "Entries, at most 10,000"),
    responses(
        (status = 204, description = "They are kept", headers(("ZMS-Commits" = u64))),
        (status = "4XX", description = "Refused", content_type = "application/problem+json", body = Shown),
        (status = "5XX", description = "Not now", content_type = "application/problem+json", body = Shown),
    ),
    security(("signature" = []))
)]
pub(crate) async fn post(
    State(engine): State<Arc<Engine>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let caller = Caller::of(&engine, &parts).await?;
    if parts.uri.query().is_some() {
        return Err(Problem::malformed("handing in entries has no query"));
    }
    caller.admitted(&engine, Action::Read).await?;
    let bytes =
        body::read(&engine, &parts.headers, body, engine.limits.audit, &caller.claim).await?;
    let events =
        decode_events(&bytes, caller.principal, caller.now).map_err(|unlisted| match unlisted {
            Unlisted::TooMany => Problem::too_many(),
            Unlisted::Malformed => Problem::malformed("the body is no list of entries"),
        })?;
    let commits = caller.mark.commits;
    if !events.is_empty() {
        engine
            .work(move |engine| {
                let handle = engine.vaults.find(caller.vault)?;
                let mut handle = handle.ok_or_else(Problem::unauthenticated)?;
                caller.hand_in(&mut handle, &events)
            })
            .await?;
    }
    Ok(answer(StatusCode::NO_CONTENT, commits, None))
}

/// Entries of a chain
///
/// For administrators.
#[utoipa::path(
    get,
    path = "/v1/vaults/{vault}/audit",
    tag = "engine",
    params(
        ("vault" = String, Path, description = "32 hex digits, or `-` for the caller's own", pattern = "^([0-9a-f]{32}|-)$"),
        ("chain" = u64, Query, description = "Which chain"),
        ("after" = u64, Query, description = "Behind this place"),
        ("limit" = u32, Query, description = "At most so many", maximum = 10000),
    ),
    responses(
        (status = 200, description = "The entries", content_type = "application/cbor", body = [u8],
            headers(("ZMS-Commits" = u64))),
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
    let asked = AuditQuery::parse(Caller::query(&parts))
        .map_err(|_| Problem::malformed("the query of entries is chain, after and limit"))?;
    caller.admitted(&engine, Action::Read).await?;
    caller.administers(&engine, Action::Read).await?;
    let AuditQuery { chain, after, limit } = asked;
    let vault = caller.vault;
    let entries = engine.work(move |engine| {
        let handle = engine.vaults.find(vault)?.ok_or_else(Problem::unauthenticated)?;
        Ok(encode_entries(&handle.audit_read(chain, after, limit)?))
    });
    let entries = Bytes::from(entries.await?);
    Ok(answer(StatusCode::OK, caller.mark.commits, Some((CBOR_TYPE, entries))))
}

/// The chains
///
/// Each with the place of its last entry, for administrators.
#[utoipa::path(
    get,
    path = "/v1/vaults/{vault}/audit/chains",
    tag = "engine",
    params(
        ("vault" = String, Path, description = "32 hex digits, or `-` for the caller's own", pattern = "^([0-9a-f]{32}|-)$"),
    ),
    responses(
        (status = 200, description = "The chains", content_type = "application/cbor", body = [u8],
            headers(("ZMS-Commits" = u64))),
        (status = "4XX", description = "Refused", content_type = "application/problem+json", body = Shown),
        (status = "5XX", description = "Not now", content_type = "application/problem+json", body = Shown),
    ),
    security(("signature" = []))
)]
pub(crate) async fn chains(
    State(engine): State<Arc<Engine>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let caller = Caller::of(&engine, &parts).await?;
    if parts.uri.query().is_some() {
        return Err(Problem::malformed("the list of chains has no query"));
    }
    caller.admitted(&engine, Action::Read).await?;
    caller.administers(&engine, Action::Read).await?;
    let vault = caller.vault;
    let chains = engine.work(move |engine| {
        let handle = engine.vaults.find(vault)?.ok_or_else(Problem::unauthenticated)?;
        Ok(encode_chains(&handle.audit_chains()?))
    });
    let chains = Bytes::from(chains.await?);
    Ok(answer(StatusCode::OK, caller.mark.commits, Some((CBOR_TYPE, chains))))
}
