//! `POST /v1/vaults`. spec/engine.md#http

use std::sync::{Arc, PoisonError};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use zms_core::{admit::admit, audit::Action, batch::Batch, id::VaultId, request::Claim};
use zms_crypto::Key;
use zms_store::CommitError;

use super::{
    answer, body, caller,
    commits::{events, holds, joined},
};
use crate::{
    problem::{Problem, Shown},
    state::{Engine, Register},
};

/// Make a vault
///
/// By a commit without a roster before it, under the key of the registration secret.
#[utoipa::path(
    post,
    path = "/v1/vaults",
    tag = "engine",
    request_body(content = [u8], content_type = "application/cbor", description = "A batch"),
    responses(
        (status = 201, description = "It is made", headers(("ZMS-Commits" = u64))),
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
    let claim = caller::claim(&parts)?;
    let now = engine.now();
    let key = engine.register_key();
    let authentic = caller::verify(&claim, key.as_ref().unwrap_or(&engine.blind), &parts, now);
    let (Some(key), Ok(())) = (key, authentic) else { return Err(Problem::unauthenticated()) };
    engine.rates.principal(claim.principal)?;
    let bytes = body::read(&engine, &parts.headers, body, engine.limits.commit, &claim).await?;
    if parts.uri.query().is_some() {
        return Err(Problem::malformed("making a vault has no query"));
    }
    let commits = engine.work(move |engine| make(engine, &key, &claim, &bytes, now)).await?;
    Ok(answer(StatusCode::CREATED, commits, None))
}

impl Engine {
    /// The key that vaults are made with, where they may be.
    fn register_key(&self) -> Option<Key> {
        match &self.register {
            Register::Nobody => None,
            Register::Secret(key) => Some(key.duplicate()),
            Register::Once(once) => Some(once.key.duplicate()),
        }
    }
}

fn make(engine: &Engine, key: &Key, claim: &Claim, bytes: &[u8], now: u64) -> Result<u64, Problem> {
    let batch =
        Batch::decode(bytes, key).map_err(|_| Problem::malformed("the body is no commit"))?;
    if batch.found.is_some() {
        return Err(Problem::malformed("a vault is made by a commit without a roster before it"));
    }
    // Two at once with a code that is good once: the slower one finds it used.
    let mut used = match &engine.register {
        Register::Once(once) => Some(once.used.lock().unwrap_or_else(PoisonError::into_inner)),
        _ => None,
    };
    if used.as_ref().is_some_and(|used| **used) {
        let held = is_there(engine, &batch)?;
        return if held { commits(engine, batch.vault) } else { Err(Problem::unauthenticated()) };
    }
    let events = events(claim.principal, Action::Init, &batch, now);
    let check = |tree: &dyn zms_core::admit::Tree| admit(tree, claim.principal, &batch, now);
    let made = match &used {
        // Other servers over the same database have printed codes too: the first one used counts.
        Some(_) => engine.vaults.create_first(&batch, &events, &check),
        None => engine.vaults.create(&batch, &events, &check),
    };
    if let Some(used) = &mut used {
        **used = matches!(made, Ok(()) | Err(CommitError::Exists));
    }
    match made {
        Ok(()) => {}
        Err(CommitError::Exists) if is_there(engine, &batch)? => {}
        Err(CommitError::Exists) if used.is_some() => return Err(Problem::unauthenticated()),
        Err(error) => return Err(error.into()),
    }
    engine.metrics.commits.inc();
    engine.vaults.joined(batch.vault, &joined(&batch));
    commits(engine, batch.vault)
}

/// Whether it is this very vault that exists: its answer was lost.
fn is_there(engine: &Engine, batch: &Batch) -> Result<bool, Problem> {
    let Some(handle) = engine.vaults.find(batch.vault)? else { return Ok(false) };
    let holds = holds(&*handle.bundle()?, batch)?;
    Ok(holds)
}

fn commits(engine: &Engine, vault: VaultId) -> Result<u64, Problem> {
    let handle = engine.vaults.find(vault)?;
    let handle =
        handle.ok_or_else(|| Problem::failed().because("a vault that was made is gone"))?;
    Ok(handle.mark()?.commits)
}
