//! `zms token inspect`.

use crate::{
    exit::{Failure, Outcome, utc},
    session::{Context, tell},
};

/// Show what a token opens: the one in use, or one of the vault by name
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms token inspect ci
  zms token inspect          the one in use")]
pub struct Args {
    /// Name or id; without it, the token in use
    name: Option<String>,
}

/// Shows the token.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let mut acting = context.act()?;
    if let Some(name) = &args.name {
        let token = super::find(&mut acting, name)?;
        tell(&acting.session, context.output);
        return show(context, &super::json(&token));
    }
    if acting.owner {
        return Err(Failure::usage("there is no token in use: the master key is")
            .hint("name one of `zms token ls`, or set ZMS_TOKEN"));
    }
    let own = acting.session.own()?;
    tell(&acting.session, context.output);
    let scopes = own.scopes.iter().map(|(path, held)| {
        serde_json::json!({ "path": path.to_string(), "right": super::right(*held) })
    });
    let scopes: Vec<_> = scopes.collect();
    show(
        context,
        &serde_json::json!({
            "id": own.line.principal.to_string(),
            "kind": super::kind(own.line.kind),
            "created": utc(own.line.not_before),
            "expires": own.line.expires.map(utc),
            "uses": Some(own.line.limits.uses).filter(|uses| *uses > 0),
            "addresses": own.line.limits.addresses,
            "scopes": scopes,
        }),
    )
}

fn show(context: &Context, token: &serde_json::Value) -> Outcome {
    if context.output.json {
        return context.output.json(token);
    }
    let text = |key: &str| match &token[key] {
        serde_json::Value::String(text) => text.clone(),
        _ => "never".to_owned(),
    };
    let mut rows = Vec::new();
    if token.get("name").is_some() {
        rows.push(vec!["name".to_owned(), text("name")]);
    }
    for key in ["id", "kind", "created", "expires"] {
        rows.push(vec![key.to_owned(), text(key)]);
    }
    if let Some(uses) = token["uses"].as_u64() {
        rows.push(vec!["uses".to_owned(), uses.to_string()]);
    }
    for range in token["addresses"].as_array().into_iter().flatten() {
        rows.push(vec!["from".to_owned(), range.as_str().unwrap_or_default().to_owned()]);
    }
    for scope in token["scopes"].as_array().into_iter().flatten() {
        let part = |key: &str| scope[key].as_str().unwrap_or_default().to_owned();
        rows.push(vec![part("right"), part("path")]);
    }
    for row in rows {
        context.output.line(&crate::output::shown(&format!("{:<9} {}", row[0], row[1])))?;
    }
    Ok(())
}
