//! `NAME=value` lines for `docker run --env-file`.
//!
//! There is no quoting at all: what follows the first `=` is the value, to the end of the line.

use crate::Reason;
use crate::output::Output;

/// Longest line that the client's scanner takes, without its line feed.
const MAX_LINE: usize = 65_535;

/// Appends `NAME=value`.
pub(crate) fn push_line(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    let hidden = |first: char| matches!(first, '#' | '\u{feff}') || first.is_whitespace();
    let cut = |char: char| matches!(char, ' ' | '=') || char.is_control();
    if name.is_empty() || name.starts_with(hidden) || name.contains(cut) {
        return Err(Reason::NameCharacters);
    }
    if value.contains(&0) {
        return Err(Reason::Nul);
    }
    if value.contains(&b'\n') {
        return Err(Reason::LineBreak);
    }
    if value.ends_with(b"\r") {
        return Err(Reason::TrailingReturn);
    }
    str::from_utf8(value).map_err(|_| Reason::NotUtf8)?;
    if name.len() + 1 + value.len() > MAX_LINE {
        return Err(Reason::TooLong { limit: MAX_LINE });
    }
    output.push(name.as_bytes());
    output.push(b"=");
    output.push(value);
    output.push(b"\n");
    Ok(())
}
