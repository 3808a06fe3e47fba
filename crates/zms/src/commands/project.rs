//! `zms project`.

pub use super::structure::Command;
use super::structure::{self, Level};
use crate::{exit::Outcome, session::Context};

/// Lists projects, or makes one with its first environments.
pub fn run(context: &Context, command: &Command) -> Outcome {
    structure::run(
        context,
        command,
        &Level { what: "project", depth: 0, children: || super::init::environments().to_vec() },
    )
}
