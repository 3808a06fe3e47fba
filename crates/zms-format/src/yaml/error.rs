//! What is wrong with a YAML file.

/// Why a YAML file was refused. Names places and keys, never text of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum YamlError {
    /// The file starts with a UTF-16 byte order mark.
    #[error("the file is UTF-16 text")]
    Utf16,
    /// Some bytes are not UTF-8.
    #[error("line {line} is not UTF-8 text")]
    NotUtf8 {
        /// Counted from 1.
        line: usize,
    },
    /// A character that YAML does not allow, or that only some readers take for a line break.
    #[error("line {line} holds U+{code:04X}, which YAML readers refuse or read differently")]
    Character {
        /// Counted from 1.
        line: usize,
        /// The character's number.
        code: u32,
    },
    /// The text is not YAML.
    #[error("line {line}, column {column}: not valid YAML")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted in characters from 1.
        column: usize,
    },
    /// Mappings and lists lie more than [`crate::MAX_LEVELS`] deep.
    #[error("line {line}: mappings and lists lie more than 16 levels deep")]
    TooDeep {
        /// Counted from 1.
        line: usize,
    },
    /// There is more in it than an export of a tool holds.
    #[error("the file holds more than a million values")]
    TooMany,
    /// The document is not a mapping, or there is none.
    #[error("the file holds no YAML mapping")]
    NotMapping,
    /// A second document follows.
    #[error("line {line}: a second document starts")]
    Documents {
        /// Counted from 1.
        line: usize,
    },
    /// A key is a list, a mapping or an alias, or has an anchor or a tag.
    #[error("line {line}: the key is not plain text")]
    Key {
        /// Counted from 1.
        line: usize,
    },
    /// A merge key.
    #[error("line {line}: the key << merges another mapping")]
    Merge {
        /// Counted from 1.
        line: usize,
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
    /// A value is a mapping or a list.
    #[error("line {line}: the value of {name:?} is a mapping or a list")]
    Nested {
        /// Counted from 1.
        line: usize,
        /// The key.
        name: String,
    },
    /// A value is null, or there is none.
    #[error("line {line}: the value of {name:?} is null")]
    Null {
        /// Counted from 1.
        line: usize,
        /// The key.
        name: String,
    },
    /// A value is an alias or has an anchor.
    #[error("line {line}: the value of {name:?} is an alias or has an anchor")]
    Alias {
        /// Counted from 1.
        line: usize,
        /// The key.
        name: String,
    },
    /// A value has a tag other than `!!str` and `!!binary`.
    #[error("line {line}: the value of {name:?} has a tag")]
    Tag {
        /// Counted from 1.
        line: usize,
        /// The key.
        name: String,
    },
    /// A value is tagged `!!binary` and is not base64.
    #[error("line {line}: the value of {name:?} is tagged !!binary and is not base64")]
    NotBase64 {
        /// Counted from 1.
        line: usize,
        /// The key.
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

impl YamlError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            YamlError::Utf16 => "save it as UTF-8 and import it again",
            YamlError::TooDeep { .. } => "give one mapping: `NAME: value`, a line each",
            YamlError::TooMany => "import it in parts",
            YamlError::NotUtf8 { .. } => {
                "save it as UTF-8, or give the bytes in base64: NAME: !!binary \"...\""
            }
            YamlError::Character { .. } => {
                "write it as an escape in double quotes, such as \"\\u2028\""
            }
            YamlError::Syntax { .. } => {
                "correct the file at that place; put a value with special characters in quotes"
            }
            YamlError::NotMapping => "give one mapping: NAME: \"value\" on each line",
            YamlError::Documents { .. } => "give each document a file of its own",
            YamlError::Key { .. } => "write the key as plain text or in quotes",
            YamlError::Merge { .. } => "write out what it merges",
            YamlError::Repeated { .. } => "keep one of the two",
            YamlError::Nested { .. } => {
                "give its members names of their own, or the whole as one quoted string"
            }
            YamlError::Null { .. } => {
                "remove the key, use \"\" for an empty value, or quote the word"
            }
            YamlError::Alias { .. } => {
                "write the value itself; put a value that begins with & or * in quotes"
            }
            YamlError::Tag { .. } => "remove the tag; put a value that begins with ! in quotes",
            YamlError::NotBase64 { .. } => "correct the base64, or remove the tag",
            YamlError::NameLength { .. } => "give the key a name of 1 to 255 bytes",
            YamlError::ValueTooLong { .. } => {
                "keep large files elsewhere and store what opens them"
            }
        }
    }
}
