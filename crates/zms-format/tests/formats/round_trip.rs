//! Random values through every writer and its real reader: each comes back byte for byte, or
//! was refused by name; and nothing in a value runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::random::Random;
use crate::readers::{self, Kind};
use zms_format::{Format, write};

/// Pairs that `format` accepts, in files of up to 500, with neighbours as they come.
struct Written {
    texts: Vec<Vec<u8>>,
    pairs: Vec<readers::Values>,
    refused: usize,
}

impl Written {
    fn new(format: Format, canary: &Path) -> Written {
        let mut random = Random::seeded();
        let canary = canary.display().to_string();
        let mut values: Vec<Vec<u8>> = (0..crate::random::case_count())
            .map(|_| crate::random::value(&mut random, &canary))
            .collect();
        values.push(vec![]);
        // 1 MiB: plain, in need of quotes, all escapes, and lines.
        for unit in ["x", "it's ", "\"\\' ", "one\ntwo #\n", "\u{1f600}", "${X}"] {
            values.push(unit.repeat((1 << 20) / unit.len()).into_bytes());
        }
        let mut written = Written { texts: vec![], pairs: vec![], refused: 0 };
        for batch in values.chunks(500) {
            let named: Vec<(String, &Vec<u8>)> =
                batch.iter().enumerate().map(|(n, value)| (format!("K{n}"), value)).collect();
            let mut accepted: Vec<(&str, &[u8])> = vec![];
            for (name, value) in &named {
                match write(format, &[(name, value)]) {
                    Ok(_) => accepted.push((name, value)),
                    Err(refusal) => {
                        assert_eq!(refusal.name, *name);
                        written.refused += 1;
                    }
                }
            }
            written.texts.push(write(format, &accepted).unwrap().to_vec());
            let expected = accepted.iter().map(|(n, v)| (n.to_string(), Some(v.to_vec())));
            written.pairs.push(expected.collect());
        }
        // 1 in 30 is not UTF-8, fewer mix all quotes with `#`: a writer that refuses much more
        // has lost something.
        assert!(written.refused * 4 < values.len(), "{} refused", written.refused);
        written
    }
}

/// Compares without printing megabytes.
fn assert_same(read: &readers::Values, expected: &readers::Values, reader: &str) {
    for (name, value) in expected {
        let got = read.get(name);
        let cut =
            |value: &[u8]| String::from_utf8_lossy(&value[..value.len().min(300)]).into_owned();
        assert!(
            got == Some(value),
            "{reader}: wrote {:?}, read {:?}",
            value.as_deref().map(cut),
            got.map(|got| got.as_deref().map(cut)),
        );
    }
    let names = |values: &readers::Values| values.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(read), names(expected), "{reader}");
}

#[test]
fn npm_dotenv_reads_back_every_value_that_is_not_refused() {
    let folder = tempfile::tempdir().unwrap();
    let written = Written::new(Format::Dotenv, &folder.path().join("canary"));
    let files = readers::files(folder.path(), &written.texts);
    for (answer, expected) in readers::npm(&files).iter().zip(&written.pairs) {
        assert_same(&answer.parse, expected, "parse");
        assert_same(&answer.fast, expected, "the fast parser");
        assert_same(&answer.config, expected, "config");
    }
    assert!(!folder.path().join("canary").exists(), "a value was run");
}

#[test]
fn python_dotenv_reads_back_every_value_that_is_not_refused() {
    let folder = tempfile::tempdir().unwrap();
    let written = Written::new(Format::DotenvPython, &folder.path().join("canary"));
    let files = readers::files(folder.path(), &written.texts);
    for (answer, expected) in readers::python(&files).iter().zip(&written.pairs) {
        assert_same(answer.values.as_ref().unwrap(), expected, "dotenv_values");
        assert_same(answer.load.as_ref().unwrap(), expected, "load_dotenv");
    }
    assert!(!folder.path().join("canary").exists(), "a value was run");
}

#[test]
fn json_parsers_read_back_every_value_that_is_not_refused() {
    let folder = tempfile::tempdir().unwrap();
    let written = Written::new(Format::Json, &folder.path().join("canary"));
    let files = readers::files(folder.path(), &written.texts);
    let node = "for (const f of process.argv.slice(1)) console.log(JSON.stringify(Object.entries(\
                JSON.parse(require('fs').readFileSync(f, 'utf8'))).map(([n, v]) => \
                [n, Buffer.from(v).toString('hex')])))";
    let python = "import json, sys\nfor f in sys.argv[1:]:\n print(json.dumps([(n, \
                  v.encode().hex()) for n, v in json.load(open(f, encoding='utf-8')).items()]))";
    let python_path = readers::python_path();
    for (program, flag, source) in [("node", "-e", node), (&*python_path, "-c", python)] {
        let output =
            readers::run(readers::clean_command(program).args([flag, source]).args(&files));
        let answers = String::from_utf8(output.stdout).unwrap();
        assert_eq!(answers.lines().count(), files.len());
        for (line, expected) in answers.lines().zip(&written.pairs) {
            let pairs: Vec<(String, String)> = serde_json::from_str(line).unwrap();
            let read = pairs.into_iter().map(|(name, hex)| (name, hex::decode(hex).ok()));
            assert_same(&read.collect(), expected, program);
        }
    }
    for (text, expected) in written.texts.iter().zip(&written.pairs) {
        let read: BTreeMap<String, String> = serde_json::from_slice(text).unwrap();
        let read = read.into_iter().map(|(name, value)| (name, Some(value.into_bytes())));
        assert_same(&read.collect(), expected, "serde_json");
    }
}

