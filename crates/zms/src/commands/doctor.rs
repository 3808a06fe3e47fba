//! `zms doctor`.

mod backup;
mod bundle;
mod database;
mod files;
mod folder;
mod report;
mod shares;
mod system;
mod vault;

use self::report::Report;
use crate::{
    exit::{Exit, Failure, Outcome},
    hygiene::Inherited,
    output::shown,
    session::Context,
};

/// Check the vault and this machine, and say what to do
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms doctor
  zms doctor --vault work --json

One line for each check: ok, warn, FAIL, or skip for what can not be told without a key. It reads
every scope, which leaves its entries in the audit, and changes nothing else. Exit code 6 where
something does not verify, 1 where anything else fails, else 0.")]
pub struct Args {}

/// Makes every check that can be made, and goes on past those that fail.
pub fn run(context: &Context, _: &Args, inherited: &Inherited) -> Outcome {
    let home = context.home()?;
    let mut report = Report::default();
    report.ok("zms", env!("CARGO_PKG_VERSION"));
    system::check(&mut report, inherited);
    let carried = bundle::check(&mut report, context);
    let newest = if home.holds_vault() {
        files::check(&mut report, &home);
        let found = database::check(&mut report, &home);
        match found {
            Some(_) if carried => report.skip(
                "vault",
                "commands read the bundle: unset ZMS_BUNDLE to prove what the vault here holds",
            ),
            Some(found) => vault::check(&mut report, context, &home, found.vault),
            None => report.skip("vault", "its database does not open"),
        }
        shares::check(&mut report, &home);
        backup::check(&mut report, &home, found.and_then(|found| found.vault));
        found.and_then(|found| found.newest)
    } else if carried {
        report.skip("vault", "none is here, and none is needed: commands read the bundle");
        None
    } else {
        report.fail(
            "vault",
            Exit::Other,
            format!("there is none in {}", home.folder().display()),
            "make one with `zms init`, or set ZMS_HOME to the folder of an existing one",
        );
        None
    };
    system::clock(&mut report, newest);
    folder::check(&mut report);
    let failed = report.failed().count();
    let worst = report.failed().find(|exit| *exit == Exit::Integrity).unwrap_or(Exit::Other);
    if context.output.json {
        context.output.json(serde_json::json!({ "checks": report.checks(), "failed": failed }))?;
    } else {
        for check in report.checks() {
            context.output.line(&shown(&check.to_string()))?;
        }
    }
    match failed {
        0 => Ok(()),
        1 => Err(Failure::new(worst, "1 check failed")),
        _ => Err(Failure::new(worst, format!("{failed} checks failed"))),
    }
}
