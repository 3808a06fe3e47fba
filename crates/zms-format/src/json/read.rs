//! Reads one JSON object.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::JsonError;
use super::string::decode;
use crate::lines::Lines;
use crate::tree::MAX_NODES;
use crate::{Entry, MAX_NAME_BYTES, MAX_VALUE_BYTES, Value};

/// Reads an object of strings, numbers and booleans; numbers and booleans keep their exact text.
///
/// Objects, lists, null and keys given twice are refused by name. Depth costs no stack.
pub fn parse_json(text: &[u8]) -> Result<Vec<Entry>, JsonError> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(JsonError::Utf16);
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    // The message of `serde_json` may quote the text; only its place is kept.
    let members: Members<'_> =
        serde_json::from_slice(text).map_err(|error| match error.classify() {
            Category::Data if text.trim_ascii_start().starts_with(b"{") => JsonError::TooMany,
            Category::Data => JsonError::NotObject,
            _ => JsonError::Syntax { line: error.line(), column: error.column() },
        })?;
    let mut lines = Lines::new(text);
    let mut seen = HashMap::with_capacity(members.0.len());
    let mut entries = Vec::with_capacity(members.0.len());
    for (name, raw) in members.0 {
        let line = lines.of(raw.get().as_ptr().addr() - text.as_ptr().addr());
        if !(1..=MAX_NAME_BYTES).contains(&name.len()) {
            return Err(JsonError::NameLength { line });
        }
        if let Some(first) = seen.insert(name.clone(), line) {
            return Err(JsonError::Repeated { line, first, name });
        }
        let Some(value) = value(raw.get(), line, &name)? else {
            return Err(JsonError::LoneSurrogate { line, name });
        };
        if value.expose().len() > MAX_VALUE_BYTES {
            return Err(JsonError::ValueTooLong { line, name });
        }
        entries.push(Entry { name, value, line, notes: vec![] });
    }
    Ok(entries)
}

/// The value of one member; `None` if it is a string that no UTF-8 can hold.
fn value(raw: &str, line: usize, name: &str) -> Result<Option<Value>, JsonError> {
    match raw.as_bytes() {
        [b'"', content @ .., b'"'] => Ok(decode(content)),
        [b'{' | b'[', ..] => Err(JsonError::Nested { line, name: name.into() }),
        b"null" => Err(JsonError::Null { line, name: name.into() }),
        number_or_bool => Ok(Some(Value::new(number_or_bool.to_vec()))),
    }
}

/// Names and source texts of an object's members, in order, repeated names and all; no more than
/// [`MAX_NODES`].
pub(super) struct Members<'a>(pub(super) Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            if members.len() == MAX_NODES {
                return Err(A::Error::custom("too many"));
            }
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(String, Vec<u8>)> {
        let entries = parse_json(text.as_bytes()).expect("readable");
        entries
            .into_iter()
            .map(|entry| (entry.name.clone(), entry.value.expose().to_vec()))
            .collect()
    }

    fn error(text: &str) -> JsonError {
        parse_json(text.as_bytes()).expect_err("must be refused")
    }

    #[test]
    fn numbers_and_booleans_keep_their_exact_text() {
        for text in ["0", "-0", "1.10", "1E+2", "9007199254740993", "1e999999", "true", "false"] {
            let read = read(&format!("{{\"A\": {text} }}"));
            assert_eq!(read, [("A".to_owned(), text.as_bytes().to_vec())]);
        }
    }

    #[test]
    fn strings_are_decoded_and_kept_in_order() {
        let read = read("\u{feff}{\"Z\":\"\\u00e9\\n\",\"\\u0041\":\"\\ud83d\\ude00\",\"e\":\"\"}");
        let expected = [("Z", "\u{e9}\n"), ("A", "\u{1f600}"), ("e", "")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_not_one_value_is_refused_by_name() {
        let name = || "A".to_owned();
        assert_eq!(error("{\"A\":\n{}}"), JsonError::Nested { line: 2, name: name() });
        assert_eq!(error("{\"A\":[1]}"), JsonError::Nested { line: 1, name: name() });
        assert_eq!(error("{\"A\":null}"), JsonError::Null { line: 1, name: name() });
        assert_eq!(
            error("{\"A\":1,\n\"\\u0041\":2}"),
            JsonError::Repeated { line: 2, first: 1, name: name() }
        );
        assert_eq!(
            error("{\"A\":\"\\ud800\"}"),
            JsonError::LoneSurrogate { line: 1, name: name() }
        );
        assert_eq!(error("{\"\":1}"), JsonError::NameLength { line: 1 });
        let long = format!("{{\"A\":\"{}\"}}", "x".repeat(MAX_VALUE_BYTES + 1));
        assert_eq!(error(&long), JsonError::ValueTooLong { line: 1, name: name() });
    }

    #[test]
    fn a_million_members_are_the_most() {
        let members = |count: usize| (0..count).map(|n| format!("\"{n}\":0,")).collect::<String>();
        let text = format!("{{{}\"last\":0}}", members(MAX_NODES));
        assert_eq!(error(&text), JsonError::TooMany);
    }

    #[test]
    fn errors_never_quote_the_text() {
        for text in ["\"canary\"", "[\"canary\"]", "{\"A\":\"canary", "{\"A\":canary}", "12345", ""]
        {
            let error = error(text);
            let shown = format!("{error} {error:?} {}", error.hint());
            assert!(!shown.contains("canary") && !shown.contains("12345"), "{shown}");
        }
        assert_eq!(error("{\"A\":1} x"), JsonError::Syntax { line: 1, column: 9 });
        assert!(parse_json(b"{\"A\":\"\xff\"}").is_err());
    }

    #[test]
    fn a_million_brackets_cost_no_stack() {
        let deep = format!("{{\"A\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(error(&deep), JsonError::Nested { line: 1, name: "A".into() });
        assert!(parse_json("{\"A\":".repeat(1_000_000).as_bytes()).is_err());
        assert!(parse_json("[".repeat(1_000_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[\\{\\}\\[\\]\",:a0\\\\u d8-]{0,60}", bytes: Vec<u8>) {
            let _ = parse_json(text.as_bytes());
            let _ = parse_json(&bytes);
        }

        #[test]
        fn what_is_written_is_read_back(value: String, name in "\\PC{1,20}") {
            let text = crate::write(crate::Format::Json, &[(&name, value.as_bytes())]).expect("UTF-8");
            let entries = parse_json(&text).expect("ours");
            prop_assert_eq!(entries[0].value.expose().as_slice(), value.as_bytes());
            prop_assert_eq!(&entries[0].name, &name);
        }
    }
}