#[test]
fn yaml_and_toml_readers_read_back_every_value_that_is_not_refused() {
    for (format, kind) in [(Format::Yaml, Kind::Yaml), (Format::Toml, Kind::Toml)] {
        let folder = tempfile::tempdir().unwrap();
        let written = Written::new(format, &folder.path().join("canary"));
        let files = readers::files(folder.path(), &written.texts);
        for reader in readers::tables(kind, &files) {
            for (answer, expected) in reader.answers.iter().zip(&written.pairs) {
                assert_same(answer.as_ref().unwrap(), expected, reader.name);
            }
        }
        assert!(!folder.path().join("canary").exists(), "a value was run");
    }
}

#[test]
fn yaml_and_toml_readers_read_back_every_name() {
    let mut random = Random::seeded();
    let mut names: BTreeSet<String> =
        crate::random::WORDS.iter().map(|&word| word.into()).collect();
    let special =
        ["__proto__", "constructor", "toString", "a b", "A.B", "a-b", "\u{e9}", "\0", "1"];
    names.extend(special.map(String::from));
    names.insert("\u{1f600}".repeat(63));
    names.insert("\u{feff}".repeat(85));
    for _ in 0..crate::random::case_count() {
        let pieces = 1 + random.below(4);
        names.insert((0..pieces).map(|_| random.pick(crate::random::PIECES)).collect());
    }
    let pairs: Vec<(&str, &[u8])> = names.iter().map(|name| (&**name, name.as_bytes())).collect();
    let expected = names.iter().map(|name| (name.clone(), Some(name.clone().into_bytes())));
    let expected: readers::Values = expected.collect();
    for (format, kind) in [(Format::Yaml, Kind::Yaml), (Format::Toml, Kind::Toml)] {
        let folder = tempfile::tempdir().unwrap();
        let files = readers::files(folder.path(), [&*write(format, &pairs).unwrap()]);
        for mut reader in readers::tables(kind, &files) {
            assert_same(&reader.answers.remove(0).unwrap(), &expected, reader.name);
        }
    }
}

#[test]
fn no_pairs_are_an_empty_table() {
    for (format, kind) in [(Format::Yaml, Kind::Yaml), (Format::Toml, Kind::Toml)] {
        let folder = tempfile::tempdir().unwrap();
        let files = readers::files(folder.path(), [&*write(format, &[]).unwrap()]);
        for reader in readers::tables(kind, &files) {
            assert_eq!(reader.answers, [Some(readers::Values::new())], "{}", reader.name);
        }
    }
}

#[test]
fn shells_read_back_every_value_that_is_not_refused() {
    let folder = tempfile::tempdir().unwrap();
    let canary = folder.path().join("canary");
    let written = Written::new(Format::Shell, &canary);
    let files = readers::files(folder.path(), &written.texts);
    // As users call it, and as a file that is sourced. A built-in prints: an exec would meet
    // the system's limit on one variable.
    for read in ["eval \"$(cat \"$1\")\"", ". \"$1\""] {
        for shell in ["bash", "dash"] {
            for (file, expected) in files.iter().zip(&written.pairs) {
                let mut script = format!("set -eu\n{read}\n");
                for name in expected.keys() {
                    script.push_str(&format!("printf '%s\\0' \"${name}\"\n"));
                }
                let asker = folder.path().join("ask.sh");
                std::fs::write(&asker, script).unwrap();
                let output = readers::run(readers::clean_command(shell).arg(&asker).arg(file));
                let mut values: Vec<Option<Vec<u8>>> =
                    output.stdout.split(|&byte| byte == 0).map(|v| Some(v.to_vec())).collect();
                assert_eq!(values.pop(), Some(Some(vec![])), "every value ends in NUL");
                let read = expected.keys().cloned().zip(values).collect();
                assert_same(&read, expected, shell);
            }
        }
    }
    assert!(!canary.exists(), "a value was run");
}

#[test]
fn a_child_of_the_shell_receives_the_values() {
    let folder = tempfile::tempdir().unwrap();
    let pairs: [(&str, &[u8]); 3] = [("A", b"it's\n$(id)"), ("B", b"\xff\x80"), ("C", b"")];
    let text = write(Format::Shell, &pairs).unwrap();
    let files = readers::files(folder.path(), [&*text]);
    for shell in ["bash", "dash"] {
        let script = "eval \"$(cat \"$1\")\"; exec env -0";
        let mut command = readers::clean_command(shell);
        let output = readers::run(command.args(["-c", script, shell]).arg(&files[0]));
        let lines: Vec<&[u8]> = output.stdout.split(|&byte| byte == 0).collect();
        for (name, value) in pairs {
            let expected = [name.as_bytes(), b"=", value].concat();
            assert!(lines.contains(&&*expected), "{shell}: {name}");
        }
    }
}
