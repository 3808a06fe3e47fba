//! `zms set`.

mod payload;
mod personal;
mod value;

use std::path::PathBuf;

use zms_client::SessionError;
use zms_core::{
    change::write::Edit,
    path::{ScopePath, SecretName},
    record::ValueKind,
};
use zms_crypto::SecretBytes;

use self::{
    payload::{described, renewed},
    value::{Value, split},
};
use crate::{
    environment,
    exit::{Failure, Outcome, utc},
    expiry::Expiry,
    generate::Recipe,
    session::{Acting, Context, secret_name, tell, warn_of_names},
};

/// Set a secret, from a hidden prompt, stdin or a file
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms set DATABASE_URL                 asks, and shows nothing
  pass show db | zms set DATABASE_URL  one line break at the end is dropped
  zms set TLS_KEY --file key.pem       every byte of the file
  zms set API_URL --ref default/development/BASE_URL
  zms set SESSION_KEY --generate hex:32
  zms set API_KEY --expires 90d --note 'rotate at the provider'
  zms set API_KEY --keep-value --expires never
  zms set API_URL --personal           for you on this machine alone; no token ever has it
Generated: hex and base64 of so many random bytes (8 to 1024), a uuid, a password of so many
letters, digits and -._~ (8 to 1024; from 12 on with one of each, never a mark in front), or so
many words of the EFF large wordlist (4 to 64). Without a size: hex:32, base64:32, password:24,
words:6.
A new value keeps the note and the kind that the secret has, and drops its expiry unless
--expires is given again. Reading an expired secret is an error.")]
pub struct Args {
    /// Name of the secret
    name: String,
    /// Refused: other users can read the command line
    #[arg(hide = true)]
    value: Vec<String>,
    /// Take the value from a file, byte for byte
    #[arg(long, value_name = "FILE", conflicts_with_all = ["reference", "value"])]
    file: Option<PathBuf>,
    /// Point at another secret of this scope or one above it: PROJECT/ENV/NAME
    #[arg(long = "ref", value_name = "PATH", conflicts_with = "value")]
    reference: Option<String>,
    /// Make a value: hex:32, base64:32, uuid, password:24 or words:6
    #[arg(long, value_name = "KIND:SIZE", value_parser = Recipe::parse)]
    #[arg(conflicts_with_all = ["file", "reference", "value"])]
    generate: Option<Recipe>,
    /// Print the generated value
    #[arg(long, requires = "generate")]
    print: bool,
    /// What the value is; json is checked
    #[arg(long, value_enum, conflicts_with = "reference")]
    kind: Option<Kind>,
    /// Keep a note beside the value; an empty one takes it away
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// When it ends: 90d, 2027-01-01, a time of RFC 3339, or never
    #[arg(long, value_name = "WHEN", value_parser = Expiry::parse)]
    expires: Option<Expiry>,
    /// Change only note, kind and expiry of a secret that is there
    #[arg(long, conflicts_with_all = ["file", "reference", "generate", "value", "unsafe_argv"])]
    keep_value: bool,
    /// Let it stand over the secret for you alone, on this machine, in `zms run`
    #[arg(long, conflicts_with_all = ["reference", "kind", "note", "expires", "keep_value"])]
    personal: bool,
    /// Take the value from the command line all the same
    #[arg(long)]
    unsafe_argv: bool,
}

#[derive(clap::ValueEnum, Clone, Copy)]
enum Kind {
    Secret,
    Config,
    File,
    Json,
}

impl From<Kind> for ValueKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Secret => Self::Secret,
            Kind::Config => Self::Config,
            Kind::File => Self::File,
            Kind::Json => Self::Json,
        }
    }
}

/// Sets the secret in exactly the scope that the command acts in.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let (name, typed) = split(args)?;
    let name = secret_name(name)?;
    let now = environment::now();
    let expires = args.expires.map(|expiry| expiry.at(now)).transpose()?;
    let unchanged = args.note.is_none() && args.kind.is_none() && expires.is_none();
    if args.keep_value && unchanged {
        return Err(Failure::usage("--keep-value, and nothing else to change")
            .hint("add --note, --kind or --expires"));
    }
    let value = if args.keep_value { None } else { Some(Value::take(args, &name, typed)?) };
    let mut acting = context.act()?;
    if let Some(value) = value.as_ref().filter(|_| args.personal) {
        return personal::keep(context, args, &mut acting, (name, value));
    }
    acting.confirm_here(context)?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let mut ends = None;
    let written = acting.session.write(&choose, |scope| {
        let payload = match &value {
            Some(value) => renewed(args, scope, &name, value, expires.flatten(), now)?,
            None => described(args, scope, &name, expires)?,
        };
        ends = payload.expires_at;
        Ok::<_, SessionError>(vec![Edit::Put(payload)])
    });
    let written = written.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    warn_of_names(context.output, [name.as_str()]);
    let Some(written) = written else { return Ok(()) };
    if matches!(value, Some(Value::Reference(_))) {
        check_reference(context, &mut acting, &written.path, &name)?;
    }
    // EXPOSE: whoever asked for a new value may ask to see it once.
    let made = value.as_ref().filter(|_| args.print).map(|made| text(made.bytes()));
    if context.output.json {
        let (path, revision) = (written.path.to_string(), written.revision);
        let mut answer = serde_json::json!({
            "name": name.as_str(), "path": path, "revision": revision, "expires": ends.map(utc)
        });
        if let Some(made) = made {
            answer["value"] = made.into();
        }
        return context.output.json(answer);
    }
    let verb = if args.keep_value { "changed, its value kept," } else { "set" };
    let until = ends.map(|at| format!(", until {}", utc(at))).unwrap_or_default();
    let (path, revision) = (&written.path, written.revision);
    context.output.note(format!("{name} {verb} in {path} (revision {revision}){until}"));
    made.map_or(Ok(()), |made| context.output.line(made))
}

/// What is generated is ASCII.
fn text(made: &SecretBytes) -> &str {
    std::str::from_utf8(made.expose()).expect("what is generated is ASCII")
}

/// A reference may be set before its target is; whoever sets it is told what readers would be.
fn check_reference(
    context: &Context,
    acting: &mut Acting,
    path: &ScopePath,
    name: &SecretName,
) -> Outcome {
    let view = acting.session.read_one(&|_| Ok(path.clone()), name)?;
    let Some(winner) = view.merged.winner(name.as_str()) else { return Ok(()) };
    if let Err(why) = view.merged.resolve(winner, view.now) {
        context.output.warn(format!("{why}: until that is mended, `zms run` stops here"));
    }
    Ok(())
}
