//! The surface that Vault clients speak: KV version 2, and what they ask around it. docs/vault.md

mod approle;
mod body;
mod config;
mod data;
mod duration;
mod envelope;
mod kv;
mod metadata;
mod mounts;
mod open;
mod patch;
mod policy;
mod subkeys;
mod sys;
mod token;
mod versions;
mod wrapping;

use axum::http::Method;
use zms_client::Session;
use zms_core::principal::Principal;

pub(crate) use self::open::Open;
use crate::gateway::{Answer, Call, Gateway, Refusal, token_text};

/// A caller at work on its vault.
struct Acting<'c> {
    gateway: &'c Gateway,
    call: &'c Call,
    /// The caller's token, as it came.
    token: &'c str,
    session: Session,
}

impl<'c> Acting<'c> {
    /// The caller that a token is.
    fn with(
        gateway: &'c Gateway,
        call: &'c Call,
        token: &'c str,
        principal: Principal,
    ) -> Result<Self, Refusal> {
        let session = gateway.session(principal, call)?;
        Ok(Self { gateway, call, token, session })
    }
}

/// Answers below `/v1/` to whoever has a token.
pub(crate) fn respond(
    gateway: &Gateway,
    call: &Call,
    principal: Principal,
) -> Result<Answer, Refusal> {
    let wish = wrapping::wish(call)?;
    let mut acting = Acting::with(gateway, call, token_text(&call.headers)?, principal)?;
    if call.method == Method::HEAD {
        return Err(Refusal::unsupported());
    }
    wrapping::around(&mut acting, wish, |acting| match call.words().as_slice() {
        ["sys", rest @ ..] => sys::respond(acting, rest),
        ["auth", "token", rest @ ..] => token::respond(acting, rest),
        ["auth" | "identity" | "cubbyhole", ..] => Err(no_handler(call)),
        words => kv::respond(acting, words),
    })
}

fn no_handler(call: &Call) -> Refusal {
    let text = format!("no handler for route {:?}. route entry not found.", call.path());
    Refusal::Status(axum::http::StatusCode::NOT_FOUND, text)
}
