//! Reads one YAML mapping.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use zeroize::Zeroizing;

use super::{YamlError, binary};
use crate::lines::place;
use crate::quoted::is_unprintable;
use crate::tree::MAX_NODES;
use crate::{Entry, MAX_NAME_BYTES, MAX_VALUE_BYTES, Value};

/// Reads a mapping of names to scalars; a scalar without quotes keeps its exact text, whatever
/// a reader takes it for.
///
/// Mappings, lists, null, aliases, anchors, merge keys, tags other than `!!str` and `!!binary`,
/// and keys given twice are refused by name, at the first event that shows them: no alias is
/// ever expanded. Values end in wiped memory; the parser's own work space is not wiped.
pub fn parse_yaml(text: &[u8]) -> Result<Vec<Entry>, YamlError> {
    let mut events = Events::of(text)?;
    events.open()?;
    let mut seen = HashMap::new();
    let mut entries = Vec::new();
    while let Some((name, line)) = events.key()? {
        if entries.len() == MAX_NODES {
            return Err(YamlError::TooMany);
        }
        if let Some(first) = seen.insert(name.clone(), line) {
            return Err(YamlError::Repeated { line, first, name });
        }
        let value = events.value(&name, line)?;
        // EXPOSE: its length only.
        if value.expose().len() > MAX_VALUE_BYTES {
            return Err(YamlError::ValueTooLong { line, name });
        }
        entries.push(Entry { name, value, line, notes: vec![] });
    }
    events.close()?;
    Ok(entries)
}

/// The text without its byte order mark, where every reader would read the same characters.
fn checked(text: &[u8]) -> Result<&str, YamlError> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(YamlError::Utf16);
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let text = str::from_utf8(text)
        .map_err(|error| YamlError::NotUtf8 { line: place(text, error.valid_up_to()).0 })?;
    if let Some((at, char)) = disputed(text) {
        let (line, _) = place(text.as_bytes(), at);
        return Err(YamlError::Character { line, code: u32::from(char) });
    }
    Ok(text)
}

/// The first control character, which YAML does not allow, or the first character that only
/// some readers take for a line break.
fn disputed(text: &str) -> Option<(usize, char)> {
    let is_disputed = |at: usize, char| match char {
        '\t' | '\n' => false,
        '\r' => text.as_bytes().get(at + 1) != Some(&b'\n'),
        _ => char < ' ' || is_unprintable(char),
    };
    text.char_indices().find(|&(at, char)| is_disputed(at, char))
}

/// The parser's events, each asked for where it may stand.
pub(super) struct Events<'i>(Parser<'i, StrInput<'i>>);

impl<'i> Events<'i> {
    pub(super) fn of(text: &'i [u8]) -> Result<Self, YamlError> {
        Ok(Self(Parser::new_from_str(checked(text)?)))
    }

    pub(super) fn next(&mut self) -> Result<(Event<'i>, Span), YamlError> {
        match self.0.next_event() {
            Some(event) => event.map_err(|error| syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// Up to the first key.
    fn open(&mut self) -> Result<(), YamlError> {
        loop {
            match self.next()?.0 {
                Event::StreamStart | Event::DocumentStart(_) => {}
                Event::MappingStart(_, tag) if tag.is_none() || is(tag.as_deref(), "map") => {
                    return Ok(());
                }
                _ => return Err(YamlError::NotMapping),
            }
        }
    }

    /// The next key and its line; `None` after the last.
    fn key(&mut self) -> Result<Option<(String, usize)>, YamlError> {
        let (event, span) = self.next()?;
        let line = span.start.line();
        match event {
            Event::MappingEnd => Ok(None),
            Event::Scalar(name, ScalarStyle::Plain, 0, None) if name == "<<" => {
                Err(YamlError::Merge { line })
            }
            Event::Scalar(name, _, 0, None) => {
                if !(1..=MAX_NAME_BYTES).contains(&name.len()) {
                    return Err(YamlError::NameLength { line });
                }
                Ok(Some((name.into_owned(), line)))
            }
            _ => Err(YamlError::Key { line }),
        }
    }

    /// The value of the key `name`.
    fn value(&mut self, name: &str, key_line: usize) -> Result<Value, YamlError> {
        let (event, span) = self.next()?;
        let (line, name) = (span.start.line().max(key_line), name.to_owned());
        match event {
            Event::Scalar(_, _, 1.., _) | Event::Alias(_) => Err(YamlError::Alias { line, name }),
            Event::Scalar(text, style, _, None) => {
                let text = owned(text);
                let is_null = style == ScalarStyle::Plain && is_null(&text);
                // Where nothing is written, the place of the value says little.
                let line = if text.is_empty() { key_line } else { line };
                if is_null { Err(YamlError::Null { line, name }) } else { Ok(value(text)) }
            }
            Event::Scalar(text, _, _, tag) if is(tag.as_deref(), "str") => Ok(value(owned(text))),
            Event::Scalar(text, _, _, tag) if is(tag.as_deref(), "binary") => {
                binary::decode(owned(text).as_bytes()).ok_or(YamlError::NotBase64 { line, name })
            }
            Event::Scalar(..) => Err(YamlError::Tag { line, name }),
            _ => Err(YamlError::Nested { line, name }),
        }
    }

    /// After the mapping: nothing but the end.
    fn close(&mut self) -> Result<(), YamlError> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(_), span) => {
                    return Err(YamlError::Documents { line: span.start.line() });
                }
                _ => {}
            }
        }
    }
}

