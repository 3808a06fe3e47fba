//! `zms diff`.

use std::collections::BTreeMap;

use zms_client::{SessionError, View};
use zms_core::{
    change::ChangeError,
    history::{History, PastRevision},
    merge::Unreadable,
    path::{ScopePath, Segment},
    record::Payload,
};

use super::past::{author, exact, json, made, value, value_of, verb};
use crate::{
    exit::{Failure, Outcome, utc},
    session::{Acting, Context, tell},
};

/// Show how two revisions, or two environments, differ
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms diff 4               revision 4 against now
  zms diff 4 7             two revisions of this place
  zms diff staging         this place against staging
  zms diff staging production --reveal

The time and the author of both revisions are told first. A name with ? behind it has left: no signature
proves its work any more, only the chain does.")]
pub struct Args {
    /// Revision number, or name of an environment
    from: String,
    /// The other one; without it, what is here now
    to: Option<String>,
    /// Show the values
    #[arg(long)]
    reveal: bool,
}

/// Compares; says in words and by the exit code 0 that it could be done.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let number = |text: &String| text.parse::<u64>().ok();
    match (number(&args.from), args.to.as_ref().map(|to| (number(to), to))) {
        (Some(from), None) => revisions(context, from, None, args.reveal),
        (Some(from), Some((Some(to), _))) => revisions(context, from, Some(to), args.reveal),
        (None, None) => environments(context, &args.from, None, args.reveal),
        (None, Some((None, to))) => environments(context, &args.from, Some(to), args.reveal),
        _ => Err(Failure::usage("a revision can not be compared with an environment")
            .hint("name two revisions (`zms log` lists them) or two environments")),
    }
}

fn revisions(context: &Context, from: u64, to: Option<u64>, reveal: bool) -> Outcome {
    let mut acting = context.act()?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let past = acting.session.history(&choose, None).map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let history = &past.history;
    let to = to.unwrap_or(history.newest());
    let changes = history
        .changes(from, to)
        .map_err(|error| Failure::from(SessionError::from(ChangeError::from(error))))?;
    let ends = [from, to].map(|number| revision(history, number));
    if context.output.json {
        let changes: Vec<_> = changes.iter().map(|change| json(change, reveal)).collect();
        return context.output.json(serde_json::json!({
            "path": history.path().to_string(), "from": from, "to": to,
            "revisions": ends.map(|at| at.map(|at| made(&past, at))), "changes": changes,
        }));
    }
    for at in ends.into_iter().flatten() {
        let (when, by) = (utc(at.revision.created_at), author(&past, at));
        context.output.note(format!("revision {}: {when}, {by}", at.revision.revision));
    }
    let row = |change: &zms_core::history::Change<'_>| {
        vec![
            verb(change).to_owned(),
            change.name.to_string(),
            value_of(change.before, reveal),
            value_of(change.after, reveal),
        ]
    };
    let rows: Vec<_> = changes.iter().map(row).collect();
    if rows.is_empty() {
        context.output.note(format!("revisions {from} and {to} hold the same secrets"));
    }
    context.output.table(&["EFFECT", "NAME", "BEFORE", "AFTER"], &rows)
}

/// A revision by its number; none is 0, before the first.
fn revision(history: &History, number: u64) -> Option<&PastRevision> {
    history.revisions().get(usize::try_from(number.checked_sub(1)?).ok()?)
}

/// Compares what two environments see, at the same service.
pub fn environments(context: &Context, from: &str, to: Option<&str>, reveal: bool) -> Outcome {
    let mut acting = context.act()?;
    let here = here(&mut acting)?;
    // One name alone is compared with what is here.
    let names = to.map_or((None, Some(from)), |to| (Some(from), Some(to)));
    let left = sight(&mut acting, &in_environment(&here, names.0)?)?;
    let right = sight(&mut acting, &in_environment(&here, names.1)?)?;
    tell(&acting.session, context.output);
    let (paths, sides) = ([left.path(), right.path()], [sights(&left), sights(&right)]);
    let mut names: Vec<&str> = sides.iter().flat_map(|side| side.keys().copied()).collect();
    names.sort_unstable();
    names.dedup();
    let (mut rows, mut items) = (Vec::new(), Vec::new());
    for name in names {
        let held = sides.each_ref().map(|side| side.get(name).copied());
        let effect = match held {
            // EXPOSE: compared, not shown.
            [Some(Ok(a)), Some(Ok(b))] if a.value.expose() == b.value.expose() => continue,
            [Some(Ok(_)), Some(Ok(_))] => "differs",
            [Some(_), Some(_)] => "not compared",
            [Some(_), None] => "only in the first",
            _ => "only in the second",
        };
        let shown = held.map(|held| match held {
            Some(Ok(payload)) => value(payload, reveal),
            Some(Err(why)) => why.to_owned(),
            None => String::new(),
        });
        let [first, second] = &shown;
        let mut item = serde_json::json!({ "name": name, "effect": effect });
        if reveal {
            let exact = |held: Sight<'_>| match held.map(exact) {
                Ok((field, text)) => serde_json::json!({ field: text }),
                Err(why) => serde_json::json!({ "unreadable": why }),
            };
            item["values"] = serde_json::json!(held.map(|held| held.map(exact)));
        }
        items.push(item);
        rows.push(vec![effect.to_owned(), name.to_owned(), first.clone(), second.clone()]);
    }
    if context.output.json {
        return context.output.json(serde_json::json!({
            "paths": paths.map(ToString::to_string), "changes": items,
        }));
    }
    if rows.is_empty() {
        context.output.note(format!("{} and {} see the same secrets", paths[0], paths[1]));
    }
    let (first, second) = (paths[0].to_string(), paths[1].to_string());
    context.output.table(&["EFFECT", "NAME", &first, &second], &rows)
}

fn here(acting: &mut Acting) -> Outcome<ScopePath> {
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.structure(&choose).map_err(|error| acting.explain(error))?;
    Ok(view.path().clone())
}

/// The same place in another environment.
fn in_environment(here: &ScopePath, name: Option<&str>) -> Outcome<ScopePath> {
    let mut segments = here.segments().to_vec();
    if let Some(name) = name {
        let named = Segment::parse(name)
            .map_err(|why| Failure::usage(format!("the environment {name:?} {why}")))?;
        *segments.get_mut(1).ok_or_else(|| Failure::usage("there is no environment here"))? = named;
    }
    ScopePath::new(segments).map_err(Failure::usage)
}

fn sight(acting: &mut Acting, path: &ScopePath) -> Outcome<View> {
    acting.session.read(&|_| Ok(path.clone())).map_err(|error| acting.explain(error))
}

/// What a place sees under a name: a value, or why there is none to compare.
type Sight<'v> = Result<&'v Payload, &'static str>;

fn sights(view: &View) -> BTreeMap<&str, Sight<'_>> {
    let sight = |winner| match view.merged.resolve(winner, view.now) {
        Ok(payload) => Ok(payload),
        Err(Unreadable::Expired { .. }) => Err("expired"),
        Err(Unreadable::Reference { reason, .. }) => Err(reason),
        Err(_) => Err("can not be read"),
    };
    let winners = view.merged.winners();
    winners.map(|winner| (winner.payload.name.as_str(), sight(winner))).collect()
}
