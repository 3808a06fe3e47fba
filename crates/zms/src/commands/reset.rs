//! `zms reset`.

use std::path::PathBuf;

use zms_core::key_file::{KeyFile, Protection};

use super::backup;
use crate::{
    agent,
    exit::{Exit, Failure, Outcome},
    files,
    home::{DEFAULT_VAULT, Home, SCRATCH, read_private},
    master_key::keychain,
    prompt,
    session::{Context, database_elsewhere},
};

/// Destroy the master key and the database on this machine, for good
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms reset --dry-run
  zms reset
  zms reset --backup /media/usb/last.backup

The key goes first: from then on no master key opens the database or a copy of it. A token that
was kept together with a copy of the database still opens its scopes there. Keep a backup, and
a copy of the key elsewhere, if you may want it back: `zms restore`.")]
pub struct Args {
    /// Show what would be destroyed, and destroy nothing
    #[arg(long)]
    dry_run: bool,
    /// Make an encrypted backup in this new file first
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    backup: Option<PathBuf>,
}

/// Wipes the key first, then everything else that zms made. Needs no key.
pub fn run(context: &Context, args: &Args) -> Outcome {
    if database_elsewhere()?.is_some() {
        return Err(Failure::usage(
            "ZMS_DATABASE names a database elsewhere, and others may use it",
        )
        .hint(
            "unset ZMS_DATABASE to destroy what lies in this home, or remove that file yourself",
        ));
    }
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
    if let (Some(address), Some(_)) = (home.server(), &args.backup) {
        return Err(Failure::usage(format!(
            "the vault is kept by {address}, and a backup is made of a database"
        ))
        .hint("`zms pull` brings it to this machine first"));
    }
    let saved = if home.server().is_none() { saved(context, args, &home)? } else { None };
    let question = match (saved, home.server()) {
        (None, Some(address)) => format!(
            "This destroys the key and what was seen of the vault above. The vault itself stays at \
             {address}, and without a copy of that key, or its shares, no owner opens it."
        ),
        (None, None) => {
            "This destroys the vault above. Nothing and nobody can bring it back.".to_owned()
        }
        (Some(file), _) => format!(
            "This destroys the vault above, its master key too: without a copy of that key, or its \
             shares, nothing opens {}.",
            file.display()
        ),
    };
    prompt::typed(&question, "reset", context.yes)?;
    // Nobody holds the key once its file is gone.
    agent::lock(&home)?;
    forget_keychain(context, &home);
    // A backup that was just made left its note.
    for path in &targets(&home) {
        files::wipe(path)?;
    }
    for name in files::names(home.folder()).iter().filter(|name| name.starts_with(SCRATCH)) {
        files::remove_folder(&home.folder().join(name))?;
    }
    files::remove_folder(&home.agent())?;
    files::remove_folder(&home.pins())?;
    files::remove_folder(&home.personal_folder())?;
    files::remove_folder(&home.allowed())?;
    if home.name() != DEFAULT_VAULT {
        files::remove_empty(home.folder());
    }
    context.output.note(format!("destroyed; begin anew with `zms init{}`", home.as_typed()));
    Ok(())
}

/// Makes a backup where one is wanted: named, or asked for on a terminal.
fn saved(context: &Context, args: &Args, home: &Home) -> Outcome<Option<PathBuf>> {
    let whole = files::exists(&home.key()) && files::exists(&home.database());
    let file = match &args.backup {
        Some(file) => file.clone(),
        None if context.yes || !whole || !prompt::possible() => return Ok(None),
        None => {
            let question = "Encrypted backup first? Name a new file for it, or leave it empty: ";
            match prompt::line(question)? {
                none if none.is_empty() => return Ok(None),
                file => PathBuf::from(file),
            }
        }
    };
    backup::make(context, &file).map_err(|failure| Failure {
        message: format!("{failure}; nothing was destroyed"),
        ..failure
    })?;
    context.output.note(format!("{} holds the vault as it was", file.display()));
    Ok(Some(file))
}

/// Removes what the keychain holds for the key files. One that can not be asked is no reason to keep
/// the vault: without the file, its entry opens nothing.
fn forget_keychain(context: &Context, home: &Home) {
    for path in [home.key(), home.next_key()] {
        let text = read_private(&path, Exit::Integrity).ok().flatten();
        let Some(file) = text.and_then(|text| KeyFile::parse(&text).ok()) else { continue };
        if file.protection() == Protection::Keychain
            && let Err(failure) = keychain::forget(&file)
        {
            context.output.warn(format!("an entry stays in the keychain: {failure}"));
        }
    }
}

/// What there is to destroy, the key first.
fn targets(home: &Home) -> Vec<PathBuf> {
    let names = files::names(home.folder());
    let ours = |name: &&String| {
        name.starts_with("zms.db")
            || *name == "zms.server"
            || *name == "zms.serving"
            || *name == "zms.token"
            || name.starts_with("zms.shares.")
            || name.starts_with("zms.backup.")
            || (name.starts_with("zms.master.") && *name != "zms.master.key")
    };
    let mut rest: Vec<&String> = names.iter().filter(ours).collect();
    rest.sort();
    let rest = rest.into_iter().map(|name| home.folder().join(name));
    let key = Some(home.key()).filter(|key| files::exists(key));
    key.into_iter().chain(rest).collect()
}
