//! Writes lines that npm dotenv 18 reads back exactly.
//!
//! Its parser is one regular expression (`LINE` in its source) with two clean-ups; the fast
//! parser of 18.x agrees with it. A value can arrive in three ways, tried in this order:
//!
//! 1. `q(\\q|[^q])*q` for each quote q in `'`, `"`, `` ` ``: the value can hold q only with a
//!    backslash before it, and the backslash stays. The match is greedy: a value that ends in a
//!    backslash would close at some later quote of the file if a line ended there.
//! 2. `[^#\r\n]+`, trimmed, and one pair of equal quotes around it taken away: no `#`, no line
//!    break, but any quotes inside, as long as way 1 does not find an end before.
//! 3. Nothing, an empty value.
//!
//! Between double quotes `\n` and `\r` then become line feed and carriage return, always: no
//! text makes a literal `\n` there. All carriage returns of the file became line feeds before.
//! So a value is refused exactly when
//! - it holds CR and a literal `\n` or `\r` (only `"` brings a CR, and would decode those), or
//! - every kind of quote it may use stands bare in it, and way 2 is closed by `#` or, unless
//!   `"` with `\n` serves, by a line break, or by a line end of JavaScript, as told next.
//!
//! Lines also end at U+2028 and U+2029 for a JavaScript `^` and `$`. So a quote before one of them
//! can end way 1 inside the value, and way 2 takes equal quotes away from the lines between them
//! as well. A value with all three quotes and such a character is refused where
//! - each quote it may use ends a match of way 1 inside the value, and
//! - bare, it opens with a quote, has white space at an end or would lose quotes of a later line.
//!
//! A few of these npm dotenv could be given, by a quote that opens the value and nothing closes or
//! by quotes that open after U+2028: the first the import of ZMS refuses, the second it keeps as
//! they are. What is written here both read alike; `tests/formats/refusals.rs` looks for more.

use super::blank::{is_blank, trim};
use crate::Reason;
use crate::output::Output;

/// Appends `NAME=value` as npm dotenv reads it.
pub(crate) fn push(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    if name == "__proto__" {
        return Err(Reason::NamePrototype);
    }
    let name_char = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.is_empty() || !name.bytes().all(name_char) {
        return Err(Reason::NameCharacters);
    }
    if value.contains(&0) {
        return Err(Reason::Nul);
    }
    let text = str::from_utf8(value).map_err(|_| Reason::NotUtf8)?;
    let spelling = Spelling::of(text).ok_or(Reason::Quoting)?;
    output.push(name.as_bytes());
    output.push(b"=");
    spelling.push(output, value);
    output.push(b"\n");
    Ok(())
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// As it is.
    Bare,
    /// Between quotes that it holds only after backslashes.
    Quoted(u8),
    /// The same for a value that ends in a backslash. The greedy match goes on to the quote in
    /// the comment, can not end there, and comes back to the right one.
    QuotedThenComment(u8),
    /// Between quotes that it holds bare, on one line.
    Wrapped(u8),
}

const QUOTES: [u8; 3] = [b'\'', b'"', b'`'];

impl Spelling {
    fn of(text: &str) -> Option<Spelling> {
        let value = text.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./:@%+,=-".contains(byte);
        let mut usable = QUOTES.into_iter().filter(|&quote| {
            let control = if quote == b'"' { holds_escape(value) } else { value.contains(&b'\r') };
            !control
        });
        if !value.is_empty() && value.iter().all(plain) {
            return Some(Spelling::Bare);
        }
        let quoted = usable.clone().find(|&quote| !holds_bare(value, quote));
        if !value.ends_with(b"\\")
            && let Some(quote) = quoted
        {
            return Some(Spelling::Quoted(quote));
        }
        if is_bare(text) {
            return Some(Spelling::Bare);
        }
        if let Some(quote) = quoted {
            return Some(Spelling::QuotedThenComment(quote));
        }
        let wrapped = usable.find(|&quote| {
            let broken = quote != b'"' && value.contains(&b'\n');
            !broken && !value.contains(&b'#') && !ends_early(text, quote)
        });
        wrapped.map(Spelling::Wrapped)
    }

    fn push(self, output: &mut Output, value: &[u8]) {
        let (quote, comment) = match self {
            Spelling::Bare => return output.push(value),
            Spelling::Quoted(quote) | Spelling::Wrapped(quote) => (quote, false),
            Spelling::QuotedThenComment(quote) => (quote, true),
        };
        let wrapped = matches!(self, Spelling::Wrapped(_));
        output.push(&[quote]);
        output.push_escaped(value, |byte| match byte {
            b'\r' => Some(br"\r"),
            b'\n' if wrapped => Some(br"\n"),
            _ => None,
        });
        output.push(&[quote]);
        if comment {
            output.push(&[b' ', b'#', b' ', quote, b'.']);
        }
    }
}

