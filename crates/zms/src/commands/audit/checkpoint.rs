//! `zms audit checkpoint`.

use std::path::PathBuf;

use super::verify;
use crate::{
    exit::{Failure, Outcome},
    files,
    session::{Context, tell},
};

/// Verify the audit, and sign a checkpoint over it to be kept elsewhere
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms audit checkpoint --out audit-2026-01.note
  zms audit checkpoint | mail -s checkpoint me@example.com

A checkpoint is a short signed text without secrets. What it covers can not be edited or cut off
unseen by whoever can not change the checkpoint itself: keep it on another machine, in a ticket,
in a mail, on paper.")]
pub struct Args {
    /// Write it into this new file; without it, to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Signs and gives the note out.
pub fn run(context: &Context, args: &Args) -> Outcome {
    if let Some(path) = args.out.as_ref().filter(|path| files::exists(path)) {
        return Err(taken(path));
    }
    let mut acting = context.act()?;
    let (report, note) = acting.session.audit_checkpoint()?;
    tell(&acting.session, context.output);
    let Some(note) = note else {
        verify::judge(context, &report, &acting)?;
        return Err(Failure::other("there is nothing to sign"));
    };
    if let Some(path) = &args.out {
        files::create(path, &note)?.ok_or_else(|| taken(path))?;
    }
    let out = args.out.as_ref().map(|path| path.display().to_string());
    if context.output.json {
        let mut answer = verify::as_json(&report);
        (answer["note"], answer["file"]) = (note.into(), out.into());
        return context.output.json(answer);
    }
    let file = out.as_deref().unwrap_or("FILE");
    if out.is_none() {
        context.output.data(note.as_bytes())?;
    }
    context.output.note(format!(
        "Keep it where nobody who can write to this machine can change it. Compare later with \
         `zms audit verify --checkpoint {file}`"
    ));
    Ok(())
}

fn taken(path: &std::path::Path) -> Failure {
    Failure::usage(format!("{} is there already", path.display()))
        .hint("a checkpoint is never replaced: name a new file")
}
