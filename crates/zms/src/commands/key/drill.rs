//! `zms key drill`.

use crate::{
    environment,
    exit::Outcome,
    session::Context,
    shares::{self, Drill, Given, Notes, rebuild, set_name},
};

/// Prove that shares rebuild this vault's key, without writing it anywhere
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms key drill                             asks for shares, one by one
  zms key drill sheet-1.html sheet-4.html   asks for what is missing

The key is rebuilt in memory, opens the vault, and is wiped. When that was, and with which shares, is
kept: `zms key status` shows it.")]
pub struct Args {
    #[command(flatten)]
    given: Given,
}

/// Rebuilds the key, opens the vault with it, and notes the time.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home()?;
    let gathered = rebuild(&home, context.output, &args.given)?;
    let (key, set, at) = (gathered.proven.owner.id(), set_name(&gathered.set), environment::now());
    let members = gathered.members;
    let drill = Drill { at, key: key.to_string(), set: set.clone(), shares: members.clone() };
    Notes::add(&home, context.output, |notes| notes.drills.push(drill))?;
    if context.output.json {
        return context.output.json(serde_json::json!({
            "proven": true,
            "principal": key.to_string(),
            "vault": gathered.proven.vault.to_string(),
            "set": set,
            "shares": shares::as_json(&members),
        }));
    }
    context.output.note(format!(
        "{} shares of set {set} rebuild the master key {key}, and it opens this vault. It was \
         written nowhere",
        members.len()
    ));
    Ok(())
}
