//! `zms key combine`.

use std::path::PathBuf;

use crate::{
    agent,
    exit::Outcome,
    files,
    home::{create_private, replace_private, trouble},
    master_key::{Protect, Seal},
    prompt,
    session::Context,
    shares::{self, Claim, Given, Reference, gather, set_name},
};

/// Put shares together to the master key, and write its file
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms key combine                             asks for shares, one by one
  zms key combine sheet-1.html sheet-4.html   asks for what is missing
  zms key combine - < shares.txt
  zms key combine --protect passphrase

The key is compared with the vault: shares of another set, and a wrong passphrase, give another key
and are refused. On a machine without the database, sheets that are read say whose key it is, or
`--sheet-id` does, as it stands on every sheet.")]
pub struct Args {
    #[command(flatten)]
    given: Given,
    /// How the key file is protected
    #[arg(long, value_enum, default_value_t = Protect::None)]
    protect: Protect,
    /// For systemd: the file of the credential, which is made where it is not there
    #[arg(long, value_name = "FILE")]
    credential: Option<PathBuf>,
    /// What the key is compared with where there is no database: the id that stands on a sheet
    #[arg(long, value_name = "ID", value_parser = sheet_id)]
    sheet_id: Option<Claim>,
    /// Rebuild and compare the key, and write nothing
    #[arg(long)]
    dry_run: bool,
}

fn sheet_id(text: &str) -> Result<Claim, String> {
    Claim::parse(text).ok_or_else(|| "it is two times 32 hex digits, with a hyphen between".into())
}

/// Rebuilds the key, proves it, and writes the file.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home_to_make()?;
    let path = home.key();
    let reference = Reference::find(&home, args.sheet_id)?;
    let replaced = files::exists(&path);
    let gathered = gather(context.output, &args.given, &mut |seed, sheets| {
        reference.prove(&home, seed, sheets, context.output)
    })?;
    let shown = path.display();
    let (owner, vault) = (&gathered.proven.owner, gathered.proven.vault);
    if !args.dry_run {
        if replaced {
            let question = format!("{shown} is there already, and the rebuilt key replaces it.");
            prompt::typed(&question, "replace", context.yes)?;
        }
        let text = Seal::ask(args.protect, args.credential.as_deref())?.seal(owner, vault)?;
        home.make()?;
        let write = if replaced { replace_private } else { create_private };
        write(&path, &text).map_err(|error| trouble(&error, format!("{shown} can not be made")))?;
        agent::lock(&home)?;
    }
    if context.output.json {
        return context.output.json(serde_json::json!({
            "file": shown.to_string(),
            "written": !args.dry_run,
            "principal": owner.id().to_string(),
            "vault": vault.to_string(),
            "set": set_name(&gathered.set),
            "shares": shares::as_json(&gathered.members),
        }));
    }
    let held = if args.dry_run { "would hold" } else { "holds" };
    context.output.note(format!("{shown} {held} the master key {}", owner.id()));
    if matches!(reference, Reference::Vault(_)) {
        context.output.note("It opens the vault that is here.");
    } else if !args.dry_run {
        context.output.note(format!(
            "It is the key that the sheet names. Put the database back, as {} or from a backup: `zms \
             restore FILE`",
            home.database().display()
        ));
    }
    Ok(())
}
