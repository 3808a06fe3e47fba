//! `zms token`.

pub mod create;
mod inspect;
pub mod revoke;
mod rotate;

use clap::Subcommand;
pub use create::time;
use zms_client::{SessionError, TokenInfo};
use zms_core::{change::init::OWNER, principal::Kind, roster::Right};

use crate::{
    exit::{Outcome, utc},
    session::{Acting, Context, tell},
};

/// Make, list and revoke tokens
#[derive(Subcommand)]
pub enum Command {
    Create(create::Args),
    /// List the tokens of the vault
    #[command(
        alias = "list",
        after_help = "\
Examples:
  zms token ls
  zms token ls --json"
    )]
    Ls,
    Inspect(inspect::Args),
    Rotate(rotate::Args),
    #[command(aliases = ["rm", "delete"])]
    Revoke(revoke::Args),
}

/// Runs the subcommand.
pub fn run(context: &Context, command: &Command) -> Outcome {
    match command {
        Command::Create(args) => create::run(context, args),
        Command::Ls => list(context),
        Command::Inspect(args) => inspect::run(context, args),
        Command::Rotate(args) => rotate::run(context, args),
        Command::Revoke(args) => revoke::run(context, args),
    }
}

fn list(context: &Context) -> Outcome {
    let mut acting = context.act()?;
    let tokens = acting.session.tokens()?;
    tell(&acting.session, context.output);
    if context.output.json {
        let tokens: Vec<_> = tokens.iter().map(json).collect();
        return context.output.json(serde_json::json!({ "tokens": tokens }));
    }
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|token| {
            let expires = token.expires.map_or_else(|| "never".to_owned(), utc);
            let scopes = scopes(token);
            let kind = kind(token.kind).to_owned();
            let uses = match token.limits.uses {
                0 => None,
                1 => Some("once".to_owned()),
                uses => Some(format!("{uses} times")),
            };
            let from = token.limits.addresses.iter().map(|range| format!("from {range}"));
            let limits: Vec<String> = uses.into_iter().chain(from).collect();
            vec![token.label.clone(), kind, scopes, expires, limits.join(", ")]
        })
        .collect();
    context.output.table(&["NAME", "KIND", "SCOPES", "EXPIRES", "LIMITS"], &rows)
}

/// What people call a kind.
pub const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Service => "service",
        Kind::Agent => "agent",
        Kind::Administrator => "administrator",
    }
}

const fn right(right: Right) -> &'static str {
    match right {
        Right::Exact => "inherit",
        Right::Read => "read",
        Right::Write => "write",
    }
}

/// What a token is for; what it only inherits goes without saying.
pub fn scopes(token: &TokenInfo) -> String {
    let named = token.scopes.iter().filter(|(_, held)| *held > Right::Exact);
    let text = named.map(|(path, held)| format!("{path} ({})", right(*held)));
    text.collect::<Vec<_>>().join(", ")
}

/// A token as JSON.
pub fn json(token: &TokenInfo) -> serde_json::Value {
    let scopes = token
        .scopes
        .iter()
        .map(|(path, held)| serde_json::json!({ "path": path.to_string(), "right": right(*held) }));
    serde_json::json!({
        "id": token.id.to_string(),
        "name": token.label,
        "kind": kind(token.kind),
        "created": utc(token.created),
        "expires": token.expires.map(utc),
        "uses": Some(token.limits.uses).filter(|uses| *uses > 0),
        "addresses": token.limits.addresses,
        "scopes": scopes.collect::<Vec<_>>(),
    })
}

/// A token by its name or id.
pub fn find(acting: &mut Acting, wanted: &str) -> Outcome<TokenInfo> {
    refuse_token_text(wanted)?;
    let tokens = acting.session.tokens()?;
    // Nobody who mistypes the name of a token means the owner.
    let others = tokens.iter().filter(|token| token.label != OWNER);
    let names: Vec<String> = others.map(|token| token.label.clone()).collect();
    let named = |token: &TokenInfo| token.label == wanted || token.id.to_string() == wanted;
    tokens.into_iter().find(named).ok_or_else(|| {
        let failure = crate::exit::Failure::from(SessionError::NoToken(wanted.to_owned()));
        match crate::place::nearest(wanted, names.iter().map(String::as_str)) {
            Some(near) => failure.hint(format!("did you mean {near}?")),
            None => failure,
        }
    })
}

/// Refuses a token where its name belongs.
pub fn refuse_token_text(text: &str) -> Outcome {
    if text.starts_with("zms_") {
        return Err(crate::exit::Failure::usage(
            "that is a token itself, on the command line where others can read it",
        )
        .hint("name the token, or set ZMS_TOKEN; and revoke this one: it has been shown"));
    }
    Ok(())
}
