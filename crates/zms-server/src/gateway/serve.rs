//! The routes of the gateway.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Request, Response},
    routing::any,
};

use super::{Answer, Call, Gateway, Refusal, door, secrets};
use crate::vault;

/// All that the gateway answers, below `/v1/`.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new().route("/v1/{*path}", any(serve)).with_state(gateway)
}

async fn serve(State(gateway): State<Arc<Gateway>>, request: Request<Body>) -> Response<Body> {
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
        _ => vault::respond(gateway, call),
    }
}
