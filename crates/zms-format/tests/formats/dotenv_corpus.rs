//! The corpus as ZMS reads it; `real_readers.rs` asks the others.

use std::collections::HashSet;
use std::fmt::Debug;

use crate::corpus::{Case, cases};
use zms_format::parse_dotenv;

#[test]
fn every_case_is_read_as_recorded() {
    let mut wrong = Vec::new();
    for case in cases() {
        let read = match parse_dotenv(&case.input) {
            Ok(entries) => Ok(entries
                .into_iter()
                .map(|e| (e.name.clone(), e.value.expose().clone()))
                .collect()),
            Err(error) => Err(variant_and_line(&error)),
        };
        if read != case.zms {
            wrong.push(format!("{}: read {read:?}, recorded {:?}", case.name, case.zms));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_difference_from_npm_dotenv_has_a_reason() {
    let mut names = HashSet::new();
    for case in cases() {
        assert!(names.insert(case.name.clone()), "two cases are called {}", case.name);
        assert_eq!(differs(&case), case.reason.is_some(), "{}", case.name);
    }
}

fn differs(case: &Case) -> bool {
    let Ok(zms) = &case.zms else { return true };
    let zms = zms.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
    zms.collect::<crate::corpus::Values>() != case.npm
}

/// What the corpus records of an error.
pub fn variant_and_line(error: &impl Debug) -> (String, Option<u64>) {
    let shown = format!("{error:?}");
    let variant = shown.split([' ', '{']).next().unwrap_or_default().to_owned();
    let line = shown.split("line: ").nth(1).map(|rest| {
        rest.chars()
            .take_while(char::is_ascii_digit)
            .fold(0, |line, digit| line * 10 + u64::from(digit.to_digit(10).unwrap_or_default()))
    });
    (variant, line)
}
