//! Random values through every writer and its real reader: each comes back byte for byte, or
//! was refused by name; and nothing in a value runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::random::Random;
use crate::readers::{self, Kind};
use crate::written::{Written, assert_same};
use zms_format::{Format, write};

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
