//! The one form of every answer with data.

use axum::http::StatusCode;
use serde_json::{Value, json};
use zeroize::Zeroizing;
use zms_core::{about::Mark, open::VersionAt};
use zms_format::rfc3339;

use crate::gateway::{Answer, Call};

/// JSON text that may hold secrets.
pub(super) type Json = Zeroizing<Vec<u8>>;

/// What stands around the data.
#[derive(Default)]
pub(super) struct Beside<'w> {
    /// What a person should read.
    pub(super) warnings: &'w [&'w str],
    /// A token that was given out or looked at.
    pub(super) auth: Option<Json>,
}

/// An answer with data that is written as it is.
pub(super) fn raw(call: &Call, status: StatusCode, data: &[u8], beside: Beside<'_>) -> Answer {
    let auth = beside.auth.unwrap_or_else(|| Zeroizing::new(b"null".to_vec()));
    let warnings = match beside.warnings {
        [] => Value::Null,
        warnings => json!(warnings),
    };
    let id = call.id;
    let start = format!(
        "{{\"request_id\":\"{id}\",\"lease_id\":\"\",\"renewable\":false,\"lease_duration\":0,\"data\":"
    );
    let middle = format!(",\"wrap_info\":null,\"warnings\":{warnings},\"auth\":");
    let length = start.len() + data.len() + middle.len() + auth.len() + 2;
    let mut body = Zeroizing::new(Vec::with_capacity(length));
    for part in [start.as_bytes(), data, middle.as_bytes(), &auth, b"}\n"] {
        body.extend_from_slice(part);
    }
    Answer { body, ..Answer::empty(status) }
}

/// An answer that tells of another one, which waits to be unwrapped.
pub(super) fn wrapped(info: &[u8]) -> Answer {
    let start = b"{\"request_id\":\"\",\"lease_id\":\"\",\"renewable\":false,\"lease_duration\":0,\
        \"data\":null,\"wrap_info\":";
    let mut body = Zeroizing::new(Vec::with_capacity(start.len() + info.len() + 32));
    for part in [start, info, b",\"warnings\":null,\"auth\":null}\n"] {
        body.extend_from_slice(part);
    }
    Answer { body, ..Answer::empty(StatusCode::OK) }
}

/// An answer with data that holds no secret.
pub(super) fn data(call: &Call, data: &Value) -> Answer {
    raw(call, StatusCode::OK, data.to_string().as_bytes(), Beside::default())
}

/// The same with the data at the top, too: some clients read it there.
pub(super) fn both(call: &Call, found: &Value) -> Answer {
    let mut whole = found.as_object().cloned().unwrap_or_default();
    let beside = json!({
        "request_id": call.id.to_string(), "lease_id": "", "renewable": false,
        "lease_duration": 0, "data": found, "wrap_info": null, "warnings": null, "auth": null,
    });
    whole.extend(beside.as_object().cloned().unwrap_or_default());
    Answer::json(StatusCode::OK, &Value::Object(whole))
}

/// When a version is or will be deleted, and whether it was destroyed.
pub(super) fn fate(mark: Option<&Mark>) -> (String, bool) {
    match mark {
        Some(Mark::Deleted(at)) => (rfc3339(*at), false),
        Some(Mark::Destroyed) => (String::new(), true),
        None => (String::new(), false),
    }
}

/// What is said beside a version's data.
pub(super) fn metadata(
    version: VersionAt,
    mark: Option<&Mark>,
    custom: &std::collections::BTreeMap<String, String>,
) -> Value {
    let (deletion_time, destroyed) = fate(mark);
    json!({
        "created_time": rfc3339(version.created_at),
        "custom_metadata": custom_metadata(custom),
        "deletion_time": deletion_time,
        "destroyed": destroyed,
        "version": version.number,
    })
}

/// What people say of a path; null where they say nothing.
pub(super) fn custom_metadata(custom: &std::collections::BTreeMap<String, String>) -> Value {
    if custom.is_empty() { Value::Null } else { json!(custom) }
}

/// Appends text as a JSON string.
pub(super) fn push_text(json: &mut Json, text: &str) {
    reserve(json, text.len() * 6 + 2);
    serde_json::to_writer(&mut **json, text).expect("a vector takes every text");
}

/// Appends bytes as they are.
pub(super) fn push(json: &mut Json, bytes: &[u8]) {
    reserve(json, bytes.len());
    json.extend_from_slice(bytes);
}

/// Makes room without leaving an unwiped copy behind.
fn reserve(json: &mut Json, more: usize) {
    if json.capacity() - json.len() < more {
        let mut larger = Zeroizing::new(Vec::with_capacity((json.len() + more) * 2));
        larger.extend_from_slice(json);
        *json = larger;
    }
}
