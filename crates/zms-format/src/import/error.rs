//! Why an export was refused.

use super::{CsvError, Tool};
use crate::{JsonError, ParseError, TomlError, YamlError};

/// Why a text was refused. Names places and keys, never text of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It is no dotenv text.
    #[error(transparent)]
    Dotenv(#[from] ParseError),
    /// It is no JSON, or of a form that no known tool writes.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is no YAML, or of a form that no known tool writes.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// It is no TOML.
    #[error(transparent)]
    Toml(#[from] TomlError),
    /// It is no CSV.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// A packed archive, as 1Password's 1PUX is.
    #[error("the file is a packed archive, such as 1Password's 1PUX")]
    Archive,
    /// It is not what that tool writes.
    #[error("the file is no export of {}", tool.name())]
    NotOf {
        /// The tool that was named.
        tool: Tool,
    },
    /// A value is still encrypted by the tool.
    #[error("line {line}: the value of {name:?} is still encrypted by {}", tool.name())]
    Sealed {
        /// Counted from 1.
        line: usize,
        /// The name.
        name: String,
        /// Who can decrypt it.
        tool: Tool,
    },
    /// The export says that the value is not in it.
    #[error("line {line}: the export has no value for {name:?}")]
    NoValue {
        /// Counted from 1.
        line: usize,
        /// The name.
        name: String,
    },
    /// What was exported has been deleted there.
    #[error("line {line}: that version was deleted: the export holds no secrets")]
    Deleted {
        /// Counted from 1.
        line: usize,
    },
    /// A value is a mapping or a list.
    #[error("line {line}: the value of {name:?} is a mapping or a list")]
    Nested {
        /// Counted from 1.
        line: usize,
        /// The name.
        name: String,
    },
    /// Two secrets have one name.
    #[error("line {line}: {name:?} stood on line {first} already")]
    Repeated {
        /// Line of the second, counted from 1.
        line: usize,
        /// Line of the first.
        first: usize,
        /// The name.
        name: String,
    },
    /// More than [`super::MAX_SECRETS`].
    #[error("the file holds more than 100000 secrets")]
    TooMany,
    /// A name is empty or longer than [`crate::MAX_NAME_BYTES`].
    #[error("line {line}: the name is empty or longer than 255 bytes")]
    NameLength {
        /// Counted from 1.
        line: usize,
    },
    /// A value is longer than [`crate::MAX_VALUE_BYTES`].
    #[error("line {line}: the value of {name:?} is longer than 1 MiB")]
    ValueTooLong {
        /// Counted from 1.
        line: usize,
        /// The name.
        name: String,
    },
}

impl ImportError {
    pub(super) const fn not_of(tool: Tool) -> ImportError {
        ImportError::NotOf { tool }
    }

    /// What to do about it. `file` is what the user calls the file.
    pub fn hint(&self, file: &str) -> String {
        let hint = match self {
            ImportError::Dotenv(error) => error.hint(),
            ImportError::Json(error) => error.hint(),
            ImportError::Yaml(error) => error.hint(),
            ImportError::Toml(error) => error.hint(),
            ImportError::Csv(error) => error.hint(),
            ImportError::Archive => {
                "import items one by one: `op item get NAME --format json | zms import -`"
            }
            ImportError::NotOf { tool } => return made(*tool),
            ImportError::Sealed { tool: Tool::Dotenvx, .. } => {
                return format!(
                    "decrypt it first: `dotenvx decrypt -f {file} --stdout | zms import -`"
                );
            }
            ImportError::Sealed { .. } => {
                // On a pipe nothing but the option says that it is YAML.
                let name = file.trim_end_matches('\'');
                let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
                let format = if yaml { " --format yaml" } else { "" };
                return format!("decrypt it first: `sops decrypt {file} | zms import -{format}`");
            }
            ImportError::NoValue { .. } => {
                "export it as somebody who may read the value, or take it out of the file"
            }
            ImportError::Deleted { .. } => "export a version that is there: `-version=N`",
            ImportError::Nested { .. } => {
                "give its members names of their own, or the whole as one quoted string"
            }
            ImportError::Repeated { .. } => {
                "export them one by one, each into its own place with `-p`, `-e` and `-s`"
            }
            ImportError::TooMany => "import it in parts",
            ImportError::NameLength { .. } => "give it a name of 1 to 255 bytes",
            ImportError::ValueTooLong { .. } => {
                "keep large files elsewhere and store what opens them"
            }
        };
        hint.to_owned()
    }
}

/// How a tool's export is made.
fn made(tool: Tool) -> String {
    let command = match tool {
        Tool::Doppler => "doppler secrets download --no-file --format json",
        Tool::Infisical => "infisical export --format=json",
        Tool::Vault => "vault kv get -format=json PATH",
        Tool::OnePassword => "op item get NAME --format json",
        Tool::Bitwarden => "bws secret list PROJECT_ID",
        Tool::Sops => "sops decrypt FILE",
        Tool::Dotenvx => "dotenvx decrypt -f FILE --stdout",
    };
    format!("make one with `{command}`")
}
