//! Bundle files: who reads from one names it, and it is opened as a store is.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use zms_client::{Demand, SessionError, pins::HandedPins};
use zms_core::{
    bundle::{Packed, armour},
    open::OpenError,
};
use zms_store::copy::{AuditSink, Copy};

use crate::{
    audit_file::AuditFile,
    commands::token::time,
    credentials::Caller,
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    output::Output,
};

/// Heading of the flags of who reads from a copy.
const HEADING: &str = "Bundles";

/// What to read from, and what is demanded of it.
#[derive(clap::Args, Clone, Default)]
#[cfg_attr(test, derive(Debug))]
pub struct Carried {
    /// Read from this bundle file instead of the vault of this machine
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    bundle: Option<PathBuf>,
    /// Append the audit entries of reading from a bundle to this file
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    audit_to: Option<PathBuf>,
    /// Refuse a roster that was signed longer ago, such as 7d
    #[arg(long, value_name = "AGE", value_parser = time, help_heading = HEADING)]
    max_roster_age: Option<Duration>,
}

impl Carried {
    /// A bundle that a command names as its own argument.
    pub fn of(path: &Path) -> Self {
        Self { bundle: Some(path.to_owned()), ..Self::default() }
    }

    /// The bundle that is named: by flag, or by `ZMS_BUNDLE`.
    pub fn named(&self) -> Outcome<Option<PathBuf>> {
        match (&self.bundle, environment::raw("ZMS_BUNDLE")) {
            (Some(path), _) => Ok(Some(path.clone())),
            (None, Some(path)) if path.is_empty() => {
                Err(Failure::usage("ZMS_BUNDLE is set but empty")
                    .hint("set it to a bundle file, or unset it"))
            }
            (None, path) => Ok(path.map(PathBuf::from)),
        }
    }

    /// Opens the bundle that is named as a store; `None` where none is.
    pub fn store(&self, output: Output) -> Outcome<Option<Copy>> {
        let Some(path) = self.named()? else {
            if self.audit_to.is_some() {
                return Err(Failure::usage("--audit-to is for reading from a bundle")
                    .hint("the vault has an audit of its own: `zms audit`"));
            }
            return Ok(None);
        };
        let packed = read(&path)?;
        let sink =
            self.audit_to.clone().map(|path| Box::new(AuditFile(path)) as Box<dyn AuditSink>);
        if sink.is_none() {
            output.note("a bundle has no audit: this leaves no entry, unless --audit-to takes it");
        }
        Ok(Some(Copy::new(packed, sink)))
    }

    /// What every state that is read is held against.
    pub fn demand(&self) -> Outcome<Demand> {
        let pins = match environment::text("ZMS_PIN")? {
            Some(text) => Some(HandedPins::parse(&text).ok_or_else(|| {
                Failure::usage("ZMS_PIN holds no pin")
                    .hint("print one with `zms status --pin`, where the vault is known")
            })?),
            None => None,
        };
        let age = match (self.max_roster_age, environment::text("ZMS_MAX_ROSTER_AGE")?) {
            (Some(age), _) => Some(age),
            (None, Some(text)) => Some(
                time(&text).map_err(|why| Failure::usage(format!("ZMS_MAX_ROSTER_AGE: {why}")))?,
            ),
            (None, None) => None,
        };
        Ok(Demand { pins, roster_age: age.map(|age| age.as_secs()) })
    }
}

/// Reads a bundle file.
pub fn read(path: &Path) -> Outcome<Packed> {
    armour::read(&files::read(path)?).map_err(|_| {
        let why = format!("{} is no bundle, or was damaged or changed", path.display());
        Failure::new(Exit::Integrity, why)
            .hint("make it anew with `zms bundle create`; git and editors must leave its lines as they are")
    })
}

/// Refuses a bundle that was made for others.
pub fn check_reader(store: &Copy, caller: &Caller) -> Outcome {
    if store.is_for(caller.principal.id()) {
        return Ok(());
    }
    let (who, next) = match caller.owner {
        true => ("the master key", "set ZMS_TOKEN to a token that it was made for"),
        false => (
            "this token",
            "`zms bundle inspect FILE` shows whose it is; make one for this token with `zms bundle create`",
        ),
    };
    Err(Failure::new(Exit::Denied, format!("this bundle was not made for {who}")).hint(next))
}

/// Refuses what can not be done on a copy, where one is named for all commands.
pub fn refuse_named() -> Outcome {
    match Carried::default().named()? {
        None => Ok(()),
        Some(path) => Err(Failure::usage(format!(
            "this command does not read from a bundle, and ZMS_BUNDLE names {}",
            path.display()
        ))
        .hint("unset ZMS_BUNDLE to act on the vault of this machine")),
    }
}

/// What to do next is another thing for a copy than for a vault.
pub fn explain(error: SessionError) -> Failure {
    let hint = match &error {
        SessionError::Open(OpenError::Integrity(_)) => Some(
            "the bundle was damaged or changed; nothing of it was used: make it anew with `zms \
             bundle create`",
        ),
        SessionError::Open(OpenError::RolledBack(_)) => Some(
            "this bundle is older than what was seen of the vault, or keeps too few messages since \
             then: make it anew with `zms bundle create`",
        ),
        SessionError::Open(OpenError::Stale { .. }) => {
            Some("make it anew with `zms bundle create --refresh`")
        }
        _ => None,
    };
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
