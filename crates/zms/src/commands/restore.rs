//! `zms restore`.

mod key;
mod live;
mod tokens;

use std::path::PathBuf;

use zms_client::{Session, SessionError, TokenInfo, pins::PinFolder};
use zms_core::{change::rekey::Spoiled, path::ScopePath, principal::Kind};
use zms_store_sqlite::SqliteStore;

use self::live::Live;
use super::backup::{Unpacked, unpack};
use crate::{
    environment,
    exit::{Failure, Outcome, utc},
    home::{Home, Scratch},
    last_backup::LastBackup,
    output::{Output, Progress, shown},
    prompt, server,
    session::Context,
};

/// Make the vault what a backup holds
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms restore zms-2026-01-31.backup --dry-run
  zms restore zms-2026-01-31.backup --key /media/usb/zms.master.key
  zms restore zms-2026-01-31.backup --keep api,worker

It needs the master key of the time of the backup: the one in use, the one that `zms key combine`
has rebuilt from its shares, or --key FILE, which then becomes the one in use. A vault that is
there is replaced in one step, once all is ready: what was written since the backup is lost.

A restore would also bring back to life every token that was revoked since. Each is shown, and
revoked anew unless it is to be kept. Whoever used the vault before is told that it was restored.")]
pub struct Args {
    /// The backup
    file: PathBuf,
    /// File of the master key, where it is not the one in use
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Tokens that go on being good
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    keep: Vec<String>,
    /// Keep every token but those known to be revoked since
    #[arg(long, conflicts_with = "keep")]
    keep_all: bool,
    /// Show what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Prepares the restored vault beside what is there, and puts it in place in one step.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home_to_make()?;
    server::refuse(
        &home,
        "a restore replaces a database",
        "who runs the server restores its database; on this machine restore into another vault: \
         `zms restore FILE --vault NAME`, and `zms push` that to a server",
    )?;
    let key = key::find(context, &home, args.key.as_deref())?;
    let scratch = Scratch::new(&home)?;
    let principal = key.principal.duplicate();
    let mut unpacked = unpack(&args.file, principal, &scratch)?;
    let live = Live::look(&home, unpacked.head.vault)?;
    let me = unpacked.session.principal().id();
    let mut tokens = unpacked.session.tokens()?;
    tokens.retain(|token| token.id != me);
    for broken in &unpacked.copied.proof.broken {
        context.output.warn(format!("{broken}: it stays so"));
    }
    tell_of(context.output, &unpacked, &live);
    let known = |token: &TokenInfo| live.departed(token.id);
    if args.dry_run {
        return tokens::show(context, &tokens, &known);
    }
    let revoke = tokens::choose(context, args, &tokens, &known)?;
    let (administrators, tokens): (Vec<&TokenInfo>, Vec<&TokenInfo>) =
        tokens.iter().partition(|token| token.kind == Kind::Administrator);
    confirm(context, &home, &live)?;

    let pinned = PinFolder::new(home.pins()).load(unpacked.head.vault, me);
    make(context, &mut unpacked.session, live.least(pinned)?, &revoke)?;
    let Unpacked { head, session, .. } = unpacked;
    drop(session);
    let kept_aside = [key.lay_out(&home, head.vault)?, live.give_way(&home, &scratch)?];
    key.take_effect(&home)?;

    let output = context.output;
    if let Err(failure) = LastBackup::note(&home, &head, &args.file, environment::now()) {
        output.warn(format!("`zms status` will not know of this backup: {failure}"));
    }
    see(&home, key)?;
    let (revoked, kept): (Vec<_>, Vec<_>) =
        tokens.into_iter().partition(|token| revoke.iter().any(|out| out.id == token.id));
    let names = |tokens: &[&TokenInfo]| -> Vec<String> {
        tokens.iter().map(|token| token.label.clone()).collect()
    };
    let (revoked, kept) = (names(&revoked), names(&kept));
    let administrators = names(&administrators);
    if output.json {
        return output.json(serde_json::json!({
            "vault": head.vault.to_string(),
            "made": utc(head.made_at),
            "kept": kept,
            "revoked": revoked,
            "administrators": administrators,
        }));
    }
    for aside in kept_aside.iter().flatten() {
        output.note(format!("what was there is kept as {}", aside.display()));
    }
    output.note(format!("the vault is what it was on {}", utc(head.made_at)));
    let list = |names: &[String]| shown(&names.join(", "));
    if !revoked.is_empty() {
        output.note(format!(
            "revoked: {}; what they could read is to be changed at its source: `zms exposure`",
            list(&revoked)
        ));
    }
    if !kept.is_empty() {
        output.note(format!("still good: {}", list(&kept)));
    }
    if !administrators.is_empty() {
        output.warn(format!(
            "administrators again, as the vault key is in the backup: {}",
            list(&administrators)
        ));
    }
    output.note(format!("Next: zms doctor{}", home.as_typed()));
    Ok(())
}

/// What the backup is, and what is there now.
fn tell_of(output: Output, unpacked: &Unpacked, live: &Live) {
    let (head, proof) = (&unpacked.head, &unpacked.copied.proof);
    output.note(format!(
        "{} secrets in {} scopes, of {}",
        proof.records,
        proof.scopes,
        utc(head.made_at)
    ));
    if let Some(newest) = live.newest() {
        output.note(format!("the vault that is there was last used on {}", utc(newest)));
    }
}

fn confirm(context: &Context, home: &Home, live: &Live) -> Outcome {
    let shown = home.database().display().to_string();
    let question = match live {
        Live::None => return Ok(()),
        Live::Sound { .. } => format!(
            "This replaces the vault in {shown}. What was written since the backup is lost; \
             `zms backup` keeps a copy of it."
        ),
        Live::Damaged { why, .. } => format!(
            "The database in {shown} can not be used ({why}). It is set aside, and the backup \
             takes its place."
        ),
    };
    prompt::typed(&question, "restore", context.yes)
}

/// Makes the backup the newest state, and takes out who is not to be in it.
fn make(context: &Context, session: &mut Session, least: u64, revoke: &[&TokenInfo]) -> Outcome {
    let progress = Progress::spinner("signing everything anew");
    session.restore(least)?;
    drop(progress);
    if !revoke.is_empty() {
        let ids: Vec<_> = revoke.iter().map(|token| token.id).collect();
        session.revoke(&ids)?;
        let progress = Progress::spinner("giving new keys");
        session.rekey_pending(Spoiled::Report, |step| {
            progress.step(step.pending as u64);
            if step.expired > 0 {
                context.output.note(format!("expired tokens taken out as well: {}", step.expired));
            }
        })?;
    }
    Ok(())
}

/// Opens what is in place now, as every command will, so that it is seen and pinned.
fn see(home: &Home, key: key::Key) -> Outcome {
    let gone = || Failure::other(format!("{} is gone", home.database().display()));
    let store = SqliteStore::open(&home.database()).map_err(SessionError::Store)?;
    let pins = PinFolder::new(home.pins());
    let (clock, rng) = (environment::now, environment::entropy());
    let store = Box::new(store.ok_or_else(gone)?);
    let mut session = Session::new(store, key.principal, pins, clock, rng);
    session.structure(&|_| Ok(ScopePath::default()))?;
    Ok(())
}
