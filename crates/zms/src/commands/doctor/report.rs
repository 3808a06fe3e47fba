//! What was checked, and what came of it.

use std::fmt::{self, Display};

use serde::Serialize;

use crate::exit::{Exit, Failure};

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warn,
    Fail,
    Skip,
}

/// One check.
#[derive(Serialize)]
pub(super) struct Check {
    check: &'static str,
    state: State,
    finding: String,
    hint: Option<String>,
    #[serde(skip)]
    exit: Option<Exit>,
}

impl Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "FAIL",
            State::Skip => "skip",
        };
        write!(f, "{state:<4}  {:<11}  {}", self.check, self.finding)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, ": {hint}"))
    }
}

/// Every check so far, in their order.
#[derive(Default)]
pub(super) struct Report(Vec<Check>);

impl Report {
    fn add(
        &mut self,
        check: &'static str,
        state: State,
        finding: impl Display,
        hint: Option<String>,
    ) -> &mut Check {
        let finding = finding.to_string();
        self.0.push(Check { check, state, finding, hint, exit: None });
        self.0.last_mut().expect("one was just added")
    }

    /// As it should be.
    pub(super) fn ok(&mut self, check: &'static str, finding: impl Display) {
        self.add(check, State::Ok, finding, None);
    }

    /// Not as it should be, and nothing is lost by it yet.
    pub(super) fn warn(&mut self, check: &'static str, finding: impl Display, hint: impl Display) {
        self.add(check, State::Warn, finding, Some(hint.to_string()));
    }

    /// Wrong.
    pub(super) fn fail(
        &mut self,
        check: &'static str,
        exit: Exit,
        finding: impl Display,
        hint: impl Display,
    ) {
        self.add(check, State::Fail, finding, Some(hint.to_string())).exit = Some(exit);
    }

    /// Wrong, as another command would say it.
    pub(super) fn failure(&mut self, check: &'static str, failure: Failure) {
        self.add(check, State::Fail, failure.message, failure.hint).exit = Some(failure.exit);
    }

    /// Not to be told here.
    pub(super) fn skip(&mut self, check: &'static str, why: impl Display) {
        self.add(check, State::Skip, why, None);
    }

    /// All of them.
    pub(super) fn checks(&self) -> &[Check] {
        &self.0
    }

    /// The exit codes of those that failed.
    pub(super) fn failed(&self) -> impl Iterator<Item = Exit> {
        self.0.iter().filter_map(|check| check.exit)
    }
}
