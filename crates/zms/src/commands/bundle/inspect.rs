//! `zms bundle inspect`.

use std::{collections::BTreeMap, path::PathBuf};

use zms_client::SessionError;
use zms_core::{
    bundle::{Bundle, Packed, Standing, Trouble, Wanted},
    id::PrincipalId,
    revision::Revision,
    roster::{Line, Roster},
};

use crate::{
    bundle_file::{self, explain},
    commands::token::kind,
    exit::{Outcome, utc},
    session::{Context, tell},
};

/// Show what anybody can see of a bundle file, and with a token what it opens
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms bundle inspect app.zms
  ZMS_TOKEN_FILE=app.token zms bundle inspect app.zms --json

Without a token nothing here is proven, and no name is known: `zms bundle verify` checks it.")]
pub struct Args {
    /// The bundle file
    file: PathBuf,
}

#[derive(serde::Serialize)]
struct Token {
    id: String,
    kind: &'static str,
    created: String,
    expires: Option<String>,
}

#[derive(serde::Serialize)]
struct Scope {
    id: String,
    revision: u64,
    changed: String,
    secrets: usize,
    children: usize,
}

/// Shows it.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let packed = bundle_file::read(&args.file)?;
    let outside = |trouble: Trouble| SessionError::Store(trouble);
    let roster = packed.roster().map_err(outside)?;
    let roster = roster.and_then(|signed| Roster::parse(&signed.message).ok());
    let vault = packed.vault().map_err(outside)?.map(|vault| vault.to_string());
    let tokens = packed.readers().filter_map(|id| token(&packed, id)).collect::<Vec<_>>();
    let scopes = scopes(&packed).map_err(outside)?;
    let opened = opened(context, args)?;
    let version = roster.as_ref().map(|it| format!("{}.{}", it.generation, it.version));
    let signed = roster.as_ref().map(|it| utc(it.issued_at));
    if context.output.json {
        let paths = opened.map(|opened| {
            let path = |(path, secrets)| serde_json::json!({ "path": path, "secrets": secrets });
            opened.into_iter().map(path).collect::<Vec<_>>()
        });
        return context.output.json(serde_json::json!({
            "vault": vault, "roster": version, "roster_signed": signed,
            "tokens": tokens, "scopes": scopes, "opened": paths,
        }));
    }
    let mut rows = vec![
        ("vault", vault.unwrap_or_default()),
        (
            "roster",
            format!("{}, signed {}", version.unwrap_or_default(), signed.unwrap_or_default()),
        ),
    ];
    rows.extend(tokens.into_iter().map(|token| {
        let ends =
            token.expires.map_or_else(|| "until revoked".to_owned(), |at| format!("until {at}"));
        ("token", format!("{} {}, {ends}", token.kind, token.id))
    }));
    rows.extend(scopes.into_iter().map(|scope| {
        let Scope { id, revision, changed, secrets, children } = scope;
        (
            "scope",
            format!(
                "{id} revision {revision} of {changed}: {secrets} secrets, {children} children"
            ),
        )
    }));
    rows.extend(
        opened
            .into_iter()
            .flatten()
            .map(|(path, secrets)| ("opens", format!("{path}: {}", secrets.join(", ")))),
    );
    for (what, text) in rows {
        context.output.line(&crate::output::shown(&format!("{what:<7} {text}")))?;
    }
    Ok(())
}

fn token(packed: &Packed, id: PrincipalId) -> Option<Token> {
    let Ok(Standing::Member(witness)) = packed.standing(id) else { return None };
    let line = Line::parse(&witness.line).ok()?;
    Some(Token {
        id: id.to_string(),
        kind: kind(line.kind),
        created: utc(line.not_before),
        expires: line.expires.map(utc),
    })
}

fn scopes(packed: &Packed) -> Result<Vec<Scope>, Trouble> {
    let mut scopes = Vec::new();
    for id in packed.scopes() {
        let head = packed.head(id)?.and_then(|head| Revision::parse(&head.message).ok());
        let Some(head) = head else { continue };
        scopes.push(Scope {
            id: id.to_string(),
            revision: head.revision,
            changed: utc(head.created_at),
            secrets: packed.records(id, &Wanted::Only(Vec::new()))?.len(),
            children: packed.children(id)?.len(),
        });
    }
    Ok(scopes)
}

/// Names by path, where a token is named.
fn opened(context: &Context, args: &Args) -> Outcome<Option<BTreeMap<String, Vec<String>>>> {
    let Some(mut acting) = super::as_token(context, &args.file)? else { return Ok(None) };
    let found = acting
        .session
        .survey(None, |path, payload| Some((path.to_string(), payload.name.to_string())));
    let found = found.map_err(explain)?;
    tell(&acting.session, context.output);
    let mut opened: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, name) in found {
        opened.entry(path).or_default().push(name);
    }
    opened.values_mut().for_each(|names| names.sort());
    Ok(Some(opened))
}
