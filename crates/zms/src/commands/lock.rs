//! `zms lock`.

use crate::{agent, exit::Outcome, home::Home, session::Context};

/// Have the agent forget the master key, and end it
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms lock
  zms lock --all

A command that has the key already goes on with it.")]
pub struct Args {
    /// Every vault of this home
    #[arg(long)]
    all: bool,
}

/// Ends the agent of a vault, or all of them.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let homes = if args.all { Home::with_agents()? } else { vec![context.home()?] };
    let (mut locked, mut failed) = (Vec::new(), None);
    for home in &homes {
        match home.check().and_then(|()| agent::lock(home)) {
            Ok(true) => locked.push(home.name()),
            Ok(false) => {}
            // One that can not be locked keeps no other one open.
            Err(failure) => failed = failed.or(Some(failure)),
        }
    }
    if context.output.json {
        context.output.json(serde_json::json!({ "locked": locked }))?;
        return failed.map_or(Ok(()), Err);
    }
    for name in &locked {
        context.output.note(format!("the vault {name} is locked"));
    }
    if locked.is_empty() && failed.is_none() {
        context.output.note("no agent holds a key here");
    }
    failed.map_or(Ok(()), Err)
}
