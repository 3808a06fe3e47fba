//! What is asked of every import, whatever the text: an answer, and one that keeps its promises.

use std::collections::HashSet;

use zms_format::{
    Expected, Format, MAX_NAME_BYTES, MAX_SECRETS, MAX_VALUE_BYTES, Syntax, Tool, import, write,
};

/// What a caller may say a text is, and what its file may be called.
const EXPECTED: [(Expected, Option<&str>); 16] = [
    (Expected::Anything, None),
    (Expected::Anything, Some(".env")),
    (Expected::Anything, Some("a.json")),
    (Expected::Anything, Some("a.yaml")),
    (Expected::Anything, Some("a.toml")),
    (Expected::Anything, Some("a.csv")),
    (Expected::Plain(Syntax::Dotenv), None),
    (Expected::Plain(Syntax::Csv), None),
    (Expected::Plain(Syntax::Toml), None),
    (Expected::Export(Tool::Doppler), None),
    (Expected::Export(Tool::Infisical), None),
    (Expected::Export(Tool::Vault), Some("a.yaml")),
    (Expected::Export(Tool::OnePassword), None),
    (Expected::Export(Tool::Bitwarden), None),
    (Expected::Export(Tool::Sops), Some("a.yaml")),
    (Expected::Export(Tool::Dotenvx), None),
];

/// The first byte chooses what is expected, the rest is the text.
pub fn fuzz_import(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let (expected, name) = EXPECTED[usize::from(*choice) % EXPECTED.len()];
    let read = match import(text, name, expected) {
        Ok(read) => read,
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.hint("FILE").is_empty());
            return;
        }
    };
    assert!(read.secrets.len() <= MAX_SECRETS);
    let mut names = HashSet::new();
    for secret in &read.secrets {
        let (name, value) = (&secret.entry.name, secret.entry.value.expose());
        assert!((1..=MAX_NAME_BYTES).contains(&name.len()), "the length of a name");
        assert!(value.len() <= MAX_VALUE_BYTES, "the length of a value");
        assert!(names.insert(name), "{name:?} stands there twice");
        assert!(secret.entry.line >= 1, "lines are counted from 1");
    }
    // What was read can be written, and is then read as the same.
    let pairs: Vec<(&str, &[u8])> = read
        .secrets
        .iter()
        .map(|it| (&it.entry.name[..], it.entry.value.expose().as_slice()))
        .collect();
    let Ok(written) = write(Format::Json, &pairs) else { return };
    let again = import(&written, None, Expected::Plain(Syntax::Json)).expect("our own JSON");
    for (secret, (name, value)) in again.secrets.iter().zip(&pairs) {
        assert_eq!(
            (&secret.entry.name[..], secret.entry.value.expose().as_slice()),
            (*name, *value)
        );
    }
    assert_eq!(again.secrets.len(), pairs.len());
}
