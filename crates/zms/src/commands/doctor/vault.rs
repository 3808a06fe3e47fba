//! The vault: what its key or a token can prove.

use zms_client::SessionError;
use zms_core::{id::VaultId, key_file::KeyFile, open::OpenError, path::ScopePath, principal::Kind};

use super::report::Report;
use crate::{
    exit::{Exit, Failure, utc},
    expiry::{Nearness, nearness},
    home::{Home, read_private},
    session::{Acting, Context},
};

/// Checks the key, the whole tree, pins and tokens. With a token, the master key is not opened.
pub(super) fn check(report: &mut Report, context: &Context, home: &Home, vault: Option<VaultId>) {
    let closed = "a key or token is needed to prove what it holds";
    let mut acting = match context.act() {
        Ok(acting) => acting,
        Err(failure) if failure.exit == Exit::Locked => {
            belongs(report, home, vault);
            report.skip("key", failure.message);
            return report.skip("vault", closed);
        }
        Err(failure) => {
            report.failure("key", failure);
            return report.skip("vault", closed);
        }
    };
    let id = acting.session.principal().id();
    let who = if acting.owner { "owner" } else { "token" };
    report.ok("key", format!("{} opens, and is the {who} {id}", acting.source));
    if acting.owner {
        belongs(report, home, vault);
    }
    if let Err(error) = prove(report, &mut acting) {
        report.failure("vault", error.into());
    }
}

/// Whether key and database are of one vault: the key file says so without being opened.
fn belongs(report: &mut Report, home: &Home, vault: Option<VaultId>) {
    let text = read_private(&home.key(), Exit::Integrity).ok().flatten();
    let file = text.and_then(|text| KeyFile::parse(&text).ok());
    let (Some(file), Some(vault)) = (file, vault) else { return };
    if file.vault() != vault {
        report.fail(
            "key",
            Exit::Integrity,
            format!("it is for the vault {}, and the database holds {vault}", file.vault()),
            "put the key and the database of one vault together",
        );
    }
}

fn prove(report: &mut Report, acting: &mut Acting) -> Result<(), SessionError> {
    let proof = acting.session.prove_all()?;
    let mut sound = true;
    let mut older = false;
    for broken in proof.broken {
        if let OpenError::Removed(path) = broken {
            report.warn("vault", format!("{path} was removed"), "it is no longer of any use here");
            continue;
        }
        sound = false;
        older |= matches!(broken, OpenError::RolledBack(_));
        report.failure("vault", SessionError::from(broken).into());
    }
    if sound {
        let (scopes, records) = (proof.scopes, proof.records);
        report.ok("vault", format!("{scopes} scopes verify, and {records} secrets open"));
    }
    if !older {
        pins(report, acting);
    }
    let highest = |held: &[ScopePath]| {
        held.first().cloned().ok_or_else(|| Failure::other("nothing is held in full").into())
    };
    match acting.session.structure(&highest) {
        Ok(view) if view.pending.is_empty() => report.ok("re-keys", "none pending"),
        Ok(view) => report.warn(
            "re-keys",
            format!("{} scopes still have keys that a revoked token held", view.pending.len()),
            "`zms token revoke --resume`",
        ),
        // Reported above, where it does not verify.
        Err(error) => report.skip("re-keys", error),
    }
    tokens(report, acting)
}

fn pins(report: &mut Report, acting: &Acting) {
    if acting.session.pins_void() {
        report.warn(
            "state",
            "the vault was restored from a backup",
            "look at the tokens it revived: `zms token ls`",
        );
    } else if acting.session.first_use() {
        report.warn(
            "state",
            "nothing was seen here before, so an older state could not be told",
            "use it once where it was used before",
        );
    } else {
        report.ok("state", "not older than what was seen here before");
    }
}

fn tokens(report: &mut Report, acting: &mut Acting) -> Result<(), SessionError> {
    let now = crate::environment::now();
    if !acting.owner {
        let own = acting.session.own()?;
        let ends = own.line.expires;
        match (nearness(ends, now), ends) {
            (Nearness::Soon, Some(at)) => report.warn(
                "tokens",
                format!("the one in use ends on {}", utc(at)),
                "ask an administrator of the vault for a new one",
            ),
            _ => report.skip("tokens", "only an administrator sees them"),
        }
        return Ok(());
    }
    let mut tokens = acting.session.tokens()?;
    tokens.retain(|token| token.kind != Kind::Administrator);
    let those = |wanted| {
        let those = tokens.iter().filter(|token| nearness(token.expires, now) == wanted);
        those.map(|token| token.label.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (over, soon) = (those(Nearness::Over), those(Nearness::Soon));
    if !over.is_empty() {
        report.warn(
            "tokens",
            format!("over, with what they opened under its old keys: {over}"),
            "`zms token revoke NAME`",
        );
    }
    if !soon.is_empty() {
        report.warn(
            "tokens",
            format!("end within 14 days: {soon}"),
            "make new ones with `zms token create`, and change over",
        );
    }
    if over.is_empty() && soon.is_empty() {
        report.ok("tokens", format!("{}, none near its end", tokens.len()));
    }
    Ok(())
}
