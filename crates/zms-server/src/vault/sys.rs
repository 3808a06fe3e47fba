//! `sys`: what clients ask of the server itself. It holds no key, so it is never sealed.

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;
use zms_crypto::digest::sha256;

use super::{Acting, body, envelope::both, mounts, policy, wrapping};
use crate::{
    gateway::{Answer, Call, Refusal, Within},
    readiness,
};

/// The version whose surface this is; clients compare it as one (semver.org), build and all.
const VERSION: &str = concat!("2.7.2+zms.", env!("CARGO_PKG_VERSION"));

/// The same everywhere: nothing of any vault.
fn cluster() -> (String, String) {
    let id = hex::encode(sha256(&[b"zms gateway"]));
    let uuid = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..32]].join("-");
    (format!("zms-{}", &id[..8]), uuid)
}

/// `sys/health`.
pub(super) fn health(within: &Within, call: &Call) -> Result<Answer, Refusal> {
    let ready = Handle::current().block_on(readiness::ask(&within.engine));
    let code = if ready.is_ok() { "activecode" } else { "sealedcode" };
    let usual = if ready.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let wanted = call.asked(code)?.and_then(|code| code.parse::<u16>().ok());
    let wanted = wanted.filter(|code| (200..600).contains(code));
    let status = wanted.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(usual);
    let (name, id) = cluster();
    let found = json!({
        "initialized": true,
        "sealed": ready.is_err(),
        "standby": false,
        "performance_standby": false,
        "replication_performance_mode": "disabled",
        "replication_dr_mode": "disabled",
        "server_time_utc": (within.gateway.clock)(),
        "version": VERSION,
        "cluster_name": name,
        "cluster_id": id,
    });
    Ok(Answer::json(status, &found))
}

/// `sys/seal-status`.
pub(super) fn seal_status() -> Answer {
    let (name, id) = cluster();
    let found = json!({
        "type": "shamir",
        "initialized": true,
        "sealed": false,
        "t": 1,
        "n": 1,
        "progress": 0,
        "nonce": "",
        "recovery_seal": false,
        "version": VERSION,
        "commit_date": "",
        "migration": false,
        "cluster_name": name,
        "cluster_id": id,
        "storage_type": "zms",
    });
    Answer::json(StatusCode::OK, &found)
}

/// `GET sys/init`.
pub(super) fn initialized() -> Answer {
    Answer::json(StatusCode::OK, &json!({ "initialized": true }))
}

/// `sys/leader`.
pub(super) fn leader() -> Answer {
    Answer::json(StatusCode::OK, &json!({ "ha_enabled": false }))
}

/// Answers below `sys` to whoever has a token.
pub(super) fn respond(acting: &mut Acting<'_>, rest: &[&str]) -> Result<Answer, Refusal> {
    match rest {
        ["mounts", rest @ ..] => mounts::respond(acting, rest),
        ["internal", "ui", "mounts", rest @ ..] if acting.call.method == Method::GET => {
            mounts::preflight(acting, rest)
        }
        ["wrapping", "wrap"] if acting.call.puts() => {
            acting.session.own()?;
            wrapping::echo(acting)
        }
        ["capabilities-self"] if acting.call.puts() => capabilities(acting),
        ["auth"] if acting.call.method == Method::GET => {
            acting.session.own()?;
            let found = json!({
                "token/": { "type": "token", "description": "tokens", "accessor": "auth_token" },
                "approle/": { "type": "approle", "description": "a token as its own secret id", "accessor": "auth_approle" },
            });
            Ok(both(acting.call, &found))
        }
        _ => {
            // Who is nobody is told nothing, not even this.
            acting.session.own()?;
            let text = "1 error occurred:\n\t* unsupported path\n\n".to_owned();
            Err(Refusal::Status(StatusCode::NOT_FOUND, text))
        }
    }
}

fn capabilities(acting: &mut Acting<'_>) -> Result<Answer, Refusal> {
    let members = body::members(acting.call)?;
    let mut paths = body::texts(&members, "paths")?;
    paths.extend(body::text(&members, "path")?);
    if paths.is_empty() {
        return Err(Refusal::bad("no paths provided"));
    }
    let own = acting.session.own()?;
    let of = |path: &str| json!(policy::capabilities(&own, path));
    let mut found = Map::new();
    for path in &paths {
        found.insert(path.clone(), of(path));
    }
    if let [path] = paths.as_slice() {
        found.insert("capabilities".to_owned(), of(path));
    }
    Ok(both(acting.call, &Value::Object(found)))
}
