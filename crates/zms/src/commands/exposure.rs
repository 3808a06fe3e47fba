//! `zms exposure`.

use zms_client::Exposure;
use zms_core::path::ScopePath;

use crate::{
    exit::{Outcome, utc},
    session::{Context, no_secret, secret_name, tell},
};

/// Show who has received a secret, or what is still to be changed at its source
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms exposure                 secrets that a revoked token could read, and that were not set since
  zms exposure DATABASE_URL    who has received which version, and who may read it now

A secret leaves the list when it is set again or removed. Both tell what the audit holds: who has a
key and a copy of the database reads without leaving an entry.")]
pub struct Args {
    /// Name of a secret
    name: Option<String>,
}

/// Lists, for administrators.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let Some(name) = &args.name else { return open_list(context) };
    let name = secret_name(name)?;
    let mut acting = context.act()?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let exposure = acting.session.exposure(&choose, &name);
    let exposure = exposure.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    if exposure.history.versions().is_empty() {
        let path = exposure.path;
        let view = acting.session.read(&|_| Ok(path.clone()))?;
        let names = view.merged.winners().map(|winner| winner.payload.name.as_str());
        return Err(no_secret(name.as_str(), &path, names));
    }
    if context.output.json {
        return json(context, &exposure, name.as_str());
    }
    let who = |id| label(&exposure, id);
    let rows: Vec<Vec<String>> = exposure
        .received
        .iter()
        .map(|got| {
            let (first, last) = (utc(got.times.first), utc(got.times.last));
            let times = got.times.count.to_string();
            vec![got.version.to_string(), who(got.who), times, first, last]
        })
        .collect();
    if rows.is_empty() {
        context.output.note(format!("nobody has received {name} of {} yet", exposure.path));
    }
    context.output.table(&["VERSION", "WHO", "TIMES", "FIRST", "LAST"], &rows)?;
    for (version, times) in exposure.bundled.iter().rev() {
        let often =
            if times.count == 1 { "once".to_owned() } else { format!("{} times", times.count) };
        context.output.note(format!(
            "version {version} went into a bundle file {often}, last {}: who reads it leaves no entry \
             here",
            utc(times.last)
        ));
    }
    let readers: Vec<String> = exposure.readers.iter().map(|id| who(*id)).collect();
    context.output.note(format!("may read it in {}: {}", exposure.path, readers.join(", ")));
    Ok(())
}

/// A member by its name; who has left by its id.
fn label(exposure: &Exposure, id: zms_core::id::PrincipalId) -> String {
    exposure.labels.get(&id).cloned().unwrap_or_else(|| id.to_string())
}

fn json(context: &Context, exposure: &Exposure, name: &str) -> Outcome {
    let received: Vec<_> = exposure
        .received
        .iter()
        .map(|got| {
            serde_json::json!({
                "revision": got.version, "id": got.who.to_string(),
                "name": exposure.labels.get(&got.who), "times": got.times.count,
                "first": utc(got.times.first), "last": utc(got.times.last),
            })
        })
        .collect();
    let readers = exposure
        .readers
        .iter()
        .map(|id| serde_json::json!({ "id": id.to_string(), "name": exposure.labels.get(id) }));
    let readers: Vec<_> = readers.collect();
    let bundled = exposure.bundled.iter().rev().map(|(version, times)| {
        serde_json::json!({
            "revision": version, "times": times.count,
            "first": utc(times.first), "last": utc(times.last),
        })
    });
    let bundled: Vec<_> = bundled.collect();
    context.output.json(serde_json::json!({
        "name": name, "path": exposure.path.to_string(), "received": received,
        "bundled": bundled, "readers": readers,
    }))
}

fn open_list(context: &Context) -> Outcome {
    let mut acting = context.act()?;
    let exposed = acting.session.exposed().map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    if context.output.json {
        let items: Vec<_> = exposed
            .iter()
            .map(|it| {
                serde_json::json!({
                    "path": it.path.to_string(), "name": it.name.as_str(),
                    "revoked": utc(it.since),
                })
            })
            .collect();
        return context.output.json(serde_json::json!({ "change_at_source": items }));
    }
    if exposed.is_empty() {
        context.output.note("nothing is left to be changed at its source");
        return Ok(());
    }
    let rows: Vec<_> =
        exposed.iter().map(|it| vec![format!("{}/{}", it.path, it.name), utc(it.since)]).collect();
    context.output.table(&["CHANGE AT ITS SOURCE", "A TOKEN WAS REVOKED"], &rows)
}
