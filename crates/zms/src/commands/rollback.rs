//! `zms rollback`.

use zms_client::SessionError;
use zms_core::{
    change::{ChangeError, rollback::edits_to},
    history::{Change, History},
    path::ScopePath,
};

use super::past::verb;
use crate::{
    exit::Outcome,
    session::{Context, tell},
};

/// Take the secrets of a place back to one of its revisions
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms rollback 7             as it was at revision 7, in a new revision: nothing is lost
  zms rollback 7 --dry-run   show what would change
  zms log                    find the revision")]
pub struct Args {
    /// Revision to go back to
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    revision: u64,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Rolls back exactly the scope that the command acts in.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let mut acting = context.act()?;
    if !args.dry_run {
        acting.confirm_here(context)?;
    }
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let (mut effects, mut place) = (Vec::new(), String::new());
    let written = acting.session.write_from_past(&choose, |history| {
        place = history.path().to_string();
        let refused = |error| SessionError::from(ChangeError::from(error));
        let changes = history.changes(history.newest(), args.revision).map_err(refused)?;
        effects = effects_of(&changes);
        if args.dry_run {
            return Ok(Vec::new());
        }
        edits_to(history, args.revision).map_err(refused)
    });
    let written = written.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    say(context, &effects, &place, written.map(|written| written.revision), || {
        format!("{place} is as it was at revision {}", args.revision)
    })
}

/// What happens to which secret.
pub struct Effect {
    verb: &'static str,
    name: String,
}

/// The effects of changes, to be shown.
pub fn effects_of(changes: &[Change<'_>]) -> Vec<Effect> {
    let effect = |change: &Change<'_>| Effect { verb: verb(change), name: change.name.to_string() };
    changes.iter().map(effect).collect()
}

/// The effects of going from one state to the one before it.
pub fn effects_of_undoing(history: &History, number: u64) -> Vec<Effect> {
    let before = number.saturating_sub(1);
    history.changes(number, before).map(|changes| effects_of(&changes)).unwrap_or_default()
}

/// Tells what was done, or would be.
pub fn say(
    context: &Context,
    effects: &[Effect],
    place: &str,
    revision: Option<u64>,
    done: impl FnOnce() -> String,
) -> Outcome {
    if context.output.json {
        let effects: Vec<_> = effects
            .iter()
            .map(|effect| serde_json::json!({ "name": effect.name, "effect": effect.verb }))
            .collect();
        return context.output.json(serde_json::json!({
            "path": place, "revision": revision, "effects": effects,
        }));
    }
    if effects.is_empty() {
        context.output.note(format!("nothing to change: {}", done()));
        return Ok(());
    }
    let rows: Vec<_> =
        effects.iter().map(|effect| vec![effect.verb.to_owned(), effect.name.clone()]).collect();
    context.output.table(&["EFFECT", "NAME"], &rows)?;
    match revision {
        Some(revision) => context.output.note(format!("{} (revision {revision})", done())),
        None => context.output.note("nothing was changed: this was a dry run"),
    }
    Ok(())
}
