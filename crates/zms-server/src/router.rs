//! The whole route table.

use std::{
    convert::Infallible,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::from_fn,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::FutureExt;
use tower::{Service, ServiceExt};
use zms_core::engine::path::VAULTS;

use crate::{
    engine::{audit, bundle, changes, commits, register},
    gateway::{self, Gateway, Refusal},
    health,
    layers::{
        gate,
        trace::{self, Route, Trace},
    },
    problem::Problem,
    state::Engine,
};

/// Every route there is, as the log and the counts name it.
pub(crate) const ROUTES: &[&str] = &[
    "/v1/vaults",
    BUNDLE,
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
pub fn router(engine: &Arc<Engine>) -> Routes {
    around(engine, routes()).with_bundles()
}

/// The routes of an engine and of a gateway.
pub fn router_with(engine: &Arc<Engine>, gateway: Arc<Gateway>) -> Routes {
    around(engine, routes().merge(gateway::router(engine, gateway))).with_bundles()
}

/// Those of a gateway alone, and what is asked of a process.
pub fn router_of_gateway(engine: &Arc<Engine>, gateway: Arc<Gateway>) -> Routes {
    around(engine, process().merge(gateway::router(engine, gateway)))
}

fn routes() -> Router<Arc<Engine>> {
    process()
        .route("/v1/vaults", post(register::post))
        .route(BUNDLE, get(bundle::get))
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

fn around(engine: &Arc<Engine>, routes: Router<Arc<Engine>>) -> Routes {
    let router = routes
        .route_layer(from_fn(trace::routed))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || {
            let detail = "this can not be done here";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
        })
        .with_state(Arc::clone(engine));
    Routes { engine: Arc::clone(engine), router, has_bundles: false }
}

/// All routes, and around them what holds for every request: it is named, let in or refused, counted
/// and logged, and a panic ends it alone. One after another and no layers, each of which would be made
/// and boxed anew for each request.
#[derive(Clone)]
pub struct Routes {
    engine: Arc<Engine>,
    router: Router,
    /// Whether bundles are asked for here.
    has_bundles: bool,
}

impl Routes {
    const fn with_bundles(mut self) -> Self {
        self.has_bundles = true;
        self
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, mut request: Request) -> Response {
        let trace = Trace::begin(&self.engine, &request);
        let (route, response) = match gate::pass(&self.engine, &mut request) {
            Ok(()) => {
                let answer = AssertUnwindSafe(self.route(request, &trace)).catch_unwind();
                answer.await.unwrap_or_else(|_| (None, trace::panicked()))
            }
            Err(problem) if gateway::answers(request.uri().path()) => {
                (None, Refusal::from(problem).into())
            }
            Err(problem) => (None, problem.into_response()),
        };
        trace.end(&self.engine, route, response)
    }

    /// The answer, and which route gave it.
    async fn route(&self, mut request: Request, trace: &Trace) -> (Option<&'static str>, Response) {
        // What a fleet asks for again and again takes no detour by the table, where it stands as well.
        if self.has_bundles && request.method() == Method::GET && is_bundle(request.uri().path()) {
            let answer = bundle::get(State(Arc::clone(&self.engine)), request).await;
            // A refusal looks like any other.
            let answer = answer.unwrap_or_else(|problem| trace::sized(problem.into_response()));
            return (Some(BUNDLE), answer);
        }
        request.extensions_mut().insert(trace.id);
        let Ok(mut response) = self.router.clone().oneshot(request).await;
        let route = response.extensions_mut().remove::<Route>();
        (route.map(|Route(route)| route), response)
    }
}

/// The route of bundles.
const BUNDLE: &str = "/v1/vaults/{vault}/bundle";

/// Whether a path is that of a bundle.
fn is_bundle(path: &str) -> bool {
    let rest = path.strip_prefix(VAULTS).and_then(|rest| rest.strip_prefix('/'));
    let vault = rest.and_then(|rest| rest.strip_suffix("/bundle"));
    vault.is_some_and(|vault| !vault.is_empty() && !vault.contains('/'))
}

impl Service<Request> for Routes {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let routes = self.clone();
        Box::pin(async move { Ok(routes.answer(request).await) })
    }
}

impl From<Routes> for Router {
    fn from(routes: Routes) -> Self {
        Self::new().fallback_service(routes)
    }
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

    /// HTTP/2 would send it.
    #[tokio::test]
    async fn no_refusal_of_a_head_has_a_body() {
        let routes = around(&engine(), routes()).with_bundles();
        for (host, path, status) in [
            ("elsewhere", "/v1/vaults/-/bundle", StatusCode::MISDIRECTED_REQUEST),
            ("localhost", "/v1/vaults/-/bundle", StatusCode::UNAUTHORIZED),
            ("localhost", "/nothing", StatusCode::NOT_FOUND),
        ] {
            let request = Request::head(path).header("host", host).body(Body::empty());
            let answer = routes.answer(request.expect("a request")).await;
            assert_eq!(answer.status(), status, "{path}");
            assert_ne!(answer.headers()["content-length"], "0", "{path}");
            let said = to_bytes(answer.into_body(), 4096).await.expect("a body");
            assert!(said.is_empty(), "{path}: {said:?}");
        }
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
