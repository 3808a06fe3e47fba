//! Reads dotenv text.

use std::collections::BTreeMap;

use super::ParseError;
use super::blank::{char_at, skip, trim};
use crate::output::Output;
use crate::tree::MAX_NODES;
use crate::{Entry, MAX_NAME_BYTES, MAX_VALUE_BYTES, Note, Value};

/// Reads a dotenv file: its entries in order of first appearance, each name once.
///
/// Nothing is expanded and nothing is run. Time is linear in the text. A text that its readers
/// would silently lose or cut is refused, naming the line. `docs/dotenv.md` has every rule.
pub fn parse_dotenv(text: &[u8]) -> Result<Vec<Entry>, ParseError> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(ParseError::Utf16);
    }
    let text = with_line_feeds(text);
    let mut reader = Reader { text: text.expose(), at: 0, counted: 0, line: 1 };
    let mut entries: Vec<Entry> = Vec::new();
    let mut positions: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(mut entry) = reader.next_entry()? {
        if let Some(&position) = positions.get(&entry.name) {
            let earlier = &mut entries[position];
            entry.notes.push(Note::Repeats { line: earlier.line });
            *earlier = entry;
        } else if entries.len() == MAX_NODES {
            return Err(ParseError::TooMany);
        } else {
            positions.insert(entry.name.clone(), entries.len());
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// The text with CRLF and lone CR as LF, inside quotes as well: so read npm dotenv and
/// python-dotenv.
fn with_line_feeds(text: &[u8]) -> Value {
    let mut output = Output::with_capacity(text.len());
    for (position, line) in text.split(|&byte| byte == b'\r').enumerate() {
        let joins = position == 0 || line.starts_with(b"\n");
        output.push(if joins { b"" } else { b"\n" });
        output.push(line);
    }
    output.into_value()
}

struct Reader<'a> {
    text: &'a [u8],
    /// Where to read on.
    at: usize,
    /// Up to here line feeds are counted in `line`.
    counted: usize,
    /// Line of `counted`, from 1.
    line: usize,
}

/// A value as it stands in the text.
struct Raw<'a> {
    content: &'a [u8],
    quote: Option<u8>,
    notes: Vec<Note>,
}

impl<'a> Reader<'a> {
    /// The next assignment; `None` at the end of the text.
    fn next_entry(&mut self) -> Result<Option<Entry>, ParseError> {
        loop {
            self.at = skip(self.text, self.at, true);
            if self.at == self.text.len() {
                return Ok(None);
            }
            if self.text[self.at] != b'#' {
                break;
            }
            self.at = self.line_end(self.at);
        }
        let line = self.line_of(self.at);
        let name = self.name(line)?;
        let raw = self.value(line, &name)?;
        let value = unescape(raw.content, raw.quote);
        if value.expose().len() > MAX_VALUE_BYTES {
            return Err(ParseError::ValueTooLong { line, name });
        }
        let mut notes = raw.notes;
        if value.expose().windows(2).any(|pair| pair == b"${") {
            notes.push(Note::LooksExpandable);
        }
        Ok(Some(Entry { name, value, line, notes }))
    }

    /// Reads `export NAME =` or `NAME: `, up to the value.
    fn name(&mut self, line: usize) -> Result<String, ParseError> {
        if let Some(rest) = self.text[self.at..].strip_prefix(b"export") {
            let start = self.text.len() - rest.len();
            let after = skip(self.text, start, false);
            // `export = x` sets a variable called export.
            if after > start && char_at(self.text, after).is_some_and(is_name_char) {
                self.at = after;
            }
        }
        let start = self.at;
        while let Some(char) = char_at(self.text, self.at).filter(|&char| is_name_char(char)) {
            self.at += char.len_utf8();
        }
        if self.at < self.text.len() && char_at(self.text, self.at).is_none() {
            return Err(ParseError::NameNotUtf8 { line });
        }
        let name = String::from_utf8(self.text[start..self.at].to_vec())
            .map_err(|_| ParseError::NameNotUtf8 { line })?;
        let end = skip(self.text, self.at, false);
        let colon = self.text.get(self.at) == Some(&b':');
        if self.text.get(end) == Some(&b'=') {
            self.at = end + 1;
        } else if colon && skip(self.text, self.at + 1, false) > self.at + 1 {
            self.at += 1;
        } else {
            return Err(ParseError::NotAssignment { line });
        }
        match name.len() {
            0 => Err(ParseError::NotAssignment { line }),
            1..=MAX_NAME_BYTES => Ok(name),
            _ => Err(ParseError::NameTooLong { line }),
        }
    }

