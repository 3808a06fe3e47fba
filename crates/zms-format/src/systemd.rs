//! `NAME="value"` lines for systemd's `EnvironmentFile=`.
//!
//! Between double quotes a backslash escapes `"`, `\`, `` ` `` and `$`, and hides a line feed;
//! nothing is expanded (systemd.exec(5)).

use crate::Reason;
use crate::output::Output;
use crate::shell::is_identifier;

/// Longest `NAME=value` that an environment holds, without its NUL (Linux `MAX_ARG_STRLEN`).
const MAX_ENTRY: usize = 131_071;

/// Appends `NAME="value"`.
pub(crate) fn push_line(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    if !is_identifier(name) {
        return Err(Reason::NameCharacters);
    }
    if value.contains(&0) {
        return Err(Reason::Nul);
    }
    str::from_utf8(value).map_err(|_| Reason::NotUtf8)?;
    if name.len() + 1 + value.len() > MAX_ENTRY {
        return Err(Reason::TooLong { limit: MAX_ENTRY });
    }
    output.push(name.as_bytes());
    output.push(b"=\"");
    output.push_escaped(value, |byte| match byte {
        b'"' => Some(br#"\""#.as_slice()),
        b'\\' => Some(br"\\".as_slice()),
        b'`' => Some(br"\`".as_slice()),
        b'$' => Some(br"\$".as_slice()),
        _ => None,
    });
    output.push(b"\"\n");
    Ok(())
}
