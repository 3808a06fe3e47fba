//! What is refused, and how that is said.

use axum::http::{HeaderValue, StatusCode, header};
use serde_json::json;
use zms_client::SessionError;
use zms_core::{
    bundle::Trouble,
    change::ChangeError,
    open::OpenError,
    path::{NameRefused, ScopePath},
};

use super::Answer;

/// Why a request is not answered as it wished.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Nobody here knows the caller: no token, a malformed, unknown, expired, revoked or used one.
    /// They all look alike.
    Unknown,
    /// The caller may not do that there, whatever there is.
    Denied,
    /// Nothing is there.
    Missing(Option<ScopePath>),
    /// The request is not a good one, for this reason.
    Bad(String),
    /// A status of its own, with its reason.
    Status(StatusCode, String),
    /// A whole answer.
    Answered(Box<Answer>),
    /// The audit entry could not be stored.
    Audit,
    /// What the store holds does not verify.
    Integrity,
    /// Somebody else was faster every time, or the store is in trouble. Where its answer to a change
    /// was lost on its way, the change may have been made.
    Trouble,
}

impl Refusal {
    /// The answer.
    pub(crate) fn answer(self) -> Answer {
        let (status, text) = match self {
            Self::Unknown => (StatusCode::FORBIDDEN, "permission denied".to_owned()),
            Self::Denied => {
                (StatusCode::FORBIDDEN, "1 error occurred:\n\t* permission denied\n\n".to_owned())
            }
            Self::Missing(_) => {
                return Answer::json(StatusCode::NOT_FOUND, &json!({ "errors": [] }));
            }
            Self::Bad(text) => (StatusCode::BAD_REQUEST, text),
            Self::Status(status, text) => (status, text),
            Self::Answered(answer) => return *answer,
            Self::Audit => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the audit entry could not be stored, so nothing was given out".to_owned(),
            ),
            Self::Integrity => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "what the store holds does not verify; run `zms doctor`".to_owned(),
            ),
            Self::Trouble => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the store can not be used now; a change may have been made or not".to_owned(),
            ),
        };
        let later = (status == StatusCode::SERVICE_UNAVAILABLE)
            .then(|| (header::RETRY_AFTER, HeaderValue::from_static("1")));
        Answer { extra: later, ..Answer::json(status, &json!({ "errors": [text] })) }
    }

    /// As [`Refusal::Bad`].
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::Bad(text.into())
    }

    /// For a method that nothing here answers.
    pub(crate) fn unsupported() -> Self {
        let text = "1 error occurred:\n\t* unsupported operation\n\n".to_owned();
        Self::Status(StatusCode::METHOD_NOT_ALLOWED, text)
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        tracing::error!(cause = %trouble.source, "{trouble}");
        Self::Trouble
    }
}

impl From<NameRefused> for Refusal {
    fn from(refused: NameRefused) -> Self {
        Self::Bad(format!("a name in the path {refused}"))
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Caller(refusal) => match refusal.downcast::<Carried>() {
                Ok(carried) => carried.0,
                Err(_) => Self::Trouble,
            },
            SessionError::Open(error) | SessionError::Change(ChangeError::Open(error)) => {
                Self::from(error)
            }
            SessionError::Used | SessionError::NotAdmitted => Self::Unknown,
            SessionError::Change(ChangeError::MayNotWrite(_) | ChangeError::NotAdministrator) => {
                Self::Denied
            }
            SessionError::Change(ChangeError::NoState(_)) => Self::Missing(None),
            SessionError::Change(error) => Self::Bad(error.to_string()),
            SessionError::Unreadable(error) => Self::Bad(error.to_string()),
            SessionError::NoToken(_) => Self::Missing(None),
            SessionError::Audit(trouble) => {
                tracing::error!(cause = %trouble.source, "no audit entry could be stored");
                Self::Audit
            }
            SessionError::Store(trouble) => Self::from(trouble),
            SessionError::Flawed(_) => Self::Integrity,
            error => {
                tracing::error!("{error}");
                Self::Trouble
            }
        }
    }
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NoVault
            | OpenError::Unknown
            | OpenError::Departed { .. }
            | OpenError::Expired { .. } => Self::Unknown,
            OpenError::OutOfScope(_) => Self::Denied,
            OpenError::NotFound(path) | OpenError::Removed(path) => Self::Missing(Some(path)),
            OpenError::Trouble(trouble) => Self::from(trouble),
            error => {
                tracing::error!("{error}");
                Self::Integrity
            }
        }
    }
}

/// A refusal on its way through a session.
#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Carried(Refusal);

impl From<Refusal> for SessionError {
    fn from(refusal: Refusal) -> Self {
        Self::Caller(Box::new(Carried(refusal)))
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Response};

    use super::*;

    #[test]
    fn what_can_not_be_done_now_says_when_to_ask_again() {
        let full = Refusal::Status(StatusCode::SERVICE_UNAVAILABLE, "full".to_owned());
        for refusal in [Refusal::Audit, Refusal::Trouble, full] {
            let response = Response::<Body>::from(refusal.answer());
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        }
    }
}
