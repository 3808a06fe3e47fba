//! `auth/token`: what a token is, and making and revoking others with an administrator's.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use zms_client::{TokenInfo, TokenRequest};
use zms_core::{
    change::rekey::Spoiled,
    id::PrincipalId,
    path::Segment,
    principal::{Kind, Principal},
    roster::Limits,
};
use zms_crypto::text::encode_seed;
use zms_format::rfc3339;

use super::{
    Acting, body,
    envelope::{self, Beside, Json, push, push_text},
    no_handler, policy,
};
use crate::gateway::{Answer, Refusal, principal};

/// What is told of a token, whoever asks.
struct Told {
    id: PrincipalId,
    label: String,
    created: u64,
    expires: Option<u64>,
    policies: Vec<String>,
    uses: u32,
}

impl Told {
    fn of(info: &TokenInfo) -> Self {
        Self {
            id: info.id,
            label: info.label.clone(),
            created: info.created,
            expires: info.expires,
            policies: policy::names(info.kind, &info.scopes),
            uses: info.limits.uses,
        }
    }

    fn own(acting: &mut Acting<'_>) -> Result<Self, Refusal> {
        let own = acting.session.own()?;
        Ok(Self {
            id: own.line.principal,
            label: "token".to_owned(),
            created: own.line.not_before,
            expires: own.line.expires,
            policies: policy::own(&own),
            uses: own.line.limits.uses,
        })
    }

    /// The answer to a look at it. `token` is its text, where who asks has it.
    fn looked_at(&self, acting: &Acting<'_>, token: &str) -> Answer {
        let now = acting.session.now();
        let creation_ttl = self.expires.map_or(0, |expires| expires.saturating_sub(self.created));
        let rest = json!({
            "accessor": self.id.to_string(),
            "creation_time": self.created,
            "creation_ttl": creation_ttl,
            "display_name": self.label,
            "entity_id": "",
            "expire_time": self.expires.map(rfc3339),
            "explicit_max_ttl": creation_ttl,
            "issue_time": rfc3339(self.created),
            "meta": null,
            "num_uses": self.uses,
            "orphan": true,
            "path": "auth/token/create",
            "policies": self.policies,
            "renewable": false,
            "ttl": self.expires.map_or(0, |expires| expires.saturating_sub(now)),
            "type": "service",
        });
        let data = with_token("id", token, &rest);
        envelope::raw(acting.call, StatusCode::OK, &data, Beside::default())
    }
}

/// An object with a token in front of the rest.
fn with_token(name: &str, token: &str, rest: &Value) -> Json {
    let mut json = Json::default();
    push(&mut json, b"{");
    push_text(&mut json, name);
    push(&mut json, b":");
    push_text(&mut json, token);
    push(&mut json, b",");
    push(&mut json, rest.to_string().trim_start_matches('{').as_bytes());
    json
}

/// How long a lease is called where there is no end: 32 days, as Vault has it.
const UNENDING: u64 = 2_764_800;

/// What a log-in or the making of a token answers.
pub(super) fn auth(token: &str, told: &Lent<'_>, now: u64) -> Json {
    let rest = json!({
        "accessor": told.id.to_string(),
        "policies": told.policies,
        "token_policies": told.policies,
        "metadata": null,
        "lease_duration": told.expires.map_or(UNENDING, |expires| expires.saturating_sub(now)),
        "renewable": false,
        "entity_id": "",
        "token_type": "service",
        "orphan": true,
        "mfa_requirement": null,
        "num_uses": told.uses,
    });
    with_token("client_token", token, &rest)
}

/// What is told of a token that is given out.
pub(super) struct Lent<'t> {
    pub(super) id: PrincipalId,
    pub(super) policies: &'t [String],
    pub(super) expires: Option<u64>,
    pub(super) uses: u32,
}

/// Answers below `auth/token`.
pub(super) fn respond(acting: &mut Acting<'_>, rest: &[&str]) -> Result<Answer, Refusal> {
    let (puts, reads) = (acting.call.puts(), acting.call.method == Method::GET);
    match rest {
        ["lookup-self"] if reads || puts => {
            let told = Told::own(acting)?;
            Ok(told.looked_at(acting, acting.token))
        }
        ["lookup"] if puts || reads => lookup(acting),
        ["lookup-accessor"] if puts => {
            let accessor = text(acting, "accessor")?;
            let told = Told::of(&known(acting, &accessor)?);
            Ok(told.looked_at(acting, ""))
        }
        ["accessors"] if acting.call.lists()? => {
            let keys: Vec<String> =
                acting.session.tokens()?.iter().map(|token| token.id.to_string()).collect();
            Ok(envelope::data(acting.call, &json!({ "keys": keys })))
        }
        ["renew-self" | "renew" | "renew-accessor"] if puts => {
            // An end stands in the signed roster; a new one is a new token.
            acting.session.own()?;
            Err(Refusal::bad("lease is not renewable"))
        }
        ["revoke-self"] if puts => {
            acting.session.own()?;
            Err(Refusal::bad(
                "a token can not take itself out: an administrator revokes it, with `zms token \
                 revoke` or auth/token/revoke-accessor",
            ))
        }
        ["revoke" | "revoke-orphan"] if puts => {
            let token = text(acting, "token")?;
            let id = principal(&token).map_err(|_| Refusal::bad("bad token"))?.id();
            revoke(acting, id)
        }
        ["revoke-accessor"] if puts => {
            let accessor = text(acting, "accessor")?;
            let id = known(acting, &accessor)?.id;
            revoke(acting, id)
        }
        ["create" | "create-orphan"] if puts => create(acting),
        _ => Err(no_handler(acting.call)),
    }
}

