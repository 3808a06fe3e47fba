//! Decodes the inside of a JSON string without leaving copies of it.

use crate::Value;
use crate::output::Output;

/// Decodes `content`, the part between the quotes of a string that a JSON parser has accepted.
///
/// `None` if an escape is half of a surrogate pair (RFC 8259 section 8.2).
pub(crate) fn decode(content: &[u8]) -> Option<Value> {
    let mut output = Output::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        output.push(&rest[..at]);
        let (&letter, after) = rest[at + 1..].split_first()?;
        rest = after;
        let byte = match letter {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let char = take_char(&mut rest)?;
                output.push(char.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            itself => itself,
        };
        output.push(&[byte]);
    }
    output.push(rest);
    Some(output.into_value())
}

/// Takes the digits after `\u`, and a second escape if they begin a surrogate pair.
fn take_char(rest: &mut &[u8]) -> Option<char> {
    let mut units = [take_unit(rest)?, 0];
    let mut count = 1;
    if (0xd800..0xdc00).contains(&units[0]) {
        *rest = rest.strip_prefix(br"\u")?;
        units[1] = take_unit(rest)?;
        count = 2;
    }
    let mut chars = char::decode_utf16(units[..count].iter().copied());
    let char = chars.next()?.ok()?;
    chars.next().is_none().then_some(char)
}

fn take_unit(rest: &mut &[u8]) -> Option<u16> {
    let (digits, after) = rest.split_at_checked(4)?;
    *rest = after;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_escape_is_decoded() {
        let decoded = decode(br#"\"\\\/\b\f\n\r\t\u0000\u20ac\uD83D\uDE00 x"#).expect("whole");
        assert_eq!(*decoded.expose(), "\"\\/\u{8}\u{c}\n\r\t\0\u{20ac}\u{1f600} x".as_bytes());
    }

    #[test]
    fn half_a_pair_is_refused() {
        for half in
            [r"\ud83d", r"\ude00", r"\ud83dx", r"\ud83d\n", r"\ud83d\u0041", r"\ud83d\ud83d"]
        {
            assert!(decode(half.as_bytes()).is_none(), "{half}");
        }
    }
}
