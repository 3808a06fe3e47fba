//! Strings in double quotes, with the escapes that JSON, YAML and TOML have in common.

use crate::output::Output;

/// Appends `text` in double quotes. Control characters below space, `"` and `\` are escaped;
/// so are the characters of the basic plane that `escaped` names.
pub(crate) fn push_quoted(output: &mut Output, text: &str, escaped: impl Fn(char) -> bool) {
    output.push(b"\"");
    let mut kept = 0;
    for (at, char) in text.char_indices() {
        let digits;
        let escape: &[u8] = match char {
            '"' => br#"\""#,
            '\\' => br"\\",
            '\u{8}' => br"\b",
            '\t' => br"\t",
            '\n' => br"\n",
            '\u{c}' => br"\f",
            '\r' => br"\r",
            _ if char < ' ' || escaped(char) => {
                digits = four_digits(char);
                &digits
            }
            _ => continue,
        };
        output.push(&text.as_bytes()[kept..at]);
        output.push(escape);
        kept = at + char.len_utf8();
    }
    output.push(&text.as_bytes()[kept..]);
    output.push(b"\"");
}

/// `\uXXXX` for a character of the basic plane.
pub(crate) fn four_digits(char: char) -> [u8; 6] {
    let code = u32::from(char);
    debug_assert!(code <= 0xffff, "only the basic plane has four digits");
    let mut digits = *br"\u0000";
    for (place, digit) in digits[2..].iter_mut().rev().enumerate() {
        let nibble = (code >> (4 * place)) & 0xf;
        *digit = b"0123456789abcdef"[nibble as usize];
    }
    digits
}

/// Characters that YAML 1.1 or 1.2 does not print or takes for line breaks, and the byte order
/// mark. TOML allows some of them bare and all of them escaped.
pub(crate) fn is_unprintable(char: char) -> bool {
    matches!(
        char,
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ascii_character_is_read_back_by_serde_json() {
        let all: String = (0..0x80u8).map(char::from).collect();
        for escaped in [|_| false, is_unprintable] {
            let mut output = Output::default();
            push_quoted(&mut output, &all, escaped);
            let read: String = serde_json::from_slice(&output.finish()).expect("valid JSON");
            assert_eq!(read, all);
        }
    }

    #[test]
    fn what_is_unprintable_is_escaped_with_four_digits() {
        let mut output = Output::default();
        push_quoted(&mut output, "\u{1}\u{85}\u{feff}\u{e9}\u{1f600}\"", is_unprintable);
        let expected = "\"\\u0001\\u0085\\ufeff\u{e9}\u{1f600}\\\"\"";
        assert_eq!(*output.finish(), expected.as_bytes());
    }
}
