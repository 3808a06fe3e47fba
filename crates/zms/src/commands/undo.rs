//! `zms undo`.

use zms_client::SessionError;
use zms_core::{change::rollback::edits_to_undo, path::ScopePath};

use super::rollback::{effects_of_undoing, say};
use crate::{
    exit::{Failure, Outcome},
    session::{Context, tell},
};

/// Take back the newest change of secrets in a place
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms undo              what the last set, rm, import or rollback did is taken back
  zms undo --dry-run    show what would change

Undoing is a change too: a second undo brings the first one's effect back. To go back further, find
the revision with `zms log` and use `zms rollback REVISION`.")]
pub struct Args {
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Undoes in exactly the scope that the command acts in.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let mut acting = context.act()?;
    if !args.dry_run {
        acting.confirm_here(context)?;
    }
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let (mut undone, mut effects, mut place) = (None, Vec::new(), String::new());
    let written = acting.session.write_from_past(&choose, |history| {
        place = history.path().to_string();
        let (number, edits) = edits_to_undo(history).ok_or_else(|| {
            SessionError::from(Failure::not_found(format!(
                "no change of secrets to undo in {place}"
            )))
        })?;
        // Somebody was faster: what is newest now is not what the user meant.
        if *undone.get_or_insert(number) != number {
            return Err(SessionError::Conflict);
        }
        effects = effects_of_undoing(history, number);
        Ok(if args.dry_run { Vec::new() } else { edits })
    });
    let written = written.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    say(context, &effects, &place, written.map(|written| written.revision), || {
        format!("revision {} of {place} is undone", undone.unwrap_or_default())
    })
}
