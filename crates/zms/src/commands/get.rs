//! `zms get`.

use base64::{Engine, engine::general_purpose::STANDARD};
use zms_core::{
    merge::Winner,
    path::{ScopePath, SecretName},
    record::{Reference, ValueKind},
};

use crate::{
    bundle_file::Carried,
    credentials::Sources,
    exit::{Failure, Outcome, utc},
    output::{shown, terminal},
    personal::{Drawer, owner_only},
    session::{Acting, Context, no_secret, secret_name, tell},
};

/// Print one secret, exactly
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms get DATABASE_URL
  zms get TLS_KEY -e staging > key.pem

On a terminal a line break is added and control characters are shown escaped; into a pipe or
file go exactly the bytes of the value.")]
pub struct Args {
    /// Name of the secret
    name: String,
    /// Print your own value on this machine instead
    #[arg(long, conflicts_with = "info")]
    personal: bool,
    /// Print what is known of it instead: its scope, kind, note and expiry
    #[arg(long)]
    info: bool,
    #[command(flatten)]
    carried: Carried,
}

/// Prints the value that the place sees.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let name = secret_name(&args.name)?;
    let mut acting = context.act_with(Sources::Named, &args.carried)?;
    if args.personal {
        return personal(context, &mut acting, &name);
    }
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.read_one(&choose, &name);
    let view = view.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let Some(winner) = view.merged.winner(name.as_str()) else {
        let path = view.path().clone();
        let all = acting.session.read(&|_| Ok(path.clone()))?;
        let names = all.merged.winners().map(|winner| winner.payload.name.as_str());
        return Err(no_secret(name.as_str(), &path, names));
    };
    if args.info {
        return info(context, &winner);
    }
    let payload = view.merged.resolve(winner, view.now).map_err(zms_client::SessionError::from)?;
    // EXPOSE: the user asked for this value.
    let value = payload.value.expose();
    if context.output.json {
        let (key, text) = match std::str::from_utf8(value) {
            Ok(text) => ("value", text.to_owned()),
            Err(_) => ("value_base64", STANDARD.encode(value)),
        };
        return context.output.json(serde_json::json!({
            "name": name.as_str(), "path": winner.path.to_string(), key: text,
            "kind": payload.kind.as_str(), "revision": winner.rev_from,
        }));
    }
    put_out(context, value)
}

/// Prints a value: exactly, except on a terminal.
fn put_out(context: &Context, value: &[u8]) -> Outcome {
    match std::str::from_utf8(value) {
        Ok(text) if terminal() => context.output.line(&shown(text)),
        Err(_) if terminal() => {
            context.output.warn("the value is not text; here it is in base64");
            context.output.line(&STANDARD.encode(value))
        }
        _ => context.output.data(value),
    }
}

/// What is known of a secret beside its value; also of one that can not be read.
fn info(context: &Context, winner: &Winner<'_>) -> Outcome {
    let held = winner.payload;
    // EXPOSE: a reference's value is an address, shown as one.
    let target = Some(held.value.expose()).filter(|_| held.kind == ValueKind::Reference);
    let target = target.and_then(|value| Reference::decode(value));
    let target = target.map(|to| format!("{}/{}", to.path, to.name));
    let (path, expires) = (winner.path.to_string(), held.expires_at.map(utc));
    if context.output.json {
        return context.output.json(serde_json::json!({
            "name": held.name.as_str(), "path": path, "kind": held.kind.as_str(),
            "revision": winner.rev_from, "updated": utc(held.created_at), "expires": expires,
            "note": held.note, "refers_to": target,
        }));
    }
    let mut rows = vec![
        ("name", held.name.to_string()),
        ("from", format!("{path} (revision {})", winner.rev_from)),
        ("kind", held.kind.as_str().to_owned()),
        ("updated", utc(held.created_at)),
        ("expires", expires.unwrap_or_else(|| "never".to_owned())),
    ];
    rows.extend(target.map(|target| ("refers to", target)));
    rows.extend(Some(&held.note).filter(|note| !note.is_empty()).map(|it| ("note", it.clone())));
    for (what, text) in rows {
        context.output.line(&shown(&format!("{what:<9} {text}")))?;
    }
    Ok(())
}

/// Prints the owner's own value: the nearest that stands over what the place sees.
fn personal(context: &Context, acting: &mut Acting, name: &SecretName) -> Outcome {
    owner_only(acting)?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.structure(&choose).map_err(|error| acting.explain(error))?;
    let (place, vault) = (view.path().clone(), view.vault);
    drop(view);
    tell(&acting.session, context.output);
    let held = Drawer::new(&context.home()?, acting.session.principal(), vault).open()?;
    let mut places = std::iter::successors(Some(place.clone()), ScopePath::parent);
    let Some(found) = places.find_map(|path| held.find(&path, name)) else {
        return Err(Failure::not_found(format!("no personal value {name} in {place}"))
            .hint(format!("set one with `zms set {name} --personal`")));
    };
    // EXPOSE: the user asked for this value.
    let value = found.value.expose();
    if context.output.json {
        let (key, text) = match std::str::from_utf8(value) {
            Ok(text) => ("value", text.to_owned()),
            Err(_) => ("value_base64", STANDARD.encode(value)),
        };
        return context.output.json(serde_json::json!({
            "name": name.as_str(), "path": found.path.to_string(), key: text, "personal": true,
        }));
    }
    put_out(context, value)
}
