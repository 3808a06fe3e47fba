//! The routes of the gateway.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Request, Response},
    routing::{any, get},
};

use super::{Answer, Call, Gateway, Refusal, door, routes, secrets};
use crate::vault;

/// All that the gateway answers, below `/v1/`.
pub fn router<S: Clone + Send + Sync + 'static>(gateway: Arc<Gateway>) -> Router<S> {
    Router::new()
        .route("/v1/secrets", get(routes::all))
        .route("/v1/secrets/{*name}", get(routes::one).put(routes::put).delete(routes::remove))
        .route("/v1/{*path}", any(serve))
        .with_state(gateway)
}

/// Answers one request.
pub(super) async fn serve(
    State(gateway): State<Arc<Gateway>>,
    request: Request<Body>,
) -> Response<Body> {
    let answer = match door::admit(&gateway, request).await {
        Ok(call) => {
            let work = move || respond(&gateway, &call);
            tokio::task::spawn_blocking(work).await.unwrap_or(Err(Refusal::Trouble))
        }
        Err(refusal) => Err(refusal),
    };
    answer.unwrap_or_else(Refusal::answer).into()
}

fn respond(gateway: &Gateway, call: &Call) -> Result<Answer, Refusal> {
    match call.segments.first().map(String::as_str) {
        Some("secrets") => secrets::respond(gateway, call),
        // What an engine's route did not take is nothing of ours.
        Some("vaults") => Err(Refusal::Missing(None)),
        _ => vault::respond(gateway, call),
    }
}
