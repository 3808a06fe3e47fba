//! `zms reset`.

use std::path::PathBuf;

use crate::{
    exit::{Failure, Outcome},
    files,
    home::{DEFAULT_VAULT, Home},
    prompt,
    session::Context,
};

/// Destroy the master key and the database on this machine, for good
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms reset --dry-run
  zms reset

The key goes first: from then on no master key opens the database or a copy of it. A token that
was kept together with a copy of the database still opens its scopes there. Keep a copy of key and
database if you may want them back.")]
pub struct Args {
    /// Show what would be destroyed, and destroy nothing
    #[arg(long)]
    dry_run: bool,
}

/// Wipes the key first, then everything else that zms made. Needs no key.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home()?;
    let files = targets(&home);
    if files.is_empty() {
        return Err(Failure::not_found(format!(
            "there is nothing to reset in {}",
            home.folder().display()
        )));
    }
    if args.dry_run && context.output.json {
        let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
        return context.output.json(serde_json::json!({ "would_destroy": files }));
    }
    for path in &files {
        let path = path.display().to_string();
        if args.dry_run {
            context.output.line(&crate::output::shown(&path))?;
        } else {
            context.output.note(path);
        }
    }
    if args.dry_run {
        return Ok(());
    }
    let question = "This destroys the vault above. Nothing and nobody can bring it back.";
    prompt::typed(question, "reset", context.yes)?;
    for path in &files {
        files::wipe(path)?;
    }
    files::remove_folder(&home.pins())?;
    files::remove_folder(&home.allowed())?;
    if home.name() != DEFAULT_VAULT {
        files::remove_empty(home.folder());
    }
    context.output.note(format!("destroyed; begin anew with `zms init{}`", home.as_typed()));
    Ok(())
}

/// What there is to destroy, the key first.
fn targets(home: &Home) -> Vec<PathBuf> {
    let names = files::names(home.folder());
    let ours = |name: &&String| {
        name.starts_with("zms.db")
            || *name == "zms.shares.json"
            || (name.starts_with("zms.master.") && *name != "zms.master.key")
    };
    let mut rest: Vec<&String> = names.iter().filter(ours).collect();
    rest.sort();
    let rest = rest.into_iter().map(|name| home.folder().join(name));
    let key = Some(home.key()).filter(|key| files::exists(key));
    key.into_iter().chain(rest).collect()
}
