//! What other tools export: which of them wrote a text, and the secrets in it.
//!
//! A plain file and an export differ by what stands beside the secrets. That is taken for a note, or
//! left out and said. `docs/import.md` has a section for each tool.

mod bitwarden;
mod csv;
mod doppler;
mod dotenvx;
mod error;
mod infisical;
mod onepassword;
mod sealed;
mod sops;
mod vault;

use std::collections::HashMap;

pub use self::{csv::CsvError, error::ImportError};
use crate::json::{self, JsonError};
use crate::tree::{Node, Tree};
use crate::yaml::{self, YamlError};
use crate::{
    Entry, MAX_NAME_BYTES, MAX_VALUE_BYTES, parse_dotenv, parse_json, parse_toml, parse_yaml,
};

/// Most secrets of one file.
pub const MAX_SECRETS: usize = 100_000;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Syntax {
    /// `NAME=VALUE` lines.
    Dotenv,
    /// JSON (RFC 8259).
    Json,
    /// YAML 1.2.
    Yaml,
    /// TOML 1.1.
    Toml,
    /// A heading and rows (RFC 4180).
    Csv,
}

/// A tool whose exports are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tool {
    /// `doppler secrets download`, `doppler secrets --json`.
    Doppler,
    /// `infisical export`.
    Infisical,
    /// `vault kv get`, `bao kv get`.
    Vault,
    /// `op item get`.
    OnePassword,
    /// `bws secret list`, and the export of the web application.
    Bitwarden,
    /// What `sops decrypt` prints.
    Sops,
    /// What `dotenvx decrypt` leaves.
    Dotenvx,
}

impl Tool {
    /// What the tool is called.
    pub const fn name(self) -> &'static str {
        match self {
            Tool::Doppler => "Doppler",
            Tool::Infisical => "Infisical",
            Tool::Vault => "Vault",
            Tool::OnePassword => "1Password",
            Tool::Bitwarden => "Bitwarden Secrets Manager",
            Tool::Sops => "SOPS",
            Tool::Dotenvx => "dotenvx",
        }
    }
}

/// What the caller says a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything that is known: found out by its name and content.
    Anything,
    /// A plain text: no tool is looked for, every name and value is a secret's.
    Plain(Syntax),
    /// The export of this tool.
    Export(Tool),
}

/// One secret of an export.
#[derive(Debug)]
pub struct Imported {
    /// Its name, value and place.
    pub entry: Entry,
    /// What the tool keeps beside it for people; mostly empty.
    pub comment: String,
    /// Whether the value is the JSON text of an object or list.
    pub json: bool,
}

/// Something in an export that is no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// What it is called.
    pub name: String,
    /// Why it is left out.
    pub why: &'static str,
    /// Whether it is the tool's own, so that nothing is lost with it.
    pub own: bool,
}

/// What was found in a text.
#[derive(Debug)]
pub struct Import {
    /// Who wrote it; `None` for a plain file.
    pub tool: Option<Tool>,
    /// The secrets, in order, each name once.
    pub secrets: Vec<Imported>,
    /// What is no secret.
    pub left_out: Vec<LeftOut>,
}

impl Import {
    fn of(tool: Option<Tool>) -> Import {
        Import { tool, secrets: Vec::new(), left_out: Vec::new() }
    }

    fn plain(entries: Vec<Entry>) -> Import {
        let plain = |entry| Imported { entry, comment: String::new(), json: false };
        Import { secrets: entries.into_iter().map(plain).collect(), ..Import::of(None) }
    }

    fn leave_out(&mut self, name: impl Into<String>, why: &'static str) {
        self.left_out.push(LeftOut { name: name.into(), why, own: false });
    }

    /// Leaves out what the tool keeps for itself.
    fn leave_out_own(&mut self, name: impl Into<String>, why: &'static str) {
        self.left_out.push(LeftOut { name: name.into(), why, own: true });
    }

