//! Which tokens of a backup go on being good.

use zms_client::TokenInfo;
use zms_core::principal::Kind;

use super::Args;
use crate::{
    commands::token::{json, refuse_token_text, scopes},
    exit::{Failure, Outcome, utc},
    output::shown_word,
    place::nearest,
    prompt,
    session::Context,
};

/// Shows all, with what is known of them.
pub fn show(
    context: &Context,
    tokens: &[TokenInfo],
    known: &dyn Fn(&TokenInfo) -> bool,
) -> Outcome {
    if context.output.json {
        let tokens = tokens.iter().map(|token| {
            let mut told = json(token);
            told["revoked_since"] = known(token).into();
            told
        });
        let tokens: Vec<_> = tokens.collect();
        return context.output.json(serde_json::json!({ "would_live_again": tokens }));
    }
    table(context, tokens, known)
}

fn table(context: &Context, tokens: &[TokenInfo], known: &dyn Fn(&TokenInfo) -> bool) -> Outcome {
    let row = |token: &TokenInfo| {
        let expires = token.expires.map_or_else(|| "never".to_owned(), utc);
        let since = match (known(token), token.kind) {
            (true, _) => "revoked since",
            (false, Kind::Administrator) => "stays",
            (false, _) => "",
        };
        vec![token.label.clone(), scopes(token), utc(token.created), expires, since.to_owned()]
    };
    let rows: Vec<Vec<String>> = tokens.iter().map(row).collect();
    context.output.table(&["NAME", "SCOPES", "MADE", "EXPIRES", ""], &rows)
}

/// Gives those that are to be revoked anew: all that nobody confirms.
pub fn choose<'t>(
    context: &Context,
    args: &Args,
    tokens: &'t [TokenInfo],
    known: &dyn Fn(&TokenInfo) -> bool,
) -> Outcome<Vec<&'t TokenInfo>> {
    // Whoever holds the vault key can not be taken out without a new one.
    let service: Vec<&TokenInfo> =
        tokens.iter().filter(|token| token.kind != Kind::Administrator).collect();
    let departed = || service.iter().copied().filter(|token| known(token)).collect();
    if !args.keep.is_empty() {
        return without(&service, &args.keep);
    }
    if args.keep_all {
        return Ok(departed());
    }
    if service.is_empty() || context.yes {
        return Ok(service);
    }
    if !prompt::possible() {
        return Err(Failure::usage(format!(
            "{} tokens of the backup would live again, and there is no terminal to ask which of \
             them are to be kept",
            service.len()
        ))
        .hint(
            "see them with `--dry-run`; name those to keep with `--keep`, or add `--yes`: then all \
             are revoked",
        ));
    }
    table(context, tokens, known)?;
    loop {
        let question = "Tokens to keep, by name; `all` but those revoked since, or `none`: ";
        let Some(answer) = prompt::answer(question)? else {
            return Err(Failure::other("not confirmed; nothing was changed"));
        };
        let names: Vec<String> =
            answer.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        match &names[..] {
            [] => {}
            [word] if word == "none" => return Ok(service),
            [word] if word == "all" => return Ok(departed()),
            names => match without(&service, names) {
                Ok(revoke) => return Ok(revoke),
                Err(failure) => context.output.warn(&failure),
            },
        }
    }
}

/// All but those that are named.
fn without<'t>(tokens: &[&'t TokenInfo], keep: &[String]) -> Outcome<Vec<&'t TokenInfo>> {
    let is =
        |token: &TokenInfo, name: &String| token.label == *name || token.id.to_string() == *name;
    for name in keep {
        refuse_token_text(name)?;
        if !tokens.iter().any(|token| is(token, name)) {
            let why = format!("there is no token {} in the backup", shown_word(name));
            let failure = Failure::not_found(why);
            return Err(match nearest(name, tokens.iter().map(|token| token.label.as_str())) {
                Some(near) => failure.hint(format!("did you mean {near}?")),
                None => failure.hint("see those that are there with `--dry-run`"),
            });
        }
    }
    let out = |token: &&TokenInfo| !keep.iter().any(|name| is(token, name));
    Ok(tokens.iter().copied().filter(out).collect())
}
