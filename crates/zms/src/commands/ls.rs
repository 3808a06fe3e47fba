//! `zms ls`.

use serde::Serialize;
use zms_core::{merge::Winner, path::ScopePath};

use crate::{
    bundle_file::Carried,
    credentials::Sources,
    exit::{Outcome, utc},
    expiry::{Nearness, nearness},
    output::Output,
    personal::lay_over,
    session::{Context, tell},
};

/// List the secrets that a place sees, without their values
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms ls
  zms ls -e staging --json")]
pub struct Args {
    #[command(flatten)]
    carried: Carried,
}

#[derive(Serialize)]
struct Row {
    name: String,
    path: String,
    kind: &'static str,
    revision: u64,
    updated: String,
    expires: Option<String>,
    expired: bool,
    note: String,
    /// Whether it is the owner's own value on this machine.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    personal: bool,
    #[serde(skip)]
    nearness: Nearness,
}

/// Lists names, and which scope each comes from.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let mut acting = context.act_with(Sources::Named, &args.carried)?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let mut view = acting.session.read(&choose).map_err(|error| acting.explain(error))?;
    lay_over(context, &acting, &mut view)?;
    tell(&acting.session, context.output);
    let row = |winner: Winner<'_>| Row {
        name: winner.payload.name.to_string(),
        path: winner.path.to_string(),
        kind: winner.payload.kind.as_str(),
        revision: winner.rev_from,
        updated: utc(winner.payload.created_at),
        expires: winner.payload.expires_at.map(utc),
        expired: nearness(winner.payload.expires_at, view.now) == Nearness::Over,
        nearness: nearness(winner.payload.expires_at, view.now),
        note: winner.payload.note.clone(),
        personal: winner.personal,
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
    warn(context.output, &rows);
    // Where nothing ends there is nothing to see of ends.
    let ends = rows.iter().any(|row| row.expires.is_some());
    let cells = |row: Row| {
        let end = match (row.nearness, row.expires) {
            (Nearness::Over, Some(at)) => format!("expired {at}"),
            (_, end) => end.unwrap_or_default(),
        };
        let from = if row.personal { format!("{} (personal)", row.path) } else { row.path };
        let mut cells = vec![row.name, from, row.kind.to_owned(), row.updated, row.note];
        if ends {
            cells.insert(4, end);
        }
        cells
    };
    let rows: Vec<Vec<String>> = rows.into_iter().map(cells).collect();
    let mut heading = vec!["NAME", "FROM", "KIND", "UPDATED", "NOTE"];
    if ends {
        heading.insert(4, "EXPIRES");
    }
    context.output.table(&heading, &rows)
}

/// Names what is over, and what ends within two weeks.
fn warn(output: Output, rows: &[Row]) {
    let those = |nearness| {
        let those = rows.iter().filter(|row| row.nearness == nearness);
        those.map(|row| row.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (over, soon) = (those(Nearness::Over), those(Nearness::Soon));
    if !over.is_empty() {
        output.warn(format!("expired, and stops `zms run`: {over}"));
    }
    if !soon.is_empty() {
        output.warn(format!("ends within 14 days: {soon}"));
    }
}