    /// Reads the value and the rest of its last line.
    fn value(&mut self, line: usize, name: &str) -> Result<Raw<'a>, ParseError> {
        let colon = self.text[self.at - 1] == b':';
        let open = skip(self.text, self.at, false);
        let mut raw = match self.text.get(open) {
            Some(&quote @ (b'\'' | b'"' | b'`')) => self.quoted(line, name, open, quote)?,
            _ => self.unquoted(),
        };
        if colon && !raw.notes.contains(&Note::PythonDiffers) {
            raw.notes.push(Note::PythonDiffers);
        }
        Ok(raw)
    }

    /// Everything up to `#` or the end of the line, without the white space around it.
    fn unquoted(&mut self) -> Raw<'a> {
        let start = self.at;
        self.at = self.line_end(start);
        let line = &self.text[start..self.at];
        let hash = line.iter().position(|&byte| byte == b'#');
        let before = &line[..hash.unwrap_or(line.len())];
        let spaced = before.last().is_none_or(u8::is_ascii_whitespace);
        let joined = hash.is_some() && (before.is_empty() || !spaced);
        let notes = if joined { vec![Note::HashWithoutSpace] } else { vec![] };
        Raw { content: trim(before), quote: None, notes }
    }

    /// A quoted value closes at the first quote without a backslash before it, if nothing but a
    /// comment follows; otherwise at the last quote before that one of which the same is true:
    /// so `'C:\'` is a path, and `'it\'s'` one value.
    fn quoted(
        &mut self,
        line: usize,
        name: &str,
        open: usize,
        quote: u8,
    ) -> Result<Raw<'a>, ParseError> {
        let text = self.text;
        let mut close = None;
        let mut bare = None;
        for at in open + 1..text.len() {
            if text[at] != quote {
                continue;
            }
            let after = skip(text, at + 1, false);
            if matches!(text.get(after), None | Some(b'\n' | b'#')) {
                close = Some(at);
            }
            if text[at - 1] != b'\\' {
                bare = Some(at);
                break;
            }
        }
        if let Some(close) = close {
            self.at = self.line_end(close);
            let content = &text[open + 1..close];
            let differs = quote == b'`' || python_decodes(content, quote);
            let notes = if differs { vec![Note::PythonDiffers] } else { vec![] };
            return Ok(Raw { content, quote: Some(quote), notes });
        }
        // `"{"a": "b"}"`: the quotes around the whole line count, as in npm dotenv.
        self.at = self.line_end(open);
        let whole = &text[open..self.at];
        let name = name.to_owned();
        let shown = char::from(quote);
        if bare.is_none_or(|bare| bare > self.at) {
            return Err(ParseError::Unterminated { line, name, quote: shown });
        }
        if whole.contains(&b'#') {
            return Err(ParseError::HashAmongQuotes { line, name, quote: shown });
        }
        match trim(whole) {
            [_, content @ .., last] if *last == quote => {
                Ok(Raw { content, quote: Some(quote), notes: vec![Note::PythonDiffers] })
            }
            _ => Err(ParseError::TextAfterQuote { line, name, quote: shown }),
        }
    }

    /// Position of the line feed that ends the line of `at`, or the end of the text.
    fn line_end(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
    }

    /// Line of `at`, which never moves back.
    fn line_of(&mut self, at: usize) -> usize {
        let passed = &self.text[self.counted..at];
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count();
        self.counted = at;
        self.line
    }
}

/// Letters and digits of any script, and `_`, `.`, `-`.
fn is_name_char(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '.' | '-')
}

/// Whether python-dotenv decodes a backslash in `content` that npm dotenv keeps.
fn python_decodes(content: &[u8], quote: u8) -> bool {
    let decoded: &[u8] = if quote == b'"' { b"\\'\"abftv" } else { b"\\'" };
    content.ends_with(b"\\")
        || content.windows(2).any(|pair| pair[0] == b'\\' && decoded.contains(&pair[1]))
}

