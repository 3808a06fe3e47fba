//! Reads one TOML table.

use std::collections::HashMap;
use std::str::FromStr;

use toml_datetime::Datetime;
use toml_parser::decoder::{Encoding, ScalarKind, StringBuilder};
use toml_parser::parser::{EventReceiver, ValidateWhitespace, parse_document};
use toml_parser::{ErrorSink, ParseError, Raw, Source, Span};
use zeroize::Zeroizing;

use super::TomlError;
use crate::lines::{Lines, place};
use crate::output::Output;
use crate::tree::MAX_NODES;
use crate::{Entry, MAX_NAME_BYTES, MAX_VALUE_BYTES, Value};

/// Longest text that is read, in bytes: its tokens take two dozen times as much.
const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;

/// Reads a table of strings, numbers, booleans and dates; all but strings keep their exact text.
///
/// Tables, arrays, dotted keys and keys given twice are refused by name. Depth costs no stack.
pub fn parse_toml(text: &[u8]) -> Result<Vec<Entry>, TomlError> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(TomlError::Utf16);
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(TomlError::TooLarge);
    }
    let text = normalized(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text));
    if let Some(at) = text.iter().position(|&byte| byte == b'\r') {
        return Err(syntax(&text, at)); // alone, it is allowed nowhere
    }
    let text = str::from_utf8(&text)
        .map_err(|error| TomlError::NotUtf8 { line: place(&text, error.valid_up_to()).0 })?;
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    let mut reader = Reader::new(source);
    let mut trouble: Option<ParseError> = None;
    let mut checked = ValidateWhitespace::new(&mut reader, source);
    parse_document(&tokens, &mut checked, &mut trouble);
    // The message of the parser may quote the text; only its place is kept.
    let trouble = trouble.map(|error| {
        let span = error.unexpected().or(error.context());
        span.map_or(text.len(), |span| span.start())
    });
    match (trouble, reader.refused) {
        (Some(at), refused) if refused.as_ref().is_none_or(|(refused_at, _)| at <= *refused_at) => {
            Err(syntax(text.as_bytes(), at))
        }
        (_, Some((_, error))) => Err(error),
        _ => Ok(reader.entries),
    }
}

fn syntax(text: &[u8], at: usize) -> TomlError {
    let (line, column) = place(text, at);
    TomlError::Syntax { line, column }
}

/// The text with line feeds for CR LF, as Python's `tomllib` reads it; TOML leaves to each
/// reader what a line break inside a string becomes.
fn normalized(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut output = Output::with_capacity(text.len());
    for (position, line) in text.split(|&byte| byte == b'\n').enumerate() {
        if position > 0 {
            output.push(b"\n");
        }
        let is_last = line.as_ptr_range().end == text.as_ptr_range().end;
        output.push(if is_last { line } else { line.strip_suffix(b"\r").unwrap_or(line) });
    }
    output.finish()
}

/// Takes the parser's events; after the first refusal it takes nothing more.
struct Reader<'i> {
    source: Source<'i>,
    lines: Lines<'i>,
    entries: Vec<Entry>,
    /// The keys so far, and their lines.
    seen: HashMap<String, usize>,
    /// The key whose value comes next, and its line.
    key: Option<(String, usize)>,
    /// Whether the next key stands in the header of a table.
    in_header: bool,
    /// The first refusal, and where it stands.
    refused: Option<(usize, TomlError)>,
}

impl<'i> Reader<'i> {
    fn new(source: Source<'i>) -> Reader<'i> {
        Reader {
            source,
            lines: Lines::new(source.input().as_bytes()),
            entries: Vec::new(),
            seen: HashMap::new(),
            key: None,
            in_header: false,
            refused: None,
        }
    }

    fn raw(&self, span: Span, encoding: Option<Encoding>) -> Raw<'i> {
        Raw::new_unchecked(&self.source.input()[span.start()..span.end()], encoding, span)
    }

    fn refuse(&mut self, span: Span, error: TomlError) {
        self.refused.get_or_insert((span.start(), error));
    }

    fn refuse_nested(&mut self, span: Span) {
        if let Some((name, line)) = self.key.take() {
            self.refuse(span, TomlError::Nested { line, name });
        }
    }

    /// Checks the key and puts its value into the entries.
    fn take(&mut self, span: Span, value: Value) {
        let Some((name, line)) = self.key.take() else { return };
        // EXPOSE: its length only.
        let length = value.expose().len();
        if !(1..=MAX_NAME_BYTES).contains(&name.len()) {
            self.refuse(span, TomlError::NameLength { line });
        } else if self.entries.len() == MAX_NODES {
            self.refuse(span, TomlError::TooMany);
        } else if let Some(first) = self.seen.insert(name.clone(), line) {
            self.refuse(span, TomlError::Repeated { line, first, name });
        } else if length > MAX_VALUE_BYTES {
            self.refuse(span, TomlError::ValueTooLong { line, name });
        } else {
            self.entries.push(Entry { name, value, line, notes: vec![] });
        }
    }
}

