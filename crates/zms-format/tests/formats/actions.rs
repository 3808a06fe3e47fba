//! The file of `$GITHUB_ENV` and the masking commands, by a reader written from what GitHub
//! publishes: "Workflow commands for GitHub Actions" and the sources of its runner, which is not
//! run here.

use std::collections::BTreeSet;

use crate::random::Random;
use crate::readers::Values;
use crate::written::{Written, assert_same};
use zms_format::{Format, Reason, github_masks, write};

#[derive(Clone, Copy, Debug, PartialEq)]
enum System {
    Linux,
    Windows,
}

/// Splits off one line; a runner for Windows ends it at CR LF too. None where no text is left.
fn line<'a>(text: &mut &'a str, system: System) -> Option<(&'a str, usize)> {
    if text.is_empty() {
        return None;
    }
    let (line, rest, mut ending) = match text.split_once('\n') {
        Some((line, rest)) => (line, rest, 1),
        None => (*text, "", 0),
    };
    *text = rest;
    match line.strip_suffix('\r') {
        Some(shorter) if system == System::Windows && ending == 1 => {
            ending = 2;
            Some((shorter, ending))
        }
        _ => Some((line, ending)),
    }
}

/// What a job's environment gets from the file.
fn read(text: &str, system: System) -> Result<Values, String> {
    let mut values = Values::new();
    let mut rest = text;
    while let Some((head, _)) = line(&mut rest, system) {
        if head.is_empty() {
            continue;
        }
        let equals = head.find('=').unwrap_or(usize::MAX);
        let marker = head.find("<<").unwrap_or(usize::MAX);
        if equals < marker {
            values.insert(head[..equals].into(), Some(head[equals + 1..].into()));
        } else if marker < equals {
            let (name, delimiter) = (&head[..marker], &head[marker + 2..]);
            if name.is_empty() || delimiter.is_empty() {
                return Err(format!("no name or no delimiter: {head}"));
            }
            // The value ends before the line break that precedes the delimiter.
            let (from, mut end) = (rest, 0);
            loop {
                let Some((next, ending)) = line(&mut rest, system) else {
                    return Err(format!("{delimiter} not found"));
                };
                if next == delimiter {
                    break;
                }
                end = from.len() - rest.len() - ending;
            }
            values.insert(name.into(), Some(from[..end].into()));
        } else {
            return Err(format!("no variable: {head}"));
        }
    }
    Ok(values)
}

#[test]
fn the_rules_of_the_file_read_back_every_value_that_is_not_refused() {
    let folder = tempfile::tempdir().unwrap();
    let written = Written::new(Format::Github, &folder.path().join("canary"));
    for (text, expected) in written.texts.iter().zip(&written.pairs) {
        let text = std::str::from_utf8(text).unwrap();
        for system in [System::Linux, System::Windows] {
            // Something before and after: the file is appended to.
            for around in [text.to_owned(), format!("X=1\n{text}Y<<E\n2\nE\n")] {
                let mut read = read(&around, system).unwrap();
                read.retain(|name, _| name.starts_with('K'));
                assert_same(&read, expected, "GITHUB_ENV");
            }
        }
    }
}

/// A value can neither end its own text early nor add a variable.
#[test]
fn attack_a_value_that_knows_the_delimiter() {
    let mut random = Random::seeded();
    let pieces = ["ZMS_0", "ZMS_1", "ZMS_2", "\n", "\r\n", "\r", "EVIL=1", "<<", "=", " "];
    for _ in 0..20 * crate::random::case_count() {
        let value: String = (0..random.below(12)).map(|_| random.pick(&pieces)).collect();
        let Ok(text) = write(Format::Github, &[("K", value.as_bytes())]) else {
            assert!(value.ends_with('\r'), "{value:?} is refused without need");
            continue;
        };
        for system in [System::Linux, System::Windows] {
            let read = read(std::str::from_utf8(&text).unwrap(), system);
            assert_eq!(
                read,
                Ok([("K".to_owned(), Some(value.clone().into()))].into()),
                "{value:?}"
            );
        }
    }
}

/// No line or block gives a runner for Windows a value that ends in CR.
#[test]
fn no_spelling_gives_the_runner_a_refused_value() {
    let refusal = write(Format::Github, &[("K", b"a\r")]).expect_err("must be refused");
    assert_eq!(refusal.reason, Reason::TrailingReturn);
    for text in ["K=a\r\n", "K<<E\na\r\nE\n", "K<<E\r\na\r\r\nE\r\n", "K<<E\na\r\n\nE\n"] {
        let read = [System::Linux, System::Windows].map(|system| read(text, system).unwrap());
        let exact = |values: &Values| values["K"] == Some(b"a\r".to_vec());
        assert!(!read.iter().all(exact), "{text:?}");
    }
    let refusal = write(Format::Github, &[("K", b"\xff")]).expect_err("must be refused");
    assert_eq!(refusal.reason, Reason::NotUtf8);
    for (name, reason) in [
        ("NODE_OPTIONS", Reason::NameReserved),
        ("GITHUB_TOKEN", Reason::NameReserved),
        ("RUNNER_OS", Reason::NameReserved),
        ("BASH_ENV", Reason::NameOfTheShell),
        ("A<<B", Reason::NameCharacters),
        ("A=B", Reason::NameCharacters),
        ("", Reason::NameCharacters),
    ] {
        let refusal = write(Format::Github, &[(name, b"x")]).expect_err("must be refused");
        assert_eq!(refusal.reason, reason, "{name}");
    }
    let refusal = write(Format::Github, &[("a", b"1"), ("A", b"2")]).expect_err("Windows");
    assert_eq!((refusal.reason, &*refusal.name), (Reason::NameCase, "A"));
}

/// A step that runs bash runs what `BASH_ENV` names, with the options that GitHub gives it.
#[test]
fn attack_bash_env_runs_its_value_in_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let canary = folder.path().join("canary");
    let step = folder.path().join("step.sh");
    std::fs::write(&step, "true\n").unwrap();
    let mut bash = crate::readers::clean_command("bash");
    bash.env("BASH_ENV", format!("$(touch {})", canary.display()));
    bash.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(&step).output().unwrap();
    assert!(canary.exists(), "BASH_ENV is refused without need");
}

/// What the runner masks for one line of a log: the data of the command, decoded, and its lines.
fn masked(command: &str) -> BTreeSet<String> {
    let data = command.strip_prefix("::add-mask::").expect("a command alone on its line");
    let data = data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    let mut masks: BTreeSet<String> =
        data.split(['\r', '\n']).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    masks.insert(data);
    masks
}

#[test]
fn every_value_is_masked_by_one_command_on_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let written = Written::new(Format::Github, &folder.path().join("canary"));
    for values in &written.pairs {
        for value in values.values().flatten() {
            let commands = github_masks(&[("K", value)]);
            let text = std::str::from_utf8(value).unwrap();
            if text.trim().is_empty() {
                assert!(commands.is_empty(), "there is no mask for nothing");
                continue;
            }
            let commands = std::str::from_utf8(&commands).unwrap();
            assert_eq!(commands.find(['\r', '\n']), Some(commands.len() - 1));
            let masks = masked(commands.trim_end_matches('\n'));
            assert!(masks.contains(text));
            // The log shows a value line by line.
            let mut lines = text.split(['\r', '\n']).filter(|line| !line.is_empty());
            assert!(lines.all(|line| masks.contains(line)));
        }
    }
}
