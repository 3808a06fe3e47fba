//! `zms env`.

pub use super::structure::Command;
use super::structure::{self, Level};
use crate::{exit::Outcome, session::Context};

/// Lists or makes environments of a project.
pub fn run(context: &Context, command: &Command) -> Outcome {
    structure::run(context, command, &Level { what: "env", depth: 1, children: Vec::new })
}
