//! Writes lines that python-dotenv reads back exactly, with interpolation on as by default.
//!
//! Between single quotes it decodes `\\` and `\'`, between double quotes also `\"` and `\r`
//! among others, so every text but NUL can be spelled: a CR needs double quotes because Python
//! opens the file with universal newlines. Afterwards `${NAME}` and `${NAME:-default}` are
//! replaced, whatever the quotes, and there is no escape for that. But the default is taken as
//! it is: `${=:-$}` always gives `$`, because no variable has a name with `=` in it. So `${X}`
//! is written `${=:-$}{X}`.

use crate::Reason;
use crate::output::Output;

/// Appends `NAME=value` as python-dotenv reads it.
pub(crate) fn push(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let quoted = !name.bytes().all(plain);
    // A quoted name ends at the next quote; an environment knows no name with `=`.
    if name.is_empty() || name.contains(['\'', '=']) || name.contains(char::is_control) {
        return Err(Reason::NameCharacters);
    }
    if value.contains(&0) {
        return Err(Reason::Nul);
    }
    str::from_utf8(value).map_err(|_| Reason::NotUtf8)?;
    let around: &[u8] = if quoted { b"'" } else { b"" };
    output.push(around);
    output.push(name.as_bytes());
    output.push(around);
    output.push(b"=");
    push_value(output, value);
    output.push(b"\n");
    Ok(())
}

fn push_value(output: &mut Output, value: &[u8]) {
    if is_bare(value) {
        push_pieces(output, value, |_| None);
    } else if value.contains(&b'\r') {
        output.push(b"\"");
        push_pieces(output, value, |byte| match byte {
            b'\\' => Some(br"\\"),
            b'"' => Some(br#"\""#),
            b'\r' => Some(br"\r"),
            _ => None,
        });
        output.push(b"\"");
    } else {
        output.push(b"'");
        push_pieces(output, value, |byte| match byte {
            b'\\' => Some(br"\\"),
            b'\'' => Some(br"\'"),
            _ => None,
        });
        output.push(b"'");
    }
}

/// Appends `value`, escaped, with every `${` spelled so that it is not replaced.
fn push_pieces(
    output: &mut Output,
    mut value: &[u8],
    escape: impl Fn(u8) -> Option<&'static [u8]>,
) {
    while let Some(at) = value.windows(2).position(|pair| pair == b"${") {
        output.push_escaped(&value[..at], &escape);
        output.push(b"${=:-$}{");
        value = &value[at + 2..];
    }
    output.push_escaped(value, &escape);
}

/// Whether `value` needs no quotes: plain characters, or one line that ends in a backslash,
/// which releases up to 1.2.2 misread between quotes.
fn is_bare(value: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./:@%+,=-".contains(byte);
    let line = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let Some(first) = value.first() else {
        return false;
    };
    value.iter().all(plain)
        || (value.ends_with(b"\\")
            && value.iter().all(line)
            && !b" '\"#".contains(first)
            && !value.windows(2).any(|pair| pair == b" #"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, value: &str) -> Result<String, Reason> {
        let mut output = Output::default();
        push(&mut output, name, value.as_bytes())?;
        Ok(String::from_utf8(output.finish().to_vec()).expect("UTF-8 in, UTF-8 out"))
    }

    #[test]
    fn every_text_has_a_spelling() {
        for (value, expected) in [
            ("", "K=''\n"),
            ("abc", "K=abc\n"),
            (r"it's\n", r"K='it\'s\\n'".to_owned().as_str()),
            ("\r\"", "K=\"\\r\\\"\"\n"),
            ("C:\\", "K=C:\\\n"),
            ("${X}$${Y", "K='${=:-$}{X}$${=:-$}{Y'\n"),
        ] {
            assert_eq!(line("K", value).expect("carried").trim_end(), expected.trim_end());
        }
    }

    #[test]
    fn names_outside_the_plain_set_are_quoted_or_refused() {
        assert_eq!(line("my key", "x").as_deref(), Ok("'my key'=x\n"));
        for name in ["", "it's", "a=b", "a\nb"] {
            assert_eq!(line(name, "x"), Err(Reason::NameCharacters), "{name:?}");
        }
    }
}
