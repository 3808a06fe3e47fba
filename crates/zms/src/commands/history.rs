//! `zms history`.

use zms_core::{
    history::{Life, Version},
    path::ScopePath,
};

use super::past::{author, exact, value};
use crate::{
    exit::{Failure, Outcome, utc},
    session::{Context, no_secret, secret_name, tell},
};

/// Show every version of a secret: when it was set, by whom, until when
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms history DATABASE_URL            newest first, values masked
  zms history DATABASE_URL --reveal   with the values
  zms rollback 7 --dry-run            what going back to revision 7 would change

A name with ? behind it has left: no signature proves its work any more, only the chain does.")]
pub struct Args {
    /// Name of the secret
    name: String,
    /// Show the values
    #[arg(long)]
    reveal: bool,
}

/// Lists the versions in exactly the scope that the command acts in.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let name = secret_name(&args.name)?;
    let mut acting = context.act()?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let past = acting.session.history(&choose, Some(std::slice::from_ref(&name)));
    let past = past.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let history = &past.history;
    if history.versions().is_empty() {
        return Err(none(&mut acting, history.path(), name.as_str()));
    }
    let mut rows = Vec::new();
    let mut items = Vec::new();
    for Life { version, rev_to } in history.lives().into_iter().rev() {
        let at = &history.revisions()[index(version.rev_from)];
        let (when, by) = (utc(at.revision.created_at), author(&past, at));
        let until = rev_to.map(|to| &history.revisions()[index(to)].revision);
        let ended = until.map(|until| utc(until.created_at));
        let shown = value(&version.payload, args.reveal);
        if context.output.json {
            let mut item = item(version, &when, &by, at.proven, args.reveal);
            item["ended_by"] = rev_to.into();
            item["until"] = ended.into();
            items.push(item);
        } else {
            let note = version.payload.note.clone();
            let ended = ended.unwrap_or_else(|| "now".to_owned());
            rows.push(vec![version.rev_from.to_string(), when, by, ended, shown, note]);
        }
    }
    if context.output.json {
        return context.output.json(serde_json::json!({
            "name": name.as_str(), "path": history.path().to_string(), "versions": items,
        }));
    }
    context.output.table(&["REVISION", "FROM", "BY", "UNTIL", "VALUE", "NOTE"], &rows)
}

fn index(revision: u64) -> usize {
    usize::try_from(revision - 1).expect("a revision that was read fits in memory")
}

fn item(version: &Version, when: &str, by: &str, proven: bool, reveal: bool) -> serde_json::Value {
    let payload = &version.payload;
    let mut item = serde_json::json!({
        "revision": version.rev_from, "from": when,
        "by": by.trim_end_matches('?'), "author_proven": proven, "set": utc(payload.created_at),
        "kind": payload.kind.as_str(), "note": payload.note,
        "expires": payload.expires_at.map(utc),
    });
    if reveal {
        let (field, text) = exact(payload);
        item[field] = text.into();
    }
    item
}

/// Why there is nothing to show: another scope has it, or nobody.
fn none(acting: &mut crate::session::Acting, path: &ScopePath, name: &str) -> Failure {
    let view = match acting.session.read(&|_| Ok(path.clone())) {
        Ok(view) => view,
        Err(error) => return error.into(),
    };
    match view.merged.winner(name) {
        Some(winner) => Failure::not_found(format!(
            "{name} is inherited from {}, and never stood in {path}",
            winner.path
        ))
        .hint("look there: name its project and environment with `-p` and `-e`"),
        None => {
            let names = view.merged.winners().map(|winner| winner.payload.name.as_str());
            no_secret(name, path, names)
        }
    }
}
