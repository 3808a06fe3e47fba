//! What is wrong with a TOML file.

/// Why a TOML file was refused. Names places and keys, never text of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TomlError {
    /// The file starts with a UTF-16 byte order mark.
    #[error("the file is UTF-16 text")]
    Utf16,
    /// Some bytes are not UTF-8.
    #[error("line {line} is not UTF-8 text")]
    NotUtf8 {
        /// Counted from 1.
        line: usize,
    },
    /// There is more in it than any file of secrets holds.
    #[error("the file holds more than a million values")]
    TooMany,
    /// The text is longer than what is read.
    #[error("the file is larger than 16 MiB")]
    TooLarge,
    /// The text is not TOML.
    #[error("line {line}, column {column}: not valid TOML")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted in bytes from 1.
        column: usize,
    },
    /// A key appears twice.
    #[error("line {line}: the key {name:?} appears twice, first on line {first}")]
    Repeated {
        /// Line of the second, counted from 1.
        line: usize,
        /// Line of the first.
        first: usize,
        /// The key.
        name: String,
    },
    /// A value is a table or an array, or a key is dotted, which makes a table.
    #[error("line {line}: {name:?} is a table or an array")]
    Nested {
        /// Counted from 1.
        line: usize,
        /// The key, up to its first dot.
        name: String,
    },
    /// A key is empty or longer than [`crate::MAX_NAME_BYTES`].
    #[error("line {line}: the key is empty or longer than 255 bytes")]
    NameLength {
        /// Counted from 1.
        line: usize,
    },
    /// A value is longer than [`crate::MAX_VALUE_BYTES`].
    #[error("line {line}: the value of {name:?} is longer than 1 MiB")]
    ValueTooLong {
        /// Counted from 1.
        line: usize,
        /// The key.
        name: String,
    },
}

impl TomlError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            TomlError::Utf16 => "save it as UTF-8 and import it again",
            TomlError::NotUtf8 { .. } => {
                "save it as UTF-8; for bytes that are no text use NAME=VALUE lines and --format dotenv"
            }
            TomlError::TooLarge => "import it in parts, or as JSON",
            TomlError::TooMany => "import it in parts",
            TomlError::Syntax { .. } => {
                "correct the file at that place; text needs quotes: NAME = \"value\""
            }
            TomlError::Repeated { .. } => "keep one of the two",
            TomlError::Nested { .. } => {
                "give its members names of their own; quote a name with a dot: \"A.B\" = \"value\""
            }
            TomlError::NameLength { .. } => "give the key a name of 1 to 255 bytes",
            TomlError::ValueTooLong { .. } => {
                "keep large files elsewhere and store what opens them"
            }
        }
    }
}
