//! One name and value found in an imported text.

use std::fmt;

use crate::Value;

/// A name with its value, and where it stands in the text.
pub struct Entry {
    /// The name, as written.
    pub name: String,
    /// The value, after quotes and escapes.
    pub value: Value,
    /// Line of the assignment that holds, counted from 1.
    pub line: usize,
    /// What the person importing should be told about this entry; mostly empty.
    pub notes: Vec<Note>,
}

/// Something about an entry that is worth a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The name was assigned before, on this line; the last assignment holds.
    Repeats {
        /// Line of the earlier assignment.
        line: usize,
    },
    /// An unquoted `#` follows the text without a space: npm dotenv (and ZMS) start a comment
    /// there, python-dotenv, Docker Compose and shells keep it as part of the value.
    HashWithoutSpace,
    /// The quoting or escapes are read as npm dotenv reads them; python-dotenv reads something
    /// else.
    PythonDiffers,
    /// The value contains `${`, kept as text; python-dotenv and Docker Compose would expand it.
    LooksExpandable,
}

/// Shows everything but the value.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("name", &self.name)
            .field("line", &self.line)
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_the_value() {
        let entry = Entry {
            name: "KEY".into(),
            value: Value::new(b"canary-7f3a".to_vec()),
            line: 3,
            notes: vec![],
        };
        let shown = format!("{entry:?}");
        assert!(shown.contains("KEY"));
        assert!(!shown.contains("canary"));
        assert!(!shown.contains("99, 97, 110"), "not as numbers either: {shown}");
    }
}
