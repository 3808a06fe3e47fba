//! `zms import`.

mod afterwards;
mod effect;
mod folder;
mod original;
mod places;
mod source;

use std::path::{Path, PathBuf};

use zms_core::path::ScopePath;
use zms_format::{Expected, Syntax, Tool};

use self::{
    afterwards::{leave, verify},
    effect::{Conflict, Effect},
    source::Source,
};
use crate::{
    exit::Outcome,
    files,
    output::{Output, Progress},
    session::{Context, tell, warn_of_names},
};

/// Put the secrets of a file, another tool's export or a folder into the vault
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms import .env
  zms import .env.staging -e staging --dry-run
  doppler secrets download --no-file --format json | zms import -
  zms import secrets.json --format 1password --on-conflict keep
  zms import . --dry-run               .env* of a folder and below it: which goes where

A value is taken as it is: nothing in it is expanded or executed. Either all is imported, or
nothing. `-` reads stdin. What a tool's export looks like is found out by its content; of what
is not a secret in it, it is said that it is left out. Of a folder, `.env` goes into the
environment that is acted in, `.env.NAME` into the environment NAME, `.env.local` over `.env`,
and what lies in a folder below into the service of that folder's name.")]
pub struct Args {
    /// File or folder to read, or `-`
    file: PathBuf,
    /// What the file is; by its name and content unless given
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// What becomes of a secret that is there with another value; asked for on a terminal
    #[arg(long, value_enum, value_name = "WHAT")]
    on_conflict: Option<Conflict>,
    /// Of a folder, import .env.production too
    #[arg(long)]
    production: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete the file once everything of it is in the vault
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
    /// Rows under a heading with Key and Value
    Csv,
    /// An export of Doppler, in any of its formats
    Doppler,
    /// An export of Infisical, in any of its formats
    Infisical,
    /// Answers of Vault or OpenBao: kv get -format=json
    Vault,
    /// Items of 1Password: op item get --format json
    #[value(name = "1password")]
    OnePassword,
    /// A list of Bitwarden Secrets Manager, or its export
    Bitwarden,
    /// What sops decrypt prints
    Sops,
    /// A file of dotenvx that is decrypted
    Dotenvx,
}

impl Args {
    fn expected(&self) -> Expected {
        match self.format {
            None => Expected::Anything,
            Some(Format::Dotenv) => Expected::Plain(Syntax::Dotenv),
            Some(Format::Json) => Expected::Plain(Syntax::Json),
            Some(Format::Yaml) => Expected::Plain(Syntax::Yaml),
            Some(Format::Toml) => Expected::Plain(Syntax::Toml),
            Some(Format::Csv) => Expected::Plain(Syntax::Csv),
            Some(Format::Doppler) => Expected::Export(Tool::Doppler),
            Some(Format::Infisical) => Expected::Export(Tool::Infisical),
            Some(Format::Vault) => Expected::Export(Tool::Vault),
            Some(Format::OnePassword) => Expected::Export(Tool::OnePassword),
            Some(Format::Bitwarden) => Expected::Export(Tool::Bitwarden),
            Some(Format::Sops) => Expected::Export(Tool::Sops),
            Some(Format::Dotenvx) => Expected::Export(Tool::Dotenvx),
        }
    }
}

/// Imports a file into exactly the scope that the command acts in, or a folder's files.
pub fn run(context: &Context, args: &Args) -> Outcome {
    if files::is_folder(&args.file) {
        return folder::run(context, args);
    }
    let mut source = Source::read(&args.file, args.expected(), context.output)?;
    let mut acting = context.act()?;
    if !args.dry_run {
        acting.confirm_here(context)?;
    }
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let (mut effect, mut place) = (Effect::default(), None);
    let mut conflict = args.on_conflict;
    if args.dry_run || !Conflict::is_asked(context) {
        conflict = conflict.or(Some(Conflict::Replace));
    }
    let written = loop {
        let progress = importing(&source);
        let written = acting.session.write(&choose, |scope| {
            place = Some(scope.path.clone());
            effect = Effect::of(scope, &source.secrets)?;
            // Nothing is written before it is decided.
            let Some(conflict) = conflict.or(effect.undisputed()) else { return Ok(Vec::new()) };
            effect.settle(conflict, args.dry_run)?;
            Ok(if args.dry_run { Vec::new() } else { effect.edits(scope, &source.secrets)? })
        });
        drop(progress);
        if written.is_err() || conflict.or(effect.undisputed()).is_some() {
            break written;
        }
        conflict = Some(Conflict::ask(context, effect.changed())?);
    };
    let written = written.map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let place = place.unwrap_or_default();
    let revision = written.map(|written| written.revision);
    say(context.output, args, &source, &effect, (&place, revision))?;
    warn_of_names(context.output, source.secrets.keys().map(|name| name.as_str()));
    if args.dry_run || args.file == Path::new("-") {
        return Ok(());
    }
    let progress = Progress::spinner("reading everything back");
    verify(&mut acting, &place, &source.secrets, &effect)?;
    drop(progress);
    source.original.kept(source.secrets.keys(), &effect);
    leave(context, args, &[source.original], !effect.changed().is_empty())
}

fn say(
    output: Output,
    args: &Args,
    source: &Source,
    effect: &Effect,
    (path, revision): (&ScopePath, Option<u64>),
) -> Outcome {
    if output.json {
        let mut answer = effect.json(path);
        answer["dry_run"] = args.dry_run.into();
        answer["revision"] = revision.into();
        answer["tool"] = source.tool.map(Tool::name).into();
        return output.json(answer);
    }
    if args.dry_run {
        output.table(&["EFFECT", "NAME"], &effect.rows())?;
    }
    let verb = if args.dry_run { "would go" } else { "imported" };
    let total = counted(effect.total());
    output.note(format!("{total} {verb} into {path} ({})", effect.counts()));
    Ok(())
}

fn importing(source: &Source) -> Progress {
    Progress::spinner(&format!("importing {}", counted(source.secrets.len())))
}

fn counted(secrets: usize) -> String {
    format!("{secrets} {}", if secrets == 1 { "secret" } else { "secrets" })
}
