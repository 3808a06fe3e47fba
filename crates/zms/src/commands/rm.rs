//! `zms rm`.

use zms_core::{
    change::write::Edit,
    path::{ScopePath, SecretName},
};

use crate::{
    exit::{Failure, Outcome},
    personal::{Drawer, owner_only},
    session::{Acting, Context, secret_name, tell},
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
    /// Remove your own values on this machine instead; the vault keeps its secrets
    #[arg(long)]
    personal: bool,
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
    if args.personal {
        return remove_personal(context, args, &mut acting, &names);
    }
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

/// Removes the owner's own values, all or none.
fn remove_personal(
    context: &Context,
    args: &Args,
    acting: &mut Acting,
    names: &[SecretName],
) -> Outcome {
    owner_only(acting)?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.structure(&choose).map_err(|error| acting.explain(error))?;
    let (path, vault) = (view.path().clone(), view.vault);
    drop(view);
    tell(&acting.session, context.output);
    let home = context.home()?;
    let drawer = Drawer::new(&home, acting.session.principal(), vault);
    let held = drawer.open()?;
    if let Some(name) = names.iter().find(|name| held.find(&path, name).is_none()) {
        return Err(Failure::not_found(format!("no personal value {name} in {path}"))
            .hint("see what there is with `zms ls`"));
    }
    if !args.dry_run {
        drawer.change(&acting.session, |personal| {
            for name in names {
                personal.remove(&path, name);
            }
            Ok(())
        })?;
    }
    let names: Vec<&str> = names.iter().map(SecretName::as_str).collect();
    if context.output.json {
        return context.output.json(serde_json::json!({
            "path": path.to_string(), "removed": names, "dry_run": args.dry_run, "personal": true,
        }));
    }
    let verb = if args.dry_run { "would be removed" } else { "removed" };
    context.output.note(format!("your own {} {verb} from {path}", names.join(", ")));
    Ok(())
}
