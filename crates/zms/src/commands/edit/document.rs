//! The text that is edited, and what the user made of it.

use std::collections::BTreeMap;

use zeroize::Zeroizing;
use zms_core::{
    change::write::Edit,
    path::{ScopePath, SecretName},
    record::{MAX_VALUE, Payload, ValueKind},
};
use zms_crypto::SecretBytes;
use zms_format::{Entry, Format, Note, parse_dotenv, parse_json, parse_toml, parse_yaml, write};

use crate::{
    environment,
    exit::{Failure, Outcome},
    session::secret_name,
};

/// How the text is written.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// NAME=VALUE lines, as npm dotenv reads them
    Dotenv,
    /// One YAML mapping
    Yaml,
    /// One TOML table
    Toml,
    /// One JSON object
    Json,
}

impl Form {
    /// How a file of it is called.
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Dotenv => "env",
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::Json => "json",
        }
    }

    const fn format(self) -> Format {
        match self {
            Self::Dotenv => Format::Dotenv,
            Self::Yaml => Format::Yaml,
            Self::Toml => Format::Toml,
            Self::Json => Format::Json,
        }
    }

    fn parse(self, text: &[u8]) -> Outcome<Vec<Entry>> {
        let wrong = |why: String, hint: &str| Failure::usage(why).hint(hint);
        match self {
            Self::Dotenv => parse_dotenv(text).map_err(|it| wrong(it.to_string(), it.hint())),
            Self::Yaml => parse_yaml(text).map_err(|it| wrong(it.to_string(), it.hint())),
            Self::Toml => parse_toml(text).map_err(|it| wrong(it.to_string(), it.hint())),
            Self::Json => parse_json(text).map_err(|it| wrong(it.to_string(), it.hint())),
        }
    }
}

/// What the user did to a secret.
pub(super) enum Change {
    Put(SecretBytes),
    Remove,
}

/// All that was done, by name.
pub(super) type Changes = BTreeMap<SecretName, Change>;

impl Change {
    /// The change as one of the vault: kind and note stay, an expiry was that of the old value.
    pub(super) fn edit(&self, name: &SecretName, held: Option<&Payload>) -> Edit {
        match self {
            Self::Remove => Edit::Remove(name.clone()),
            Self::Put(value) => Edit::Put(Payload {
                name: name.clone(),
                // EXPOSE: a change that lost a race is prepared again, from the same value.
                value: SecretBytes::from(value.expose().as_slice()),
                kind: held.map_or(ValueKind::Secret, |held| held.kind),
                note: held.map(|held| held.note.clone()).unwrap_or_default(),
                created_at: environment::now(),
                expires_at: None,
            }),
        }
    }
}

/// The secrets that are shown, and those that are not.
pub(super) struct Document {
    path: ScopePath,
    form: Form,
    shown: BTreeMap<SecretName, SecretBytes>,
    /// Why each of the others is left out, where that is not because others were named.
    hidden: BTreeMap<SecretName, Option<String>>,
}

impl Document {
    /// What there is to edit: those that are named, or all. Text only; files, references and bytes
    /// stay as they are.
    pub(super) fn of(
        path: &ScopePath,
        held: &BTreeMap<SecretName, Payload>,
        names: &[SecretName],
        form: Option<Form>,
    ) -> Outcome<Self> {
        let (mut shown, mut hidden) = (BTreeMap::new(), BTreeMap::new());
        for (name, payload) in held {
            // EXPOSE: the user asked to edit it.
            let value = payload.value.expose();
            let named = names.is_empty() || names.contains(name);
            match unfit(payload) {
                None if named => {
                    shown.insert(name.clone(), SecretBytes::from(value.as_slice()));
                }
                Some(why) if named && !names.is_empty() => {
                    return Err(Failure::usage(format!("{name} is {why}")).hint(format!(
                        "set it with `zms set {name} --file FILE` or `--ref PATH`"
                    )));
                }
                why => {
                    hidden.insert(name.clone(), why.filter(|_| named));
                }
            }
        }
        let mut document = Self { path: path.clone(), form: Form::Dotenv, shown, hidden };
        let forms = form.map_or(vec![Form::Dotenv, Form::Toml, Form::Json], |form| vec![form]);
        for (at, form) in forms.iter().enumerate() {
            document.form = *form;
            match document.text(&Changes::new()) {
                Ok(_) => break,
                Err(failure) if at + 1 == forms.len() => return Err(failure),
                Err(_) => {}
            }
        }
        Ok(document)
    }

