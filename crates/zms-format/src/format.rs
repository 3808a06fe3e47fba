//! The formats ZMS writes, each named after the program that reads it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use zeroize::Zeroizing;

use crate::output::Output;
use crate::{
    Manifest, Reason, Refusal, docker, dotenv, fish, github, json, k8s, powershell, shell, systemd,
    tfvars, toml, yaml,
};

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
    /// `set -gx NAME 'value'` lines for fish's `source`.
    Fish,
    /// `$env:NAME = 'value'` lines for PowerShell's `Invoke-Expression` or a `.ps1` file.
    Powershell,
    /// `NAME=value` lines for `docker run --env-file`.
    Docker,
    /// `NAME="value"` lines for systemd's `EnvironmentFile=`.
    Systemd,
    /// The manifest of a Kubernetes Secret.
    K8s,
    /// `name = "value"` lines for Terraform's `.tfvars`.
    Tfvars,
    /// Lines for the file that `$GITHUB_ENV` names in GitHub Actions.
    Github,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 13] = [
        Format::Dotenv,
        Format::DotenvPython,
        Format::Json,
        Format::Yaml,
        Format::Toml,
        Format::Shell,
        Format::Fish,
        Format::Powershell,
        Format::Docker,
        Format::Systemd,
        Format::K8s,
        Format::Tfvars,
        Format::Github,
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
            Format::Fish => "fish",
            Format::Powershell => "powershell",
            Format::Docker => "docker",
            Format::Systemd => "systemd",
            Format::K8s => "k8s",
            Format::Tfvars => "tfvars",
            Format::Github => "github",
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
            Format::Fish => fish::push_set(output, name, value),
            Format::Powershell => powershell::push_assignment(output, name, value),
            Format::Docker => docker::push_line(output, name, value),
            Format::Systemd => systemd::push_line(output, name, value),
            Format::K8s => k8s::push_datum(output, name, value),
            Format::Tfvars => tfvars::push_attribute(output, name, value),
            Format::Github => github::push_variable(output, name, value),
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

/// Writes `pairs` in order, so that the format's reader brings back every byte.
///
/// The first pair that the format can not carry refuses the whole: a file that lacks a secret
/// without saying so is worse than none. A Kubernetes Secret is called `zms`;
/// [`Manifest::write`] gives it another name.
pub fn write(format: Format, pairs: &[(&str, &[u8])]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    write_with(format, &Manifest::default(), pairs)
}

pub(crate) fn write_with(
    format: Format,
    manifest: &Manifest,
    pairs: &[(&str, &[u8])],
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let expected = pairs.iter().map(|(name, value)| name.len() + value.len() + 16).sum();
    let mut output = Output::with_capacity(expected);
    let mut seen = HashSet::with_capacity(pairs.len());
    let mut total = 0;
    push_head(format, manifest, &mut output, pairs.is_empty());
    for (position, &(name, value)) in pairs.iter().enumerate() {
        let refuse = |reason| {
            let other = |other: &Format| *other != format && other.carries(name, value);
            let carried_by = match reason {
                Reason::NameRepeated => vec![],
                _ => Format::ALL.into_iter().filter(other).collect(),
            };
            Refusal { name: name.into(), format, reason, carried_by }
        };
        if !seen.insert(key(format, name)) {
            let repeated = pairs[..position].iter().any(|(other, _)| *other == name);
            return Err(refuse(if repeated { Reason::NameRepeated } else { Reason::NameCase }));
        }
        total += value.len();
        if format == Format::K8s && total > k8s::MAX_BYTES {
            return Err(refuse(Reason::Total));
        }
        if format == Format::Json {
            output.push(if position == 0 { b"\n" } else { b",\n" });
        }
        format.push(&mut output, name, value).map_err(refuse)?;
    }
    if format == Format::Json {
        output.push(if pairs.is_empty() { b"}\n" } else { b"\n}\n" });
    }
    Ok(output.finish())
}

/// Appends what stands before the first pair.
fn push_head(format: Format, manifest: &Manifest, output: &mut Output, empty: bool) {
    match format {
        Format::Json => output.push(b"{"),
        Format::Yaml if empty => output.push(b"{}\n"), // no text at all would be null
        Format::K8s => manifest.push_head(output, empty),
        _ => {}
    }
}

/// What makes two names the same for readers of `format`.
fn key(format: Format, name: &str) -> Cow<'_, str> {
    match format {
        Format::Powershell | Format::Github => name.to_uppercase().into(),
        _ => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_pair_and_what_carries_it_but_not_the_value() {
        let refusal = write(Format::Json, &[("KEY", b"canary\xff")]).expect_err("not UTF-8");
        assert_eq!(refusal.reason, Reason::NotUtf8);
        assert_eq!(refusal.carried_by, [Format::Shell, Format::Fish, Format::K8s]);
        assert_eq!(refusal.hint(), "use --format shell, fish or k8s");
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
        let manifest = write(Format::K8s, &[]).expect("nothing to refuse");
        assert!(manifest.ends_with(b"\ndata: {}\n"));
        let others = |format: &Format| !matches!(format, Format::Json | Format::Yaml | Format::K8s);
        for format in Format::ALL.into_iter().filter(others) {
            assert!(write(format, &[]).expect("nothing to refuse").is_empty(), "{format}");
        }
    }
}
