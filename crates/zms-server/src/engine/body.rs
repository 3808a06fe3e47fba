//! Bodies: read once it is known who sends them, and never more than they may be.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, header},
};
use zms_core::{engine::CBOR_TYPE, request::Claim};

use crate::{layers::bodies, problem::Problem, state::Engine};

/// Reads a body of at most so many bytes, which is the one that its headers tell of.
pub(super) async fn read(
    engine: &Engine,
    headers: &HeaderMap,
    body: Body,
    most: usize,
    claim: &Claim,
) -> Result<Bytes, Problem> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != CBOR_TYPE) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported",
            "a body is application/cbor",
        ));
    }
    let length = bodies::length(&body)?;
    if length > most {
        return Err(Problem::too_large());
    }
    let mut bytes = Vec::new();
    bodies::pour(engine, length, body, |data| bytes.extend_from_slice(data)).await?;
    claim.verify_body(&bytes).map_err(|_| Problem::unauthenticated())?;
    Ok(bytes.into())
}