impl EventReceiver for Reader<'_> {
    fn std_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.in_header = true;
    }

    fn array_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.in_header = true;
    }

    fn inline_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.refuse_nested(span);
        false
    }

    fn array_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.refuse_nested(span);
        false
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, error: &mut dyn ErrorSink) {
        if self.refused.is_some() {
            return;
        }
        let mut name = String::new();
        self.raw(span, encoding).decode_key(&mut name, error);
        self.key = Some((name, self.lines.of(span.start())));
        if self.in_header {
            self.refuse_nested(span);
        }
    }

    fn key_sep(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.refuse_nested(span);
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, error: &mut dyn ErrorSink) {
        if self.refused.is_some() {
            return;
        }
        let raw = self.raw(span, encoding);
        let mut decoded = Decoded(Output::with_capacity(raw.len()));
        let kind = raw.decode_scalar(&mut decoded, error);
        let value = match kind {
            ScalarKind::String => decoded.0.into_value(),
            _ => Value::new(raw.as_bytes().to_vec()),
        };
        // The parser leaves it to its callers whether a date exists.
        if kind == ScalarKind::DateTime && Datetime::from_str(raw.as_str()).is_err() {
            error.report_error(ParseError::new("no such date").with_unexpected(span));
        }
        self.take(span, value);
    }
}

/// Receives a string piece by piece and leaves no copy of it.
struct Decoded(Output);

impl<'s> StringBuilder<'s> for Decoded {
    fn clear(&mut self) {
        self.0 = Output::default();
    }

    fn push_str(&mut self, append: &'s str) -> bool {
        self.0.push(append.as_bytes());
        true
    }

    fn push_char(&mut self, append: char) -> bool {
        self.0.push(append.encode_utf8(&mut [0; 4]).as_bytes());
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(String, Vec<u8>)> {
        let entries = parse_toml(text.as_bytes()).expect("readable");
        entries
            .into_iter()
            .map(|entry| (entry.name.clone(), entry.value.expose().to_vec()))
            .collect()
    }

    fn error(text: &[u8]) -> TomlError {
        parse_toml(text).expect_err("must be refused")
    }

    #[test]
    fn what_is_no_string_keeps_its_exact_text() {
        for text in ["0", "+1", "1.10", "1e3", "1_000", "0xFF", "0o17", "inf", "true", "2020-01-01"]
        {
            let read = read(&format!("A = {text} # comment\n"));
            assert_eq!(read, [("A".to_owned(), text.as_bytes().to_vec())]);
        }
    }

    #[test]
    fn line_breaks_inside_strings_are_line_feeds() {
        let read = read("A = '''x\r\ny'''\r\nB = \"\"\"\r\nx\\r\\n\\\r\n  y\"\"\"\r\n");
        let expected = [("A", "x\ny"), ("B", "x\r\ny")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        assert_eq!(read, expected);
        for text in [b"A = 'x'\r".as_slice(), b"A = '''\r\r\n'''"] {
            assert_eq!(error(text), TomlError::Syntax { line: 1, column: 8 });
        }
    }

    #[test]
    fn depth_and_size_cost_no_stack_and_little_memory() {
        for (open, name) in [("[", "A"), ("{a=", "A")] {
            let deep = format!("A = {}", open.repeat(300_000));
            assert!(parse_toml(deep.as_bytes()).is_err());
            let nested = TomlError::Nested { line: 1, name: name.into() };
            assert_eq!(error(format!("A = {open}").as_bytes()), nested);
        }
        assert!(parse_toml("a.".repeat(300_000).as_bytes()).is_err());
        assert!(parse_toml("[".repeat(300_000).as_bytes()).is_err());
        assert_eq!(error(&vec![b'\n'; MAX_TEXT_BYTES + 1]), TomlError::TooLarge);
    }

    #[test]
    fn a_key_given_twice_is_named_with_both_lines() {
        let repeated = TomlError::Repeated { line: 4, first: 1, name: "A".into() };
        assert_eq!(error(b"A = 1\nB = 2\n\n\"A\" = 3\n"), repeated);
    }

    #[test]
    fn errors_never_quote_the_text() {
        for text in ["A = canary", "canary", "A = \"canary", "A = 'canary\n'", "A = \"\\canary\""] {
            let error = error(text.as_bytes());
            let shown = format!("{error} {error:?} {}", error.hint());
            assert!(!shown.contains("canary"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(
            text in "[\\[\\]\\{\\}='\"\\.,#A0-9_+eExo:TZ \n\r\\\\u-]{0,60}", bytes: Vec<u8>,
        ) {
            let _ = parse_toml(text.as_bytes());
            let _ = parse_toml(format!("A = {text}").as_bytes());
            let _ = parse_toml(&bytes);
        }

        #[test]
        fn what_is_written_is_read_back(value: String, name in "\\PC{1,20}") {
            let text = crate::write(crate::Format::Toml, &[(&name, value.as_bytes())]).expect("UTF-8");
            let entries = parse_toml(&text).expect("ours");
            prop_assert_eq!(entries[0].value.expose().as_slice(), value.as_bytes());
            prop_assert_eq!(&entries[0].name, &name);
        }
    }
}
