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
    /// The value contains NUL, which no environment variable can hold.
    Nul,
    /// The value is not UTF-8, and the reader reads text.
    NotUtf8,
    /// No quoting of the reader brings back this mix of characters.
    Quoting,
}

impl Refusal {
    /// What to do about it.
    pub fn hint(&self) -> String {
        let names: Vec<&str> = self.carried_by.iter().map(Format::name).collect();
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
            Reason::Nul => "the value contains a NUL byte",
            Reason::NotUtf8 => "the value is not UTF-8 text",
            Reason::Quoting => {
                "the value mixes quotes, `#`, line breaks and backslashes in a way that no \
                 quoting of its reader brings back"
            }
        })
    }
}
