//! `zms rm`.

use zms_core::{change::write::Edit, path::ScopePath};

use crate::{
    exit::Outcome,
    session::{Context, secret_name, tell},
};

/// Remove secrets, all of those named or none
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms rm OLD_KEY
  zms rm OLD_KEY OLDER_KEY -e staging --dry-run")]
pub struct Args {
    /// Names of the secrets
    #[arg(required = true)]
    names: Vec<String>,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

/// Removes the secrets of exactly the scope that the command acts in, all or none.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let mut names = args.names.iter().map(|name| secret_name(name)).collect::<Outcome<Vec<_>>>()?;
    names.sort();
    names.dedup();
    let mut acting = context.act()?;
    if !args.dry_run {
        acting.confirm_here(context)?;
    }
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let mut place = None;
    let written = acting.session.write(&choose, |scope| {
        place = Some(scope.path.clone());
        for name in &names {
            if scope.stored(name).is_none() {
                let held = scope.open_records()?;
                let there = held.iter().map(|(_, payload)| payload.name.as_str());
                return Err(crate::session::no_secret(name.as_str(), &scope.path, there).into());
            }
        }
        let edits = names.iter().cloned().map(Edit::Remove);
        Ok(if args.dry_run { Vec::new() } else { edits.collect() })
    });
    let written = written.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let path = place.map(|path| path.to_string()).unwrap_or_default();
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    if context.output.json {
        return context.output.json(serde_json::json!({
            "path": path, "removed": names, "dry_run": written.is_none(),
            "revision": written.map(|written| written.revision),
        }));
    }
    let verb = if written.is_some() { "removed" } else { "would be removed" };
    context.output.note(format!("{} {verb} from {path}", names.join(", ")));
    Ok(())
}