    /// How it is written.
    pub(super) const fn form(&self) -> Form {
        self.form
    }

    /// The value that was shown; `None` for a secret that was not there.
    pub(super) fn shown(&self, name: &SecretName) -> Option<&SecretBytes> {
        self.shown.get(name)
    }

    /// The text to edit, with changes that were made to it before.
    pub(super) fn text(&self, changes: &Changes) -> Outcome<Zeroizing<Vec<u8>>> {
        let mut values: BTreeMap<&str, &[u8]> = BTreeMap::new();
        // EXPOSE: all of it is put in front of the user.
        for (name, value) in &self.shown {
            values.insert(name.as_str(), value.expose());
        }
        for (name, change) in changes {
            match change {
                Change::Put(value) => values.insert(name.as_str(), value.expose()),
                Change::Remove => values.remove(name.as_str()),
            };
        }
        let pairs: Vec<(&str, &[u8])> = values.into_iter().collect();
        let body = write(self.form.format(), &pairs).map_err(|refusal| {
            Failure::usage(refusal)
                .hint("use --format yaml, toml or json, or leave the choice to zms")
        })?;
        let head = if self.form == Form::Json { String::new() } else { self.head() };
        Ok(Zeroizing::new([head.as_bytes(), &body].concat()))
    }

    fn head(&self) -> String {
        let mut head = format!(
            "# {}\n# Save and leave to see what changes; leave it empty to change nothing.\n",
            self.path
        );
        for (name, why) in &self.hidden {
            if let Some(why) = why {
                head += &format!("# {} stays as it is: it is {why}\n", one_line(name));
            }
        }
        head + "\n"
    }

    /// What the user changed in a text.
    pub(super) fn changes(&self, text: &[u8]) -> Outcome<Changes> {
        if text.trim_ascii().is_empty() {
            return Ok(Changes::new());
        }
        let mut after: BTreeMap<SecretName, &Entry> = BTreeMap::new();
        let entries = self.form.parse(text)?;
        for entry in &entries {
            let at = |why: String| Failure::usage(format!("line {}: {why}", entry.line));
            let name = secret_name(&entry.name).map_err(|failure| at(failure.message))?;
            let told = entry.notes.iter().find_map(|note| told(*note));
            if let Some(why) = told {
                return Err(at(format!("{name} {why}")));
            }
            // EXPOSE: its length only.
            if entry.value.expose().len() > MAX_VALUE {
                return Err(at(format!("the value of {name} is larger than 1 MiB")));
            }
            if self.hidden.contains_key(&name) {
                return Err(at(format!("{name} is there already, and is not shown here")).hint(
                    format!("edit it with `zms edit {name}`, or set it with `zms set {name}`"),
                ));
            }
            after.insert(name, entry);
        }
        let mut changes = Changes::new();
        for (name, entry) in &after {
            // EXPOSE: compared with what was shown; what differs is kept to be saved.
            let value = entry.value.expose();
            if self.shown.get(name).is_none_or(|shown| shown.expose() != value) {
                changes.insert(name.clone(), Change::Put(SecretBytes::from(value.as_slice())));
            }
        }
        let gone = self.shown.keys().filter(|name| !after.contains_key(*name));
        changes.extend(gone.map(|name| (name.clone(), Change::Remove)));
        Ok(changes)
    }
}

/// What a text can not hold, or what is no text to its owner.
fn unfit(payload: &Payload) -> Option<String> {
    // EXPOSE: whether it is text, and how long.
    let value = payload.value.expose();
    match payload.kind {
        ValueKind::File => Some(format!("a file of {} bytes", value.len())),
        ValueKind::Reference => Some("a reference".to_owned()),
        ValueKind::Secret | ValueKind::Config | ValueKind::Json | ValueKind::About => {
            let text = std::str::from_utf8(value).is_ok();
            (!text).then(|| format!("{} bytes that are no text", value.len()))
        }
    }
}

/// What would be read otherwise than it looks.
fn told(note: Note) -> Option<String> {
    match note {
        Note::Repeats { line } => Some(format!("stands on line {line} already")),
        Note::HashWithoutSpace => Some(
            "has a # without a space before it: put the value in quotes if that belongs to it, and \
             a space before the # if a comment begins there"
                .to_owned(),
        ),
        _ => None,
    }
}

