//! `zms bundle create`.

use std::path::{Path, PathBuf};

use zms_client::TokenInfo;
use zms_core::{
    bundle::{Bundle, Packed, armour, collect::Since},
    id::PrincipalId,
    path::ScopePath,
    principal::Kind,
    roster::{Right, Roster},
};

use super::kib;
use crate::{
    exit::{Failure, Outcome, utc},
    files,
    session::{Acting, Context, tell},
};

/// Make a bundle file of what tokens open
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms bundle create app.zms --token ci
  zms bundle create app.zms -e production
  ZMS_TOKEN_FILE=app.token zms run --bundle app.zms -- node server.js

With --token the file is for those tokens; without, for every token that reads the place. Acting
with a token it is for that token. It holds what these tokens open, as sealed as in the database,
and no token: who has the file alone learns ids, sizes and times. It is made anew with the same
bytes where nothing has changed, and is text, so that it can be kept in git.

A bundle is a copy. A token that is revoked still opens the bundles that were made for it before;
change what they hold at its source. An end of a token is told by the clock of who reads.")]
pub struct Args {
    /// File to write; `-` is stdout
    file: PathBuf,
    /// Tokens that read from it, by name or id
    #[arg(long = "token", value_delimiter = ',', value_name = "NAMES")]
    tokens: Vec<String>,
    /// Keep the last so many messages of each scope and roster, not all: readers that have seen
    /// less refuse the file
    #[arg(long, value_name = "N")]
    last: Option<u64>,
    /// Sign the roster anew first, for readers with --max-roster-age
    #[arg(long)]
    refresh: bool,
}

/// Writes the file, unless it is there as it would be.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let old = there(&args.file)?;
    let mut acting = context.act()?;
    if args.refresh {
        acting.session.refresh_roster()?;
    }
    let readers = readers(context, &mut acting, args)?;
    let ids: Vec<PrincipalId> = readers.iter().map(|(id, _)| *id).collect();
    let since = args.last.map_or(Since::Beginning, Since::Last);
    let packed = acting.session.bundle(&ids, since).map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let text = armour::write(&packed);
    if text.len() > armour::MAX_FILE {
        return Err(Failure::usage("the bundle would be larger than 64 MiB")
            .hint("make it for tokens that open less"));
    }
    let changed = old.as_ref().is_none_or(|old| old.as_slice() != text.as_bytes());
    if args.file == Path::new("-") {
        return context.output.text(text.as_bytes());
    }
    if changed {
        files::write(&args.file, &text)?;
    }
    report(context, args, &packed, &readers, text.len(), changed)
}

/// What is at the path: only a bundle is replaced.
fn there(path: &Path) -> Outcome<Option<zeroize::Zeroizing<Vec<u8>>>> {
    if path == Path::new("-") || !files::exists(path) {
        return Ok(None);
    }
    let old = files::read(path)?;
    if old.is_empty() || old.starts_with(armour::BEGIN.as_bytes()) {
        return Ok(Some(old));
    }
    Err(Failure::usage(format!("{} is there and is no bundle", path.display()))
        .hint("name another file, or remove it"))
}

/// Who is to read from it, with the names that an administrator knows.
fn readers(
    context: &Context,
    acting: &mut Acting,
    args: &Args,
) -> Outcome<Vec<(PrincipalId, Option<String>)>> {
    let me = acting.session.principal();
    if args.tokens.is_empty() && me.kind() != Kind::Administrator {
        return Ok(vec![(me.id(), None)]);
    }
    let named = |token: TokenInfo| (token.id, Some(token.label));
    if !args.tokens.is_empty() {
        let mut readers = Vec::new();
        for name in &args.tokens {
            let token = super::super::token::find(acting, name)?;
            counted(&token)?;
            readers.push(named(token));
        }
        readers.sort();
        readers.dedup();
        return Ok(readers);
    }
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.structure(&choose).map_err(|error| acting.explain(error))?;
    let (path, now) = (view.path().clone(), view.now);
    let here = |token: &TokenInfo| {
        let reads = |(scope, right): &(ScopePath, Right)| {
            *right > Right::Exact && scope.is_prefix_of(&path)
        };
        token.kind != Kind::Administrator && token.scopes.iter().any(reads)
    };
    let (mut readers, mut left) = (Vec::new(), Vec::new());
    for token in acting.session.tokens()?.into_iter().filter(here) {
        if token.expires.is_some_and(|at| now > at) {
            continue;
        }
        if counted(&token).is_err() {
            left.push(token.label);
            continue;
        }
        readers.push(named(token));
    }
    if !left.is_empty() {
        context
            .output
            .warn(format!("left out, because a file counts no uses: {}", left.join(", ")));
    }
    if readers.is_empty() {
        return Err(Failure::not_found(format!("no token reads {path}"))
            .hint("make one with `zms token create`, or name one with `--token`"));
    }
    Ok(readers)
}

/// A file can not count: a token with a number of uses would have any number.
fn counted(token: &TokenInfo) -> Outcome {
    if token.limits.uses == 0 {
        return Ok(());
    }
    Err(Failure::usage(format!("{} has a number of uses, which a file can not count", token.label))
        .hint("make a token without `--uses` for the bundle"))
}

fn report(
    context: &Context,
    args: &Args,
    packed: &Packed,
    readers: &[(PrincipalId, Option<String>)],
    bytes: usize,
    changed: bool,
) -> Outcome {
    let scopes = packed.scopes().count();
    let roster = packed.roster().ok().flatten();
    let roster = roster.and_then(|signed| Roster::parse(&signed.message).ok());
    let signed = roster.map(|roster| utc(roster.issued_at));
    let name = |(id, label): &(PrincipalId, Option<String>)| {
        label.clone().unwrap_or_else(|| id.to_string())
    };
    let mut names: Vec<String> = readers.iter().map(name).collect();
    names.sort();
    if context.output.json {
        return context.output.json(serde_json::json!({
            "file": args.file.display().to_string(), "changed": changed, "tokens": names,
            "scopes": scopes, "file_bytes": bytes, "roster_signed": signed,
        }));
    }
    let what = if changed { "written" } else { "unchanged" };
    context.output.note(format!(
        "{} {what}: {scopes} {} for {}, {}, roster signed {}",
        args.file.display(),
        if scopes == 1 { "scope" } else { "scopes" },
        names.join(", "),
        kib(bytes),
        signed.unwrap_or_default()
    ));
    Ok(())
}
