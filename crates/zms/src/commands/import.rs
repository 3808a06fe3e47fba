//! `zms import`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use zms_client::SessionError;
use zms_core::{
    change::write::Edit,
    open::OpenScope,
    path::{ScopePath, SecretName},
    record::{MAX_VALUE, Payload, ValueKind},
};
use zms_crypto::SecretBytes;
use zms_format::{Entry, Note, parse_dotenv, parse_json, parse_toml, parse_yaml};

use crate::{
    environment,
    exit::{Failure, Outcome},
    files,
    output::{Output, Progress},
    prompt,
    session::{Context, secret_name, tell, warn_of_names},
};

/// Put every secret of a file into the vault, in one revision
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms import .env
  zms import .env.staging -e staging --dry-run
  vault-tool dump | zms import - --format json

A value is taken as it is: nothing in it is expanded or executed. Either all of the file is
imported, or nothing. `-` reads stdin.")]
pub struct Args {
    /// File to read, or `-`
    file: PathBuf,
    /// What the file is; by its name and content unless given
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete the file once everything is in the vault
    #[arg(long, conflicts_with = "keep")]
    delete: bool,
    /// Do not ask whether to delete the file
    #[arg(long)]
    keep: bool,
}

#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// NAME=VALUE lines, as npm dotenv reads them
    Dotenv,
    /// One JSON object
    Json,
    /// One YAML mapping
    Yaml,
    /// One TOML table
    Toml,
}

impl Args {
    /// What messages call the file.
    fn shown(&self) -> String {
        if self.file == Path::new("-") {
            return "stdin".to_owned();
        }
        self.file.display().to_string()
    }
}

/// What an import does to each secret.
#[derive(Default)]
struct Effect {
    new: Vec<String>,
    changed: Vec<String>,
    same: usize,
}

/// Imports into exactly the scope that the command acts in.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let text = files::read(&args.file)?;
    let entries = parse(args, &text)?;
    let secrets = take(&entries, args, context.output)?;
    let mut acting = context.act()?;
    if !args.dry_run {
        acting.confirm_here(context)?;
    }
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let (mut effect, mut place) = (Effect::default(), None);
    let progress = Progress::spinner(&format!("importing {}", counted(secrets.len())));
    let written = acting.session.write(&choose, |scope| {
        place = Some(scope.path.clone());
        let edits = edits(scope, &secrets, &mut effect)?;
        Ok(if args.dry_run { Vec::new() } else { edits })
    });
    drop(progress);
    let written = written.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let path = place.map(|path| path.to_string()).unwrap_or_default();
    say(context.output, args, &effect, &path, written.map(|written| written.revision))?;
    warn_of_names(context.output, secrets.keys().map(SecretName::as_str));
    if args.dry_run || args.file == Path::new("-") || args.keep {
        return Ok(());
    }
    let progress = Progress::spinner("reading everything back");
    verify(&mut acting, &secrets)?;
    drop(progress);
    leave(context, args, &effect)
}

fn parse(args: &Args, text: &[u8]) -> Outcome<Vec<Entry>> {
    let wrong =
        |why: String, hint: &str| Failure::usage(format!("{}: {why}", args.shown())).hint(hint);
    match args.format.unwrap_or_else(|| guess(&args.file, text)) {
        Format::Dotenv => parse_dotenv(text).map_err(|it| wrong(it.to_string(), it.hint())),
        Format::Json => parse_json(text).map_err(|it| wrong(it.to_string(), it.hint())),
        Format::Yaml => parse_yaml(text).map_err(|it| wrong(it.to_string(), it.hint())),
        Format::Toml => parse_toml(text).map_err(|it| wrong(it.to_string(), it.hint())),
    }
}

/// What a file is: its name says it, or else an opening brace says that it is JSON.
fn guess(file: &Path, text: &[u8]) -> Format {
    match file.extension().and_then(|end| end.to_str()) {
        Some("json") => Format::Json,
        Some("yaml" | "yml") => Format::Yaml,
        Some("toml") => Format::Toml,
        _ if text.trim_ascii_start().starts_with(b"{") => Format::Json,
        _ => Format::Dotenv,
    }
}

/// The entries by their checked names, with what is worth a warning said.
fn take<'e>(
    entries: &'e [Entry],
    args: &Args,
    output: Output,
) -> Outcome<BTreeMap<SecretName, &'e Entry>> {
    let mut secrets = BTreeMap::new();
    for entry in entries {
        for note in &entry.notes {
            output.warn(format!("{} line {}: {}", args.shown(), entry.line, tale(entry, *note)));
        }
        let name = secret_name(&entry.name)?;
        // EXPOSE: its length only.
        if entry.value.expose().len() > MAX_VALUE {
            return Err(Failure::usage(format!("the value of {name} is larger than 1 MiB")));
        }
        secrets.insert(name, entry);
    }
    Ok(secrets)
}

