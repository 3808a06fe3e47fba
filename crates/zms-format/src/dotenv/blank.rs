//! White space as JavaScript's `\s` and `trim` see it, in bytes that need not be UTF-8.

/// Whether `char` is JavaScript white space (ECMA-262, WhiteSpace and LineTerminator).
pub(crate) fn is_blank(char: char) -> bool {
    (char.is_whitespace() && char != '\u{85}') || char == '\u{feff}'
}

/// The character that starts at `at`; `None` at the end and where the bytes are not UTF-8.
pub(crate) fn char_at(text: &[u8], at: usize) -> Option<char> {
    let rest = text.get(at..)?;
    let head = &rest[..rest.len().min(4)];
    let valid = match str::from_utf8(head) {
        Ok(valid) => valid,
        // The head may cut the next character in two; what is valid before it counts.
        Err(error) => str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    valid.chars().next()
}

/// The first position from `at` on that is not white space; line feeds count as such only if
/// `across_lines`.
pub(crate) fn skip(text: &[u8], mut at: usize, across_lines: bool) -> usize {
    while let Some(char) = char_at(text, at) {
        if !is_blank(char) || (char == '\n' && !across_lines) {
            break;
        }
        at += char.len_utf8();
    }
    at
}

/// `text` without white space at either end.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let mut text = &text[skip(text, 0, true)..];
    // The longest white space character is three bytes of UTF-8.
    while let Some(char) = (1..=3.min(text.len()))
        .find_map(|size| char_at(text, text.len() - size).filter(|char| char.len_utf8() == size))
        && is_blank(char)
    {
        text = &text[..text.len() - char.len_utf8()];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trims_what_javascript_trims() {
        assert_eq!(trim("\u{feff}\u{a0} \t\u{b}\u{c}a b\u{2028}\u{3000} ".as_bytes()), b"a b");
        assert_eq!(trim("\u{85}a\u{85}".as_bytes()), "\u{85}a\u{85}".as_bytes());
        assert_eq!(trim(b" \xff "), b"\xff");
        assert_eq!(trim(b" \xa0"), b"\xa0", "half a character is not white space");
        assert_eq!(trim(b"   "), b"");
    }
}
