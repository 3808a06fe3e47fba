//! PowerShell's `$env:` assignments, by its published rules: it is not run here.
//!
//! `corpus/powershell.json` has what is written for each value, and the rule behind it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::readers::Values;
use crate::written::{Written, assert_same};
use zms_format::{Format, Reason, write};

#[test]
fn every_case_is_written_as_the_rules_say() {
    let cases: Value = serde_json::from_str(include_str!("corpus/powershell.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let value = match (&case["value"], &case["bytes"]) {
            (Value::String(text), _) => text.repeat(case["times"].as_u64().unwrap_or(1) as usize),
            (_, Value::String(hex)) => {
                let refusal = write(Format::Powershell, &[("K", &hex::decode(hex).unwrap())]);
                assert_eq!(format!("{:?}", refusal.unwrap_err().reason), case["refused"], "{case}");
                continue;
            }
            _ => panic!("a case without a value: {case}"),
        };
        let name = case["name"].as_str().unwrap_or("K");
        match write(Format::Powershell, &[(name, value.as_bytes())]) {
            Ok(text) => assert_eq!(std::str::from_utf8(&text).unwrap(), case["written"], "{case}"),
            Err(refusal) => {
                assert_eq!(format!("{:?}", refusal.reason), case["refused"], "{case}");
                assert!(!refusal.carried_by.is_empty(), "{case}");
            }
        }
    }
}

#[test]
fn names_that_windows_takes_for_the_same_are_refused() {
    let refusal = write(Format::Powershell, &[("Path", b"1"), ("PATH", b"2")]).expect_err("twice");
    assert_eq!((refusal.reason, &*refusal.name), (Reason::NameCase, "PATH"));
}

/// about_Quoting_Rules: between single quotes everything is text but a quote, and two are one.
/// U+2018, U+2019, U+201A and U+201B are quotes as well.
fn verbatim(text: &str) -> Option<(String, &str)> {
    let is_quote = |char| matches!(char, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}');
    let mut chars = text.strip_prefix(is_quote)?.chars();
    let mut read = String::new();
    while let Some(char) = chars.next() {
        if is_quote(char) {
            let rest = chars.as_str();
            match chars.next().filter(|&next| is_quote(next)) {
                Some(next) => read.push(next),
                None => return Some((read, rest)),
            }
        } else {
            read.push(char);
        }
    }
    None
}

/// One line, as `Invoke-Expression` gets it from a pipe.
fn read(line: &str) -> Option<(String, Vec<u8>)> {
    let (name, expression) = line.strip_prefix("$env:")?.split_once(" = ")?;
    let call = "[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String(";
    let value = match expression.strip_prefix(call) {
        Some(argument) => match verbatim(argument)? {
            (text, "))") => STANDARD.decode(text).ok()?,
            _ => return None,
        },
        None => match verbatim(expression)? {
            (text, "") => text.into_bytes(),
            _ => return None,
        },
    };
    Some((name.into(), value))
}

#[test]
fn the_rules_read_back_every_value_that_is_not_refused() {
    let folder = tempfile::tempdir().unwrap();
    let written = Written::new(Format::Powershell, &folder.path().join("canary"));
    for (text, expected) in written.texts.iter().zip(&written.pairs) {
        // In any encoding and through any pipe.
        assert!(text.iter().all(|byte| *byte == b'\n' || (b' '..=b'~').contains(byte)));
        let text = std::str::from_utf8(text).unwrap();
        let pairs = text.lines().map(|line| read(line).expect("an assignment"));
        let values: Values = pairs.map(|(name, value)| (name, Some(value))).collect();
        assert_same(&values, expected, "PowerShell");
    }
}
