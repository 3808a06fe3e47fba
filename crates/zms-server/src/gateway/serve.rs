//! The routes of the gateway.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Request, Response},
    routing::{any, get},
};

use super::{Answer, Asker, Call, Gateway, Refusal, Within, door, routes, secrets};
use crate::{
    state::{Engine, Peer},
    vault,
};

/// All that the gateway answers, below `/v1/`, as the engine's limits allow.
pub fn router<S: Clone + Send + Sync + 'static>(
    engine: &Arc<Engine>,
    gateway: Arc<Gateway>,
) -> Router<S> {
    Router::new()
        .route("/v1/secrets", get(routes::all))
        .route("/v1/secrets/{*name}", get(routes::one).put(routes::put).delete(routes::remove))
        .route("/v1/{*path}", any(serve))
        .with_state(Arc::new(Within { engine: Arc::clone(engine), gateway }))
}

/// Answers one request.
pub(super) async fn serve(
    State(within): State<Arc<Within>>,
    request: Request<Body>,
) -> Response<Body> {
    let peer = request.extensions().get::<Peer>().and_then(|peer| peer.address);
    let answer = match door::admit(&within, request).await {
        Ok((call, asker)) => {
            let (at_work, later) = (Arc::clone(&within), Arc::clone(&call.later));
            let is_light = call.reads_values() && asker.is_light(&within.gateway);
            let work = move || respond(&at_work, &call, asker);
            // What takes no longer than a change of threads is done on this one.
            if is_light {
                let answer = catch_unwind(AssertUnwindSafe(work));
                let answer = answer.unwrap_or_else(|_| Err(Refusal::panicked()));
                later.settle(&within.engine, answer).await
            } else {
                let engine = Arc::clone(&within.engine);
                // Whoever asked may go away; what it was shown or refused is noted all the same.
                let done = tokio::spawn(async move {
                    let done = engine.aside(work).await;
                    let answer = done.unwrap_or_else(|_| Err(Refusal::panicked()));
                    later.settle(&engine, answer).await
                });
                done.await.unwrap_or_else(|_| Err(Refusal::panicked()))
            }
        }
        Err(refusal) => Err(refusal),
    };
    let refusal = match answer {
        Ok(answer) => return answer.into(),
        Err(refusal) => refusal,
    };
    let limited = refusal.is_of_a_stranger().then(|| within.engine.rates.stranger(peer));
    match limited {
        Some(Err(limited)) => Refusal::from(limited).into(),
        _ => refusal.into(),
    }
}

fn respond(within: &Within, call: &Call, asker: Asker) -> Result<Answer, Refusal> {
    match asker {
        Asker::Somebody(principal) if call.segments.first().is_some_and(|it| it == "secrets") => {
            secrets::respond(&within.gateway, call, principal)
        }
        Asker::Somebody(principal) => vault::respond(&within.gateway, call, principal),
        Asker::Anybody(open) => open.respond(within, call),
    }
}
