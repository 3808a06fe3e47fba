//! What is wrong with a dotenv file.

/// Why a dotenv file was refused. Names lines and keys, never text of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The file starts with a UTF-16 byte order mark.
    #[error("the file is UTF-16 text")]
    Utf16,
    /// A line that is neither blank nor a comment assigns nothing.
    #[error("line {line} is not NAME=VALUE")]
    NotAssignment {
        /// Counted from 1.
        line: usize,
    },
    /// A name holds bytes that are not UTF-8.
    #[error("the name on line {line} is not UTF-8 text")]
    NameNotUtf8 {
        /// Counted from 1.
        line: usize,
    },
    /// There is more in it than any file of secrets holds.
    #[error("the file holds more than a million values")]
    TooMany,
    /// A name is longer than [`crate::MAX_NAME_BYTES`].
    #[error("the name on line {line} is longer than 255 bytes")]
    NameTooLong {
        /// Counted from 1.
        line: usize,
    },
    /// A quoted value has no end.
    #[error("line {line}: the value of {name} opens with {quote} and nothing closes it")]
    Unterminated {
        /// Line of the opening quote, counted from 1.
        line: usize,
        /// Key of the value.
        name: String,
        /// The opening quote.
        quote: char,
    },
    /// Text follows the closing quote.
    #[error("line {line}: the value of {name} goes on after its closing {quote}")]
    TextAfterQuote {
        /// Line of the opening quote, counted from 1.
        line: usize,
        /// Key of the value.
        name: String,
        /// The opening quote.
        quote: char,
    },
    /// A quoted value holds its own quote and a `#`; npm dotenv would silently cut it there.
    #[error("line {line}: the value of {name} holds both {quote} and # between {quote} quotes")]
    HashAmongQuotes {
        /// Line of the opening quote, counted from 1.
        line: usize,
        /// Key of the value.
        name: String,
        /// The opening quote.
        quote: char,
    },
    /// A value is longer than [`crate::MAX_VALUE_BYTES`].
    #[error("line {line}: the value of {name} is longer than 1 MiB")]
    ValueTooLong {
        /// Counted from 1.
        line: usize,
        /// Key of the value.
        name: String,
    },
}

impl ParseError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            ParseError::Utf16 => "save it as UTF-8 and import it again",
            ParseError::NotAssignment { .. } => {
                "put # before a comment, = after a name, and quotes around a value of several lines"
            }
            ParseError::NameNotUtf8 { .. } => "save the file as UTF-8, or rename the key",
            ParseError::TooMany => "import it in parts",
            ParseError::NameTooLong { .. } => {
                "shorten it; if it is part of a value, put quotes around that value"
            }
            ParseError::Unterminated { .. } => {
                "close the quote, or put another kind (' \" `) around the whole value"
            }
            ParseError::TextAfterQuote { .. } | ParseError::HashAmongQuotes { .. } => {
                "put another kind of quote (' \" `) around the whole value"
            }
            ParseError::ValueTooLong { .. } => {
                "keep large files elsewhere and store what opens them; or look for a missing quote"
            }
        }
    }
}
