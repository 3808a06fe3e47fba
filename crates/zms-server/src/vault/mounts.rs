//! Mounts: `secret/` is the whole vault, and every scope right below its root is one by its name.

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use zms_client::After;
use zms_core::{
    about::About,
    path::{ScopePath, Segment},
};
use zms_crypto::digest::sha256;

use super::{
    Acting, body,
    envelope::{self, both},
    kv::{WHOLE, mount_path},
};
use crate::gateway::{Answer, Refusal};

/// First words of paths that are no mounts.
const TAKEN: [&str; 7] = [WHOLE, "sys", "auth", "identity", "cubbyhole", "secrets", "vaults"];

/// Names of the mounts that the caller's token leads to.
fn names(acting: &mut Acting<'_>) -> Result<Vec<String>, Refusal> {
    let own = acting.session.own()?;
    let whole = own.scopes.iter().any(|(path, _)| path.segments().is_empty());
    let mut names: Vec<String> = match whole {
        true => {
            let below = acting.session.children(&ScopePath::default())?;
            below.iter().map(ToString::to_string).collect()
        }
        false => own
            .scopes
            .iter()
            .filter_map(|(path, _)| path.segments().first())
            .map(ToString::to_string)
            .collect(),
    };
    names.retain(|name| !TAKEN.contains(&name.as_str()));
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Whether the caller's token leads to a mount.
pub(super) fn reaches(acting: &mut Acting<'_>, mount: &str) -> Result<bool, Refusal> {
    let names = names(acting)?;
    Ok(mount == WHOLE || names.iter().any(|name| name == mount))
}

/// What mounts are told to be, with what is said of them: read, and noted, at once.
fn described(acting: &mut Acting<'_>, names: &[String]) -> Result<Vec<Value>, Refusal> {
    let scopes: Vec<&String> = names.iter().filter(|name| *name != WHOLE).collect();
    let paths = scopes.iter().map(|name| mount_path(name)).collect::<Result<Vec<_>, _>>()?;
    let mut said = acting.session.said_of(&paths)?.into_iter();
    let described = names.iter().map(|name| {
        if name == WHOLE {
            return called(name, "the whole vault");
        }
        // Who holds only a part of it can not read what is said of it.
        let about = said.next().flatten().unwrap_or_default();
        called(name, &about.description)
    });
    Ok(described.collect())
}

/// The same of one.
fn described_alone(acting: &mut Acting<'_>, name: &str) -> Result<Value, Refusal> {
    Ok(described(acting, &[name.to_owned()])?.remove(0))
}

/// What a mount is told to be.
fn called(name: &str, description: &str) -> Value {
    let id = hex::encode(sha256(&[b"zms mount", name.as_bytes()]));
    let uuid = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..32]].join("-");
    json!({
        "accessor": format!("kv_{}", &id[..8]),
        "config": { "default_lease_ttl": 0, "force_no_cache": false, "max_lease_ttl": 0 },
        "deprecation_status": "supported",
        "description": description,
        "external_entropy_access": false,
        "local": false,
        "options": { "version": "2" },
        "plugin_version": "",
        "running_plugin_version": "",
        "running_sha256": "",
        "seal_wrap": false,
        "type": "kv",
        "uuid": uuid,
    })
}

/// All mounts, by their paths.
fn all(acting: &mut Acting<'_>) -> Result<Value, Refusal> {
    let names: Vec<String> = [WHOLE.to_owned()].into_iter().chain(names(acting)?).collect();
    let described = described(acting, &names)?;
    let mounts: Map<String, Value> =
        names.iter().map(|name| format!("{name}/")).zip(described).collect();
    Ok(Value::Object(mounts))
}

/// `sys/mounts` and below.
pub(super) fn respond(acting: &mut Acting<'_>, rest: &[&str]) -> Result<Answer, Refusal> {
    let call = acting.call;
    match (rest, &call.method) {
        ([], &Method::GET) => {
            let found = all(acting)?;
            Ok(both(acting.call, &found))
        }
        ([name], &Method::GET) => {
            known(acting, name)?;
            let found = described_alone(acting, name)?;
            Ok(both(acting.call, &found))
        }
        ([name, "tune"], &Method::GET) => {
            known(acting, name)?;
            let found = described_alone(acting, name)?;
            let tuned = json!({
                "default_lease_ttl": 0, "description": found["description"],
                "force_no_cache": false, "max_lease_ttl": 0, "options": found["options"],
            });
            Ok(both(acting.call, &tuned))
        }
        ([name, "tune"], _) if call.puts() => tune(acting, name),
        ([name], _) if call.puts() => make(acting, name),
        ([name], &Method::DELETE) => remove(acting, name),
        _ => Err(Refusal::bad("a mount is one name, and it can be made, tuned and removed")),
    }
}

