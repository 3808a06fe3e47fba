//! JSON merge patches (RFC 7396) on source texts: what is not patched keeps its exact text.

use zms_core::record::{Payload, ValueKind};
use zms_crypto::SecretBytes;
use zms_format::{Member, json_members};

use super::envelope::{Json, push, push_text};
use crate::gateway::Refusal;

/// An object laid over what is held.
pub(super) fn merged(held: Option<&Payload>, patch: &str) -> Result<SecretBytes, Refusal> {
    // EXPOSE: merged within the caller's custody; what is no object counts as an empty one.
    let held = held.filter(|held| held.kind == ValueKind::Json).map(|held| held.value.expose());
    let held = held.and_then(|held| std::str::from_utf8(held).ok()).unwrap_or("{}");
    Ok(SecretBytes::from(merge(held, patch)?.as_slice()))
}

fn members(text: &str) -> Result<Vec<Member<'_>>, Refusal> {
    json_members(text.as_bytes()).map_err(|error| Refusal::Bad(error.to_string()))
}

fn merge(held: &str, patch: &str) -> Result<Json, Refusal> {
    if !patch.starts_with('{') {
        return Ok(Json::new(patch.as_bytes().to_vec()));
    }
    let held = if held.starts_with('{') { members(held)? } else { Vec::new() };
    let patch = members(patch)?;
    let patched = |name: &str| patch.iter().find(|member| member.name == name);
    let mut json = Json::default();
    push(&mut json, b"{");
    let mut first = true;
    let mut add = |json: &mut Json, name: &str, value: &[u8]| {
        push(json, if std::mem::take(&mut first) { b"" } else { b"," });
        push_text(json, name);
        push(json, b":");
        push(json, value);
    };
    for member in &held {
        match patched(&member.name) {
            Some(patch) if patch.source == "null" => {}
            Some(patch) => {
                let merged = merge(member.source, patch.source)?;
                add(&mut json, &member.name, &merged);
            }
            None => add(&mut json, &member.name, member.source.as_bytes()),
        }
    }
    let is_new = |member: &&Member<'_>| !held.iter().any(|held| held.name == member.name);
    for member in patch.iter().filter(is_new).filter(|member| member.source != "null") {
        add(&mut json, &member.name, &merge("", member.source)?);
    }
    push(&mut json, b"}");
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(held: &str, patch: &str) -> String {
        String::from_utf8(merge(held, patch).expect("JSON").to_vec()).expect("text")
    }

    #[test]
    fn patches_merge_as_rfc_7396_says() {
        for (held, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":"foo"}"#, r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
        ] {
            assert_eq!(merged(held, patch), result, "{held} {patch}");
        }
    }

    #[test]
    fn what_is_not_patched_keeps_its_digits() {
        let held = r#"{"big": 12345678901234567890123, "keep": 1.10}"#;
        let result = r#"{"big":12345678901234567890123,"keep":1.10,"x":1e400}"#;
        assert_eq!(merged(held, r#"{"x":1e400}"#), result);
    }
}