/// Takes over what the parser has built, so that it is wiped.
pub(super) fn owned(text: Cow<'_, str>) -> Zeroizing<String> {
    Zeroizing::new(text.into_owned())
}

pub(super) fn value(mut text: Zeroizing<String>) -> Value {
    Value::new(std::mem::take(&mut *text).into_bytes())
}

/// What YAML's core schema takes for null (YAML 1.2.2, section 10.3.2).
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Whether `tag` is YAML's own tag `name`, in whatever way it is spelled.
pub(super) fn is(tag: Option<&Tag>, name: &str) -> bool {
    tag.is_some_and(|tag| {
        let full = [&*tag.handle, &*tag.suffix].concat();
        full.strip_prefix("tag:yaml.org,2002:") == Some(name)
    })
}

/// The message of the parser may quote the text; only its place is kept.
fn syntax(error: &ScanError) -> YamlError {
    let marker = error.marker();
    YamlError::Syntax { line: marker.line(), column: marker.col() + 1 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> YamlError {
        parse_yaml(text.as_bytes()).expect_err("must be refused")
    }

    #[test]
    fn what_has_no_quotes_keeps_its_exact_text() {
        for text in [
            "010",
            "1e3",
            "1.10",
            "yes",
            "NO",
            "on",
            "True",
            "0o7",
            "0x1F",
            "1_000",
            ".inf",
            "2020-01-01",
            "12:30:45",
            "nUll",
        ] {
            let entries =
                parse_yaml(format!("A: {text} # comment\n").as_bytes()).expect("readable");
            assert_eq!(entries[0].value.expose().as_slice(), text.as_bytes());
        }
    }

    #[test]
    fn attack_aliases_are_never_expanded() {
        let mut laughs = String::from("a: &a [lol]\n");
        for level in b'b'..=b'z' {
            let (name, last) = (char::from(level), char::from(level - 1));
            laughs += &format!("{name}: &{name} [*{last}, *{last}, *{last}, *{last}]\n");
        }
        assert_eq!(error(&laughs), YamlError::Nested { line: 1, name: "a".into() });
        assert_eq!(error("A: &a x\nB: *a\n"), YamlError::Alias { line: 1, name: "A".into() });
        assert_eq!(error("&a {A: *a}"), YamlError::Alias { line: 1, name: "A".into() });
    }

    #[test]
    fn depth_and_length_cost_no_stack() {
        for open in ["[", "{", "{a: ", "- ", "? ", "&a ", "!a ", "\"x\" ", "*a "] {
            for start in ["", "A: "] {
                let deep = [start, &open.repeat(300_000)].concat();
                assert!(parse_yaml(deep.as_bytes()).is_err(), "{open}");
            }
        }
        assert!(parse_yaml("x".repeat(3_000_000).as_bytes()).is_err());
        assert!(parse_yaml("A: x\n".repeat(300_000).as_bytes()).is_err());
    }

    #[test]
    fn a_key_given_twice_is_named_with_both_lines() {
        let name = || "A".to_owned();
        assert_eq!(
            error("A: 1\nB: 2\n\n\"A\": 3\n"),
            YamlError::Repeated { line: 4, first: 1, name: name() }
        );
        assert_eq!(error("{A: 1, A: 2}"), YamlError::Repeated { line: 1, first: 1, name: name() });
    }

    #[test]
    fn errors_never_quote_the_text() {
        for text in [
            "canary",
            "- canary",
            "A: \"canary",
            "A: *canary",
            "A: @canary",
            "A: &canary x",
            "A: !canary x",
            "A: !!binary canary!",
            "A: \"\\canary\"",
            "A: x: canary",
            "? [canary]",
        ] {
            let error = error(text);
            let shown = format!("{error} {error:?} {}", error.hint());
            assert!(!shown.contains("canary"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(
            text in "[\\[\\]\\{\\}'\":,#&*!|>%@?~<Ax0 \n\r\t\\\\u\u{feff}\u{85}-]{0,60}", bytes: Vec<u8>,
        ) {
            let _ = parse_yaml(text.as_bytes());
            let _ = parse_yaml(format!("A: {text}").as_bytes());
            let _ = parse_yaml(&bytes);
        }

        #[test]
        fn what_is_written_is_read_back(value: String, name in "\\PC{1,20}") {
            let text = crate::write(crate::Format::Yaml, &[(&name, value.as_bytes())]).expect("UTF-8");
            let entries = parse_yaml(&text).expect("ours");
            prop_assert_eq!(entries[0].value.expose().as_slice(), value.as_bytes());
            prop_assert_eq!(&entries[0].name, &name);
        }
    }
}
