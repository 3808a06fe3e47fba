//! Writes pairs of a YAML mapping.

use crate::Reason;
use crate::output::Output;
use crate::quoted::{is_unprintable, push_quoted};

/// Longest key before a colon, in characters of the text (YAML 1.2.2, section 7.4.3).
const MAX_KEY_CHARS: usize = 1024;

/// Appends `name: "value"`.
pub(crate) fn push_pair(output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
    let value = str::from_utf8(value).map_err(|_| Reason::NotUtf8)?;
    if is_plain(name) && name.len() <= MAX_KEY_CHARS {
        output.push(name.as_bytes());
    } else {
        let mut key = Output::default();
        push_quoted(&mut key, name, is_unprintable);
        let key = key.finish();
        if key.len() > MAX_KEY_CHARS {
            return Err(Reason::NameCharacters);
        }
        output.push(&key);
    }
    output.push(b": ");
    push_quoted(output, value, is_unprintable);
    output.push(b"\n");
    Ok(())
}

/// Whether every reader takes the bare name for text: it looks like a variable's and is none of
/// the words that YAML 1.1 or 1.2 takes for a boolean or null.
fn is_plain(name: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let first = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    name.as_bytes().first().is_some_and(first)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !WORDS.iter().any(|word| name.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, value: &[u8]) -> Result<String, Reason> {
        let mut output = Output::default();
        push_pair(&mut output, name, value)?;
        Ok(String::from_utf8(output.finish().to_vec()).expect("UTF-8"))
    }

    #[test]
    fn names_are_bare_unless_a_reader_could_mistake_them() {
        assert_eq!(written("DATABASE_URL", b"x").expect("fits"), "DATABASE_URL: \"x\"\n");
        for name in ["NO", "y", "Null", "on", "1e3", "<<", "=", "~", "", "a b", "\u{e9}", "-"] {
            assert_eq!(written(name, b"").expect("fits"), format!("\"{name}\": \"\"\n"));
        }
    }

    #[test]
    fn a_name_that_no_simple_key_holds_is_refused() {
        assert_eq!(written(&"\u{1}".repeat(255), b"x"), Err(Reason::NameCharacters));
        assert!(written(&"\u{1}".repeat(170), b"x").is_ok());
        assert!(written(&"x".repeat(1025), b"x").is_err());
    }
}
