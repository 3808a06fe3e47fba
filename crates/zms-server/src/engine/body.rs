//! Bodies: read once it is known who sends them, no faster than there is room, no slower than is
//! bearable, and never more than they may be.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::BodyExt;
use tokio::time::{Duration, Instant, timeout_at};
use zms_core::{engine::CBOR_TYPE, request::Claim};

use crate::{problem::Problem, state::Engine};

/// Bytes that give a sender another second.
const PACE: u64 = 16 * 1024;

/// How long a body says it is.
fn announced(headers: &HeaderMap) -> Result<usize, Problem> {
    let length = headers.get(header::CONTENT_LENGTH).map(|value| {
        let number = value.to_str().ok().and_then(|text| text.parse().ok());
        number.ok_or_else(Problem::too_large)
    });
    length.unwrap_or(Ok(0))
}

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
    let length = announced(headers)?;
    if length > most {
        return Err(Problem::too_large());
    }
    let kibibytes = u32::try_from(length >> 10).map_err(|_| Problem::too_large())?;
    let _room = engine.bodies.try_acquire_many(kibibytes).map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too much is being sent at once")
            .retry_after(1)
    })?;
    let mut body = body;
    let (start, mut bytes) = (Instant::now(), Vec::new());
    loop {
        let pace = Duration::from_secs(bytes.len() as u64 / PACE);
        let frame = timeout_at(start + engine.limits.body_time + pace, body.frame()).await;
        let Some(frame) = frame.map_err(|_| slow())? else { break };
        let frame = frame
            .map_err(|error| Problem::malformed("the body ended before its end").because(error))?;
        if let Ok(data) = frame.into_data() {
            if data.len() > length - bytes.len() {
                return Err(Problem::too_large());
            }
            bytes.extend_from_slice(&data);
        }
    }
    claim.verify_body(&bytes).map_err(|_| Problem::unauthenticated())?;
    Ok(bytes.into())
}

const fn slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "slow", "the body did not come in time")
}
