//! What is asked without a token in a header: it is in the body, or nobody needs one.

use axum::http::Method;

use super::{approle, sys, wrapping};
use crate::gateway::{Answer, Call, Refusal, Within};

/// One of these requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Open {
    /// `auth/approle/login`.
    LogIn,
    /// `sys/wrapping` with a wrapping token, in the body or as the caller's.
    Wrapped(Verb),
    /// `sys/health`.
    Health,
    /// `sys/seal-status`, and `sys/unseal`: nothing is sealed, so there is nothing to open.
    SealStatus,
    /// `GET sys/init`.
    IsInitialized,
    /// `PUT sys/init`.
    Initialize,
    /// `sys/leader`.
    Leader,
}

/// What is wished of an answer that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// To be told of it.
    Lookup,
    /// To be given it.
    Unwrap,
    /// To have it wait under another token.
    Rewrap,
}

impl Open {
    /// The one that a request is; `None` where it needs a token.
    pub(crate) fn of(call: &Call) -> Option<Self> {
        let (reads, puts) = (call.method == Method::GET, call.puts());
        Some(match call.words().as_slice() {
            ["auth", "approle", "login"] if puts => Self::LogIn,
            ["sys", "wrapping", "lookup"] if reads || puts => Self::Wrapped(Verb::Lookup),
            ["sys", "wrapping", "unwrap"] if reads || puts => Self::Wrapped(Verb::Unwrap),
            ["sys", "wrapping", "rewrap"] if reads || puts => Self::Wrapped(Verb::Rewrap),
            ["sys", "health"] if reads || call.method == Method::HEAD => Self::Health,
            ["sys", "seal-status"] if reads => Self::SealStatus,
            ["sys", "unseal"] if puts => Self::SealStatus,
            ["sys", "init"] if reads => Self::IsInitialized,
            ["sys", "init"] if puts => Self::Initialize,
            ["sys", "leader"] if reads => Self::Leader,
            _ => return None,
        })
    }

    /// Answers it.
    pub(crate) fn respond(self, within: &Within, call: &Call) -> Result<Answer, Refusal> {
        match self {
            Self::LogIn => approle::log_in(within, call, wrapping::wish(call)?),
            Self::Wrapped(verb) => wrapping::respond(&within.gateway, call, verb),
            Self::Health => sys::health(within, call),
            Self::SealStatus => Ok(sys::seal_status()),
            Self::IsInitialized => Ok(sys::initialized()),
            Self::Initialize => Err(Refusal::bad("Vault is already initialized")),
            Self::Leader => Ok(sys::leader()),
        }
    }
}
