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
    gateway::{self, Gateway},
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
    "/v1/secrets",
    "/v1/secrets/{*name}",
    "/v1/{*path}",
];

/// The routes of an engine, with what holds for all of them around.
pub fn router(engine: &Arc<Engine>) -> Router {
    around(engine, routes())
}

/// The routes of an engine and of a gateway.
pub fn router_with(engine: &Arc<Engine>, gateway: Arc<Gateway>) -> Router {
    around(engine, routes().merge(gateway::router(gateway)))
}

/// Those of a gateway alone, and what is asked of a process.
pub fn router_of_gateway(engine: &Arc<Engine>, gateway: Arc<Gateway>) -> Router {
    around(engine, process().merge(gateway::router(gateway)))
}

fn routes() -> Router<Arc<Engine>> {
    process()
        .route("/v1/vaults", post(register::post))
        .route("/v1/vaults/{vault}/bundle", get(bundle::get))
        .route("/v1/vaults/{vault}/commits", post(commits::post))
        .route("/v1/vaults/{vault}/changes", get(changes::get))
        .route("/v1/vaults/{vault}/audit", post(audit::post).get(audit::get))
        .route("/v1/vaults/{vault}/audit/chains", get(audit::chains))
}

fn process() -> Router<Arc<Engine>> {
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(health::description))
}

fn around(engine: &Arc<Engine>, routes: Router<Arc<Engine>>) -> Router {
    routes
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
