//! Answers: bodies that are wiped once they were sent.

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};
use zeroize::Zeroizing;

/// One answer.
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its body; empty is none.
    pub(crate) body: Zeroizing<Vec<u8>>,
    /// The media type of the body.
    pub(crate) media_type: &'static str,
    /// A header besides.
    pub(crate) extra: Option<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// Without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, body: Zeroizing::default(), media_type: "application/json", extra: None }
    }

    /// JSON that holds no secret.
    pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Self {
        let mut body = Zeroizing::new(value.to_string().into_bytes());
        body.push(b'\n');
        Self { body, ..Self::empty(status) }
    }

    /// Any bytes.
    pub(crate) fn bytes(media_type: &'static str, body: Zeroizing<Vec<u8>>) -> Self {
        Self { body, media_type, ..Self::empty(StatusCode::OK) }
    }
}

impl From<Answer> for Response<Body> {
    fn from(answer: Answer) -> Self {
        let Answer { status, body, media_type, extra } = answer;
        let mut response = Self::new(Body::from(Bytes::from_owner(body)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.extend(extra);
        response
    }
}

/// Shows no body.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}
