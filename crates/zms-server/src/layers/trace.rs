//! Request ids, the log, counts, and the headers of every answer.
//!
//! The log is told of a request by its route, never by its path or query, and by nothing that it
//! carried.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    body::{Body, HttpBody},
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::Instant;

use crate::{
    metrics::Active,
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

impl RequestId {
    /// As a UUID is written.
    fn spelled(self) -> [u8; 36] {
        let (mut hex, mut spelled) = ([0; 32], [b'-'; 36]);
        hex::encode_to_slice(self.0.to_be_bytes(), &mut hex).expect("two digits a byte");
        let mut from = 0;
        for (to, length) in [(0, 8), (9, 4), (14, 4), (19, 4), (24, 12)] {
            spelled[to..to + length].copy_from_slice(&hex[from..from + length]);
            from += length;
        }
        spelled
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.spelled()).expect("hex digits are text"))
    }
}

/// What is known of a request until it is answered.
pub(crate) struct Trace {
    start: Instant,
    pub(crate) id: RequestId,
    address: Option<IpAddr>,
    method: Method,
    _active: Active,
}

impl Trace {
    /// Names a request, and counts it among those that are being answered.
    pub(crate) fn begin(engine: &Engine, request: &Request) -> Self {
        let (start, id) = (Instant::now(), RequestId::new());
        let peer = request.extensions().get::<Peer>().copied();
        let (address, method) = (peer.and_then(|peer| peer.address), request.method().clone());
        Self { start, id, address, method, _active: engine.metrics.begin() }
    }

    /// Times, counts and logs it with its answer, and completes that.
    pub(crate) fn end(
        self,
        engine: &Engine,
        route: Option<&'static str>,
        mut response: Response,
    ) -> Response {
        if response.status() == StatusCode::UNAUTHORIZED
            && let Err(limited) = engine.rates.stranger(self.address)
        {
            response = limited.into_response();
        }
        let took = self.start.elapsed();
        let route = route.unwrap_or("none");
        engine.metrics.end(&self.method, route, response.status(), took);
        let cause = response.extensions_mut().remove::<Cause>();
        let code = cause.as_ref().map(|cause| cause.code);
        let why = cause.as_ref().and_then(|cause| cause.cause.as_deref());
        let (status, micros) = (response.status().as_u16(), took.as_micros() as u64);
        let id = self.id.spelled();
        let named = str::from_utf8(&id).expect("hex digits are text");
        let method = crate::metrics::method(&self.method);
        if response.status().is_server_error() {
            tracing::error!(id = named, method, route, status, micros, code, why, "failed");
        } else if code.is_some() {
            tracing::info!(id = named, method, route, status, micros, code, why, "refused");
        } else {
            tracing::debug!(id = named, method, route, status, micros, "answered");
        }
        if self.method == Method::HEAD {
            response = sized(response);
            *response.body_mut() = Body::empty();
        }
        let headers = response.headers_mut();
        let id = HeaderValue::from_bytes(&id).expect("hex digits are a header's value");
        headers.insert(REQUEST_ID.clone(), id);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

/// An answer that says how long it is, as the route table's do.
pub(crate) fn sized(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact() {
        let headers = response.headers_mut();
        headers.entry(header::CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    response
}

/// The route that answered.
#[derive(Clone, Copy)]
pub(crate) struct Route(pub(crate) &'static str);

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
pub(crate) fn panicked() -> Response {
    Problem::failed().because("a handler panicked").into_response()
}
