//! What the terminal is, and what its user wants of it.

use std::io::{self, IsTerminal};

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use rustix::termios::tcgetwinsize;

use crate::environment;

/// Whether stdout is a terminal.
pub fn terminal() -> bool {
    io::stdout().is_terminal()
}

/// Columns of the terminal that stdout is; `None` where it is none, or does not tell.
pub fn width() -> Option<usize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Whether bold and colours are wanted: on a terminal, unless NO_COLOR, CLICOLOR=0 or TERM=dumb
/// say otherwise.
pub fn styled(stream: &impl RawStream) -> bool {
    stream.is_terminal() && AutoStream::choice(stream) != ColorChoice::Never && !dumb()
}

/// Whether the terminal can not move its cursor.
pub fn dumb() -> bool {
    environment::raw("TERM").is_some_and(|name| name == "dumb")
}

/// Whether the locale writes more than ASCII.
pub fn unicode() -> bool {
    let chosen = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(environment::raw);
    let first = chosen.into_iter().find(|value| !value.is_empty()).unwrap_or_default();
    let name = first.to_string_lossy().to_ascii_lowercase();
    name.contains("utf-8") || name.contains("utf8")
}
