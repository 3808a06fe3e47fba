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
    around(engine, routes().merge(gateway::router(engine, gateway)))
}

/// Those of a gateway alone, and what is asked of a process.
pub fn router_of_gateway(engine: &Arc<Engine>, gateway: Arc<Gateway>) -> Router {
    around(engine, process().merge(gateway::router(engine, gateway)))
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

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        http::Request,
    };
    use tower::ServiceExt;

    use super::*;
    use crate::{Limits, Names, Register, Setup, vaults::OneFile};

    /// An engine without a vault.
    fn engine() -> Arc<Engine> {
        Engine::new(Setup {
            vaults: Arc::new(OneFile::new("no such file".into())),
            names: Names::new(["localhost".to_owned()]),
            register: Register::Nobody,
            limits: Limits::default(),
            clock: || 1_900_000_000,
            blind: zms_crypto::Key::from_bytes(&[0; 32]),
        })
    }

    #[tokio::test]
    async fn attack_a_handler_that_panics_ends_its_request_only_and_says_nothing() {
        let explodes = async || -> StatusCode { panic!("canary-value") };
        let router = around(&engine(), process().route("/explodes", get(explodes)));
        let ask = |path: &str| {
            let request = Request::get(path).header("host", "localhost").body(Body::empty());
            router.clone().oneshot(request.expect("a request"))
        };
        let answer = ask("/explodes").await.expect("it is answered");
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let said = to_bytes(answer.into_body(), 4096).await.expect("a body");
        assert!(!String::from_utf8_lossy(&said).contains("canary"), "{said:?}");
        assert_eq!(ask("/healthz").await.expect("it is answered").status(), StatusCode::OK);
    }
}
