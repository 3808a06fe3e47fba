//! What an answer means where it is not what was asked for.

use std::fmt::Display;

use serde::Deserialize;
use zms_core::{
    admit::Refused,
    bundle::{Trouble, TroubleClass},
    engine,
};
use zms_store::CommitError;

use super::wire::Answer;

/// Longest text of an engine that is shown.
const MAX_SHOWN: usize = 200;

/// An error as an engine words it (RFC 9457).
#[derive(Deserialize, Default)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

/// Something answers that is no engine.
pub(super) fn foreign(why: &str) -> Trouble {
    Trouble::new(TroubleClass::Foreign, why.to_owned())
}

/// An engine's answer that can not be read.
pub(super) fn garbled() -> Trouble {
    Trouble::new(TroubleClass::Garbled, "it does not decode")
}

/// Whether who stands before an engine that is not there answers so.
pub(super) const fn is_before_it(status: u16) -> bool {
    matches!(status, 502..=504)
}

/// An engine that is not there, behind something that is.
pub(super) fn before_it(address: impl Display, status: u16) -> Trouble {
    let why = format!("{address}: what stands before it answers {status}");
    Trouble::new(TroubleClass::Unreachable, why)
}

/// The trouble that an answer tells of.
pub(super) fn trouble(answer: &Answer, address: &str) -> Trouble {
    let problem: Option<Problem> = answer
        .kind
        .starts_with(engine::PROBLEM_TYPE)
        .then(|| serde_json::from_slice(&answer.body).ok())
        .flatten();
    let status = answer.status;
    let Some(problem) = problem else {
        return match status {
            _ if is_before_it(status) => before_it(address, status),
            300..400 => foreign(&format!("{address} points elsewhere, which is not followed")),
            _ => foreign(&format!("{address} answers {status}")),
        };
    };
    let told = told(&problem, status);
    let class = match (status, &*problem.code) {
        (401, _) => TroubleClass::Unauthentic,
        (409, "moved") => TroubleClass::Moved,
        (422, "bundle-too-large") => TroubleClass::TooLarge,
        (429, _) => TroubleClass::Throttled,
        (503, "audit") => TroubleClass::Unaudited,
        (400..500, _) => TroubleClass::Refused,
        _ => TroubleClass::Server,
    };
    Trouble::new(class, told)
}

/// The same of a commit.
pub(super) fn uncommitted(answer: &Answer, address: &str) -> CommitError {
    let trouble = trouble(answer, address);
    let code = |name: &str| {
        let problem = serde_json::from_slice::<Problem>(&answer.body);
        problem.is_ok_and(|problem| problem.code == name)
    };
    match trouble.class {
        TroubleClass::Moved => CommitError::Conflict,
        TroubleClass::Refused if answer.status == 409 && code("exists") => CommitError::Exists,
        TroubleClass::Refused if answer.status == 403 => {
            CommitError::Refused(Refused::Told(trouble.source.to_string()))
        }
        _ => CommitError::Trouble(trouble),
    }
}

/// Words of somebody else: what could move a cursor or feign a line of ours is left out.
fn told(problem: &Problem, status: u16) -> String {
    let text = if problem.detail.is_empty() { &problem.code } else { &problem.detail };
    let plain = |char: &char| char.is_ascii_graphic() || *char == ' ';
    let text: String = text.chars().filter(plain).take(MAX_SHOWN).collect();
    if text.is_empty() { format!("status {status}") } else { text }
}
