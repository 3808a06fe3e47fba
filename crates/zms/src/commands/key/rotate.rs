//! `zms key rotate`.

use zms_core::key_file::KeyFile;

use crate::{
    exit::{Exit, Failure, Outcome},
    home::{read_private, replace_private, trouble},
    master_key::{Protect, Seal, promote},
    prompt,
    session::{Context, tell},
};

/// Replace the master key by a new one that holds the same; the old one opens nothing any more
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms key rotate --dry-run
  zms key rotate             the file that is there is replaced; copies of the old key are void

It helps where the old key leaked and no copy of the database did. Who has both has the vault key, and
opens that copy for ever; what was in it must be changed at its source.")]
pub struct Args {
    /// Show what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Rotates: the new key is on disk before the vault learns of it, and takes the old one's place after.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home()?;
    let path = home.key();
    let mut acting = context.act()?;
    if !acting.owner {
        return Err(Failure::usage("a token acts here, and the master key is what is replaced")
            .hint("run it as the owner: without ZMS_TOKEN, or with `--as-owner`"));
    }
    let text = read_private(&path, Exit::Integrity)?;
    let file = text.as_deref().and_then(|text| KeyFile::parse(text).ok());
    let (protection, vault) = file
        .map(|file| (Protect::from(file.protection()), file.vault()))
        .ok_or_else(|| Failure::new(Exit::Integrity, "the key file was changed meanwhile"))?;
    if args.dry_run {
        let heads = acting.session.succession()?;
        tell(&acting.session, context.output);
        if context.output.json {
            return context.output.json(serde_json::json!({ "would_sign_anew": heads }));
        }
        context.output.note(format!(
            "a new key would take the place of {}, and sign {heads} scopes anew",
            path.display()
        ));
        return Ok(());
    }
    let question = format!("The key in {} and every copy of it will open nothing.", path.display());
    prompt::typed(&question, "rotate", context.yes)?;
    let seal = Seal::ask(protection)?;
    let next = home.next_key();
    let heir = acting.session.succeed(|heir| {
        let text = seal.seal(heir, vault)?;
        let kept = replace_private(&next, &text);
        Ok(kept.map_err(|error| trouble(&error, format!("{} can not be made", next.display())))?)
    });
    let heir = heir.map_err(|error| acting.explain(error))?;
    promote(&home)?;
    tell(&acting.session, context.output);
    if context.output.json {
        return context.output.json(serde_json::json!({
            "file": path.display().to_string(), "principal": heir.id().to_string(),
        }));
    }
    context.output.note(format!(
        "{} holds a new key. Make a new copy of it for a safe place: the old ones are void",
        path.display()
    ));
    Ok(())
}
