//! A pair that a format can not carry.

use std::fmt;

use crate::Format;

/// Which pair was refused, why, and what would carry it. Never holds any part of the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{format} can not carry {name:?}: {reason}")]
#[non_exhaustive]
pub struct Refusal {
    /// Name of the pair.
    pub name: String,
    /// The format asked for.
    pub format: Format,
    /// What stands in the way.
    pub reason: Reason,
    /// Formats that carry this very pair exactly; empty when none does.
    pub carried_by: Vec<Format>,
}

/// Why a format can not carry a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The name appears twice in what is to be written.
    NameRepeated,
    /// The reader accepts no name with these characters.
    NameCharacters,
    /// `__proto__` sets a prototype in JavaScript instead of a variable.
    NamePrototype,
    /// The shell sets, freezes or runs this variable itself.
    NameOfTheShell,
    /// The reader keeps this name for itself, or takes it for something else.
    NameReserved,
    /// Windows takes it for the same variable as another name here.
    NameCase,
    /// The value contains NUL, which no environment variable can hold.
    Nul,
    /// The value is not UTF-8, and the reader reads text.
    NotUtf8,
    /// The reader turns text into Unicode normal form C, which the value is not.
    NotNormal,
    /// The reader takes an empty value for none.
    Empty,
    /// The reader's values are single lines.
    LineBreak,
    /// The reader takes a carriage return at the end of a line for part of the line break.
    TrailingReturn,
    /// The value, with its name where both stand on one line, is longer than the reader takes.
    TooLong {
        /// The most it takes.
        limit: usize,
    },
    /// The values up to this one are more than the reader takes together.
    Total,
    /// No quoting of the reader brings back this mix of characters.
    Quoting,
}

/// How many formats a hint names.
const MOST_NAMED: usize = 4;

impl Refusal {
    /// What to do about it.
    pub fn hint(&self) -> String {
        let names: Vec<&str> = self.carried_by.iter().map(Format::name).take(MOST_NAMED).collect();
        match (names.as_slice(), self.reason) {
            ([], Reason::NameRepeated) => "give every name once".into(),
            ([], _) => "leave it out, or store it base64-encoded".into(),
            ([only], _) => format!("use --format {only}"),
            ([first @ .., last], _) => format!("use --format {} or {last}", first.join(", ")),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NameRepeated => "the name is given twice",
            Reason::NameCharacters => "its reader does not accept such a name",
            Reason::NamePrototype => "JavaScript gives this name another meaning",
            Reason::NameOfTheShell => "the shell sets, freezes or runs this variable itself",
            Reason::NameReserved => "its reader keeps this name for itself",
            Reason::NameCase => "on Windows this is the same variable as another one here",
            Reason::Nul => "the value contains a NUL byte",
            Reason::NotUtf8 => "the value is not UTF-8 text",
            Reason::NotNormal => {
                "the value is not in Unicode normal form C, into which its reader turns it"
            }
            Reason::Empty => "its reader takes an empty value for no variable at all",
            Reason::LineBreak => "the value has a line break",
            Reason::TrailingReturn => "the value ends in a carriage return",
            Reason::TooLong { limit } => {
                return write!(f, "it is longer than the {limit} bytes that its reader takes");
            }
            Reason::Total => "with it the values are more than one Secret holds (1 MiB)",
            Reason::Quoting => {
                "the value mixes quotes, `#`, line breaks and backslashes in a way that no \
                 quoting of its reader brings back"
            }
        })
    }
}
