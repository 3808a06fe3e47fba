//! `auth/approle/login`: the secret id is a token, the role id its principal's id. It proves what it
//! is, and goes on as what it was.

use axum::http::StatusCode;

use super::{
    Acting, body,
    envelope::{self, Beside},
    policy, token, wrapping,
};
use crate::gateway::{Answer, Call, Refusal, Within, principal};

/// `PUT auth/approle/login`.
pub(super) fn log_in(within: &Within, call: &Call, wish: Option<u64>) -> Result<Answer, Refusal> {
    let invalid = || Refusal::Invalid("invalid role or secret ID");
    let members = body::members(call)?;
    let role = body::text(&members, "role_id")?.ok_or_else(|| Refusal::bad("missing role_id"))?;
    let secret = body::text(&members, "secret_id")?;
    let secret = zeroize::Zeroizing::new(secret.ok_or_else(|| Refusal::bad("missing secret_id"))?);
    let who = principal(&secret).map_err(|_| invalid())?;
    if who.id().to_string() != role {
        return Err(invalid());
    }
    within.engine.rates.principal(who.id())?;
    let unknown = |refusal| match refusal {
        Refusal::Unknown(_) => invalid(),
        refusal => refusal,
    };
    let mut acting = Acting::with(&within.gateway, call, &secret, who).map_err(unknown)?;
    let own = acting.session.own().map_err(Refusal::from).map_err(unknown)?;
    let lent = token::Lent {
        id: own.line.principal,
        policies: &policy::own(&own),
        expires: own.line.expires,
        uses: own.line.limits.uses,
    };
    let auth = token::auth(&secret, &lent, acting.session.now());
    let beside = Beside { warnings: &[], auth: Some(auth) };
    let answer = envelope::raw(call, StatusCode::OK, b"null", beside);
    wrapping::around(&mut acting, wish, |_| Ok(answer))
}
