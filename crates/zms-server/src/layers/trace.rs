//! Request ids, the log, counts, and the headers of every answer.
//!
//! The log is told of a request by its route, never by its path or query, and by nothing that it
//! carried.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

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

/// What a request is called in the log and in its answer, in the form of a UUID (RFC 9562, version
/// 8: of our making). Never what its sender calls it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(u128);

impl RequestId {
    /// A place in a sequence that no other run of the engine has, most likely.
    pub(crate) fn new() -> Self {
        static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let halves = [0, 1].map(|half: u8| u128::from(STATE.hash_one((next, half))));
        let bits = halves[0] << 64 | halves[1];
        let (version, variant) = (0xf << 76, 0b11 << 62);
        Self(bits & !version & !variant | 8 << 76 | 0b10 << 62)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        let (a, b, c, d) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20]);
        write!(f, "{a}-{b}-{c}-{d}-{}", &hex[20..])
    }
}

/// Names, times, counts and logs a request.
pub(crate) async fn trace(
    State(engine): State<Arc<Engine>>,
    mut request: Request,
    next: Next,
) -> Response {
    let (start, id) = (Instant::now(), RequestId::new());
    request.extensions_mut().insert(id);
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
    let id = id.to_string();
    let method = crate::metrics::method(&method);
    if response.status().is_server_error() {
        tracing::error!(id, method, route, status, micros, code, why, "failed");
    } else if code.is_some() {
        tracing::info!(id, method, route, status, micros, code, why, "refused");
    } else {
        tracing::debug!(id, method, route, status, micros, "answered");
    }
    let headers = response.headers_mut();
    let id = HeaderValue::from_str(&id).expect("hex digits are a header's value");
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
