//! `zms token revoke`.

use zms_client::TokenInfo;
use zms_core::{change::rekey::Spoiled, open::OpenError, roster::Right};

use crate::{
    exit::{Failure, Outcome},
    output::{Progress, shown},
    prompt,
    session::{Acting, Context, tell},
};

/// Take a token out at once, and give what it could open new keys
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms token revoke ci --dry-run
  zms token revoke ci
  zms token revoke --resume

The token is refused from the first moment. Then every scope it could open is re-keyed, parents
first; an interrupted re-key goes on with `zms token revoke --resume`. The values it could read
must also be changed at their source: nobody can take back what was seen.")]
pub struct Args {
    /// Name or id of the token
    #[arg(required_unless_present = "resume")]
    pub name: Option<String>,
    /// Go on with a re-key that was interrupted
    #[arg(long, conflicts_with = "name")]
    pub resume: bool,
    /// Show what would happen, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Leave out what can not be read and the leaving token may have written
    #[arg(long)]
    pub leave_out_unreadable: bool,
}

/// Revokes and re-keys.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let mut acting = context.act()?;
    let mut exposed = Vec::new();
    let mut revoked = None;
    if let Some(name) = &args.name {
        let token = super::find(&mut acting, name)?;
        let question = format!("{} opens {}.", token.label, super::scopes(&token));
        if args.dry_run {
            let exposed = readable(context, &mut acting, &token)?;
            if context.output.json {
                return context.output.json(serde_json::json!({
                    "would_revoke": token.label, "change_at_source": exposed
                }));
            }
            context.output.note(format!("would be revoked: {question} To change at their source:"));
            return exposed.iter().try_for_each(|name| context.output.line(&shown(name)));
        }
        prompt::typed(&question, &token.label, context.yes)?;
        exposed = readable(context, &mut acting, &token)?;
        acting.session.revoke(&[token.id])?;
        context
            .output
            .note(format!("{} is revoked; what it could open gets new keys", token.label));
        revoked = Some(token.label);
    } else if args.dry_run {
        return Err(Failure::usage("--dry-run goes with a name"));
    }
    let spoiled = if args.leave_out_unreadable { Spoiled::LeaveOut } else { Spoiled::Report };
    let mut scopes = Vec::new();
    let progress = Progress::spinner("giving new keys");
    let rekeyed = acting.session.rekey_pending(spoiled, |step| {
        progress.step(step.pending as u64);
        if step.expired > 0 {
            context.output.note(format!("expired tokens taken out as well: {}", step.expired));
        }
        if let Some(path) = &step.path {
            context.output.note(format!("new key for {path}"));
            scopes.push(path.to_string());
        }
    });
    drop(progress);
    rekeyed.map_err(|error| {
        let failure = acting.explain(error);
        if revoked.is_none() {
            return failure;
        }
        let resume =
            "the token is out already; the re-key goes on with `zms token revoke --resume`";
        let hint = failure.hint.as_ref().map(|hint| format!("{hint}\nhint: "));
        failure.hint(hint.unwrap_or_default() + resume)
    })?;
    tell(&acting.session, context.output);
    if context.output.json {
        return context.output.json(serde_json::json!({
            "revoked": revoked, "rekeyed": scopes, "change_at_source": exposed
        }));
    }
    if !exposed.is_empty() {
        context.output.note(
            "Change these at their source; the token could read them (`zms exposure` keeps the list):",
        );
        for name in &exposed {
            context.output.line(&shown(name))?;
        }
    }
    Ok(())
}

/// Every secret that the token could read, by path and name. Only names are given out.
fn readable(context: &Context, acting: &mut Acting, token: &TokenInfo) -> Outcome<Vec<String>> {
    let mut names = Vec::new();
    for (path, right) in &token.scopes {
        let found = acting.session.inventory(path, *right > Right::Exact)?;
        names.extend(found.names);
        for error in found.unread {
            // What was removed held nothing any more; the rest is what the re-key then deals with.
            if !matches!(error, OpenError::Removed(_) | OpenError::NotFound(_)) {
                context.output.warn(format!("{error}: what lies there is not on the list"));
            }
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}
