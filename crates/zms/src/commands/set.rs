//! `zms set`.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use zms_client::SessionError;
use zms_core::{
    change::write::Edit,
    path::{ScopePath, SecretName},
    record::{Payload, Reference, ValueKind},
};
use zms_crypto::SecretBytes;

use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    files, prompt,
    session::{Acting, Context, secret_name, tell, warn_of_names},
};

/// Set a secret, from a hidden prompt, stdin or a file
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms set DATABASE_URL                 asks, and shows nothing
  pass show db | zms set DATABASE_URL  one line break at the end is dropped
  zms set TLS_KEY --file key.pem       every byte of the file
  zms set API_URL --ref default/development/BASE_URL")]
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
    /// Keep a note beside the value
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Take the value from the command line all the same
    #[arg(long)]
    unsafe_argv: bool,
}

/// Sets the secret in exactly the scope that the command acts in.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let (name, value) = split(args)?;
    let name = secret_name(name)?;
    let (kind, value) = match (&args.reference, &args.file, value) {
        (Some(path), ..) => (ValueKind::Reference, SecretBytes::new(reference(path)?.encode())),
        (_, Some(path), _) => (ValueKind::File, bytes(files::read(path)?.to_vec())),
        (.., Some(value)) => (ValueKind::Secret, bytes(value.as_bytes().to_vec())),
        _ => (ValueKind::Secret, ask(&name)?),
    };
    let mut acting = context.act()?;
    acting.confirm_here(context)?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let written = acting.session.write(&choose, |_| {
        let payload = Payload {
            name: name.clone(),
            // EXPOSE: a change that lost a race is prepared again, from the same value.
            value: SecretBytes::from(value.expose().as_slice()),
            kind,
            note: args.note.clone().unwrap_or_default(),
            created_at: environment::now(),
            expires_at: None,
        };
        Ok::<_, SessionError>(vec![Edit::Put(payload)])
    });
    let written = written.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    warn_of_names(context.output, [name.as_str()]);
    if let Some(written) = written.as_ref().filter(|_| kind == ValueKind::Reference) {
        check_reference(context, &mut acting, &written.path, &name)?;
    }
    if let Some(written) = written {
        if context.output.json {
            let (path, revision) = (written.path.to_string(), written.revision);
            return context.output.json(serde_json::json!({
                "name": name.as_str(), "path": path, "revision": revision
            }));
        }
        context
            .output
            .note(format!("{name} set in {} (revision {})", written.path, written.revision));
    }
    Ok(())
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

fn bytes(value: Vec<u8>) -> SecretBytes {
    SecretBytes::new(value)
}

/// The name, and a value from the command line where that was insisted on.
fn split(args: &Args) -> Outcome<(&str, Option<&str>)> {
    let (name, value) = match (args.name.split_once('='), &args.value[..]) {
        (None, []) => (args.name.as_str(), None),
        (None, [value]) => (args.name.as_str(), Some(value.as_str())),
        (Some((name, value)), []) => (name, Some(value)),
        // More words than a value: whatever they are, they are not shown again.
        (assigned, _) if args.unsafe_argv => {
            let name = assigned.map_or(args.name.as_str(), |(name, _)| name);
            return Err(Failure::usage("there is more than one value on the command line")
                .hint(format!("put it in quotes: `zms set {name} '…' --unsafe-argv`")));
        }
        (assigned, _) => (assigned.map_or(args.name.as_str(), |(name, _)| name), Some("")),
    };
    if value.is_some() && !args.unsafe_argv {
        return Err(Failure::usage("a value on the command line can be read by other users, and stays in the shell's history")
            .hint(format!(
                "run `zms set {name}` and type it, pipe it in, or name a file; `--unsafe-argv` allows it"
            )));
    }
    Ok((name, value))
}

fn ask(name: &SecretName) -> Outcome<SecretBytes> {
    if io::stdin().is_terminal() {
        let typed = prompt::hidden(&format!("Value of {name}: "))?;
        if typed.is_empty() && !prompt::yes("Store an empty value?")? {
            return Err(Failure::usage("nothing was typed, and nothing stored"));
        }
        return Ok(bytes(typed.as_bytes().to_vec()));
    }
    let mut piped = files::read(Path::new("-"))?;
    if piped.is_empty() {
        return Err(Failure::usage("stdin is empty")
            .hint("to store an empty value, pipe in a single line break"));
    }
    if piped.last() == Some(&b'\n') {
        piped.pop();
    }
    Ok(bytes(piped.to_vec()))
}

fn reference(text: &str) -> Outcome<Reference> {
    let wrong = |why: String| {
        Failure::new(Exit::Usage, format!("--ref {text:?} {why}"))
            .hint("name it as PROJECT/ENV/NAME")
    };
    let (path, name) =
        text.rsplit_once('/').ok_or_else(|| wrong("is not a path and a name".to_owned()))?;
    let path = ScopePath::parse(path).map_err(|why| wrong(why.to_string()))?;
    if path.segments().is_empty() {
        return Err(wrong("names no project".to_owned()));
    }
    Ok(Reference { path, name: secret_name(name)? })
}
