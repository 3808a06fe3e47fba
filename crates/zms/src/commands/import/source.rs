//! One file as it was read: its secrets under checked names, and what is to be said of it.

use std::{collections::BTreeMap, path::Path};

use zms_core::{
    path::SecretName,
    record::{MAX_NOTE, MAX_VALUE},
};
use zms_format::{Entry, Expected, Imported, Note, Tool, import};

use zeroize::Zeroizing;

use super::original::Original;
use crate::{
    exit::{Failure, Outcome},
    files,
    output::{Output, shown_word},
    session::secret_name,
};

/// Secrets by name.
pub(super) type Secrets = BTreeMap<SecretName, Imported>;

/// A file that was read.
pub(super) struct Source {
    /// The file itself.
    pub(super) original: Original,
    /// The tool that wrote it.
    pub(super) tool: Option<Tool>,
    /// Its secrets.
    pub(super) secrets: Secrets,
}

impl Source {
    /// Reads a file that the user named, or stdin for `-`.
    pub(super) fn read(file: &Path, expected: Expected, output: Output) -> Outcome<Self> {
        Self::of(file, files::read(file)?, expected, output)
    }

    /// Reads a text that is at hand. Nothing of it is taken where something in it is wrong.
    pub(super) fn of(
        file: &Path,
        text: Zeroizing<Vec<u8>>,
        expected: Expected,
        output: Output,
    ) -> Outcome<Self> {
        let shown = shown(file);
        let name = file.file_name().and_then(|name| name.to_str()).filter(|name| *name != "-");
        let read = import(&text, name, expected).map_err(|why| {
            Failure::usage(format!("{shown}: {why}")).hint(why.hint(&in_a_shell(&shown)))
        })?;
        if let Some(tool) = read.tool {
            output.note(format!("{shown} is an export of {}", tool.name()));
        }
        let mut original = Original::new(file, text);
        for left in &read.left_out {
            let name = shown_word(&left.name);
            output.warn(format!("{name} in {shown} is left out: it {}", left.why));
            if !left.own {
                original.lacks(&name, "left out");
            }
        }
        let mut secrets = Secrets::new();
        for mut secret in read.secrets {
            for note in &secret.entry.notes {
                let line = secret.entry.line;
                output.warn(format!("{shown} line {line}: {}", tale(&secret.entry, *note)));
                if let Some(why) = lost(*note) {
                    original.lacks(&secret.entry.name, why);
                }
            }
            let name = secret_name(&secret.entry.name)?;
            // EXPOSE: its length only.
            if secret.entry.value.expose().len() > MAX_VALUE {
                return Err(Failure::usage(format!("the value of {name} is larger than 1 MiB")));
            }
            if secret.comment.len() > MAX_NOTE {
                output.warn(format!("the note of {name} is longer than 4096 bytes, and left out"));
                original.lacks(&format!("the note of {name}"), "left out");
                secret.comment.clear();
            }
            secrets.insert(name, secret);
        }
        Ok(Self { original, tool: read.tool, secrets })
    }
}

/// What messages call a file.
pub(super) fn shown(file: &Path) -> String {
    if file == Path::new("-") {
        return "stdin".to_owned();
    }
    file.display().to_string()
}

/// A file's name as a shell must be given it, for a command that may be copied.
fn in_a_shell(shown: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte);
    if shown == "stdin" {
        return "FILE".to_owned();
    }
    if shown.bytes().all(plain) {
        return shown.to_owned();
    }
    String::from_utf8_lossy(&zms_format::shell_quote(shown.as_bytes())).into_owned()
}

/// Why something that a reader noted is not in the vault, where it may have been meant.
fn lost(note: Note) -> Option<&'static str> {
    match note {
        Note::Repeats { .. } => Some("given twice, and the last one counts"),
        Note::HashWithoutSpace => Some("taken for a comment from its # on"),
        _ => None,
    }
}

fn tale(entry: &Entry, note: Note) -> String {
    let name = &entry.name;
    match note {
        Note::Repeats { line } => {
            format!("{name} stood on line {line} already; the last one counts")
        }
        Note::HashWithoutSpace => format!(
            "{name} has a # without a space before it: what follows is taken for a comment, as npm \
             dotenv does; put the value in quotes if it belongs to it"
        ),
        Note::PythonDiffers => {
            format!("{name} is read as npm dotenv reads it; python-dotenv reads it differently")
        }
        Note::LooksExpandable => {
            format!("{name} contains ${{: it is kept as it is, other programs would expand it")
        }
        _ => format!("{name} is read differently by other programs"),
    }
}
