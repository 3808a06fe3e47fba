//! `zms key rotate`.

use std::path::PathBuf;

use zms_core::{key_file::KeyFile, principal::Principal};

use crate::{
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, read_private, replace_private, trouble},
    master_key::{Protect, Seal, promote},
    personal::Drawer,
    prompt,
    renewal::{Order, carry_out, finish, refuse_waiting},
    session::{Acting, Context, tell},
    shares::{Notes, Wanted},
};

/// Replace the master key, or with --full every key and token; the old ones open nothing any more
#[derive(clap::Args)]
#[command(after_help = "\
Which one:
  zms key rotate          where only the key may be in other hands: the key file is replaced, tokens
                          stay as they are
  zms key rotate --full   where a copy of the database may be there too, or an administrator leaves:
                          whoever has had both has the vault key, and with it every token's. New
                          keys for everything, and a new token for each old one

Examples:
  zms key rotate --dry-run
  zms key rotate --full --dry-run      how much there is to do, and whose tokens would be replaced
  zms key rotate --full                the new tokens are printed once
  zms key rotate --full --out tokens   into a new file that only you can read
  zms key rotate --full --leaked       `zms exposure` lists all secrets until they are changed
  zms key rotate --full --shares 5 --threshold 3 --sheets DIR
                                       where the key is in its shares alone: those of the new one

Either happens as a whole or not at all. Where a full one is interrupted after that, run it again:
the new tokens lie sealed beside the key until they were shown. What was in an old copy of the
database stays readable there for who had a key to it, and must be changed at its source. Uses of
tokens that have only so many are counted anew.")]
pub struct Args {
    /// New keys for everything, and a new token for each old one
    #[arg(long)]
    full: bool,
    /// What the old keys opened may have been read: list it to be changed at its source
    #[arg(long, requires = "full")]
    leaked: bool,
    /// Write the new tokens into this new file, mode 0600, and not to stdout
    #[arg(long, value_name = "FILE", requires = "full")]
    out: Option<PathBuf>,
    /// Leave out what can not be read, and close the scopes that do not verify
    #[arg(long, requires = "full")]
    leave_out_unreadable: bool,
    /// Show what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    wanted: Wanted,
}

/// Rotates: the new key is on disk before the vault learns of it, and takes the old one's place after.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let acting = context.act()?;
    if args.full { everything(context, acting, args) } else { key_alone(context, acting, args) }
}

fn everything(context: &Context, mut acting: Acting, args: &Args) -> Outcome {
    if !args.dry_run && finish(context, &acting, args.out.as_ref())? {
        return Ok(());
    }
    let order = Order {
        leaving: &[],
        leaked: args.leaked,
        leave_out: args.leave_out_unreadable,
        out: args.out.as_ref(),
        wanted: &args.wanted,
        dry_run: args.dry_run,
        question: "Every key and every token of this vault is replaced: programs that run with the \
                   old ones are refused until they have theirs.",
        word: "rotate everything",
    };
    carry_out(context, &mut acting, &order)
}

fn key_alone(context: &Context, mut acting: Acting, args: &Args) -> Outcome {
    if args.wanted.any() {
        return Err(Failure::usage(
            "shares of a new key without `--full` are made by another command",
        )
        .hint("`zms key split --rotate`, with the same flags"));
    }
    let home = context.home()?;
    let path = home.key();
    if !acting.owner {
        return Err(Failure::usage("a token acts here, and the master key is what is replaced")
            .hint("run it as the owner: without ZMS_TOKEN, or with `--as-owner`"));
    }
    if !files::exists(&path) {
        return Err(missing(&home));
    }
    refuse_waiting(&home, acting.session.principal().id())?;
    if args.dry_run {
        let heads = acting.session.succession()?;
        tell(&acting.session, context.output);
        if context.output.json {
            return context.output.json(serde_json::json!({ "would_sign_anew": heads }));
        }
        context.output.note(format!(
            "a new key would take the place of {}, and sign {heads} scopes anew. That is enough \
             where only the key may be in other hands; where a copy of the database may be too, it \
             takes `zms key rotate --full`",
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
    context.output.note(
        "Where a copy of the database may be in other hands too, it takes `zms key rotate --full`",
    );
    let notes = Notes::load(&home).unwrap_or_default();
    if notes.of(old).next().is_some() {
        context.output.note("Shares of the old key are void too. Make new ones: zms key split");
    }
    Ok(())
}

fn missing(home: &Home) -> Failure {
    Failure::new(Exit::Locked, format!("there is no master key at {}", home.key().display())).hint(
        "a key that is only in shares is replaced by `zms key split --rotate`, and with all else \
             by `zms key rotate --full`",
    )
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
        return Err(missing(home));
    };
    let (protection, vault) = KeyFile::parse(&text)
        .map(|file| (Protect::from(file.protection()), file.vault()))
        .map_err(|_| Failure::new(Exit::Integrity, "the key file was changed meanwhile"))?;
    let seal = Seal::ask(protection, None)?;
    let next = home.next_key();
    let _lock = home.lock()?;
    refuse_waiting(home, acting.session.principal().id())?;
    let old = acting.session.principal().duplicate();
    let heir = acting.session.succeed(|heir| {
        Drawer::new(home, &old, vault).hand_on(heir)?;
        let text = seal.seal(heir, vault)?;
        let kept = replace_private(&next, &text);
        Ok(kept.map_err(|error| trouble(&error, format!("{} can not be made", next.display())))?)
    });
    let heir = heir.map_err(|error| acting.explain(error))?;
    promote(home)?;
    files::wipe(&home.personal(old.id()))?;
    Ok(heir)
}
