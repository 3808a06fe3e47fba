//! What anybody may ask: whether it lives, whether it can work, what it counted, what it offers.

use std::sync::{Arc, LazyLock};

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use utoipa::OpenApi;

use crate::{
    openapi::Document,
    problem::{Problem, Shown},
    readiness,
    state::Engine,
    vaults::Ready,
};

fn text(kind: &'static str, body: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
}

const PLAIN: &str = "text/plain; charset=utf-8";

/// Whether the process lives
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operation",
    responses((status = 200, description = "It does", content_type = "text/plain", body = String))
)]
pub(crate) async fn live() -> Response {
    text(PLAIN, "ok\n".to_owned())
}

/// Whether requests can be answered
///
/// Told by reading and writing where the vaults are, once a second at most, for all who ask.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses(
        (status = 200, description = "They can", content_type = "text/plain", body = String),
        (status = "5XX", description = "Not now", content_type = "application/problem+json", body = Shown),
    )
)]
pub(crate) async fn ready(State(engine): State<Arc<Engine>>) -> Result<Response, Problem> {
    let said = match readiness::ask(&engine).await? {
        Ready::Whole => "ok\n",
        Ready::Stale => "degraded: the server of the vaults can not be reached, copies answer\n",
    };
    Ok(text(PLAIN, said.to_owned()))
}

/// Counts, for Prometheus
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    responses((status = 200, description = "Counts", content_type = "application/openmetrics-text", body = String))
)]
pub(crate) async fn metrics(State(engine): State<Arc<Engine>>) -> Response {
    text("application/openmetrics-text; version=1.0.0; charset=utf-8", engine.metrics.text())
}

/// This description
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json"))
)]
pub(crate) async fn description() -> Response {
    static DOCUMENT: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(Document::openapi);
    Json(&*DOCUMENT).into_response()
}
