//! The engine API: ciphertext only. spec/engine.md
//!
//! A handler knows who asks ([`caller`]), asks the store, and lets the core decide
//! ([`zms_core::admit`]); it opens nothing, since it has no key to open anything with.

pub(crate) mod audit;
mod body;
pub(crate) mod bundle;
pub(crate) mod caller;
pub(crate) mod changes;
pub(crate) mod commits;
mod once;
pub(crate) mod register;
pub(crate) mod scribe;
pub(crate) mod shown;
pub(crate) mod watch;

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};
use zms_core::engine::COMMITS;

/// How many commits a vault has seen.
static SEEN: HeaderName = HeaderName::from_static(COMMITS);

/// An answer about a vault.
fn answer(
    status: StatusCode,
    commits: impl Into<HeaderValue>,
    body: Option<(&'static str, Bytes)>,
) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(&SEEN, commits.into());
    if let Some((kind, bytes)) = body {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        *response.body_mut() = Body::from(bytes);
    }
    response
}
