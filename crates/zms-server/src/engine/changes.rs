//! `GET /v1/vaults/{vault}/changes`. spec/engine.md#http

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use tokio::time::{Instant, sleep_until};
use zms_core::{audit::Action, engine::ChangesQuery, id::VaultId};

use super::{answer, caller::Caller};
use crate::{
    problem::{Problem, Shown},
    state::Engine,
};

/// Wait for a commit
///
/// Answered as soon as there were more commits than the caller knows of, or when the time is over.
#[utoipa::path(
    get,
    path = "/v1/vaults/{vault}/changes",
    tag = "engine",
    params(
        ("vault" = String, Path, description = "32 hex digits, or `-` for the caller's own", pattern = "^([0-9a-f]{32}|-)$"),
        ("after" = u64, Query, description = "How many commits are known"),
        ("wait" = u64, Query, description = "Seconds", maximum = 50),
    ),
    responses(
        (status = 200, description = "There were more commits", headers(("ZMS-Commits" = u64))),
        (status = 204, description = "There was none", headers(("ZMS-Commits" = u64))),
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
    let asked = ChangesQuery::parse(Caller::query(&parts))
        .map_err(|_| Problem::malformed("the query of changes is after and wait"))?;
    caller.admitted(&engine, Action::Read).await?;
    let (vault, over) = (caller.vault, Instant::now() + Duration::from_secs(asked.wait));
    let watch = engine.watches.of(vault);
    let mut commits = caller.mark.commits;
    // A restore may have taken the count back: that is a change too.
    while commits == asked.after {
        tokio::select! {
            () = watch.wait() => {}
            () = sleep_until(over) => break,
            () = engine.stop.cancelled() => break,
        }
        commits =
            engine.glance(engine.vaults.is_open(vault), move |engine| count(engine, vault)).await?;
    }
    let status = if commits == asked.after { StatusCode::NO_CONTENT } else { StatusCode::OK };
    Ok(answer(status, commits, None))
}

fn count(engine: &Engine, vault: VaultId) -> Result<u64, Problem> {
    let handle = engine.vaults.find(vault)?.ok_or_else(Problem::unauthenticated)?;
    Ok(handle.mark()?.commits)
}
