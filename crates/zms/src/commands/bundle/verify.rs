//! `zms bundle verify`.

use std::path::PathBuf;

use crate::{
    exit::Outcome,
    session::{Context, tell},
};

/// Check a bundle file: without a token what anybody can, with one all that it opens
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms bundle verify app.zms
  ZMS_TOKEN_FILE=app.token zms bundle verify app.zms")]
pub struct Args {
    /// The bundle file
    file: PathBuf,
}

/// Checks everything, or says what it could not.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let packed = super::whole(&args.file)?;
    let file = args.file.display().to_string();
    let scopes = packed.scopes().count();
    let opened = super::opened(context, &args.file)?.map(|(acting, opened)| {
        tell(&acting.session, context.output);
        opened
    });
    if context.output.json {
        return context.output.json(serde_json::json!({
            "file": file, "scopes": scopes, "secrets_opened": opened,
        }));
    }
    match opened {
        Some(secrets) => context.output.note(format!(
            "{file} is whole, and all that this token opens in it verifies: {secrets} secrets"
        )),
        None => context.output.note(format!(
            "{file} is whole, and its {scopes} scopes are what their authors signed; that these are \
             of your vault only a token can tell: set ZMS_TOKEN"
        )),
    }
    Ok(())
}
