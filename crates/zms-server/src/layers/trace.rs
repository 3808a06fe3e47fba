//! Request ids, the log, counts, and the headers of every answer.
//!
//! The log is told of a request by its route, never by its path or query, and by nothing that it
//! carried.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::Instant;

use crate::{
    problem::{Cause, Problem},
    state::{Engine, Peer},
};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a request is called in the log and in its answer. Never what its sender calls it.
fn request_id() -> HeaderValue {
    let id = hex::encode(rand_id());
    HeaderValue::from_str(&id).expect("hex digits are a header's value")
}

/// A place in a sequence that no other run of the engine has, most likely.
fn rand_id() -> [u8; 8] {
    use std::hash::{BuildHasher, RandomState};
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };
    static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    STATE.hash_one(NEXT.fetch_add(1, Ordering::Relaxed)).to_be_bytes()
}

/// Names, times, counts and logs a request.
pub(crate) async fn trace(
    State(engine): State<Arc<Engine>>,
    request: Request,
    next: Next,
) -> Response {
    let (start, id) = (Instant::now(), request_id());
    let peer = request.extensions().get::<Peer>().copied();
    let address = peer.and_then(|peer| peer.address);
    let method = request.method().clone();
    let _active = engine.metrics.begin();
    let mut response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED
        && let Err(limited) = engine.rates.stranger(address)
    {
        response = limited.into_response();
    }
    let took = start.elapsed();
    let route = response.extensions_mut().remove::<Route>().map_or("none", |route| route.0);
    engine.metrics.end(&method, route, response.status(), took);
    let cause = response.extensions_mut().remove::<Cause>();
    let code = cause.as_ref().map(|cause| cause.code);
    let why = cause.as_ref().and_then(|cause| cause.cause.as_deref());
    let (status, micros) = (response.status().as_u16(), took.as_micros() as u64);
    let id_text = id.to_str().unwrap_or_default();
    let method = crate::metrics::method(&method);
    if response.status().is_server_error() {
        tracing::error!(id = id_text, method, route, status, micros, code, why, "failed");
    } else if code.is_some() {
        tracing::info!(id = id_text, method, route, status, micros, code, why, "refused");
    } else {
        tracing::debug!(id = id_text, method, route, status, micros, "answered");
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID.clone(), id);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The route that answered.
#[derive(Clone, Copy)]
struct Route(&'static str);

/// Notes which of the known routes answers.
pub(crate) async fn routed(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| known(path.as_str()));
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(Route(route));
    }
    response
}

/// The template of a route is ours, and lives as long as the program.
fn known(path: &str) -> &'static str {
    crate::router::ROUTES.iter().find(|route| **route == path).copied().unwrap_or("other")
}

/// What a panic of a handler looks like from outside.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::failed().because("a handler panicked").into_response()
}