fn known(acting: &mut Acting<'_>, name: &str) -> Result<(), Refusal> {
    match reaches(acting, name)? {
        true => Ok(()),
        false => Err(Refusal::bad("No secret engine mount at that path")),
    }
}

/// The scope of a mount to be made or changed.
fn changeable(name: &str) -> Result<ScopePath, Refusal> {
    if TAKEN.contains(&name) {
        return Err(Refusal::Bad(format!("path is already in use at {name}/")));
    }
    Ok(ScopePath::new(vec![Segment::parse(name)?])?)
}

fn make(acting: &mut Acting<'_>, name: &str) -> Result<Answer, Refusal> {
    let members = body::members(acting.call)?;
    let kind = body::text(&members, "type")?.unwrap_or_default();
    if kind != "kv" && kind != "kv-v2" {
        return Err(Refusal::Bad(format!("plugin not found in the catalog: {kind}")));
    }
    version_two(&members)?;
    let description = body::text(&members, "description")?.unwrap_or_default();
    let path = changeable(name)?;
    acting.session.rewrite(&path, &ScopePath::default(), |before| {
        if before.exists {
            let text = format!("path is already in use at {name}/");
            return Err(Refusal::Bad(text).into());
        }
        let about = About { description: description.clone(), ..before.quietly() };
        Ok((Some(After { secrets: None, about: Some(about) }), ()))
    })?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// There is no other version here.
fn version_two(members: &[zms_format::Member<'_>]) -> Result<(), Refusal> {
    let Some(options) = body::member(members, "options") else { return Ok(()) };
    let options = zms_format::json_members(options.source.as_bytes());
    let options = options.map_err(|_| Refusal::bad("options is no object"))?;
    match body::text(&options, "version")?.as_deref() {
        None | Some("2" | "") => Ok(()),
        Some(_) => Err(Refusal::bad("only version 2 of the K/V secrets engine is there")),
    }
}

fn tune(acting: &mut Acting<'_>, name: &str) -> Result<Answer, Refusal> {
    let members = body::members(acting.call)?;
    version_two(&members)?;
    let description = body::text(&members, "description")?;
    let path = changeable(name)?;
    acting.session.rewrite(&path, &path, |before| {
        if !before.exists {
            return Err(Refusal::bad("No secret engine mount at that path").into());
        }
        let Some(description) = description.clone() else { return Ok((None, ())) };
        let about = About { description, ..before.quietly() };
        Ok((Some(After { secrets: None, about: Some(about) }), ()))
    })?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Removes the scope with all below it, as Vault does.
fn remove(acting: &mut Acting<'_>, name: &str) -> Result<Answer, Refusal> {
    if name == WHOLE {
        return Err(Refusal::bad("secret/ is the whole vault: `zms reset` removes it"));
    }
    match acting.session.remove(&changeable(name)?).map_err(Refusal::from) {
        Ok(()) | Err(Refusal::Missing(_)) => Ok(Answer::empty(StatusCode::NO_CONTENT)),
        Err(refusal) => Err(refusal),
    }
}

/// `sys/internal/ui/mounts` and below: what the command line asks before every `kv` command.
pub(super) fn preflight(acting: &mut Acting<'_>, rest: &[&str]) -> Result<Answer, Refusal> {
    let Some(name) = rest.first() else {
        let config = json!({
            "default_lease_ttl": 0, "force_no_cache": false, "max_lease_ttl": 0,
            "token_type": "default-service",
        });
        let token = json!({
            "accessor": "auth_token", "config": config, "description": "tokens",
            "external_entropy_access": false, "local": false, "options": null,
            "plugin_version": "", "running_plugin_version": "", "running_sha256": "",
            "seal_wrap": false, "type": "token", "uuid": "",
        });
        let found = json!({ "auth": { "token/": token }, "secret": all(acting)? });
        return Ok(envelope::data(acting.call, &found));
    };
    if !reaches(acting, name)? {
        let path = format!("{}/", rest.join("/"));
        return Err(Refusal::Status(
            StatusCode::FORBIDDEN,
            format!(
                "preflight capability check returned 403, please ensure client's policies grant \
                 access to path {path:?}"
            ),
        ));
    }
    // Asked before every command, of what the command then reads: it tells only that the mount is
    // there, and takes no use of a token.
    let mut found = called(name, "");
    found["path"] = json!(format!("{name}/"));
    Ok(envelope::data(acting.call, &found))
}
