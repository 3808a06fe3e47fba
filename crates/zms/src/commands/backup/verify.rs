//! `zms backup verify`.

use std::path::PathBuf;

use super::unpack;
use crate::{
    credentials::{self, Sources},
    environment,
    exit::{Exit, Failure, Outcome, utc},
    home::Scratch,
    last_backup::LastBackup,
    session::Context,
};

/// Open a backup, and prove everything in it, without changing anything
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms backup verify zms-2026-01-31.backup
  zms backup verify zms-2026-01-31.backup --key /media/usb/zms.master.key

It opens with the master key, or the token of an administrator, as they were when it was made. Exit
code 4 where the key is not one of those, 6 where the file is damaged or something in it does not
verify.")]
pub struct Args {
    /// The backup
    file: PathBuf,
    /// File of the master key, where it is not the one in use
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Opens, proves, and tells what is in it.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home_to_make()?;
    let caller = match &args.key {
        Some(key) => credentials::owner_named(key)?,
        None => credentials::caller(&home, context.as_owner, context.token_fd, Sources::Named)?,
    };
    let scratch = Scratch::new(&home)?;
    let mut unpacked = unpack(&args.file, caller.principal, &scratch)?;
    let tokens = unpacked.session.tokens()?.len();
    let (head, proof) = (&unpacked.head, &unpacked.copied.proof);
    let broken: Vec<String> = proof.broken.iter().map(ToString::to_string).collect();
    if home.holds_vault()
        && let Err(failure) = LastBackup::note(&home, head, &args.file, environment::now())
    {
        context.output.warn(format!("`zms status` will not know that it was verified: {failure}"));
    }
    if context.output.json {
        context.output.json(serde_json::json!({
            "file": args.file.display().to_string(),
            "vault": head.vault.to_string(),
            "made": utc(head.made_at),
            "scopes": proof.scopes,
            "secrets": proof.records,
            "members": tokens,
            "broken": broken,
        }))?;
    } else {
        context.output.line(&format!("vault    {}", head.vault))?;
        context.output.line(&format!("made     {}", utc(head.made_at)))?;
        context.output.line(&format!("scopes   {}", proof.scopes))?;
        context.output.line(&format!("secrets  {}", proof.records))?;
        context.output.line(&format!("members  {tokens}"))?;
        for broken in &broken {
            context.output.warn(broken);
        }
    }
    match broken.len() {
        0 => Ok(()),
        count => Err(Failure::new(Exit::Integrity, format!("{count} things in it do not verify"))),
    }
}