fn one_line(name: &SecretName) -> String {
    crate::output::shown_word(name.as_str())
}

#[cfg(test)]
mod tests {
    use zms_core::path::Segment;

    use super::*;

    fn held(secrets: &[(&str, &[u8], ValueKind)]) -> BTreeMap<SecretName, Payload> {
        let payload = |(name, value, kind): &(&str, &[u8], ValueKind)| {
            let name = SecretName::parse(name).unwrap();
            let payload = Payload {
                name: name.clone(),
                value: SecretBytes::from(*value),
                kind: *kind,
                note: "kept".to_owned(),
                created_at: 1,
                expires_at: Some(2),
            };
            (name, payload)
        };
        secrets.iter().map(payload).collect()
    }

    fn document(secrets: &[(&str, &[u8], ValueKind)]) -> Document {
        let path = ScopePath::new(vec![Segment::parse("shop").unwrap()]).unwrap();
        Document::of(&path, &held(secrets), &[], None).unwrap()
    }

    fn text(document: &Document) -> String {
        String::from_utf8(document.text(&Changes::new()).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn a_text_that_comes_back_as_it_was_changes_nothing() {
        let values: [&[u8]; 6] = [b"", b"a b", b"#x", b"'\"`", b"two\nlines\n", b"\\n${HOME}"];
        for value in values {
            let document = document(&[("A", value, ValueKind::Secret)]);
            assert!(document.changes(text(&document).as_bytes()).unwrap().is_empty(), "{value:?}");
        }
        let none = document(&[("A", b"1", ValueKind::Secret)]);
        assert!(none.changes(b" \n").unwrap().is_empty());
    }

    #[test]
    fn lines_are_added_changed_and_removed() {
        let document = document(&[("A", b"1", ValueKind::Config), ("B", b"2", ValueKind::Secret)]);
        let changes = document.changes(b"# note\nA=one\nC='x'\n").unwrap();
        let names: Vec<&str> = changes.keys().map(SecretName::as_str).collect();
        assert_eq!(names, ["A", "B", "C"]);
        let mut changes = changes.into_values();
        assert!(matches!(changes.next(), Some(Change::Put(value)) if value.expose() == b"one"));
        assert!(matches!(changes.next(), Some(Change::Remove)));
        assert!(matches!(changes.next(), Some(Change::Put(value)) if value.expose() == b"x"));
    }

    #[test]
    fn what_is_not_shown_is_not_touched() {
        let document = document(&[
            ("CERT", b"pem", ValueKind::File),
            ("RAW", b"\xff", ValueKind::Secret),
            ("A", b"1", ValueKind::Secret),
        ]);
        let text = text(&document);
        assert!(text.contains("# CERT stays as it is: it is a file of 3 bytes"), "{text}");
        assert!(document.changes(b"A=1").unwrap().is_empty());
        let refused = document.changes(b"A=1\nRAW=x\n").err().unwrap();
        assert!(refused.message.starts_with("line 2: RAW is there already"), "{refused}");
    }

    #[test]
    fn what_reads_otherwise_than_it_looks_is_refused() {
        let document = document(&[("A", b"1", ValueKind::Secret)]);
        for (text, why) in [
            ("A=abc#def", "line 1: A has a # without a space before it"),
            ("A=1\nA=2", "line 2: A stands on line 1 already"),
            ("no line", "line 1"),
        ] {
            let refused = document.changes(text.as_bytes()).err().unwrap();
            assert!(refused.message.contains(why), "{refused}");
        }
    }

    #[test]
    fn another_form_is_taken_where_dotenv_can_not_carry_a_value() {
        let every_quote = b"'\"`\n#".as_slice();
        let document = document(&[("A", every_quote, ValueKind::Secret)]);
        assert!(document.form() != Form::Dotenv);
        assert!(document.changes(text(&document).as_bytes()).unwrap().is_empty());
    }

    #[test]
    fn kind_and_note_stay_and_an_expiry_does_not() {
        let held = held(&[("A", b"1", ValueKind::Config)]);
        let (name, payload) = held.first_key_value().unwrap();
        let change = Change::Put(SecretBytes::from(b"2".as_slice()));
        let Edit::Put(after) = change.edit(name, Some(payload)) else { panic!("a value is put") };
        assert!(after.kind == ValueKind::Config && after.note == "kept");
        assert!(after.expires_at.is_none() && after.value.expose() == b"2");
    }
}
