//! `zms bundle verify`.

use std::path::PathBuf;

use zms_client::SessionError;
use zms_core::bundle::check::check;

use crate::{
    bundle_file::{self, explain},
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
    let packed = bundle_file::read(&args.file)?;
    check(&packed).map_err(SessionError::from)?;
    let file = args.file.display().to_string();
    let scopes = packed.scopes().count();
    let opened = match super::as_token(context, &args.file)? {
        Some(mut acting) => {
            let opened = acting.session.survey(None, |_, _| Some(())).map_err(explain)?;
            tell(&acting.session, context.output);
            Some(opened.len())
        }
        None => None,
    };
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
