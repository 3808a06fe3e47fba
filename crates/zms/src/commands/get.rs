//! `zms get`.

use base64::{Engine, engine::general_purpose::STANDARD};
use zms_core::path::ScopePath;

use crate::{
    exit::Outcome,
    output::{shown, terminal},
    session::{Context, no_secret, secret_name, tell},
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
}

/// Prints the value that the place sees.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let name = secret_name(&args.name)?;
    let mut acting = context.act()?;
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
    match std::str::from_utf8(value) {
        Ok(text) if terminal() => context.output.line(&shown(text)),
        Err(_) if terminal() => {
            context.output.warn("the value is not text; here it is in base64");
            context.output.line(&STANDARD.encode(value))
        }
        _ => context.output.data(value),
    }
}
