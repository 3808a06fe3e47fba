//! `zms cp`.

use zms_client::SessionError;
use zms_core::{change::write::Edit, merge::Winner, path::SecretName, record::Payload};

use crate::{
    exit::{Failure, Outcome},
    relocate::{Addresses, Destination, refuse_taken},
    session::{Context, no_secret, tell, warn_of_names},
};

/// Copy secrets under another name, or to another scope
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms cp DATABASE_URL REPLICA_URL
  zms cp DATABASE_URL API_KEY --to-env staging
  zms cp API_KEY --to shop/production/api --as KEY
What the place sees is copied, also what it inherits. A reference stays one where it leads to the
same secret from there; elsewhere `--resolve` copies the value.")]
pub struct Args {
    #[command(flatten)]
    destination: Destination,
}

/// Copies all or nothing, in one revision of the scope they go to.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let destination = &args.destination;
    let pairs = destination.pairs()?;
    let mut acting = context.act()?;
    let view = acting.session.read(&|held| acting.place.choose(held));
    let view = view.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let from = view.path().clone();
    let to = destination.scope(&from)?;
    let mut found = Vec::new();
    for (old, new) in &pairs {
        let Some(winner) = view.merged.winner(old.as_str()) else {
            let names = view.merged.winners().map(|winner| winner.payload.name.as_str());
            return Err(no_secret(old.as_str(), &from, names));
        };
        if *winner.path == to && old == new {
            return Err(Failure::usage(format!("that is where it is: {to}/{old}"))
                .hint("name another scope or another name"));
        }
        found.push(winner);
    }
    let names: Vec<&SecretName> = pairs.iter().map(|(old, _)| old).collect();
    let addresses = Addresses::look(&view, &names, &to, destination.resolve)?;
    if !destination.dry_run {
        acting.confirm(context, &to)?;
    }
    let written = acting.session.write(&|_| Ok(to.clone()), |scope| {
        refuse_taken(scope, &pairs, destination.force)?;
        let edit = |(winner, (_, new)): (&Winner<'_>, &(_, SecretName))| {
            let copied = addresses.translate(winner.payload.duplicate())?;
            Ok::<_, SessionError>(Edit::Put(Payload { name: new.clone(), ..copied }))
        };
        let edits = found.iter().zip(&pairs).map(edit).collect::<Result<Vec<_>, _>>()?;
        Ok(if destination.dry_run { Vec::new() } else { edits })
    });
    let written = written.map_err(|error| acting.explain(error))?;
    if context.output.json {
        let copied = found.iter().zip(&pairs).map(|(winner, (old, new))| {
            let from = format!("{}/{old}", winner.path);
            serde_json::json!({ "from": from, "to": format!("{to}/{new}") })
        });
        let copied: Vec<_> = copied.collect();
        return context.output.json(serde_json::json!({
            "copied": copied, "dry_run": written.is_none(),
            "revision": written.map(|written| written.revision),
        }));
    }
    let (verb, revision) = match written {
        Some(written) => ("copied", format!(" (revision {})", written.revision)),
        None => ("would be copied", String::new()),
    };
    for (winner, (old, new)) in found.iter().zip(&pairs) {
        context.output.note(format!("{}/{old} {verb} to {to}/{new}{revision}", winner.path));
    }
    warn_of_names(context.output, pairs.iter().map(|(_, new)| new.as_str()));
    Ok(())
}
