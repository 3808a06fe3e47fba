//! The whole route table.

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    engine::{audit, bundle, changes, commits, register},
    health,
    layers::{gate, trace},
    problem::Problem,
    state::Engine,
};

/// Every route there is, as the log and the counts name it.
pub(crate) const ROUTES: &[&str] = &[
    "/v1/vaults",
    "/v1/vaults/{vault}/bundle",
    "/v1/vaults/{vault}/commits",
    "/v1/vaults/{vault}/changes",
    "/v1/vaults/{vault}/audit",
    "/v1/vaults/{vault}/audit/chains",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
];

/// The routes, with what holds for all of them around.
pub fn router(engine: &Arc<Engine>) -> Router {
    Router::new()
        .route("/v1/vaults", post(register::post))
        .route("/v1/vaults/{vault}/bundle", get(bundle::get))
        .route("/v1/vaults/{vault}/commits", post(commits::post))
        .route("/v1/vaults/{vault}/changes", get(changes::get))
        .route("/v1/vaults/{vault}/audit", post(audit::post).get(audit::get))
        .route("/v1/vaults/{vault}/audit/chains", get(audit::chains))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(health::description))
        .route_layer(from_fn(trace::routed))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || {
            let detail = "this can not be done here";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
        })
        .layer(CatchPanicLayer::custom(trace::panicked))
        .layer(from_fn_with_state(Arc::clone(engine), gate::check))
        .layer(from_fn_with_state(Arc::clone(engine), trace::trace))
        .with_state(Arc::clone(engine))
}