    /// Adds one secret. An object or list is its own JSON text, where the export is JSON.
    fn add(&mut self, name: String, tree: Tree<'_>, comment: &str) -> Result<(), ImportError> {
        if self.secrets.len() == MAX_SECRETS {
            return Err(ImportError::TooMany);
        }
        let line = tree.line;
        let json = tree.is_deep();
        let value = match (tree.node, tree.source) {
            (Node::Text(value), _) => value,
            (Node::Null, _) => return Err(ImportError::NoValue { line, name }),
            (_, Some(source)) => crate::Value::from(source.as_bytes()),
            (_, None) => return Err(ImportError::Nested { line, name }),
        };
        let entry = Entry { name, value, line, notes: vec![] };
        self.secrets.push(Imported { entry, comment: comment.to_owned(), json });
        Ok(())
    }

    /// Removes what is no secret but the tool's own, and says why.
    fn drop_names(&mut self, is_dropped: impl Fn(&str) -> bool, why: &'static str) {
        let (dropped, stay) = std::mem::take(&mut self.secrets)
            .into_iter()
            .partition(|secret| is_dropped(&secret.entry.name));
        self.secrets = stay;
        let dropped: Vec<Imported> = dropped;
        for secret in dropped {
            self.leave_out_own(secret.entry.name.clone(), why);
        }
    }

    fn has(&self, name: &str) -> bool {
        self.secrets.iter().any(|secret| secret.entry.name == name)
    }

    /// Every limit, and every name once.
    fn checked(self) -> Result<Import, ImportError> {
        if self.secrets.len() > MAX_SECRETS {
            return Err(ImportError::TooMany);
        }
        let mut seen: HashMap<&str, usize> = HashMap::with_capacity(self.secrets.len());
        for Imported { entry, .. } in &self.secrets {
            let (line, name) = (entry.line, &entry.name);
            if !(1..=MAX_NAME_BYTES).contains(&name.len()) {
                return Err(ImportError::NameLength { line });
            }
            // EXPOSE: its length only.
            if entry.value.expose().len() > MAX_VALUE_BYTES {
                return Err(ImportError::ValueTooLong { line, name: name.clone() });
            }
            if let Some(first) = seen.insert(name, line) {
                return Err(ImportError::Repeated { line, first, name: name.clone() });
            }
        }
        Ok(self)
    }
}

/// Reads the secrets of a text: all of them, or an error that names the place and shows no value.
///
/// `file_name` is the last part of its path, which may tell how it is written. Nothing is expanded,
/// followed or executed.
///
/// # Errors
/// [`ImportError`].
pub fn import(
    text: &[u8],
    file_name: Option<&str>,
    expected: Expected,
) -> Result<Import, ImportError> {
    if text.starts_with(b"PK\x03\x04") {
        return Err(ImportError::Archive);
    }
    let tool = match expected {
        Expected::Plain(syntax) => return plain(text, syntax)?.checked(),
        Expected::Export(tool) => Some(tool),
        Expected::Anything => None,
    };
    let found = match (syntax(text, file_name), tool) {
        (Syntax::Json, tool) => of_json(text, tool)?,
        (Syntax::Yaml, tool) => of_yaml(text, tool)?,
        (Syntax::Dotenv, tool) => of_names(plain(text, Syntax::Dotenv)?, tool)?,
        (other, tool) => of_names(plain(text, other)?, tool)?,
    };
    sealed::refuse(&found)?;
    found.checked()
}

fn plain(text: &[u8], syntax: Syntax) -> Result<Import, ImportError> {
    Ok(match syntax {
        Syntax::Dotenv => Import::plain(parse_dotenv(text)?),
        Syntax::Json => Import::plain(parse_json(text)?),
        Syntax::Yaml => Import::plain(parse_yaml(text)?),
        Syntax::Toml => Import::plain(parse_toml(text)?),
        Syntax::Csv => csv::parse(text)?,
    })
}

