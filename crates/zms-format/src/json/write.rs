//! Writes members of a JSON object.

use crate::Reason;
use crate::output::Output;

/// Appends `  "name": "value"`, without a comma.
pub(crate) fn push_member(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    str::from_utf8(value).map_err(|_| Reason::NotUtf8)?;
    output.push(b"  ");
    push_string(output, name.as_bytes());
    output.push(b": ");
    push_string(output, value);
    Ok(())
}

fn push_string(output: &mut Output, text: &[u8]) {
    output.push(b"\"");
    output.push_escaped(text, |byte| match byte {
        b'"' => Some(br#"\""#),
        b'\\' => Some(br"\\"),
        0..0x20 => Some(CONTROLS[usize::from(byte)]),
        _ => None,
    });
    output.push(b"\"");
}

/// Escapes of the control characters, which RFC 8259 section 7 does not allow bare.
#[rustfmt::skip]
const CONTROLS: [&[u8]; 32] = [
    br"\u0000", br"\u0001", br"\u0002", br"\u0003", br"\u0004", br"\u0005", br"\u0006", br"\u0007",
    br"\b",     br"\t",     br"\n",     br"\u000b", br"\f",     br"\r",     br"\u000e", br"\u000f",
    br"\u0010", br"\u0011", br"\u0012", br"\u0013", br"\u0014", br"\u0015", br"\u0016", br"\u0017",
    br"\u0018", br"\u0019", br"\u001a", br"\u001b", br"\u001c", br"\u001d", br"\u001e", br"\u001f",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ascii_character_is_read_back_by_serde_json() {
        let all: String = (0..0x80u8).map(char::from).collect();
        let mut output = Output::default();
        push_string(&mut output, all.as_bytes());
        let read: String = serde_json::from_slice(&output.finish()).expect("valid JSON");
        assert_eq!(read, all);
    }
}
