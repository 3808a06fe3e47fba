//! The formats ZMS writes, each named after the program that reads it.

use std::collections::HashSet;
use std::fmt;

use zeroize::Zeroizing;

use crate::output::Output;
use crate::{Reason, Refusal, dotenv, json, shell, toml, yaml};

/// A format, exact when read by its own reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// `.env` as npm `dotenv` 18 reads it, with either of its two parsers.
    Dotenv,
    /// `.env` as PyPI `python-dotenv` reads it by default, that is with interpolation.
    DotenvPython,
    /// One JSON object of strings.
    Json,
    /// One YAML mapping of strings, for readers of YAML 1.1 and 1.2 alike.
    Yaml,
    /// One TOML 1.0 table of strings.
    Toml,
    /// `export NAME='value'` lines for `eval` or `.` in a POSIX shell.
    Shell,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 6] = [
        Format::Dotenv,
        Format::DotenvPython,
        Format::Json,
        Format::Yaml,
        Format::Toml,
        Format::Shell,
    ];

    /// The word for it on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Format::Dotenv => "dotenv",
            Format::DotenvPython => "dotenv-python",
            Format::Json => "json",
            Format::Yaml => "yaml",
            Format::Toml => "toml",
            Format::Shell => "shell",
        }
    }

    /// Appends one pair, or tells why it can not.
    fn push(self, output: &mut Output, name: &str, value: &[u8]) -> Result<(), Reason> {
        match self {
            Format::Dotenv => dotenv::push_npm(output, name, value),
            Format::DotenvPython => dotenv::push_python(output, name, value),
            Format::Json => json::push_member(output, name, value),
            Format::Yaml => yaml::push_pair(output, name, value),
            Format::Toml => toml::push_pair(output, name, value),
            Format::Shell => shell::push_export(output, name, value),
        }
    }

    fn carries(self, name: &str, value: &[u8]) -> bool {
        self.push(&mut Output::default(), name, value).is_ok()
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Writes `pairs` in order, one line each, so that the format's reader brings back every byte.
///
/// The first pair that the format can not carry refuses the whole: a file that lacks a secret
/// without saying so is worse than none.
pub fn write(format: Format, pairs: &[(&str, &[u8])]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let expected = pairs.iter().map(|(name, value)| name.len() + value.len() + 16).sum();
    let mut output = Output::with_capacity(expected);
    let mut seen = HashSet::with_capacity(pairs.len());
    if format == Format::Json {
        output.push(b"{");
    }
    for (position, &(name, value)) in pairs.iter().enumerate() {
        let refuse = |reason, carried_by| Refusal { name: name.into(), format, reason, carried_by };
        if !seen.insert(name) {
            return Err(refuse(Reason::NameRepeated, vec![]));
        }
        if format == Format::Json {
            output.push(if position == 0 { b"\n" } else { b",\n" });
        }
        format.push(&mut output, name, value).map_err(|reason| {
            let others = Format::ALL.into_iter().filter(|other| other.carries(name, value));
            refuse(reason, others.collect())
        })?;
    }
    if format == Format::Json {
        output.push(if pairs.is_empty() { b"}\n" } else { b"\n}\n" });
    }
    if format == Format::Yaml && pairs.is_empty() {
        output.push(b"{}\n"); // no text at all would be null
    }
    Ok(output.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_pair_and_what_carries_it_but_not_the_value() {
        let refusal = write(Format::Json, &[("KEY", b"canary\xff")]).expect_err("not UTF-8");
        assert_eq!(refusal.reason, Reason::NotUtf8);
        assert_eq!(refusal.carried_by, [Format::Shell]);
        assert_eq!(refusal.hint(), "use --format shell");
        assert_eq!(refusal.to_string(), "json can not carry \"KEY\": the value is not UTF-8 text");
        assert!(!format!("{refusal:?}").contains("canary"));
    }

    #[test]
    fn a_name_given_twice_is_refused_by_every_format() {
        for format in Format::ALL {
            let refusal = write(format, &[("A", b"1"), ("A", b"2")]).expect_err("twice");
            assert_eq!(refusal.reason, Reason::NameRepeated);
            assert!(refusal.carried_by.is_empty());
        }
    }

    #[test]
    fn no_pairs_make_an_empty_file() {
        for format in [Format::Json, Format::Yaml] {
            assert_eq!(*write(format, &[]).expect("nothing to refuse"), b"{}\n");
        }
        for format in [Format::Dotenv, Format::DotenvPython, Format::Toml, Format::Shell] {
            assert!(write(format, &[]).expect("nothing to refuse").is_empty());
        }
    }
}
