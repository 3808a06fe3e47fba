//! `name = "value"` lines for Terraform and OpenTofu.
//!
//! A quoted template of HCL: escapes as in `"\n"`, and `$${` and `%%{` for the two sequences that
//! begin a template. The reader turns strings into Unicode normal form C.

use unicode_normalization::is_nfc;

use crate::Reason;
use crate::output::Output;
use crate::quoted::{four_digits, is_unprintable};

/// Appends `name = "value"`.
pub(crate) fn push_attribute(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let first = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    if !name.as_bytes().first().is_some_and(first) || !name.bytes().all(inner) {
        return Err(Reason::NameCharacters);
    }
    if RESERVED.contains(&name) {
        return Err(Reason::NameReserved);
    }
    let text = str::from_utf8(value).map_err(|_| Reason::NotUtf8)?;
    if !is_nfc(text) {
        return Err(Reason::NotNormal);
    }
    output.push(name.as_bytes());
    output.push(b" = \"");
    push_template(output, text);
    output.push(b"\"\n");
    Ok(())
}

/// Appends the inside of a quoted template that is `text` and nothing but text.
fn push_template(output: &mut Output, text: &str) {
    let mut kept = 0;
    for (at, char) in text.char_indices() {
        let end = at + char.len_utf8();
        let digits;
        let escape: &[u8] = match char {
            '"' => br#"\""#,
            '\\' => br"\\",
            '\n' => br"\n",
            '\r' => br"\r",
            '\t' => br"\t",
            '$' if text[end..].starts_with('{') => b"$$",
            '%' if text[end..].starts_with('{') => b"%%",
            _ if char < ' ' || is_unprintable(char) => {
                digits = four_digits(char);
                &digits
            }
            _ => continue,
        };
        output.push(&text.as_bytes()[kept..at]);
        output.push(escape);
        kept = end;
    }
    output.push(&text.as_bytes()[kept..]);
}

/// Names that no variable may have, since a module's arguments have them.
const RESERVED: &[&str] =
    &["count", "depends_on", "for_each", "lifecycle", "locals", "providers", "source", "version"];
