//! The bundle that `ZMS_BUNDLE` names: whether it is whole, and what the token that is here opens.

use std::path::Path;

use zms_client::SessionError;
use zms_core::{bundle::Bundle, roster::Roster};

use super::report::Report;
use crate::{
    bundle_file::Carried,
    commands::bundle::{opened, whole},
    exit::{Outcome, utc},
    session::Context,
};

/// Checks it; whether one is named.
pub(super) fn check(report: &mut Report, context: &Context) -> bool {
    let found = Carried::default().named().and_then(|named| match named {
        None => Ok(false),
        Some(path) => look(report, context, &path).map(|()| true),
    });
    found.unwrap_or_else(|failure| {
        report.failure("bundle", failure);
        true
    })
}

fn look(report: &mut Report, context: &Context, path: &Path) -> Outcome {
    let packed = whole(path)?;
    let roster = packed.roster().map_err(SessionError::Store)?;
    let signed = roster.and_then(|signed| Roster::parse(&signed.message).ok());
    let signed = signed.map_or_else(String::new, |it| format!(", signed {}", utc(it.issued_at)));
    report.ok("bundle", format!("{} is whole{signed}", path.display()));
    let Some((acting, secrets)) = opened(context, path)? else {
        report.skip("token", "what a bundle holds only a token can tell: set ZMS_TOKEN");
        return Ok(());
    };
    let source = acting.source;
    report.ok("token", format!("{source} opens it: {secrets} secrets, which verify"));
    Ok(())
}
