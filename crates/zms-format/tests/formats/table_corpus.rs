//! The corpus of YAML and TOML: what ZMS reads, and that the real readers read the same.

use std::collections::HashSet;

use crate::corpus::{Read, TableCase, table_cases};
use crate::dotenv_corpus::variant_and_line;
use crate::readers::{self, Kind, Values};
use zms_format::{Entry, parse_toml, parse_yaml};

const YAML: &str = include_str!("corpus/yaml.json");
const TOML: &str = include_str!("corpus/toml.json");

fn read_yaml(text: &[u8]) -> Read {
    parse_yaml(text).map(|entries| pairs(&entries)).map_err(|error| variant_and_line(&error))
}

fn read_toml(text: &[u8]) -> Read {
    parse_toml(text).map(|entries| pairs(&entries)).map_err(|error| variant_and_line(&error))
}

fn pairs(entries: &[Entry]) -> Vec<(String, Vec<u8>)> {
    entries.iter().map(|entry| (entry.name.clone(), entry.value.expose().clone())).collect()
}

#[test]
fn every_case_is_read_as_recorded() {
    let mut wrong = Vec::new();
    for (file, read) in [(YAML, read_yaml as fn(&[u8]) -> Read), (TOML, read_toml)] {
        let mut names = HashSet::new();
        for case in table_cases(file) {
            let read = read(&case.input);
            if read != case.zms {
                wrong.push(format!("{}: read {read:?}, recorded {:?}", case.name, case.zms));
            }
            assert!(names.insert(case.name.clone()), "two cases are called {}", case.name);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn readers_agree_with_what_is_recorded_unless_a_reason_stands_there() {
    for (file, kind) in [(YAML, Kind::YamlText), (TOML, Kind::Toml)] {
        let cases = table_cases(file).into_iter();
        let accepted: Vec<(TableCase, Values)> = cases
            .filter_map(|case| {
                let pairs = case.zms.clone().ok()?.into_iter();
                let values = pairs.map(|(name, value)| (name, Some(value))).collect();
                Some((case, values))
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let files = readers::files(folder.path(), accepted.iter().map(|(case, _)| &case.input));
        let readers = readers::tables(kind, &files);
        for (position, (case, ours)) in accepted.iter().enumerate() {
            let differs = readers.iter().any(|reader| {
                let answer = reader.answers[position].as_ref();
                !answer.is_some_and(|theirs| readers::same_table(theirs, ours))
            });
            assert!(!differs || case.differs.is_some(), "{}", case.name);
        }
    }
}
