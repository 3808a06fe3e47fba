//! The database: what can be told without a key.

use zms_client::{SessionError, remote::reach};
use zms_core::{address::Address, bundle::Trouble, id::VaultId, roster::Roster};
use zms_store::Store;
use zms_store_sqlite::SqliteStore;

use super::report::Report;
use crate::{
    exit::{Exit, Failure},
    home::Home,
    server::Remembered,
};

/// What was found in a database that opens.
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// The newest time in it, in unix seconds.
    pub(super) newest: Option<u64>,
    /// The vault it says it holds.
    pub(super) vault: Option<VaultId>,
}

/// Checks the file; `None` where it does not open.
pub(super) fn check(report: &mut Report, home: &Home) -> Option<Found> {
    if let Some(address) = home.server() {
        return there(report, home, address);
    }
    let found = match look(report, home) {
        Ok(found) => found,
        Err(trouble) => {
            report.failure("integrity", Failure::from(SessionError::Store(trouble)));
            return None;
        }
    };
    if found.is_none() {
        report.fail(
            "integrity",
            Exit::Other,
            format!("there is a key, but no database at {}", home.database().display()),
            "put a copy of it back",
        );
    }
    found
}

/// A server that keeps the vault: whether it answers. What it holds is proven with a key.
fn there(report: &mut Report, home: &Home, address: &Address) -> Option<Found> {
    match reach(address) {
        Ok(()) => report.ok("server", format!("{address} answers")),
        Err(trouble) => {
            report.failure("server", Failure::from(SessionError::Store(trouble)));
            return None;
        }
    }
    match Remembered::of(home) {
        Ok(remembered) => {
            Some(Found { newest: None, vault: remembered.map(|remembered| remembered.vault) })
        }
        Err(failure) => {
            report.failure("server", failure);
            None
        }
    }
}

fn look(report: &mut Report, home: &Home) -> Result<Option<Found>, Trouble> {
    let Some(store) = SqliteStore::open(&home.database())? else { return Ok(None) };
    let flaws = store.flaws()?;
    for flaw in &flaws {
        // SQLite says some of it on several lines.
        let flaw = flaw.replace('\n', " ");
        let hint = "put a copy of the database back in its place";
        report.fail("integrity", Exit::Integrity, flaw, hint);
    }
    if flaws.is_empty() {
        let version = store.schema_version()?;
        report.ok("integrity", format!("the file is sound, its schema is number {version}"));
    }
    let bundle = store.bundle()?;
    let roster = bundle.roster()?.and_then(|signed| Roster::parse(&signed.message).ok());
    let newest = store.newest_entry()?.max(roster.map(|roster| roster.issued_at));
    Ok(Some(Found { newest, vault: bundle.vault()? }))
}