/// Whether `\n` or `\r` stands in `value` as two characters.
fn holds_escape(value: &[u8]) -> bool {
    value.windows(2).any(|pair| matches!(pair, br"\n" | br"\r"))
}

/// Whether `quote` stands in `value` without a backslash before it.
fn holds_bare(value: &[u8], quote: u8) -> bool {
    let mut before = quote; // the opening quote
    value.iter().any(|&byte| {
        let bare = byte == quote && before != b'\\';
        before = byte;
        bare
    })
}

const LINE_ENDS: [char; 2] = ['\u{2028}', '\u{2029}'];

/// Whether `text` arrives without quotes: one line, no comment, nothing to trim or to strip.
fn is_bare(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(['#', '\r', '\n'])
        && !text.starts_with(['\'', '"', '`'])
        && trim(text.as_bytes()).len() == text.len()
        && !QUOTES.into_iter().any(|quote| is_stripped(text, quote))
}

/// Whether `text`, one line, loses a pair of `quote`: one that starts a JavaScript line and the
/// last one further on that ends such a line.
fn is_stripped(text: &str, quote: u8) -> bool {
    let lines = || {
        text.split(LINE_ENDS).scan(0, |next, line| {
            let start = *next;
            *next += line.len() + LINE_ENDS[0].len_utf8();
            Some((start, line.as_bytes()))
        })
    };
    let opens = lines().find(|(_, line)| line.first() == Some(&quote)).map(|(at, _)| at);
    let closes = lines().filter(|(_, line)| line.last() == Some(&quote)).last();
    match (opens, closes) {
        (Some(open), Some((start, line))) => open < start + line.len() - 1,
        _ => false,
    }
}

/// Whether a match that a `quote` before `text` opens can end inside it: at a quote with nothing
/// but white space before a JavaScript line end. It goes no further than to the first quote
/// without a backslash. Line feeds are not looked for, they are written as `\n`.
fn ends_early(text: &str, quote: u8) -> bool {
    let mut before = quote; // the opening quote
    for (at, byte) in text.bytes().enumerate() {
        if byte == quote {
            let blanks = text[at + 1..].chars().take_while(|&char| is_blank(char));
            let mut line = blanks.take_while(|&char| char != '\n' && char != '\r');
            if line.any(|char| LINE_ENDS.contains(&char)) {
                return true;
            }
            if before != b'\\' {
                return false;
            }
        }
        before = byte;
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse_dotenv;

    fn line(value: &str) -> Result<String, Reason> {
        let mut output = Output::default();
        push(&mut output, "K", value.as_bytes())?;
        Ok(String::from_utf8(output.finish().to_vec()).expect("UTF-8 in, UTF-8 out"))
    }

    #[test]
    fn the_plainest_spelling_is_chosen() {
        for (value, expected) in [
            ("", "K=''\n"),
            ("abc-1.2/3", "K=abc-1.2/3\n"),
            ("$2a$10$abc", "K='$2a$10$abc'\n"),
            ("it's", "K=\"it's\"\n"),
            ("a\rb", "K=\"a\\rb\"\n"),
            ("'\"", "K=`'\"`\n"),
            ("C:\\", "K=C:\\\n"),
            ("a #\\", "K='a #\\' # '.\n"),
            ("'\"`", "K=''\"`'\n"),
            ("'\"`\n", "K=\"'\"`\\n\"\n"),
            ("'\"`\u{2028}", "K=''\"`\u{2028}'\n"),
            ("x'\u{2028}\"\u{2028}`\u{2028}y", "K=x'\u{2028}\"\u{2028}`\u{2028}y\n"),
            ("''\u{2028}\"\u{2028}`\u{2028}y", "K='''\u{2028}\"\u{2028}`\u{2028}y'\n"),
        ] {
            assert_eq!(line(value).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_no_spelling_brings_back_is_refused() {
        let beside = "'\u{2028}\"\u{2028}`\u{2028}y";
        let stripped = "x'\u{2028}\"\u{2028}`\u{2028}'y'";
        for value in ["'\"`#", "\r\\n", "\r\"#", "'\"`\n\\n", beside, stripped] {
            assert_eq!(line(value), Err(Reason::Quoting), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_for_npm_is_read_back_by_zms(
            values in proptest::collection::vec("[a'\"`#\\\\ \\nnr\\r$=\u{a0}\u{2028}\u{2029}]{0,12}", 1..6),
        ) {
            let mut output = Output::default();
            let mut expected = Vec::new();
            for (number, value) in values.iter().enumerate() {
                let name = format!("K{number}");
                if push(&mut output, &name, value.as_bytes()).is_ok() {
                    expected.push((name, value.clone().into_bytes()));
                }
            }
            let entries = parse_dotenv(&output.finish()).expect("ours");
            let read: Vec<_> =
                entries.iter().map(|entry| (entry.name.clone(), entry.value.expose().to_vec())).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
