//! `zms status`.

use zms_core::path::ScopePath;

use crate::{
    exit::{Outcome, utc},
    home::Home,
    session::{Context, tell},
};

/// Show which vault, place and key are used here
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms status
  zms status --json")]
pub struct Args {}

/// Shows the status; every line of it is proven, not merely stored.
pub fn run(context: &Context, _: &Args) -> Outcome {
    let home = Home::find()?;
    let mut acting = context.act()?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.structure(&choose).map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let roster = view.roster;
    let pin = format!("{}.{}.{}", roster.generation, roster.version, hex::encode(roster.hash));
    let acting_as = if acting.owner { "owner" } else { "token" };
    let expires = view.line.expires.map(utc);
    let head = view.target().head.revision;
    let database = home.database().display().to_string();
    if context.output.json {
        return context.output.json(serde_json::json!({
            "vault": view.vault.to_string(),
            "database": database,
            "path": view.path().to_string(),
            "revision": head,
            "acting_as": acting_as,
            "key_from": acting.source,
            "principal": view.line.principal.to_string(),
            "expires": expires,
            "pin": pin,
            "first_use": acting.session.first_use(),
            "pending_rekeys": view.pending.len(),
        }));
    }
    let mut rows = vec![
        ("vault", format!("{} in {database}", view.vault)),
        ("place", format!("{} (revision {head})", view.path())),
        ("acting as", format!("{acting_as}, from {}", acting.source)),
    ];
    if let Some(expires) = expires {
        rows.push(("expires", expires));
    }
    rows.push(("pin", pin));
    for (what, text) in rows {
        context.output.line(&crate::output::shown(&format!("{what:<10} {text}")))?;
    }
    if acting.session.first_use() {
        context.output.note("first use here: an older state of the vault could not be told");
    }
    if !view.pending.is_empty() {
        context.output.warn(format!(
            "{} scopes that a revoked token could open still have their old keys: run `zms token \
             revoke --resume`",
            view.pending.len()
        ));
    }
    Ok(())
}