/// How a text is written: its name says it, or else how it begins.
fn syntax(text: &[u8], file_name: Option<&str>) -> Syntax {
    let ending = file_name.and_then(|name| name.rsplit_once('.')).map(|(_, end)| end);
    match ending {
        Some("json") => return Syntax::Json,
        Some("yaml" | "yml") => return Syntax::Yaml,
        Some("toml") => return Syntax::Toml,
        Some("csv") => return Syntax::Csv,
        _ => {}
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    match text {
        [b'{', ..] => Syntax::Json,
        // `[section]` is no list of objects.
        [b'[', rest @ ..] if matches!(rest.trim_ascii_start(), [b'{' | b']' | b'[', ..]) => {
            Syntax::Json
        }
        _ if text.starts_with(b"---\n") || text.starts_with(b"---\r\n") => Syntax::Yaml,
        _ if csv::is_heading(text) => Syntax::Csv,
        _ => Syntax::Dotenv,
    }
}

fn of_json(text: &[u8], tool: Option<Tool>) -> Result<Import, ImportError> {
    let flat = match parse_json(text) {
        Ok(entries) => return of_names(Import::plain(entries), tool),
        Err(error @ JsonError::Utf16) => return Err(error.into()),
        Err(error) => error,
    };
    match json::tree(text) {
        Ok(tree) => match of_tree(tree, tool)? {
            Some(found) => Ok(found),
            None => Err(tool.map_or(flat.into(), ImportError::not_of)),
        },
        // What is no JSON at all is told as it is of a plain file.
        Err(JsonError::Syntax { .. }) => Err(flat.into()),
        Err(error) => Err(error.into()),
    }
}

fn of_yaml(text: &[u8], tool: Option<Tool>) -> Result<Import, ImportError> {
    let flat = match parse_yaml(text) {
        Ok(entries) => return of_names(Import::plain(entries), tool),
        Err(
            error @ (YamlError::Nested { .. } | YamlError::NotMapping | YamlError::Null { .. }),
        ) => error,
        Err(error) => return Err(error.into()),
    };
    match of_tree(yaml::tree(text)?, tool)? {
        Some(found) => Ok(found),
        None => Err(tool.map_or(flat.into(), ImportError::not_of)),
    }
}

/// What a text of one level is: a plain file, unless its names tell a tool.
fn of_names(mut found: Import, tool: Option<Tool>) -> Result<Import, ImportError> {
    let told = doppler::of_names(&mut found)
        || sops::of_names(&mut found)
        || dotenvx::of_names(&mut found);
    if !told && bitwarden::is_single(&found) {
        found = bitwarden::single(found);
    }
    match (tool, found.tool) {
        (Some(Tool::Vault | Tool::OnePassword | Tool::Bitwarden), None) => {
            Err(ImportError::not_of(tool.expect("matched")))
        }
        (Some(wanted), Some(tool)) if wanted != tool => Err(ImportError::not_of(wanted)),
        (Some(wanted), _) => Ok(Import { tool: Some(wanted), ..found }),
        (None, _) => Ok(found),
    }
}

/// Whether a text of several levels is what a tool writes.
type Fits = fn(&Tree<'_>) -> bool;

/// What a text of several levels is; `None` where no tool writes such a one.
fn of_tree(tree: Tree<'_>, wanted: Option<Tool>) -> Result<Option<Import>, ImportError> {
    let shapes: [(Tool, Fits); 6] = [
        (Tool::Vault, vault::fits),
        (Tool::OnePassword, onepassword::fits),
        (Tool::Bitwarden, bitwarden::fits),
        (Tool::Infisical, infisical::fits),
        (Tool::Sops, sops::fits),
        (Tool::Doppler, doppler::fits),
    ];
    let found = shapes.into_iter().find(|(_, fits)| fits(&tree)).map(|(tool, _)| tool);
    let Some(tool) = found else { return Ok(None) };
    if wanted.is_some_and(|wanted| wanted != tool) {
        return Ok(None);
    }
    let mut import = Import::of(Some(tool));
    let read = match tool {
        Tool::Vault => vault::read,
        Tool::OnePassword => onepassword::read,
        Tool::Bitwarden => bitwarden::read,
        Tool::Infisical => infisical::read,
        Tool::Sops => sops::read,
        _ => doppler::read,
    };
    read(tree, &mut import)?;
    Ok(Some(import))
}

/// Whether a tree is a list of objects that all look so; an empty list looks like nothing.
fn all(tree: &Tree<'_>, looks: impl Fn(&Tree<'_>) -> bool) -> bool {
    tree.list().is_some_and(|items| !items.is_empty() && items.iter().all(looks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Note;

    fn error(text: &str) -> ImportError {
        import(text.as_bytes(), None, Expected::Anything).expect_err("must be refused")
    }

    #[test]
    fn a_name_given_twice_and_too_many_names_are_refused() {
        let twice = r#"[{"key":"A","value":"1","_id":"x"},
                        {"key":"A","value":"2","_id":"y"}]"#;
        let repeated = ImportError::Repeated { line: 2, first: 1, name: "A".into() };
        assert_eq!(error(twice), repeated);
        let lines = |count: usize| (0..count).map(|n| format!("K{n}=v\n")).collect::<String>();
        assert_eq!(error(&lines(1_000_000)), ImportError::TooMany);
        let most = import(lines(MAX_SECRETS).as_bytes(), None, Expected::Anything).expect("fits");
        assert_eq!(most.secrets.len(), MAX_SECRETS);
    }

    #[test]
    fn as_many_personal_values_as_shared_ones_take_linear_time() {
        let kinds = ["shared", "personal"];
        let item =
            |n: usize, kind| format!("{{\"key\":\"K{n}\",\"value\":\"v\",\"type\":\"{kind}\"}},");
        let text = |count: usize| {
            let items = kinds.iter().flat_map(|kind| (0..count).map(move |n| item(n, kind)));
            format!(
                "[{}{{\"key\":\"L\",\"value\":\"v\",\"type\":\"personal\"}}]",
                items.collect::<String>()
            )
        };
        let found = import(text(60_000).as_bytes(), None, Expected::Anything).expect("fits");
        assert_eq!((found.secrets.len(), found.left_out.len()), (60_001, 60_000));
        assert_eq!(error(&text(MAX_SECRETS)), ImportError::TooMany);
    }

    #[test]
    fn a_plain_text_is_not_searched_for_tools() {
        let text = b"DOPPLER_PROJECT=a\nDOPPLER_CONFIG=b\nDOPPLER_ENVIRONMENT=c\nA=1\n";
        let plain = import(text, None, Expected::Plain(Syntax::Dotenv)).expect("readable");
        assert_eq!((plain.tool, plain.secrets.len()), (None, 4));
        let found = import(text, None, Expected::Anything).expect("readable");
        assert_eq!((found.tool, found.secrets.len()), (Some(Tool::Doppler), 1));
    }

    #[test]
    fn an_export_of_another_tool_is_not_taken_for_the_one_that_was_named() {
        let vault = br#"{"request_id":"x","lease_id":"","data":{"A":"1"}}"#;
        let taken = |tool| import(vault, None, Expected::Export(tool));
        assert_eq!(taken(Tool::Vault).expect("it is").secrets.len(), 1);
        for other in
            [Tool::Doppler, Tool::Infisical, Tool::OnePassword, Tool::Bitwarden, Tool::Sops]
        {
            let refused = taken(other).expect_err("it is not");
            assert_eq!(refused, ImportError::not_of(other));
        }
        let plain = import(b"A=1\n", None, Expected::Export(Tool::Vault));
        assert_eq!(plain.expect_err("no export"), ImportError::not_of(Tool::Vault));
    }

    #[test]
    fn the_beginning_tells_how_a_text_without_a_name_is_written() {
        let cases = [
            (" {\"A\":1}", Syntax::Json),
            ("[\n{}]", Syntax::Json),
            ("[]", Syntax::Json),
            ("[section]\nA=1", Syntax::Dotenv),
            ("---\nA: 1\n", Syntax::Yaml),
            ("Key,Value\nA,1\n", Syntax::Csv),
            ("A=1\n", Syntax::Dotenv),
            ("", Syntax::Dotenv),
        ];
        for (text, expected) in cases {
            assert_eq!(syntax(text.as_bytes(), None), expected, "{text}");
        }
        assert_eq!(syntax(b"A: 1", Some("a.yml")), Syntax::Yaml);
        assert_eq!(syntax(b"A=1", Some(".env.staging")), Syntax::Dotenv);
    }

    #[test]
    fn notes_of_a_dotenv_reader_are_kept() {
        let found = import(b"A=1\nA=2\n", None, Expected::Anything).expect("readable");
        assert_eq!(found.secrets[0].entry.notes, [Note::Repeats { line: 1 }]);
    }
}
