//! `zms key split`.

use zms_core::{id::VaultId, principal::Principal};

use super::rotate;
use crate::{
    exit::{Failure, Outcome, utc},
    files,
    home::Home,
    personal::Drawer,
    renewal::refuse_waiting,
    session::{Acting, Context, tell},
    shares::{self, Delivered, Frame, Handout, Notes, Split, Wanted},
};

/// Split the master key into shares, of which some are needed to put it together again
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms key split --shares 5 --threshold 3              shows them, one at a time
  zms key split --shares 5 --threshold 3 --sheets .   a page for each, to be printed
  zms key split --group 2of3 --group 3of5 --groups-needed 2 --sheets .
  zms key split --shares 5 --threshold 3 --rotate     ends older shares: a new key replaces it

Fewer shares than are needed tell nothing of the key. Shares are those of SLIP-0039, 33 words each:
any program that knows it puts them together. Making new ones does not end older ones, which stay
good as long as the key does: where one was lost, add `--rotate`.")]
pub struct Args {
    #[command(flatten)]
    wanted: Wanted,
    /// Replace the master key first, so that shares and copies made before open nothing any more
    #[arg(long)]
    rotate: bool,
    /// Show what would happen, and make no shares
    #[arg(long)]
    dry_run: bool,
}

/// Splits the key of the vault, once it is proven that it is the one.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let handout = Handout::plan(&args.wanted, context.output)?.ok_or_else(Handout::unnamed)?;
    let home = context.home()?;
    let mut acting = context.act()?;
    if !acting.owner {
        return Err(Failure::usage("a token acts here, and the master key is what is split")
            .hint("run it as the owner: without ZMS_TOKEN, or with `--as-owner`"));
    }
    let vault = vault(&mut acting)?;
    tell(&acting.session, context.output);
    let key = acting.session.principal().id();
    let older = Notes::load(&home).unwrap_or_default();
    let older: Vec<_> = older.of(key).cloned().collect();
    if args.dry_run {
        return dry(context, args, &handout, &older);
    }
    let frame = |mut json: serde_json::Value| {
        let older = if args.rotate { &[] } else { &older[..] };
        json["older_sets_still_good"] = older.iter().map(Split::as_json).collect();
        json["rotated"] = args.rotate.into();
        json
    };
    if args.rotate {
        rotate::confirm(context, &home)?;
    }
    let delivered = match (args.rotate, files::exists(&home.key())) {
        (false, _) => split(context, &home, handout, vault, acting.session.principal(), &frame)?,
        (true, true) => {
            let heir = rotate::replace(&home, &mut acting)?;
            split(context, &home, handout, vault, &heir, &frame).map_err(|failure| {
                failure.and_hint(
                    "the key is replaced, and has no shares yet: run `zms key split` again",
                )
            })?
        }
        (true, false) => replace(context, &home, &mut acting, vault, handout, &frame)?,
    };
    delivered.note(&home, context.output);
    if context.output.json {
        return delivered.tell(context.output, &frame);
    }
    delivered.say(context.output);
    match (args.rotate, &older[..]) {
        (true, _) => context
            .output
            .note("The key is a new one: shares and copies of the old key open nothing any more."),
        (false, []) => {}
        (false, older) => warn(context, older),
    }
    Ok(())
}

/// Makes shares of a key that counts.
fn split(
    context: &Context,
    home: &Home,
    mut handout: Handout,
    vault: VaultId,
    owner: &Principal,
    frame: Frame<'_>,
) -> Outcome<Delivered> {
    handout.hand_over(home, vault, owner, context.output, frame)?;
    handout.counts()
}

/// Replaces a key that has no file: the new one is in somebody's hands before it counts.
fn replace(
    context: &Context,
    home: &Home,
    acting: &mut Acting,
    vault: VaultId,
    mut handout: Handout,
    frame: Frame<'_>,
) -> Outcome<Delivered> {
    let _lock = home.lock()?;
    let old = acting.session.principal().duplicate();
    refuse_waiting(home, old.id())?;
    let replaced = acting.session.succeed(|heir| {
        Drawer::new(home, &old, vault).hand_on(heir)?;
        Ok(handout.hand_over(home, vault, heir, context.output, frame)?)
    });
    match replaced {
        Ok(_) => handout.replaces(home, old.id(), context.output),
        Err(error) => {
            let perhaps = shares::perhaps(&error);
            Err(handout.fails(home, perhaps, acting.explain(error)))
        }
    }
}

/// Says which shares stay good.
fn warn(context: &Context, older: &[Split]) {
    let each = older.iter().map(|set| format!("set {} (made on {})", set.set, utc(set.at)));
    let sets: Vec<String> = each.collect();
    context.output.warn(format!(
        "shares of {} still open this key. Where one of them was lost or seen, replace the key: \
         `zms key split --rotate` with the same flags",
        sets.join(", ")
    ));
}

fn dry(context: &Context, args: &Args, handout: &Handout, older: &[Split]) -> Outcome {
    if context.output.json {
        return context.output.json(serde_json::json!({
            "would_rotate": args.rotate,
            "older_sets": older.iter().map(Split::as_json).collect::<Vec<_>>(),
        }));
    }
    if args.rotate {
        context.output.note("the master key would be replaced first");
    }
    context.output.note(handout.planned());
    if !args.rotate && !older.is_empty() {
        warn(context, older);
    }
    Ok(())
}

/// The vault's id, once the key is proven to open it: shares of a key that was replaced help nobody.
fn vault(acting: &mut Acting) -> Outcome<VaultId> {
    let own = acting.session.own().map_err(|error| acting.explain(error))?;
    Ok(own.vault)
}
