//! Where a value comes from.

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use zms_core::{
    path::{ScopePath, SecretName},
    record::Reference,
};
use zms_crypto::SecretBytes;

use super::Args;
use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    files, prompt,
    session::secret_name,
};

/// A value on its way into the vault.
pub(super) enum Value {
    /// The bytes, wherever they came from.
    Plain(SecretBytes),
    /// The content of a file.
    File(SecretBytes),
    /// The address of another secret.
    Reference(SecretBytes),
}

impl Value {
    /// Takes the value from where the arguments say; without any, from a question or stdin.
    pub(super) fn take(args: &Args, name: &SecretName, typed: Option<&str>) -> Outcome<Self> {
        Ok(match (&args.reference, &args.file, args.generate, typed) {
            (Some(path), ..) => Self::Reference(SecretBytes::new(reference(path)?.encode())),
            (_, Some(path), ..) => Self::File(bytes(files::read(path)?.to_vec())),
            (_, _, Some(recipe), _) => Self::Plain(recipe.make(&mut *environment::entropy())),
            (.., Some(value)) => Self::Plain(bytes(value.as_bytes().to_vec())),
            _ => Self::Plain(ask(name)?),
        })
    }

    /// The bytes.
    pub(super) const fn bytes(&self) -> &SecretBytes {
        let (Self::Plain(bytes) | Self::File(bytes) | Self::Reference(bytes)) = self;
        bytes
    }
}

fn bytes(value: Vec<u8>) -> SecretBytes {
    SecretBytes::new(value)
}

/// The name, and a value from the command line where that was insisted on.
pub(super) fn split(args: &Args) -> Outcome<(&str, Option<&str>)> {
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
