//! The bundle that `ZMS_BUNDLE` names: whether it is whole, and what the token that is here opens.

use std::path::Path;

use zms_client::SessionError;
use zms_core::{
    bundle::{Bundle, check::check as check_whole},
    roster::Roster,
};

use super::report::Report;
use crate::{
    bundle_file::{self, Carried, explain},
    commands::bundle::as_token,
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
    let packed = bundle_file::read(path)?;
    check_whole(&packed).map_err(SessionError::from).map_err(explain)?;
    let roster = packed.roster().map_err(SessionError::Store)?;
    let signed = roster.and_then(|signed| Roster::parse(&signed.message).ok());
    let signed = signed.map_or_else(String::new, |it| format!(", signed {}", utc(it.issued_at)));
    report.ok("bundle", format!("{} is whole{signed}", path.display()));
    let Some(mut acting) = as_token(context, path)? else {
        report.skip("token", "what a bundle holds only a token can tell: set ZMS_TOKEN");
        return Ok(());
    };
    let opened = acting.session.survey(None, |_, _| Some(())).map_err(explain)?;
    let (source, secrets) = (&acting.source, opened.len());
    report.ok("token", format!("{source} opens it: {secrets} secrets, which verify"));
    Ok(())
}
