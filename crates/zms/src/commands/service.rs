//! `zms service`.

pub use super::structure::Command;
use super::structure::{self, Level};
use crate::{exit::Outcome, session::Context};

/// Lists or makes services of an environment.
pub fn run(context: &Context, command: &Command) -> Outcome {
    structure::run(context, command, &Level { what: "service", depth: 2, children: Vec::new })
}
