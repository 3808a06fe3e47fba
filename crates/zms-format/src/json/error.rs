//! What is wrong with a JSON file.

/// Why a JSON file was refused. Names places and keys, never text of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The file starts with a UTF-16 byte order mark.
    #[error("the file is UTF-16 text")]
    Utf16,
    /// The text is not JSON.
    #[error("line {line}, column {column}: not valid JSON")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted in bytes from 1.
        column: usize,
    },
    /// The text is JSON, but not an object.
    #[error("the file holds no JSON object")]
    NotObject,
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
    /// A value is an object or an array.
    #[error("line {line}: the value of {name:?} is an object or a list")]
    Nested {
        /// Counted from 1.
        line: usize,
        /// The key.
        name: String,
    },
    /// A value is null.
    #[error("line {line}: the value of {name:?} is null")]
    Null {
        /// Counted from 1.
        line: usize,
        /// The key.
        name: String,
    },
    /// A string escapes half of a UTF-16 surrogate pair.
    #[error("line {line}: the value of {name:?} holds half a surrogate pair")]
    LoneSurrogate {
        /// Counted from 1.
        line: usize,
        /// The key.
        name: String,
    },
    /// Objects and lists lie more than [`crate::MAX_LEVELS`] deep.
    #[error("line {line}: objects and lists lie more than 16 levels deep")]
    TooDeep {
        /// Counted from 1.
        line: usize,
    },
    /// There is more in it than an export of a tool holds.
    #[error("the file holds more than a million values")]
    TooMany,
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

impl JsonError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            JsonError::Utf16 => "save it as UTF-8 and import it again",
            JsonError::Syntax { .. } => "correct the file at that place",
            JsonError::NotObject => "give one object: {\"NAME\": \"value\", ...}",
            JsonError::Repeated { .. } => "keep one of the two",
            JsonError::Nested { .. } => {
                "give its members names of their own, or the whole as one quoted string"
            }
            JsonError::Null { .. } => "remove the key, or use \"\" for an empty value",
            JsonError::LoneSurrogate { .. } => "write the whole pair, or the character itself",
            JsonError::TooDeep { .. } => "give one object: {\"NAME\": \"value\", ...}",
            JsonError::TooMany => "import it in parts",
            JsonError::NameLength { .. } => "give the key a name of 1 to 255 bytes",
            JsonError::ValueTooLong { .. } => {
                "keep large files elsewhere and store what opens them"
            }
        }
    }
}
