//! What the commands that show the past have in common.

use base64::{Engine, engine::general_purpose::STANDARD};
use zms_client::Past;
use zms_core::{
    history::{Change, PastRevision, Version},
    record::{Payload, Reference, ValueKind},
};

use crate::exit::utc;

/// What stands where a value is not shown.
const MASK: &str = "********";

/// Who made a revision: a member by its name, anybody else by the start of its id. `?` where no
/// signature proves it any more.
pub fn author(past: &Past, at: &PastRevision) -> String {
    let id = at.revision.author;
    let name = past.labels.get(&id).cloned();
    let name = name.unwrap_or_else(|| id.to_string().chars().take(8).collect());
    if at.proven { name } else { format!("{name}?") }
}

/// Which revision it is, when it was made and by whom, for programs.
pub fn made(past: &Past, at: &PastRevision) -> serde_json::Value {
    let revision = &at.revision;
    serde_json::json!({
        "revision": revision.revision, "time": utc(revision.created_at),
        "author": revision.author.to_string(), "author_proven": at.proven,
        "name": past.labels.get(&revision.author),
    })
}

/// A value as it is shown in a list: masked, unless it is no secret or was asked for.
pub fn value(payload: &Payload, reveal: bool) -> String {
    // EXPOSE: an address, or a value that the user asked for or that is no secret.
    let bytes = payload.value.expose();
    match payload.kind {
        ValueKind::Reference => match Reference::decode(bytes) {
            Some(to) => format!("-> {}/{}", to.path, to.name),
            None => "-> nothing".to_owned(),
        },
        ValueKind::Config => text(bytes),
        _ if reveal => text(bytes),
        _ => MASK.to_owned(),
    }
}

/// A value for programs, as it is: its field and its text.
pub fn exact(payload: &Payload) -> (&'static str, String) {
    // EXPOSE: a value that the user asked for or that is no secret, or an address.
    let bytes = payload.value.expose();
    match (payload.kind, std::str::from_utf8(bytes)) {
        (ValueKind::Reference, _) => {
            let to = Reference::decode(bytes).map(|to| format!("{}/{}", to.path, to.name));
            ("refers_to", to.unwrap_or_default())
        }
        (_, Ok(text)) => ("value", text.to_owned()),
        (_, Err(_)) => ("value_base64", STANDARD.encode(bytes)),
    }
}

/// The value of a version that may not be there.
pub fn value_of(version: Option<&Version>, reveal: bool) -> String {
    version.map_or_else(String::new, |version| value(&version.payload, reveal))
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.replace('\n', "\\n"),
        Err(_) => format!("{} bytes that are no text", bytes.len()),
    }
}

/// What happened to a secret, in a word.
pub fn verb(change: &Change<'_>) -> &'static str {
    match (change.before, change.after) {
        (None, Some(_)) => "added",
        (Some(_), None) => "removed",
        _ => "changed",
    }
}

/// Both values of a change as JSON: what is not to be shown is left out.
pub fn json(change: &Change<'_>, reveal: bool) -> serde_json::Value {
    let side = |version: Option<&Version>| match version {
        Some(version) if reveal || version.payload.kind == ValueKind::Config => {
            let (field, text) = exact(&version.payload);
            serde_json::json!({ "revision": version.rev_from, field: text })
        }
        Some(version) => serde_json::json!({ "revision": version.rev_from }),
        None => serde_json::Value::Null,
    };
    serde_json::json!({
        "name": change.name.as_str(),
        "effect": verb(change),
        "before": side(change.before),
        "after": side(change.after),
    })
}
