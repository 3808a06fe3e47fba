//! Refusals as clients see them: RFC 9457, with a code of one word. spec/engine.md#http
//!
//! Nothing that came with a request is ever part of one. The cause is for the log alone.

use std::fmt::Display;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use zms_core::{
    admit::Refused,
    bundle::{Trouble, TroubleClass, collect::Uncollected},
    engine::PROBLEM_TYPE,
};
use zms_store::CommitError;

/// Why a request was not answered.
#[derive(Debug)]
pub struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: &'static str,
    pub(crate) retry_after: Option<u64>,
    pub(crate) cause: Option<String>,
}

/// What is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Shown {
    /// What the status means.
    title: &'static str,
    /// The status.
    #[schema(example = 401)]
    status: u16,
    /// One word for programs.
    #[schema(example = "unauthenticated")]
    code: &'static str,
    /// A sentence for people.
    detail: &'static str,
}

/// What the log is told of a refusal.
#[derive(Clone)]
pub(crate) struct Cause {
    pub(crate) code: &'static str,
    pub(crate) cause: Option<String>,
}

impl Problem {
    /// A refusal.
    pub const fn new(status: StatusCode, code: &'static str, detail: &'static str) -> Self {
        Self { status, code, detail, retry_after: None, cause: None }
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// Tells the log why.
    #[must_use]
    pub fn because(self, cause: impl Display) -> Self {
        Self { cause: Some(cause.to_string()), ..self }
    }

    /// The one answer to everybody who is not who they say.
    pub const fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "the request is not authenticated: an unknown or revoked key, a wrong clock, or a \
             request that was changed on its way",
        )
    }

    /// What is asked can not be read.
    pub const fn malformed(detail: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// The caller is known and may not.
    pub const fn denied(detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "denied", detail)
    }

    /// The state has moved.
    pub const fn moved() -> Self {
        Self::new(StatusCode::CONFLICT, "moved", "somebody else changed the vault meanwhile")
    }

    /// There is nothing here.
    pub const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is nothing here")
    }

    /// A body may have any length.
    pub const fn length_required() -> Self {
        let detail = "a body says how long it is";
        Self::new(StatusCode::LENGTH_REQUIRED, "length-required", detail)
    }

    /// The request is larger than it may be.
    pub const fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the body is larger than it may be")
    }

    /// More entries than are taken at once.
    pub const fn too_many() -> Self {
        let detail = "more entries than are taken at once: hand them in by 10,000";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many", detail)
    }

    /// The engine can not do it now.
    pub fn unavailable(trouble: &Trouble) -> Self {
        let problem = match trouble.class {
            TroubleClass::Busy
            | TroubleClass::Away
            | TroubleClass::Full
            | TroubleClass::ReadOnly
            | TroubleClass::Schema
            | TroubleClass::Other => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the engine can not use its store now",
            )
            .retry_after(1),
            _ => Self::failed(),
        };
        problem.because(format_args!("{trouble} ({})", trouble.source))
    }

    /// Requests can not be answered now.
    pub fn not_ready(code: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(1)
    }

    /// The entry of what was asked for can not be stored, so it does not happen.
    pub fn audit(trouble: &Trouble) -> Self {
        let detail = "the audit entry can not be stored";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "audit", detail)
            .retry_after(1)
            .because(format_args!("{trouble} ({})", trouble.source))
    }

    /// A fault of the engine itself.
    pub const fn failed() -> Self {
        let detail = "the engine failed; its log tells more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", detail)
    }
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        Self::unavailable(&trouble)
    }
}

impl From<CommitError> for Problem {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::moved(),
            CommitError::Exists => {
                Self::new(StatusCode::CONFLICT, "exists", "there is a vault already")
            }
            CommitError::Refused(Refused::Denied(rule)) => Self::denied(rule),
            CommitError::Refused(Refused::Wrong(rule)) => {
                Self::new(StatusCode::FORBIDDEN, "refused", rule)
            }
            CommitError::Trouble(trouble) => trouble.into(),
            other => Self::failed().because(other),
        }
    }
}

impl From<Uncollected> for Problem {
    fn from(error: Uncollected) -> Self {
        match error {
            Uncollected::NoVault | Uncollected::NoMember(_) => Self::unauthenticated(),
            Uncollected::TooLarge => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bundle-too-large",
                "the bundle would be larger than it may be: ask for fewer scopes",
            ),
            Uncollected::Trouble(trouble) => trouble.into(),
            other => Self::failed().because(other),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let shown = Shown {
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
        };
        let body = serde_json::to_vec(&shown).expect("words and a number are JSON");
        let kind = HeaderValue::from_static(PROBLEM_TYPE);
        let mut response = (self.status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(Cause { code: self.code, cause: self.cause });
        response
    }
}
