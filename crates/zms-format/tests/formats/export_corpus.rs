//! Exports in the forms that each tool documents: `corpus/exports.json` says what is read of each.

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value as Json, json};
use zms_format::{Expected, Import, import};

use crate::dotenv_corpus::variant_and_line;

/// Folder of the exports.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/formats/corpus/exports")
}

fn recorded() -> Map<String, Json> {
    serde_json::from_str(include_str!("corpus/exports.json")).unwrap()
}

/// What was read, in the form of the record.
fn shown(import: &Import) -> Json {
    let value = |it: &zms_format::Imported| {
        json!([it.entry.name, str::from_utf8(it.entry.value.expose()).unwrap()])
    };
    let mut shown = json!({
        "tool": import.tool.map(zms_format::Tool::name),
        "secrets": import.secrets.iter().map(value).collect::<Vec<_>>(),
    });
    let mut left_out: Vec<&str> = import.left_out.iter().map(|it| &it.name[..]).collect();
    left_out.sort_unstable();
    let noted = import.secrets.iter().filter(|it| !it.comment.is_empty());
    let comments: Map<String, Json> =
        noted.map(|it| (it.entry.name.clone(), json!(it.comment))).collect();
    let deep = import.secrets.iter().filter(|it| it.json);
    let deep: Vec<&str> = deep.map(|it| &it.entry.name[..]).collect();
    if !left_out.is_empty() {
        shown["left_out"] = json!(left_out);
    }
    if !comments.is_empty() {
        shown["comments"] = Json::Object(comments);
    }
    if !deep.is_empty() {
        shown["json"] = json!(deep);
    }
    shown
}

#[test]
fn every_export_is_read_as_recorded() {
    let recorded = recorded();
    let mut wrong = Vec::new();
    for (name, expected) in &recorded {
        let text = fs::read(folder().join(name)).unwrap();
        let read = match import(&text, Some(name), Expected::Anything) {
            Ok(import) => shown(&import),
            Err(error) => {
                let (variant, line) = variant_and_line(&error);
                let mut shown = json!({ "error": variant });
                if let Some(line) = line {
                    shown["line"] = line.into();
                }
                shown
            }
        };
        if read != *expected {
            wrong.push(format!("{name}: {read}\n  recorded: {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let files = fs::read_dir(folder()).unwrap().count();
    assert_eq!(files, recorded.len(), "each file has its record");
}

/// A pipe has no name: the content alone must tell the same, but for YAML without its marks.
#[test]
fn an_export_from_a_pipe_is_read_alike() {
    for (name, expected) in &recorded() {
        let text = fs::read(folder().join(name)).unwrap();
        if name.ends_with(".yaml") || expected["error"].is_string() {
            continue;
        }
        let piped = import(&text, None, Expected::Anything).unwrap();
        assert_eq!(shown(&piped), *expected, "{name}");
    }
}

/// Every prefix and every text without one of its bytes ends in an answer, and no error shows a value.
#[test]
fn damaged_exports_are_refused_without_showing_a_value() {
    for name in recorded().keys() {
        let text = fs::read(folder().join(name)).unwrap();
        for at in 0..text.len() {
            let mut missing = text.clone();
            missing.remove(at);
            for damaged in [&text[..at], &missing[..]] {
                let Err(error) = import(damaged, Some(name), Expected::Anything) else { continue };
                let shown = format!("{error} {error:?} {}", error.hint(name));
                let values = ["sk_live", "hunter", "otpauth"];
                assert!(values.iter().all(|value| !shown.contains(value)), "{name} {at}: {shown}");
            }
        }
    }
}
