//! Whether anything goes on on a connection.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Duration, Instant, sleep_until};

/// Bytes of an answer that are handed over at once: the rest shows whether they are taken.
const PIECE: usize = 16 * 1024;

/// What goes on.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Requests that are being answered, and an answer that waits to be taken.
    working: usize,
    /// When something was asked, answered or taken last.
    last: Instant,
}

/// A request that is being answered, or an answer that waits to be taken.
#[derive(Debug)]
pub(super) struct Working(Activity);

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { working: 0, last: Instant::now() })))
    }

    fn note(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        state.last = Instant::now();
    }

    /// Begins to answer.
    pub(super) fn begin(&self) -> Working {
        self.note(|state| state.working += 1);
        Working(self.clone())
    }

    /// When nothing will have gone on for so long, if nothing does until then.
    pub(super) fn idle_at(&self, after: Duration) -> Instant {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = if state.working > 0 { Instant::now() } else { state.last };
        since + after
    }

    /// Until nothing has gone on for so long.
    pub(super) async fn is_idle(&self, after: Duration) {
        loop {
            let at = self.idle_at(after);
            if at <= Instant::now() {
                return;
            }
            sleep_until(at).await;
        }
    }

    /// A body that notes what is taken of it.
    pub(super) fn watching(&self, body: Body) -> Body {
        Body::new(Watched { body, rest: Bytes::new(), activity: self.clone() })
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.note(|state| state.working -= 1);
    }
}

/// A body in pieces.
struct Watched {
    body: Body,
    /// What the body gave and is not handed over yet.
    rest: Bytes,
    activity: Activity,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => return Poll::Ready(end),
            }
        }
        self.activity.note(|_| {});
        let length = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, inner) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test]
    async fn what_is_answered_or_taken_is_no_idleness_and_what_is_not_taken_is() {
        let activity = Activity::new();
        let idle_at = async || {
            sleep(Duration::from_millis(2)).await;
            activity.idle_at(Duration::ZERO)
        };
        let working = activity.begin();
        assert!(idle_at().await < idle_at().await, "somebody waits for an answer");
        drop(working);
        let mut last = idle_at().await;
        let whole: Vec<u8> = (0..PIECE * 2 + 5).map(|at| at.to_le_bytes()[0]).collect();
        let mut body = activity.watching(Body::from(whole.clone()));
        assert_eq!(body.size_hint().exact(), Some(whole.len() as u64));
        let mut taken = Vec::new();
        for piece in [PIECE, PIECE, 5] {
            assert_eq!(idle_at().await, last, "nothing is taken");
            assert!(!body.is_end_stream());
            let frame = body.frame().await.expect("there is more").expect("it is there");
            let data = frame.into_data().expect("it is data");
            assert_eq!(data.len(), piece);
            taken.extend_from_slice(&data);
            assert!(idle_at().await > last);
            last = idle_at().await;
        }
        assert!(taken == whole && body.is_end_stream());
        assert_eq!(idle_at().await, last);
    }
}
