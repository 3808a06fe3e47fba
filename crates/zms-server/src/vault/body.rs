//! Reads the bodies of requests.

use zms_format::{JsonError, Member, json_members};

use super::duration;
use crate::gateway::{Call, Refusal};

/// The members of a body's object; none where there is no body, or null as Go clients write it.
pub(super) fn members(call: &Call) -> Result<Vec<Member<'_>>, Refusal> {
    if matches!(call.body.trim_ascii(), b"" | b"null") {
        return Ok(Vec::new());
    }
    json_members(&call.body).map_err(|error| undecodable(&error))
}

/// A text that is not read as JSON: where, and why, and nothing of it. A key is the name of a secret.
pub(super) fn undecodable(error: &JsonError) -> Refusal {
    let why = match error {
        JsonError::Repeated { line, first, .. } => {
            format!("line {line}: a key appears twice, first on line {first}")
        }
        JsonError::Nested { line, .. } => format!("line {line}: a value is an object or a list"),
        JsonError::Null { line, .. } => format!("line {line}: a value is null"),
        error => error.to_string(),
    };
    Refusal::Bad(format!("failed to decode JSON input: {why}"))
}

/// The member of a name.
pub(super) fn member<'m, 't>(members: &'m [Member<'t>], name: &str) -> Option<&'m Member<'t>> {
    members.iter().find(|member| member.name == name).filter(|member| member.source != "null")
}

/// Whether a member says null.
pub(super) fn is_null(members: &[Member<'_>], name: &str) -> bool {
    members.iter().any(|member| member.name == name && member.source == "null")
}

/// The text of a member that is no secret: of a string, a number or a boolean.
pub(super) fn plain(member: &Member<'_>) -> Option<String> {
    match &member.text {
        // EXPOSE: an option of the request, not a secret.
        Some(text) => String::from_utf8(text.expose().clone()).ok(),
        None => Some(member.source).filter(|it| !it.starts_with(['{', '['])).map(str::to_owned),
    }
}

/// A text, where it is given.
pub(super) fn text(members: &[Member<'_>], name: &str) -> Result<Option<String>, Refusal> {
    let found = member(members, name);
    let text = found.map(|found| plain(found).ok_or_else(|| unconvertible(name, "string", found)));
    text.transpose()
}

/// A whole number, where one is given: as such, or as a string.
pub(super) fn number(members: &[Member<'_>], name: &str) -> Result<Option<i64>, Refusal> {
    let Some(found) = member(members, name) else { return Ok(None) };
    let number = plain(found).and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| unconvertible(name, "int", found))
}

/// A yes or no, where one is given.
pub(super) fn flag(members: &[Member<'_>], name: &str) -> Result<Option<bool>, Refusal> {
    let Some(found) = member(members, name) else { return Ok(None) };
    match plain(found).as_deref() {
        Some("true" | "1" | "t" | "T" | "True" | "TRUE") => Ok(Some(true)),
        Some("false" | "0" | "f" | "F" | "False" | "FALSE" | "") => Ok(Some(false)),
        _ => Err(unconvertible(name, "bool", found)),
    }
}

/// A duration in seconds, where one is given.
pub(super) fn seconds(members: &[Member<'_>], name: &str) -> Result<Option<u64>, Refusal> {
    let Some(text) = text(members, name)? else { return Ok(None) };
    let refused = |why| Refusal::Bad(format!("error converting input for field {name:?}: {why}"));
    duration::parse(&text).map(Some).map_err(refused)
}

/// A list of texts: a list, or one text with commas.
pub(super) fn texts(members: &[Member<'_>], name: &str) -> Result<Vec<String>, Refusal> {
    let Some(found) = member(members, name) else { return Ok(Vec::new()) };
    let list: Option<Vec<serde_json::Value>> = serde_json::from_str(found.source).ok();
    match list {
        Some(items) => {
            let text = |item: serde_json::Value| match item {
                serde_json::Value::String(text) => Ok(text),
                item if item.is_number() => Ok(item.to_string()),
                _ => Err(unconvertible(name, "[]string", found)),
            };
            items.into_iter().map(text).collect()
        }
        None => {
            let text = plain(found).ok_or_else(|| unconvertible(name, "[]string", found))?;
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Ok(parts.map(str::to_owned).collect())
        }
    }
}

/// What a client is told whose value is of another kind. The value is not repeated.
pub(super) fn unconvertible(name: &str, wanted: &str, found: &Member<'_>) -> Refusal {
    let kind = kind(found.source);
    Refusal::Bad(format!(
        "error converting input for field {name:?}: '' expected type '{wanted}', got unconvertible type '{kind}'"
    ))
}

/// What Go calls the kind of a JSON value.
pub(super) fn kind(source: &str) -> &'static str {
    match source.as_bytes().first() {
        Some(b'{') => "map[string]interface {}",
        Some(b'[') => "[]interface {}",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        _ => "json.Number",
    }
}

/// Versions that are named.
pub(super) fn versions(call: &Call) -> Result<Vec<u64>, Refusal> {
    let named = texts(&members(call)?, "versions")?;
    let numbers = named.iter().filter_map(|text| text.parse().ok()).collect::<Vec<u64>>();
    match numbers.len() == named.len() {
        true => Ok(numbers),
        false => Err(Refusal::bad("a version is no number")),
    }
}
