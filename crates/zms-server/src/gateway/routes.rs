//! The native routes, as the description of the API has them.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{Request, Response},
};

use super::{Within, serve::serve};

/// All that a place sees
#[utoipa::path(
    get,
    path = "/v1/secrets",
    tag = "gateway",
    params(("path" = Option<String>, Query, description = "The place, where the token has several")),
    responses(
        (status = 200, description = "Names and values; with `Accept: text/x-dotenv`, lines for dotenv", content(
            (std::collections::BTreeMap<String, String> = "application/json"),
            (String = "text/x-dotenv"),
        )),
        (status = "4XX", description = "Refused", body = Errors),
        (status = "5XX", description = "Not now: nothing was done", body = Errors),
    ),
    security(("token" = []))
)]
pub(crate) async fn all(within: State<Arc<Within>>, request: Request<Body>) -> Response<Body> {
    serve(within, request).await
}

/// One secret
#[utoipa::path(
    get,
    path = "/v1/secrets/{name}",
    tag = "gateway",
    params(
        ("name" = String, Path, description = "Its name"),
        ("path" = Option<String>, Query, description = "The place, where the token has several"),
    ),
    responses(
        (status = 200, description = "Its name and value; as text or bytes, its value", content(
            (std::collections::BTreeMap<String, String> = "application/json"),
            (String = "text/plain"),
            (Vec<u8> = "application/octet-stream"),
        )),
        (status = "4XX", description = "Refused", body = Errors),
        (status = "5XX", description = "Not now: nothing was done", body = Errors),
    ),
    security(("token" = []))
)]
pub(crate) async fn one(within: State<Arc<Within>>, request: Request<Body>) -> Response<Body> {
    serve(within, request).await
}

/// Sets a secret
#[utoipa::path(
    put,
    path = "/v1/secrets/{name}",
    tag = "gateway",
    params(
        ("name" = String, Path, description = "Its name"),
        ("path" = Option<String>, Query, description = "The place, where the token has several"),
    ),
    request_body(content(
        (Value = "application/json"),
        (Vec<u8> = "application/octet-stream"),
    ), description = "The value"),
    responses(
        (status = 204, description = "It is set"),
        (status = "4XX", description = "Refused", body = Errors),
        (status = "5XX", description = "Not now; it may have been done where its answer was lost", body = Errors),
    ),
    security(("token" = []))
)]
pub(crate) async fn put(within: State<Arc<Within>>, request: Request<Body>) -> Response<Body> {
    serve(within, request).await
}

/// Removes a secret
#[utoipa::path(
    delete,
    path = "/v1/secrets/{name}",
    tag = "gateway",
    params(
        ("name" = String, Path, description = "Its name"),
        ("path" = Option<String>, Query, description = "The place, where the token has several"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = "4XX", description = "Refused", body = Errors),
        (status = "5XX", description = "Not now; it may have been done where its answer was lost", body = Errors),
    ),
    security(("token" = []))
)]
pub(crate) async fn remove(within: State<Arc<Within>>, request: Request<Body>) -> Response<Body> {
    serve(within, request).await
}

/// Why a request was refused.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes what is written as JSON")]
pub(crate) struct Errors {
    errors: Vec<String>,
}

/// A value to be set.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes what is read as JSON")]
pub(crate) struct Value {
    value: String,
}
