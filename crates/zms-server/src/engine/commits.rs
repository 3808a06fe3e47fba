//! `POST /v1/vaults/{vault}/commits`. spec/engine.md#commits

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use zms_core::{
    admit::admit,
    audit::{Action, Event, Outcome},
    batch::{Batch, MemberPut},
    bundle::{Bundle, Trouble},
    engine::CommitQuery,
    id::PrincipalId,
};
use zms_store::CommitError;

use super::{answer, body, caller::Caller};
use crate::{
    problem::{Problem, Shown},
    state::Engine,
};

/// Hand in a commit
///
/// Verified as readers would before it is kept, all or nothing. What is there already is answered
/// as if it were new, so that a request whose answer was lost can be made again.
#[utoipa::path(
    post,
    path = "/v1/vaults/{vault}/commits",
    tag = "engine",
    params(
        ("vault" = String, Path, description = "32 hex digits, or `-` for the caller's own", pattern = "^([0-9a-f]{32}|-)$"),
        ("action" = u8, Query, description = "What its author calls it, as in the audit", minimum = 2, maximum = 14),
    ),
    request_body(content = [u8], content_type = "application/cbor", description = "A batch"),
    responses(
        (status = 200, description = "It is kept", headers(("ZMS-Commits" = u64))),
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
    let asked =
        CommitQuery::parse(Caller::query(&parts)).ok().filter(|asked| changes(asked.action));
    let asked =
        asked.ok_or_else(|| Problem::malformed("the query of a commit names what it does"))?;
    caller.admitted(&engine, asked.action).await?;
    let bytes =
        body::read(&engine, &parts.headers, body, engine.limits.commit, &caller.claim).await?;
    let done = engine.work(move |engine| keep(engine, &caller, asked.action, &bytes)).await;
    let (vault, commits) = done?;
    engine.watches.moved(vault);
    Ok(answer(StatusCode::OK, commits, None))
}

/// Whether an action changes a vault that is there.
const fn changes(action: Action) -> bool {
    !matches!(
        action,
        Action::Read
            | Action::ReadPast
            | Action::Expose
            | Action::Backup
            | Action::Bundle
            | Action::Wrap
            | Action::Unwrap
    )
}

fn keep(
    engine: &Engine,
    caller: &Caller,
    action: Action,
    bytes: &[u8],
) -> Result<(zms_core::id::VaultId, u64), Problem> {
    let batch = Batch::decode(bytes, &caller.card.request_key)
        .map_err(|_| Problem::malformed("the body is no commit"))?;
    let other = "the commit is of another vault";
    if batch.vault != caller.vault {
        return Err(Problem::new(StatusCode::FORBIDDEN, "refused", other));
    }
    let events = events(caller.principal, action, &batch, caller.now);
    let handle = engine.vaults.find(caller.vault)?;
    let mut handle = handle.ok_or_else(Problem::unauthenticated)?;
    caller.spend_on_commit(&mut handle, &caller.denied(action))?;
    let check =
        |tree: &dyn zms_core::admit::Tree| admit(tree, caller.principal, &batch, caller.now);
    match handle.commit_checked(&batch, &events, &check) {
        Ok(()) => engine.vaults.joined(caller.vault, &joined(&batch)),
        Err(CommitError::Conflict) if holds(&*handle.bundle()?, &batch)? => {}
        Err(error) => return Err(error.into()),
    }
    engine.metrics.commits.inc();
    Ok((caller.vault, handle.mark()?.commits))
}

/// The entries of a commit, as its author calls it.
pub(super) fn events(
    principal: PrincipalId,
    action: Action,
    batch: &Batch,
    time: u64,
) -> Vec<Event> {
    let event = Event { time, principal, action, scope: None, revision: 0, outcome: Outcome::Done };
    event.of_each(batch.revisions())
}

/// Who joins by a batch.
pub(super) fn joined(batch: &Batch) -> Vec<PrincipalId> {
    let joined = batch.members.iter().filter_map(|put| match put {
        MemberPut::Joins { principal, .. } => Some(*principal),
        MemberPut::Keyring { .. } => None,
    });
    joined.collect()
}

/// Whether a vault holds every message of a batch already: its answer was lost.
pub(super) fn holds(bundle: &dyn Bundle, batch: &Batch) -> Result<bool, Trouble> {
    if batch.scopes.is_empty() && batch.roster.is_none() {
        return Ok(false);
    }
    let mut seen = BTreeSet::new();
    for put in &batch.scopes {
        let scope = put.revision.scope;
        // No commit that was ever kept names one twice.
        if !seen.insert(scope) {
            return Ok(false);
        }
        let Some(head) = bundle.head(scope)? else { return Ok(false) };
        let after = put.revision.revision.saturating_sub(1);
        let messages = bundle.revision_messages(scope, after)?;
        let first = messages.first().unwrap_or(&head.message);
        if *first != put.signed.message {
            return Ok(false);
        }
    }
    if let Some(put) = &batch.roster {
        let Some(current) = bundle.roster()? else { return Ok(false) };
        let messages = bundle.roster_messages(put.roster.version.saturating_sub(1))?;
        return Ok(*messages.first().unwrap_or(&current.message) == put.signed.message);
    }
    Ok(true)
}
