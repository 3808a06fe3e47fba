//! `subkeys`: the names of a version, without what they hold.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use zms_core::record::ValueKind;
use zms_format::json_members;

use super::{
    Acting,
    data::{metadata_of, snapshot},
    envelope::{self, Beside},
    kv::Target,
};
use crate::gateway::{Answer, Refusal};

/// `GET subkeys/PATH`.
pub(super) fn get(acting: &mut Acting<'_>, target: &Target) -> Result<Answer, Refusal> {
    let depth = acting.call.asked("depth")?.map(|depth| depth.parse::<usize>());
    let depth = depth.transpose().map_err(|_| Refusal::bad("depth is no number"))?.unwrap_or(0);
    let snapshot = snapshot(acting, target)?;
    let names = snapshot.secrets.as_ref().map(|secrets| {
        let below = |held: &zms_core::record::Payload| match held.kind {
            // EXPOSE: read for the names in it.
            ValueKind::Json if depth != 1 => names(held.value.expose(), depth.saturating_sub(1)),
            _ => Value::Null,
        };
        let names = secrets.iter().map(|held| (held.name.to_string(), below(held)));
        Value::Object(names.collect())
    });
    let status = if names.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let found = json!({ "metadata": metadata_of(&snapshot), "subkeys": names });
    let found = found.to_string();
    Ok(envelope::raw(acting.call, status, found.as_bytes(), Beside::default()))
}

/// The names in an object, so many levels deep; 0 is all. Anything else is null.
fn names(text: &[u8], depth: usize) -> Value {
    let members = Some(text).filter(|text| text.starts_with(b"{"));
    let members = members.and_then(|text| json_members(text).ok()).unwrap_or_default();
    if members.is_empty() {
        return Value::Null;
    }
    let below = |source: &str| match depth {
        1 => Value::Null,
        depth => names(source.as_bytes(), depth.saturating_sub(1)),
    };
    let named = members.into_iter().map(|member| (member.name, below(member.source)));
    Value::Object(named.collect::<Map<_, _>>())
}
