//! `zms key status`.

use zms_core::key_file::{KeyFile, Protection};

use crate::{
    agent,
    exit::{Exit, Failure, Outcome, utc},
    home::read_private,
    master_key::Protect,
    session::Context,
    shares::{Drill, Notes, Split},
};

/// Show whose key the master key file holds, and how it is protected
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms key status
  zms key status --json

It reads what stands in the clear in the file, and opens nothing.")]
pub struct Args {}

/// Reads the head of the file.
pub fn run(context: &Context, _: &Args) -> Outcome {
    let home = context.home()?;
    let path = home.key();
    let shown = path.display().to_string();
    let Some(text) = read_private(&path, Exit::Integrity)? else {
        return Err(Failure::new(Exit::Locked, format!("there is no master key at {shown}")).hint(
            "put a copy of the key there, or put it together from shares with `zms key \
                 combine`; `zms init` makes a new vault",
        ));
    };
    let file = KeyFile::parse(&text)
        .map_err(|error| Failure::new(Exit::Integrity, format!("{shown} {error}")))?;
    let protection = match file.protection() {
        Protection::Passphrase(cost) => format!(
            "a passphrase (Argon2id, {} MiB, {} passes, {} lanes)",
            cost.memory_kib / 1024,
            cost.passes,
            cost.lanes
        ),
        other => Protect::from(other).words().to_owned(),
    };
    let notes = Notes::load(&home)?;
    let drill = notes.last_drill(file.principal());
    let until = agent::until(&home)?.map(utc);
    if context.output.json {
        let sets: Vec<_> = notes.of(file.principal()).map(Split::as_json).collect();
        return context.output.json(serde_json::json!({
            "file": shown,
            "protection": Protect::from(file.protection()).name(),
            "unlocked_until": until,
            "principal": file.principal().to_string(),
            "vault": file.vault().to_string(),
            "sets_of_shares": sets,
            "last_drill": drill.map(Drill::as_json),
        }));
    }
    context.output.line(&format!("file       {shown}"))?;
    context.output.line(&format!("protected  by {protection}"))?;
    if file.protection() != Protection::None || until.is_some() {
        let state = until.map_or("locked".to_owned(), |at| format!("unlocked until {at}"));
        context.output.line(&format!("agent      {state}"))?;
    }
    context.output.line(&format!("key        {}", file.principal()))?;
    context.output.line(&format!("vault      {}", file.vault()))?;
    for split in notes.of(file.principal()) {
        let (scheme, at) = (split.scheme(), utc(split.at));
        context.output.line(&format!("shares     set {}, {scheme}, made on {at}", split.set))?;
    }
    if let Some(drill) = drill {
        let count = drill.shares.len();
        let (at, set) = (utc(drill.at), &drill.set);
        context.output.line(&format!("drill      on {at}, with {count} shares of set {set}"))?;
    }
    Ok(())
}
