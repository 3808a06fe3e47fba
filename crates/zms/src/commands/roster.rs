//! `zms roster`.

use clap::Subcommand;

use crate::{
    exit::Outcome,
    session::{Context, tell},
};

/// Sign the list of tokens anew
#[derive(Subcommand)]
pub enum Command {
    /// Sign the list of tokens anew, as it is, for readers that demand a recent one
    #[command(after_help = "\
Examples:
  zms roster refresh
  zms run --max-roster-age 7d -- node server.js

The roster is the signed list of all tokens. Who reads from a copy, or from a store that others run,
can be shown an old one, in which a revoked token is still in; --max-roster-age (for all commands
ZMS_MAX_ROSTER_AGE) bounds how old. Every change of a token signs it too. `zms bundle create
--refresh` does both.")]
    Refresh,
}

/// Runs the subcommand.
pub fn run(context: &Context, command: &Command) -> Outcome {
    match command {
        Command::Refresh => refresh(context),
    }
}

fn refresh(context: &Context) -> Outcome {
    let mut acting = context.act()?;
    let version = acting.session.refresh_roster().map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    if context.output.json {
        return context.output.json(serde_json::json!({ "roster": version }));
    }
    context.output.note(format!("roster {version} signed: the same tokens, as of now"));
    Ok(())
}
