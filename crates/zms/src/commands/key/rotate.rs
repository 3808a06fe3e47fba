//! `zms key rotate`.

use zms_core::{key_file::KeyFile, principal::Principal};

use crate::{
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, read_private, replace_private, trouble},
    master_key::{Protect, Seal, promote},
    prompt,
    session::{Acting, Context, tell},
    shares::Notes,
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
    confirm(context, &home)?;
    let old = acting.session.principal().id();
    let heir = replace(&home, &mut acting)?;
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
    let notes = Notes::load(&home).unwrap_or_default();
    if notes.of(old).next().is_some() {
        context.output.note("Shares of the old key are void too. Make new ones: zms key split");
    }
    Ok(())
}

/// Has it confirmed that the key is replaced.
pub(super) fn confirm(context: &Context, home: &Home) -> Outcome {
    let shown = home.key().display().to_string();
    let question = match files::exists(&home.key()) {
        true => format!("The key in {shown} and every copy of it will open nothing."),
        false => "The master key, and all shares of it, will open nothing.".to_owned(),
    };
    prompt::typed(&question, "rotate", context.yes)
}

/// Replaces the key in its file. The new one is on disk before the vault learns of it.
pub(super) fn replace(home: &Home, acting: &mut Acting) -> Outcome<Principal> {
    let text = read_private(&home.key(), Exit::Integrity)?;
    let Some(text) = text else {
        return Err(Failure::new(
            Exit::Locked,
            format!("there is no master key at {}", home.key().display()),
        )
        .hint("a key that is only in shares is replaced by `zms key split --rotate`"));
    };
    let (protection, vault) = KeyFile::parse(&text)
        .map(|file| (Protect::from(file.protection()), file.vault()))
        .map_err(|_| Failure::new(Exit::Integrity, "the key file was changed meanwhile"))?;
    let seal = Seal::ask(protection)?;
    let next = home.next_key();
    let heir = acting.session.succeed(|heir| {
        let text = seal.seal(heir, vault)?;
        let kept = replace_private(&next, &text);
        Ok(kept.map_err(|error| trouble(&error, format!("{} can not be made", next.display())))?)
    });
    let heir = heir.map_err(|error| acting.explain(error))?;
    promote(home)?;
    Ok(heir)
}
