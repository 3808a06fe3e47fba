//! JSON strings: encoders differ in what they escape though they need not, and in the digits.

use std::{collections::BTreeSet, io::Write as _};

use zeroize::Zeroizing;

use super::percent::set;

/// What an encoder escapes beyond ASCII.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Beyond {
    Nothing,
    /// The two characters that end a line in JavaScript.
    Separators,
    Everything,
}

/// Which ASCII characters an encoder writes by their number, though JSON has them as they are or
/// shorter, and what beyond ASCII.
const ENCODERS: [(&str, Beyond); 15] = [
    // JavaScript, Rust.
    ("", Beyond::Nothing),
    // PHP, and Python.
    ("", Beyond::Everything),
    ("\x7f", Beyond::Everything),
    // Go without HTML, with it (as ever, and Rails), and as it was before 1.22.
    ("", Beyond::Separators),
    ("&<>", Beyond::Separators),
    ("&<>\x08\x0c", Beyond::Separators),
    // For HTML: Django, Jinja, Gson, Json.NET.
    ("&<>", Beyond::Nothing),
    ("&<>\x7f", Beyond::Everything),
    ("&<>'", Beyond::Nothing),
    ("&<>'\x7f", Beyond::Everything),
    ("&<>'=", Beyond::Separators),
    ("&<>'\"", Beyond::Nothing),
    // PHP with all its flags.
    ("&<>", Beyond::Everything),
    ("&<>'\"", Beyond::Everything),
    // .NET.
    ("&<>'\"+`\x7f", Beyond::Everything),
];

/// A text between its quotes as each of the encoders writes it, with and without `\/`.
pub(super) fn json(text: &str) -> impl Iterator<Item = Zeroizing<Vec<u8>>> {
    let present = set(text.as_bytes());
    let differs = |beyond: Beyond| match beyond {
        Beyond::Separators if !text.contains(separates) => Beyond::Nothing,
        Beyond::Everything if text.is_ascii() => Beyond::Nothing,
        beyond => beyond,
    };
    let styles: BTreeSet<(u128, Beyond)> = ENCODERS
        .iter()
        .flat_map(|(numbered, beyond)| {
            let numbered = set(numbered.as_bytes()) & present;
            let slash = set(b"/") & present;
            [(numbered, differs(*beyond)), (numbered | slash, differs(*beyond))]
        })
        .collect();
    styles.into_iter().flat_map(move |(numbered, beyond)| {
        [false, true].map(|upper| escaped(text, numbered, beyond, upper))
    })
}

fn separates(char: char) -> bool {
    matches!(char, '\u{2028}' | '\u{2029}')
}

/// Where a slash is among what is numbered, it gets its backslash.
fn escaped(text: &str, numbered: u128, beyond: Beyond, upper: bool) -> Zeroizing<Vec<u8>> {
    // No byte becomes more than six, so that nothing is left where it grew.
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() * 6));
    for char in text.chars() {
        let short = match char {
            '"' | '\\' | '/' => u8::try_from(char).ok(),
            '\n' => Some(b'n'),
            '\r' => Some(b'r'),
            '\t' => Some(b't'),
            '\x08' => Some(b'b'),
            '\x0c' => Some(b'f'),
            _ => None,
        };
        let among = char.is_ascii() && numbered >> u32::from(char) & 1 != 0;
        let by_number = match char {
            '/' => false,
            _ if !char.is_ascii() => match beyond {
                Beyond::Nothing => false,
                Beyond::Separators => separates(char),
                Beyond::Everything => true,
            },
            _ => among || (char < ' ' && short.is_none()),
        };
        let mut bytes = [0; 4];
        match short {
            _ if by_number => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    let unit = *unit;
                    let written = if upper {
                        write!(out, "\\u{unit:04X}")
                    } else {
                        write!(out, "\\u{unit:04x}")
                    };
                    written.expect("memory can be written to");
                }
            }
            Some(letter) if char != '/' || among => out.extend_from_slice(&[b'\\', letter]),
            _ => out.extend_from_slice(char.encode_utf8(&mut bytes).as_bytes()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoder_finds_its_form() {
        let value = "a&b<c>'d=\"e\u{2028}é/\x08\x0c\x1b\\\n+";
        let forms: Vec<_> = json(value).collect();
        for encoded in [
            // Go, before 1.22 and since, and without HTML.
            r#"a\u0026b\u003cc\u003e'd=\"e\u2028é/\u0008\u000c\u001b\\\n+"#,
            r#"a\u0026b\u003cc\u003e'd=\"e\u2028é/\b\f\u001b\\\n+"#,
            r#"a&b<c>'d=\"e\u2028é/\b\f\u001b\\\n+"#,
            // Gson, .NET, PHP, Jinja.
            r#"a\u0026b\u003cc\u003e\u0027d\u003d\"e\u2028é/\b\f\u001b\\\n+"#,
            r#"a\u0026b\u003Cc\u003E\u0027d=\u0022e\u2028\u00E9/\b\f\u001B\\\n\u002B"#,
            r#"a&b<c>'d=\"e\u2028\u00e9\/\b\f\u001b\\\n+"#,
            r#"a\u0026b\u003cc\u003e\u0027d=\"e\u2028\u00e9/\b\f\u001b\\\n+"#,
            // JavaScript and Python.
            "a&b<c>'d=\\\"e\u{2028}é/\\b\\f\\u001b\\\\\\n+",
            r#"a&b<c>'d=\"e\u2028\u00e9/\b\f\u001b\\\n+"#,
        ] {
            assert!(forms.iter().any(|form| form.as_slice() == encoded.as_bytes()), "{encoded}");
        }
    }

    #[test]
    fn what_no_encoder_touches_has_few_forms() {
        assert_eq!(json("letters1").count(), 2);
    }
}
