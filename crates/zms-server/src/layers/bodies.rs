//! Bodies: no faster than there is room, no slower than is bearable, and never more than they say.

use axum::{
    body::{Body, HttpBody as _},
    http::StatusCode,
};
use http_body_util::BodyExt;
use tokio::time::{Duration, Instant, timeout_at};

use crate::{problem::Problem, state::Engine};

/// Bytes that give who sends or takes them another second.
pub(crate) const PACE: u64 = 16 * 1024;

/// How long a body says it is.
pub(crate) fn length(body: &Body) -> Result<usize, Problem> {
    let exact = body.size_hint().exact().ok_or_else(Problem::length_required)?;
    usize::try_from(exact).map_err(|_| Problem::too_large())
}

/// Reads a body that says to have so many bytes, and hands on what comes as it comes: nothing is
/// reserved for what does not.
pub(crate) async fn pour(
    engine: &Engine,
    length: usize,
    mut body: Body,
    mut into: impl FnMut(&[u8]),
) -> Result<(), Problem> {
    let kibibytes = u32::try_from(length >> 10).map_err(|_| Problem::too_large())?;
    let _room = engine.bodies.try_acquire_many(kibibytes).map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too much is being sent at once")
            .retry_after(1)
    })?;
    let (start, mut come) = (Instant::now(), 0);
    loop {
        let pace = Duration::from_secs(come as u64 / PACE);
        let frame = timeout_at(start + engine.limits.body_time + pace, body.frame()).await;
        let Some(frame) = frame.map_err(|_| slow())? else { return Ok(()) };
        let frame = frame
            .map_err(|error| Problem::malformed("the body ended before its end").because(error))?;
        if let Ok(data) = frame.into_data() {
            if data.len() > length - come {
                return Err(Problem::too_large());
            }
            come += data.len();
            into(&data);
        }
    }
}

const fn slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "slow", "the body did not come in time")
}
