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
    let homes = if args.all { Home::all()? } else { vec![context.home()?] };
    let mut locked = Vec::new();
    for home in &homes {
        home.check()?;
        if agent::lock(home)? {
            locked.push(home.name());
        }
    }
    if context.output.json {
        return context.output.json(serde_json::json!({ "locked": locked }));
    }
    for name in &locked {
        context.output.note(format!("the vault {name} is locked"));
    }
    if locked.is_empty() {
        context.output.note("no agent holds a key here");
    }
    Ok(())
}
