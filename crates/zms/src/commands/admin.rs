//! `zms admin`.

mod rm;

use clap::Subcommand;
use zms_client::TokenInfo;
use zms_core::principal::Kind;

use crate::{
    exit::{Outcome, utc},
    session::{Context, tell},
};

/// List administrators of the vault, or take one out
#[derive(Subcommand)]
pub enum Command {
    /// List who holds the vault key: the owner, and every token made with --admin
    #[command(
        alias = "list",
        after_help = "\
Examples:
  zms admin ls
  zms admin ls --json

One more is made with `zms token create NAME --admin`."
    )]
    Ls,
    Rm(rm::Args),
}

/// Runs the subcommand.
pub fn run(context: &Context, command: &Command) -> Outcome {
    match command {
        Command::Ls => list(context),
        Command::Rm(args) => rm::run(context, args),
    }
}

fn list(context: &Context) -> Outcome {
    let mut acting = context.act()?;
    let mut all = acting.session.tokens()?;
    all.retain(administers);
    tell(&acting.session, context.output);
    let me = acting.session.principal().id();
    if context.output.json {
        let all = all.iter().map(|admin| {
            serde_json::json!({
                "name": admin.label,
                "id": admin.id.to_string(),
                "created": utc(admin.created),
                "you": admin.id == me,
            })
        });
        return context.output.json(serde_json::json!({ "admins": all.collect::<Vec<_>>() }));
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|admin| {
            let you = if admin.id == me { "you" } else { "" };
            vec![admin.label.clone(), admin.id.to_string(), utc(admin.created), you.to_owned()]
        })
        .collect();
    context.output.table(&["NAME", "ID", "SINCE", ""], &rows)
}

fn administers(member: &TokenInfo) -> bool {
    member.kind == Kind::Administrator
}
