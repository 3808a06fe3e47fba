//! `zms ls`.

use serde::Serialize;
use zms_core::path::ScopePath;

use crate::{
    exit::{Outcome, utc},
    session::{Context, tell},
};

/// List the secrets that a place sees, without their values
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms ls
  zms ls -e staging --json")]
pub struct Args {}

#[derive(Serialize)]
struct Row {
    name: String,
    path: String,
    kind: &'static str,
    revision: u64,
    updated: String,
    note: String,
}

/// Lists names, and which scope each comes from.
pub fn run(context: &Context, _: &Args) -> Outcome {
    let mut acting = context.act()?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.read(&choose).map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let row = |winner: zms_core::merge::Winner<'_>| Row {
        name: winner.payload.name.to_string(),
        path: winner.path.to_string(),
        kind: winner.payload.kind.as_str(),
        revision: winner.rev_from,
        updated: utc(winner.payload.created_at),
        note: winner.payload.note.clone(),
    };
    let rows: Vec<Row> = view.merged.winners().map(row).collect();
    if context.output.json {
        return context.output.json(serde_json::json!({
            "path": view.path().to_string(), "secrets": rows
        }));
    }
    if rows.is_empty() {
        context.output.note(format!("no secrets in {}", view.path()));
    }
    let cells = |row: Row| vec![row.name, row.path, row.kind.to_owned(), row.updated, row.note];
    let rows: Vec<Vec<String>> = rows.into_iter().map(cells).collect();
    context.output.table(&["NAME", "FROM", "KIND", "UPDATED", "NOTE"], &rows)
}