fn tale(entry: &Entry, note: Note) -> String {
    let name = &entry.name;
    match note {
        Note::Repeats { line } => {
            format!("{name} stood on line {line} already; the last one counts")
        }
        Note::HashWithoutSpace => format!(
            "{name} has a # without a space before it: what follows is taken for a comment, as npm \
             dotenv does; put the value in quotes if it belongs to it"
        ),
        Note::PythonDiffers => {
            format!("{name} is read as npm dotenv reads it; python-dotenv reads it differently")
        }
        Note::LooksExpandable => {
            format!("{name} contains ${{: it is kept as it is, other programs would expand it")
        }
        _ => format!("{name} is read differently by other programs"),
    }
}

fn edits(
    scope: &OpenScope,
    secrets: &BTreeMap<SecretName, &Entry>,
    effect: &mut Effect,
) -> Result<Vec<Edit>, SessionError> {
    *effect = Effect::default();
    let held: BTreeMap<SecretName, Payload> =
        scope.open_records()?.into_iter().map(|(_, held)| (held.name.clone(), held)).collect();
    let mut edits = Vec::new();
    for (name, entry) in secrets {
        match held.get(name) {
            // EXPOSE: compared with what is there, so that what stays the same makes no version.
            Some(old) if old.value.expose() == entry.value.expose() => {
                effect.same += 1;
                continue;
            }
            Some(_) => effect.changed.push(name.to_string()),
            None => effect.new.push(name.to_string()),
        }
        edits.push(Edit::Put(Payload {
            name: name.clone(),
            value: SecretBytes::from(entry.value.expose().as_slice()),
            kind: ValueKind::Secret,
            note: held.get(name).map(|old| old.note.clone()).unwrap_or_default(),
            created_at: environment::now(),
            expires_at: None,
        }));
    }
    Ok(edits)
}

fn say(output: Output, args: &Args, effect: &Effect, path: &str, revision: Option<u64>) -> Outcome {
    let (new, changed, same) = (effect.new.len(), effect.changed.len(), effect.same);
    if output.json {
        return output.json(serde_json::json!({
            "path": path, "new": effect.new, "changed": effect.changed, "unchanged": same,
            "dry_run": args.dry_run, "revision": revision,
        }));
    }
    if args.dry_run {
        let rows = |verb: &str, names: &[String]| -> Vec<Vec<String>> {
            names.iter().map(|name| vec![verb.to_owned(), name.clone()]).collect()
        };
        let rows = [rows("new", &effect.new), rows("changed", &effect.changed)].concat();
        output.table(&["EFFECT", "NAME"], &rows)?;
    }
    let total = counted(new + changed + same);
    let verb = if args.dry_run { "would go" } else { "imported" };
    output.note(format!(
        "{total} {verb} into {path} ({new} new, {changed} changed, {same} unchanged)"
    ));
    Ok(())
}

fn counted(secrets: usize) -> String {
    format!("{secrets} {}", if secrets == 1 { "secret" } else { "secrets" })
}

/// Reads everything back before the file may go.
fn verify(acting: &mut crate::session::Acting, secrets: &BTreeMap<SecretName, &Entry>) -> Outcome {
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.read(&choose)?;
    for (name, entry) in secrets {
        let held = view.merged.winner(name.as_str());
        // EXPOSE: compared with the file that is about to be deleted.
        if held.is_none_or(|held| held.payload.value.expose() != entry.value.expose()) {
            return Err(Failure::other(format!("{name} was changed meanwhile; the file stays")));
        }
    }
    Ok(())
}

/// What becomes of the file, and what comes next.
fn leave(context: &Context, args: &Args, effect: &Effect) -> Outcome {
    let output = context.output;
    let shown = args.file.display();
    if committed(&args.file) {
        output.warn(format!(
            "{shown} is in the history of this git repository: change these secrets at their \
             source, deleting the file does not take them back"
        ));
    }
    if files::is_link(&args.file) {
        output.warn(format!("{shown} is a link: what it leads to still holds these values"));
        return Ok(());
    }
    let delete =
        args.delete || (prompt::possible() && prompt::yes(&format!("Delete {shown} now?"))?);
    if delete {
        files::wipe(&args.file)?;
        output.note(format!("{shown} deleted"));
    } else {
        output.note(format!("{shown} still holds these values in plain text: delete it"));
    }
    let vault = context.vault.iter().map(|name| format!(" --vault {name}")).collect::<String>();
    let place = context.flags.as_typed();
    output.note(if effect.changed.is_empty() {
        format!("Next: zms run{vault}{place} -- your-program")
    } else {
        format!("To have the changed ones back: zms undo{vault}{place}")
    });
    Ok(())
}

/// Whether git has ever seen the file. The folder may be anybody's, so git is told to run nothing
/// that its configuration names and to fetch nothing; where git can not tell, nothing is said.
fn committed(file: &Path) -> bool {
    let Some(name) = file.file_name() else { return false };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let found = Command::new("git")
        .arg("--no-optional-locks")
        .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
        .args(["-c", "protocol.allow=never", "-c", "log.showSignature=false"])
        .args(["rev-list", "--all", "--max-count=1", "--"])
        .arg(name)
        .current_dir(folder.unwrap_or(Path::new(".")))
        .env_remove("ZMS_TOKEN")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "none")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    found.is_ok_and(|output| output.status.success() && !output.stdout.is_empty())
}