/// Decodes `\n` and `\r` between double quotes; every other byte stands for itself.
fn unescape(content: &[u8], quote: Option<u8>) -> Value {
    let mut output = Output::with_capacity(content.len());
    let mut kept = 0;
    if quote == Some(b'"') {
        for (at, pair) in content.windows(2).enumerate() {
            let decoded = match pair {
                br"\n" => b"\n",
                br"\r" => b"\r",
                _ => continue,
            };
            output.push(&content[kept..at]);
            output.push(decoded);
            kept = at + 2;
        }
    }
    output.push(&content[kept..]);
    output.into_value()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let entries = parse_dotenv(text.as_bytes()).expect("readable");
        let value = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        entries.iter().map(|entry| (entry.name.clone(), value(entry.value.expose()))).collect()
    }

    fn error(text: &[u8]) -> ParseError {
        parse_dotenv(text).expect_err("must be refused")
    }

    #[test]
    fn lines_are_counted_through_quotes_comments_and_carriage_returns() {
        let text = b"# one\r\nA='x\r\ny'\r\rB=2\n";
        let entries = parse_dotenv(text).expect("readable");
        assert_eq!((entries[0].line, entries[1].line), (2, 5));
        assert_eq!(*entries[0].value.expose(), b"x\ny");
    }

    #[test]
    fn the_last_of_two_assignments_holds_and_is_noted() {
        let entries = parse_dotenv(b"A=1\nB=2\nA=3\nA=4").expect("readable");
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].value.expose(), entries[0].line), (&b"4".to_vec(), 4));
        assert_eq!(entries[0].notes, [Note::Repeats { line: 3 }]);
    }

    #[test]
    fn what_other_readers_take_differently_is_noted() {
        let notes = |text: &str| parse_dotenv(text.as_bytes()).expect("readable")[0].notes.clone();
        assert_eq!(notes("A=b#c"), [Note::HashWithoutSpace]);
        assert_eq!(notes("A=#c"), [Note::HashWithoutSpace]);
        assert_eq!(notes("A=b #c"), []);
        assert_eq!(notes("A= #c"), []);
        for text in [r#"A="\"""#, r#"A="\\ ""#, r"A='\''", r"A='\'", "A=`b`", "A: b", "A='b'c'"] {
            assert_eq!(notes(text), [Note::PythonDiffers], "{text}");
        }
        for text in [r#"A="\n\r""#, r"A='\n'", "A='b'", r"A=\\", "A=b:c"] {
            assert_eq!(notes(text), [], "{text}");
        }
        assert_eq!(notes("A=${B}"), [Note::LooksExpandable]);
        assert_eq!(notes("A=$B$(C)"), []);
    }

    #[test]
    fn errors_name_line_and_key_and_show_no_value() {
        let text = b"A=1\n\nKEY=\"canary\nB=2\n";
        let shown = error(text).to_string();
        assert_eq!(shown, "line 3: the value of KEY opens with \" and nothing closes it");
        let quote = '\'';
        let name = || "KEY".to_owned();
        assert_eq!(error(b"KEY='a'b"), ParseError::TextAfterQuote { line: 1, name: name(), quote });
        assert_eq!(
            error(b"KEY='a'b#'"),
            ParseError::HashAmongQuotes { line: 1, name: name(), quote }
        );
        assert_eq!(error(b"x y"), ParseError::NotAssignment { line: 1 });
        assert_eq!(error(b"=x"), ParseError::NotAssignment { line: 1 });
        assert_eq!(error(b"\nA\xff=x"), ParseError::NameNotUtf8 { line: 2 });
        assert_eq!(error(b"\xff\xfeA\0"), ParseError::Utf16);
        let long = format!("{}=x", "A".repeat(256));
        assert_eq!(error(long.as_bytes()), ParseError::NameTooLong { line: 1 });
    }

    #[test]
    fn a_value_of_one_mebibyte_is_read_and_one_byte_more_is_refused() {
        for (size, good) in [(MAX_VALUE_BYTES, true), (MAX_VALUE_BYTES + 1, false)] {
            for text in [format!("K={}", "x".repeat(size)), format!("K='{}'", "x".repeat(size))] {
                assert_eq!(parse_dotenv(text.as_bytes()).is_ok(), good);
            }
        }
        let refused = error(format!("K={}", "x".repeat(MAX_VALUE_BYTES + 1)).as_bytes());
        assert_eq!(refused, ParseError::ValueTooLong { line: 1, name: "K".into() });
    }

    #[test]
    fn hostile_texts_take_linear_time() {
        // Each of these is quadratic in a reader that scans on from every quote; then a million
        // lines would take hours, not moments.
        let lines = 1_000_000;
        assert_eq!(parse_dotenv("A='\\'\n".repeat(lines).as_bytes()).expect("fine").len(), 1);
        let escaped = format!("A='{}'", "\\' ".repeat(300_000));
        assert_eq!(parse_dotenv(escaped.as_bytes()).expect("fine").len(), 1);
        let blank = format!("A='{}'", "\\'\t\u{a0}".repeat(200_000));
        assert_eq!(parse_dotenv(blank.as_bytes()).expect("fine").len(), 1);
        let names: String = (0..lines).map(|number| format!("K{number}=v\n")).collect();
        assert_eq!(parse_dotenv(names.as_bytes()).expect("fine").len(), lines);
        assert_eq!(error(format!("{names}ONE=more").as_bytes()), ParseError::TooMany);
        let quotes = "A=\"\\\"\nB='\\'\nC=`\\`\n".repeat(lines / 10);
        assert_eq!(parse_dotenv(quotes.as_bytes()).expect("fine").len(), 3);
    }

    #[test]
    fn a_backslash_before_the_closing_quote_of_a_path_is_kept() {
        let expected = [("A".to_owned(), r"C:\".to_owned()), ("B".to_owned(), "x".to_owned())];
        assert_eq!(values("A='C:\\'\nB='x'\n"), expected);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text: Vec<u8>) {
            let _ = parse_dotenv(&text);
        }

        #[test]
        fn text_made_of_syntax_never_panics(text in "[A='\"`#\\\\ \\n\\rn:export$\\{\u{a0}\u{feff}-]{0,80}") {
            let _ = parse_dotenv(text.as_bytes());
        }
    }
}
