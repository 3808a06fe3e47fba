//! `zms token rotate`.

use std::time::Duration;

use zms_core::change::rekey::Spoiled;
use zms_crypto::text::{SeedKind, encode_seed};

use super::create::ends_after;
use crate::{
    exit::{Failure, Outcome, utc},
    output::Progress,
    session::{Context, tell},
};

/// Replace a token by a new one with the same name and rights
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms token rotate ci               the new one is printed once; the old one is out at once
  zms token rotate ci --ttl 90d     with a new end

What the old one could open gets new keys, as after `zms token revoke`. Where the old one has leaked,
revoke it instead: then the values that it could read are listed to be changed at their source.")]
pub struct Args {
    /// Name or id of the token
    name: String,
    /// How long the new one lives, for example 90d or 12h; without it, until the old one's end
    #[arg(long, value_name = "TIME", value_parser = super::create::time)]
    ttl: Option<Duration>,
}

/// Rotates and re-keys.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let expires = args.ttl.map(ends_after).transpose()?;
    let mut acting = context.act()?;
    let old = super::find(&mut acting, &args.name)?;
    if expires.is_none() && old.expires.is_some_and(|at| at < crate::environment::now()) {
        return Err(Failure::usage(format!("{} has expired, and so would the new one", old.label))
            .hint("give it a new end: `--ttl 90d`"));
    }
    let expires = expires.or(old.expires);
    let principal = acting.session.rotate_token(old.id, expires)?;
    let token = encode_seed(SeedKind::from(old.kind), principal.seed());
    // The new token is out before anything else can fail: it is shown once.
    let shown = if context.output.json {
        context.output.json(serde_json::json!({
            // EXPOSE: a new token is shown once, to who made it.
            "token": token.expose(),
            "id": principal.id().to_string(),
            "replaces": old.id.to_string(),
            "name": old.label,
            "expires": expires.map(utc),
        }))
    } else {
        context.output.note(format!("{} is replaced, the old one is out. Shown once:", old.label));
        // EXPOSE: a new token is shown once, to who made it.
        context.output.line(token.expose())
    };
    shown?;
    let progress = Progress::spinner("giving new keys");
    let rekeyed = acting.session.rekey_pending(Spoiled::Report, |step| {
        progress.step(step.pending as u64);
        if let Some(path) = &step.path {
            context.output.note(format!("new key for {path}"));
        }
    });
    drop(progress);
    rekeyed.map_err(|error| {
        let failure = acting.explain(error);
        let resume = "the new token works; the re-key goes on with `zms token revoke --resume`";
        let hint = failure.hint.as_ref().map(|hint| format!("{hint}\nhint: "));
        failure.hint(hint.unwrap_or_default() + resume)
    })?;
    tell(&acting.session, context.output);
    Ok(())
}
