//! `zms admin rm`.

use std::path::PathBuf;

use super::administers;
use crate::{
    commands::token,
    exit::{Failure, Outcome},
    renewal::{Order, carry_out, finish},
    session::Context,
    shares::Wanted,
};

/// Take an administrator out: everything gets new keys, everybody else a new token
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms admin rm second --dry-run    what would get new keys, and whose tokens would be replaced
  zms admin rm second              the new tokens are printed once
  zms admin rm second --out FILE   into a new file that only you can read
  zms admin rm second --shares 5 --threshold 3 --sheets DIR
                                   where the master key is in its shares alone

An administrator has held the vault key, and with it the key of every token. So this is a full
rotation (see `zms key rotate --help`), in one step: until it is done nothing changes; afterwards
who was taken out opens nothing that is stored from then on, from any copy. Everything that could
be read is listed by `zms exposure`, to be changed at its source.")]
pub struct Args {
    /// Name or id of the administrator
    name: String,
    /// Show what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the new tokens into this new file, mode 0600, and not to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Leave out what can not be read, and close the scopes that do not verify
    #[arg(long)]
    leave_out_unreadable: bool,
    #[command(flatten)]
    wanted: Wanted,
}

/// A full rotation that leaves one out.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let mut acting = context.act()?;
    if !args.dry_run && finish(context, &acting, args.out.as_ref())? {
        return match token::find(&mut acting, &args.name) {
            Ok(member) => Err(Failure::other(format!(
                "{} is still there: the rotation that was interrupted was another one",
                member.label
            ))
            .hint("run it again to take the administrator out")),
            // Whom the interrupted one took out is not kept, so a name that is not there proves nothing.
            Err(gone) => Err(gone.hint(
                "nobody was taken out now; the tokens are those of the rotation that was \
                 interrupted, and `zms admin ls` lists who is there",
            )),
        };
    }
    let member = token::find(&mut acting, &args.name)?;
    if !administers(&member) {
        return Err(Failure::usage(format!("{} is no administrator", member.label))
            .hint(format!("take a token out with `zms token revoke {}`", member.label)));
    }
    if member.id == acting.session.principal().id() {
        return Err(Failure::usage(format!("{} is who acts here", member.label))
            .hint("another administrator can take this one out"));
    }
    let question = format!(
        "{} opens nothing from then on. Everything gets new keys, and every other token a new one: \
         programs that run with the old ones are refused until they have theirs.",
        member.label
    );
    let order = Order {
        leaving: &[member.id],
        leaked: true,
        leave_out: args.leave_out_unreadable,
        out: args.out.as_ref(),
        wanted: &args.wanted,
        dry_run: args.dry_run,
        question: &question,
        word: &member.label,
    };
    carry_out(context, &mut acting, &order)
}
