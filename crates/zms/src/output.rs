//! The one place that prints: data to stdout, everything else to stderr.

mod progress;
mod table;
mod terminal;

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use clap::builder::StyledStr;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags},
};
use serde::Serialize;

pub use self::{
    progress::Progress,
    terminal::{dumb, terminal, width},
};

use crate::exit::{Failure, Outcome};

/// Version of every `--json` answer.
const JSON_VERSION: u32 = 1;

/// Where a command's words go.
#[derive(Clone, Copy)]
pub struct Output {
    /// Whether data is wanted as JSON.
    pub json: bool,
    /// Whether remarks are wanted.
    pub quiet: bool,
}

#[derive(Serialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    data: T,
}

impl Output {
    /// As the flags say.
    pub fn new(json: bool, quiet: bool) -> Self {
        progress::allow(!json && !quiet);
        Self { json, quiet }
    }

    /// Writes data as it is.
    pub fn data(self, bytes: &[u8]) -> Outcome {
        print(bytes)
    }

    /// Writes one line of data.
    pub fn line(self, line: &str) -> Outcome {
        self.data(format!("{}\n", shown(line)).as_bytes())
    }

    /// Writes versioned JSON.
    pub fn json(self, data: impl Serialize) -> Outcome {
        let mut text = zeroize::Zeroizing::new(Vec::new());
        serde_json::to_writer_pretty(&mut *text, &Versioned { version: JSON_VERSION, data })
            .map_err(Failure::other)?;
        text.push(b'\n');
        self.data(&ascii_where_risky(&text))
    }

    /// Writes versioned JSON as one line, for answers without an end.
    pub fn json_line(self, data: impl Serialize) -> Outcome {
        let mut text = serde_json::to_vec(&Versioned { version: JSON_VERSION, data })
            .map_err(Failure::other)?;
        text.push(b'\n');
        self.data(&ascii_where_risky(&text))
    }

    /// Writes text that another program reads: exactly, except on a terminal.
    pub fn text(self, bytes: &[u8]) -> Outcome {
        match std::str::from_utf8(bytes) {
            Ok(text) if terminal() => self.data(shown(text).as_bytes()),
            _ => self.data(bytes),
        }
    }

    /// Writes rows as columns. On a terminal they stand under a heading and fit its width; into
    /// a pipe goes every cell in full.
    pub fn table(self, heading: &[&str], rows: &[Vec<String>]) -> Outcome {
        let text = if terminal() {
            let style = terminal::styled(&io::stdout());
            table::fitted(heading, rows, width().unwrap_or(usize::MAX), style)
        } else {
            table::plain(heading.len(), rows)
        };
        self.data(text.as_bytes())
    }

    /// Writes commands to whoever reads stderr: exactly, and an error where they can not be written.
    pub fn commands(self, bytes: &[u8]) -> Outcome {
        progress::aside(|| io::stderr().lock().write_all(bytes)).map_err(|error| unwritten(&error))
    }

    /// Says something beside the data.
    pub fn note(self, text: impl std::fmt::Display) {
        if !self.quiet {
            aside(format_args!("{}", shown(&text.to_string())));
        }
    }

    /// Says something that must not be missed.
    pub fn warn(self, text: impl std::fmt::Display) {
        label("warning:", AnsiColor::Yellow.on_default(), &text.to_string());
    }
}

/// One line of columns; a cell that is too wide moves those behind it.
pub fn padded(cells: &[String], widths: &[usize]) -> String {
    table::line(cells, widths, |cell| cell.chars().count())
}

/// Waits, and tells whether nobody reads stdout any more.
pub fn closed_within(milliseconds: u32) -> bool {
    let stdout = io::stdout();
    let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
    let seconds = i64::from(milliseconds / 1000);
    let nanoseconds = i64::from(milliseconds % 1000) * 1_000_000;
    let timeout = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let woken = poll(&mut watched, Some(&timeout)).unwrap_or(0);
    woken > 0 && watched[0].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL)
}

/// Says nothing from now on: what is printed is another program's to read, on a terminal or not.
pub fn silence() {
    let nowhere = rustix::fs::open("/dev/null", OFlags::WRONLY, Mode::empty());
    if let Ok(nowhere) = nowhere {
        // What can not be silenced speaks: it is no reason to stop.
        let _speaks = rustix::stdio::dup2_stderr(nowhere);
    }
}

fn print(bytes: &[u8]) -> Outcome {
    progress::aside(|| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| unwritten(&error))
    })
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::other(format!("the output can not be written: {}", crate::home::plain(error)))
}

/// Words that nobody can read are no reason to stop half way.
fn aside(line: std::fmt::Arguments<'_>) {
    progress::aside(|| drop(writeln!(io::stderr().lock(), "{line}")));
}

/// A line behind a word that says what it is; the colour says no more than the word.
fn label(word: &str, style: Style, text: &str) {
    let style = if terminal::styled(&io::stderr()) { style } else { Style::new() };
    aside(format_args!("{style}{word}{style:#} {}", shown(text)));
}

/// Shows a failure.
pub fn fail(failure: &Failure) {
    label("error:", AnsiColor::Red.on_default().bold(), &failure.message);
    if let Some(hint) = &failure.hint {
        for hint in hint.split("\nhint: ") {
            label("hint:", AnsiColor::Cyan.on_default(), hint);
        }
    }
}

/// Shows help that was asked for.
pub fn page(help: &StyledStr) -> Outcome {
    let styled = terminal::styled(&io::stdout());
    print(dressed(help, styled).as_bytes())
}

/// Shows help, or a word about it, where a command line was refused.
pub fn refusal(help: &StyledStr) {
    let text = dressed(help, terminal::styled(&io::stderr()));
    // What clap writes ends its last line itself.
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

fn dressed(help: &StyledStr, styled: bool) -> String {
    if styled { help.ansi().to_string() } else { help.to_string() }
}

/// JSON that says the same with `\\u` escapes for what would drive a terminal; control characters
/// are escaped already.
fn ascii_where_risky(json: &[u8]) -> zeroize::Zeroizing<Vec<u8>> {
    let text = std::str::from_utf8(json).expect("JSON is UTF-8");
    let mut safe = zeroize::Zeroizing::new(Vec::with_capacity(json.len() * 2));
    for char in text.chars() {
        if risky(char) {
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                safe.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
        } else {
            safe.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    safe
}

/// Whether a character would drive or disguise what a terminal shows. Line breaks and tabs do not.
fn risky(char: char) -> bool {
    (char.is_control() && char != '\n' && char != '\t')
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(char, '\u{2066}'..='\u{2069}')
}

/// Text with control and bidirectional characters escaped, so that a name or value can not drive
/// the terminal it is shown on. Line breaks stay.
pub fn shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        if risky(char) { safe.extend(char.escape_unicode()) } else { safe.push(char) }
    }
    safe
}

/// As [`shown`], on one line.
pub fn shown_word(text: &str) -> String {
    shown(text).replace('\n', "\\n").replace('\t', "\\t")
}

#[cfg(test)]
mod tests {
    use super::{shown, shown_word};

    #[test]
    fn a_word_stays_on_its_line() {
        assert_eq!(shown_word("a\nb\tc\x07"), "a\\nb\\tc\\u{7}");
    }

    #[test]
    fn what_would_drive_a_terminal_is_escaped() {
        assert_eq!(shown("a\x1b[2Jb\u{202e}c\n"), "a\\u{1b}[2Jb\\u{202e}c\n");
    }
}
