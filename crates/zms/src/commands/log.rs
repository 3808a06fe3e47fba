//! `zms log`.

use zms_client::Past;
use zms_core::{history::PastRevision, path::ScopePath};

use super::past::{author, json, made, verb};
use crate::{
    exit::{Outcome, utc},
    session::{Context, tell},
};

/// Show what changed in a place, revision by revision
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms log                       newest first: who changed which secrets, and when
  zms log -e production -n 5    the last five revisions of production
  zms diff 4 7                  how two revisions differ

A name with ? behind it has left: no signature proves its work any more, only the chain does.")]
pub struct Args {
    /// How many revisions to show
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
}

/// Lists the revisions of exactly the scope that the command acts in.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let mut acting = context.act()?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let past = acting.session.history(&choose, None).map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let newest = past.history.revisions().iter().rev();
    let shown: Vec<&PastRevision> = newest.take(args.limit.unwrap_or(usize::MAX)).collect();
    if context.output.json {
        let items: Vec<_> = shown.iter().map(|at| item(&past, at)).collect();
        return context.output.json(serde_json::json!({
            "path": past.history.path().to_string(), "revisions": items,
        }));
    }
    let row = |at: &&PastRevision| {
        let revision = &at.revision;
        vec![
            revision.revision.to_string(),
            utc(revision.created_at),
            author(&past, at),
            words(&past, at),
        ]
    };
    let rows: Vec<_> = shown.iter().map(row).collect();
    context.output.table(&["REVISION", "TIME", "BY", "WHAT"], &rows)
}

/// What a revision did, in words.
fn words(past: &Past, at: &PastRevision) -> String {
    let number = at.revision.revision;
    let Some(changes) = past.history.changes_of(number) else {
        return other(past, at).unwrap_or("under an older key").to_owned();
    };
    if changes.is_empty() {
        return other(past, at).unwrap_or("nothing that shows").to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    for kind in ["added", "changed", "removed"] {
        let names = changes.iter().filter(|change| verb(change) == kind);
        let names: Vec<&str> = names.map(|change| change.name.as_str()).collect();
        if !names.is_empty() {
            words.push(format!("{kind} {}", names.join(", ")));
        }
    }
    words.join("; ")
}

/// What a revision did that changed no secret.
fn other(past: &Past, at: &PastRevision) -> Option<&'static str> {
    let number = usize::try_from(at.revision.revision).ok()?;
    let Some(before) = number.checked_sub(2).and_then(|at| past.history.revisions().get(at)) else {
        return Some("made");
    };
    let (before, now) = (&before.revision, &at.revision);
    if now.epoch != before.epoch {
        Some("new key")
    } else if now.children_root != before.children_root {
        Some("scopes below changed")
    } else if now.records_root == before.records_root {
        Some("signed anew")
    } else {
        None
    }
}

fn item(past: &Past, at: &PastRevision) -> serde_json::Value {
    let revision = &at.revision;
    let changes = past.history.changes_of(revision.revision);
    let changes =
        changes.map(|all| all.iter().map(|change| json(change, false)).collect::<Vec<_>>());
    let mut item = made(past, at);
    item["epoch"] = revision.epoch.into();
    item["changes"] = changes.into();
    item["what"] = words(past, at).into();
    item
}
