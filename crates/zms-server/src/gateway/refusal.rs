//! What is refused, and how that is said.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use serde_json::json;
use zms_client::SessionError;
use zms_core::{
    bundle::Trouble,
    change::ChangeError,
    open::OpenError,
    path::{NameRefused, ScopePath},
};

use super::Answer;
use crate::problem::{Cause, Problem};

/// Why a request is not answered as it wished.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Nobody here knows the caller: no token, a malformed, unknown, expired, revoked or used one.
    /// They all look alike; which one it was is for the log alone.
    Unknown(&'static str),
    /// A secret id or a wrapping token that proves nothing, in the words of who was to check it.
    Invalid(&'static str),
    /// The caller may not do that there, whatever there is.
    Denied,
    /// Nothing is there.
    Missing(Option<ScopePath>),
    /// The request is not a good one, for this reason.
    Bad(String),
    /// A status of its own, with its reason.
    Status(StatusCode, String),
    /// What an engine refuses as well.
    Problem(Problem),
    /// A whole answer.
    Answered(Box<Answer>),
    /// The audit entry could not be stored, for this reason.
    Audit(String),
    /// What the store holds does not verify.
    Integrity(&'static str),
    /// Somebody else was faster every time, or the store is in trouble. Where its answer to a change
    /// was lost on its way, the change may have been made.
    Trouble(String),
}

impl Refusal {
    /// The answer.
    pub(crate) fn answer(self) -> Answer {
        let mut later = None;
        let (status, text) = match self {
            Self::Unknown(_) => (StatusCode::FORBIDDEN, "permission denied".to_owned()),
            Self::Invalid(text) => (StatusCode::BAD_REQUEST, text.to_owned()),
            Self::Denied => {
                (StatusCode::FORBIDDEN, "1 error occurred:\n\t* permission denied\n\n".to_owned())
            }
            Self::Missing(_) => {
                return Answer::json(StatusCode::NOT_FOUND, &json!({ "errors": [] }));
            }
            Self::Bad(text) => (StatusCode::BAD_REQUEST, text),
            Self::Status(status, text) => (status, text),
            Self::Problem(problem) => {
                later = problem.retry_after;
                let text = match problem.status {
                    // As Vault says it.
                    StatusCode::TOO_MANY_REQUESTS => "rate limit quota exceeded",
                    _ => problem.detail,
                };
                (problem.status, text.to_owned())
            }
            Self::Answered(answer) => return *answer,
            Self::Audit(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the audit entry could not be stored, so nothing was given out".to_owned(),
            ),
            Self::Integrity(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "what the store holds does not verify; run `zms doctor`".to_owned(),
            ),
            Self::Trouble(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the store can not be used now; a change may have been made or not".to_owned(),
            ),
        };
        let later = later.or((status == StatusCode::SERVICE_UNAVAILABLE).then_some(1));
        let later = later.map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds)));
        Answer { extra: later, ..Answer::json(status, &json!({ "errors": [text] })) }
    }

    /// What the log is told. The words of an answer may name what is in a vault; these do not.
    fn cause(&self) -> Cause {
        let (code, cause) = match self {
            Self::Unknown(why) => ("unauthenticated", Some((*why).to_owned())),
            Self::Invalid(why) => ("unauthenticated", Some((*why).to_owned())),
            Self::Denied => ("denied", None),
            Self::Missing(_) | Self::Answered(_) => ("not-found", None),
            Self::Bad(_) => ("malformed", None),
            Self::Status(status, _) => (code(*status), None),
            Self::Problem(problem) => (problem.code, problem.cause.clone()),
            Self::Audit(why) => ("audit", Some(why.clone())),
            Self::Integrity(why) => ("integrity", Some((*why).to_owned())),
            Self::Trouble(why) => ("unavailable", Some(why.clone())),
        };
        Cause { code, cause }
    }

    /// Whether somebody was refused whom nobody here knows: who guesses is slowed down.
    pub(crate) const fn is_of_a_stranger(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Invalid(_))
    }

    /// As [`Refusal::Bad`].
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::Bad(text.into())
    }

    /// What a panic looks like from outside. What it said is not repeated.
    pub(crate) fn panicked() -> Self {
        Self::Trouble("a handler panicked".to_owned())
    }

    /// For a method that nothing here answers.
    pub(crate) fn unsupported() -> Self {
        let text = "1 error occurred:\n\t* unsupported operation\n\n".to_owned();
        Self::Status(StatusCode::METHOD_NOT_ALLOWED, text)
    }
}

/// A status in one word, as [`Problem`] has them.
fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "denied",
        StatusCode::NOT_FOUND => "not-found",
        StatusCode::METHOD_NOT_ALLOWED => "method",
        StatusCode::NOT_ACCEPTABLE => "not-acceptable",
        StatusCode::MISDIRECTED_REQUEST => "misdirected",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported",
        StatusCode::SERVICE_UNAVAILABLE => "full",
        _ => "malformed",
    }
}

impl From<Refusal> for Response<Body> {
    fn from(refusal: Refusal) -> Self {
        let cause = refusal.cause();
        let mut response = Self::from(refusal.answer());
        response.extensions_mut().insert(cause);
        response
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(said(&trouble))
    }
}

/// What the log is told of trouble.
fn said(trouble: &Trouble) -> String {
    format!("{trouble} ({})", trouble.source)
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
                Err(_) => Self::Trouble("an error of nobody's".to_owned()),
            },
            SessionError::Open(error) | SessionError::Change(ChangeError::Open(error)) => {
                Self::from(error)
            }
            SessionError::Used => Self::Unknown("a token without a use left"),
            SessionError::NotAdmitted => Self::Unknown("a token from an address it is not for"),
            SessionError::Change(ChangeError::MayNotWrite(_) | ChangeError::NotAdministrator) => {
                Self::Denied
            }
            SessionError::Change(ChangeError::NoState(_)) => Self::Missing(None),
            SessionError::Change(error) => Self::Bad(error.to_string()),
            SessionError::Unreadable(error) => Self::Bad(error.to_string()),
            SessionError::NoToken(_) => Self::Missing(None),
            SessionError::Audit(trouble) => Self::Audit(said(&trouble)),
            SessionError::Store(trouble) => Self::from(trouble),
            SessionError::Flawed(_) => Self::Integrity("a bundle is not what its authors signed"),
            error => Self::Trouble(error.to_string()),
        }
    }
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NoVault | OpenError::Unknown => Self::Unknown("a token of no vault here"),
            OpenError::Departed { .. } => Self::Unknown("a revoked token"),
            OpenError::Expired { .. } => Self::Unknown("an expired token"),
            OpenError::OutOfScope(_) => Self::Denied,
            OpenError::NotFound(path) | OpenError::Removed(path) => Self::Missing(Some(path)),
            OpenError::Trouble(trouble) => Self::from(trouble),
            // Where it is would be a path: `zms doctor` says that.
            OpenError::RolledBack(_) => Self::Integrity("something is older than what was seen"),
            OpenError::Stale { .. } => Self::Integrity("the roster is older than is demanded"),
            _ => Self::Integrity("something is not what the vault's members signed"),
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
    use super::*;

    #[test]
    fn what_can_not_be_done_now_says_when_to_ask_again() {
        let full = Refusal::Status(StatusCode::SERVICE_UNAVAILABLE, "full".to_owned());
        for refusal in [Refusal::Audit(String::new()), Refusal::panicked(), full] {
            let response = Response::<Body>::from(refusal);
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        }
    }
}
