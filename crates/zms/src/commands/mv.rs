//! `zms mv`.

use zms_client::SessionError;
use zms_core::{
    change::write::Edit,
    path::{ScopePath, SecretName},
    record::Payload,
};

use crate::{
    exit::{Failure, Outcome},
    relocate::{Addresses, Destination, Pair, referring, refuse_taken},
    session::{Acting, Context, held_there, tell, warn_of_names},
};

/// Give a secret another name, or move secrets to another scope
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms mv DB_URL DATABASE_URL
  zms mv DATABASE_URL API_KEY --to-env staging
  zms mv API_KEY --to shop/production/api --as KEY
Value, kind, note, expiry and the time of the value stay. All of it happens in one commit, or
nothing.")]
pub struct Args {
    #[command(flatten)]
    destination: Destination,
}

/// Moves secrets of exactly the scope that the command acts in.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let destination = &args.destination;
    let pairs = destination.pairs()?;
    let mut acting = context.act()?;
    let place = acting.session.structure(&|held| acting.place.choose(held));
    let from = place.map_err(|error| acting.explain(error))?.path().clone();
    let to = destination.scope(&from)?;
    if to == from && pairs.iter().any(|(old, new)| old == new) {
        return Err(Failure::usage(format!("that is where it is: {from}"))
            .hint("name another scope or another name"));
    }
    if !destination.dry_run {
        acting.confirm(context, &from)?;
        if to != from {
            acting.confirm(context, &to)?;
        }
    }
    let written = if to == from {
        rename(&mut acting, &from, &pairs, destination)
    } else {
        transfer(&mut acting, &from, &to, &pairs, destination)
    };
    let revisions = written.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let olds: Vec<&SecretName> = pairs.iter().map(|(old, _)| old).collect();
    // The move is done: that nobody could look for references is no failure of it.
    let left = referring(&mut acting, &from, &olds).unwrap_or_else(|why| {
        context.output.warn(format!("references to it could not be looked for: {why}"));
        Vec::new()
    });
    if context.output.json {
        let moved = pairs.iter().map(|(old, new)| {
            serde_json::json!({ "from": format!("{from}/{old}"), "to": format!("{to}/{new}") })
        });
        let moved: Vec<_> = moved.collect();
        let left = left.iter().map(|(path, _)| path).collect::<Vec<_>>();
        return context.output.json(serde_json::json!({
            "moved": moved, "dry_run": destination.dry_run, "revisions": revisions,
            "references_left": left,
        }));
    }
    let verb = if destination.dry_run { "would be moved" } else { "moved" };
    let revisions = match revisions[..] {
        [one] => format!(" (revision {one})"),
        [gone, put] => format!(" (revisions {gone} and {put})"),
        _ => String::new(),
    };
    for (old, new) in &pairs {
        context.output.note(format!("{from}/{old} {verb} to {to}/{new}{revisions}"));
    }
    warn_of_names(context.output, pairs.iter().map(|(_, new)| new.as_str()));
    for (path, name) in left {
        let verb = if destination.dry_run { "would lead" } else { "leads" };
        context.output.warn(format!(
            "{path} refers to {from}/{name} and {verb} nowhere: set it anew with `zms set --ref`"
        ));
    }
    Ok(())
}

/// Another name in the same scope.
fn rename(
    acting: &mut Acting,
    from: &ScopePath,
    pairs: &[Pair],
    destination: &Destination,
) -> Result<Vec<u64>, SessionError> {
    let written = acting.session.write(&|_| Ok(from.clone()), |scope| {
        let mut edits = Vec::new();
        for (old, new) in pairs {
            let (_, held) = held_there(scope, old)?;
            refuse_taken(scope, pairs, destination.force)?;
            edits.push(Edit::Remove(old.clone()));
            edits.push(Edit::Put(Payload { name: new.clone(), ..held }));
        }
        Ok(if destination.dry_run { Vec::new() } else { edits })
    })?;
    Ok(written.iter().map(|written| written.revision).collect())
}

/// Another scope, in one commit with this one.
fn transfer(
    acting: &mut Acting,
    from: &ScopePath,
    to: &ScopePath,
    pairs: &[Pair],
    destination: &Destination,
) -> Result<Vec<u64>, SessionError> {
    let names: Vec<&SecretName> = pairs.iter().map(|(old, _)| old).collect();
    let view = acting.session.read(&|_| Ok(from.clone()))?;
    let addresses = Addresses::look(&view, &names, to, destination.resolve)?;
    drop(view);
    let paths = [from.clone(), to.clone()];
    let written = acting.session.write_many(&paths, |scopes| {
        let (mut gone, mut put) = (Vec::new(), Vec::new());
        for (old, new) in pairs {
            let (_, held) = held_there(scopes[0], old)?;
            let moved = addresses.translate(held)?;
            gone.push(Edit::Remove(old.clone()));
            put.push(Edit::Put(Payload { name: new.clone(), ..moved }));
        }
        refuse_taken(scopes[1], pairs, destination.force)?;
        Ok(if destination.dry_run { vec![Vec::new(), Vec::new()] } else { vec![gone, put] })
    })?;
    Ok(written.iter().map(|written| written.revision).collect())
}