fn text(acting: &Acting<'_>, name: &str) -> Result<String, Refusal> {
    let found = body::text(&body::members(acting.call)?, name)?;
    found.filter(|text| !text.is_empty()).ok_or_else(|| Refusal::Bad(format!("missing {name}")))
}

/// A member by its accessor, which is its id.
fn known(acting: &mut Acting<'_>, accessor: &str) -> Result<TokenInfo, Refusal> {
    let found = acting.session.tokens()?.into_iter().find(|it| it.id.to_string() == accessor);
    found.ok_or_else(|| {
        Refusal::Status(
            StatusCode::FORBIDDEN,
            "1 error occurred:\n\t* invalid accessor\n\n".to_owned(),
        )
    })
}

fn lookup(acting: &mut Acting<'_>) -> Result<Answer, Refusal> {
    let own = acting.session.principal().id();
    let named = body::text(&body::members(acting.call)?, "token")?;
    let Some(token) = named.filter(|token| !token.is_empty()) else {
        let told = Told::own(acting)?;
        return Ok(told.looked_at(acting, acting.token));
    };
    let bad = || Refusal::Status(StatusCode::FORBIDDEN, "bad token".to_owned());
    let id = principal(&token).map_err(|_| bad())?.id();
    let told = match id == own {
        true => Told::own(acting)?,
        false => {
            let tokens = acting.session.tokens()?;
            Told::of(tokens.iter().find(|it| it.id == id).ok_or_else(bad)?)
        }
    };
    Ok(told.looked_at(acting, &token))
}

/// Takes a token out, and gives what it could open new keys.
fn revoke(acting: &mut Acting<'_>, id: PrincipalId) -> Result<Answer, Refusal> {
    acting.session.revoke(&[id])?;
    acting.session.rekey_pending(Spoiled::Report, |_| {})?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

fn create(acting: &mut Acting<'_>) -> Result<Answer, Refusal> {
    let members = body::members(acting.call)?;
    let asked = body::texts(&members, "policies")?;
    let mut warnings = Vec::new();
    let named: Vec<String> = asked.into_iter().filter(|policy| policy != "default").collect();
    let mut scopes: Vec<_> = named.iter().filter_map(|policy| policy::grant(policy)).collect();
    let unknown = named.iter().filter(|policy| policy::grant(policy).is_none());
    warnings.extend(unknown.map(|policy| format!("Policy {policy:?} does not exist")));
    if named.is_empty() {
        // As Vault has it, a child can do what its parent can; here without administering.
        scopes.extend(policy::grant(policy::ROOT));
    }
    if scopes.is_empty() {
        return Err(Refusal::bad("a policy is read:PATH, write:PATH or root"));
    }
    let now = acting.session.now();
    let ends = ["ttl", "explicit_max_ttl", "period"].map(|name| body::seconds(&members, name));
    let mut ttl: Option<u64> = None;
    for end in ends {
        ttl = end?.filter(|end| *end > 0).into_iter().chain(ttl).min();
    }
    let uses = body::number(&members, "num_uses")?.unwrap_or(0);
    let uses = u32::try_from(uses).map_err(|_| Refusal::bad("num_uses is out of range"))?;
    if body::flag(&members, "renewable")? == Some(true) {
        warnings.push("a token can not be renewed: make a new one".to_owned());
    }
    if body::member(&members, "meta").is_some() {
        warnings.push("meta is not kept".to_owned());
    }
    let name = body::text(&members, "display_name")?.filter(|name| !name.is_empty());
    let mut other = [0; 4];
    (acting.gateway.entropy)().fill_bytes(&mut other);
    let label = format!("{}-{}", name.as_deref().unwrap_or("vault"), hex::encode(other));
    let label = Segment::parse(&label)
        .map_err(|why| Refusal::Bad(format!("the display_name can not be kept: it {why}")))?;
    let expires = ttl.map(|ttl| now + ttl);
    let request =
        TokenRequest { label, scopes, expires, limits: Limits::of_uses(uses), administers: false };
    let held: Vec<_> = request
        .scopes
        .iter()
        .map(|scope| {
            let right = if scope.write {
                zms_core::roster::Right::Write
            } else {
                zms_core::roster::Right::Read
            };
            (scope.path.clone(), right)
        })
        .collect();
    let made: Principal = acting.session.create_token(&request)?;
    let policies = policy::names(Kind::Service, &held);
    let lent = Lent { id: made.id(), policies: &policies, expires, uses };
    let token = encode_seed(made.kind().into(), made.seed());
    // EXPOSE: a new token is shown once, to who asked for it.
    let auth = auth(token.expose(), &lent, now);
    let warnings: Vec<&str> = warnings.iter().map(String::as_str).collect();
    let beside = Beside { warnings: &warnings, auth: Some(auth) };
    Ok(envelope::raw(acting.call, StatusCode::OK, b"null", beside))
}
