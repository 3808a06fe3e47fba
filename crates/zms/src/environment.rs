//! The one place that reads the environment, the clock and the system's entropy.
#![expect(clippy::disallowed_methods, reason = "this file owns what others are forbidden")]

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use rand_core::UnwrapErr;
use zms_crypto::CryptoRng;

use crate::exit::{Failure, Outcome};

/// A variable's text; `None` where it is not set.
pub fn text(name: &str) -> Outcome<Option<String>> {
    env::var_os(name)
        .map(|value| {
            let refused = |_| Failure::usage(format!("{name} is not UTF-8 text"));
            value.into_string().map_err(refused)
        })
        .transpose()
}

/// A variable's bytes; `None` where it is not set.
pub fn raw(name: impl AsRef<OsStr>) -> Option<OsString> {
    env::var_os(name)
}

/// The way to a credential of the service that runs this; `None` outside of one.
pub fn credential(name: &str) -> Option<PathBuf> {
    raw("CREDENTIALS_DIRECTORY").map(|folder| PathBuf::from(folder).join(name))
}

/// All variables.
pub fn all() -> Vec<(OsString, OsString)> {
    env::vars_os().collect()
}

/// The words of the command line.
pub fn arguments() -> Vec<OsString> {
    env::args_os().collect()
}

/// The working folder.
pub fn folder() -> Outcome<PathBuf> {
    env::current_dir()
        .map_err(|error| crate::home::trouble(&error, "the working folder can not be used"))
}

/// Unix seconds.
pub fn now() -> u64 {
    // A clock before 1970 reads as 1970: what depends on time then fails closed, as expired
    // tokens do not come back to life on lines that begin later.
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Measures time from now on.
pub fn stopwatch() -> impl Fn() -> Duration {
    let start = Instant::now();
    move || start.elapsed()
}

/// A moment, to measure how long something takes.
pub fn instant() -> Instant {
    Instant::now()
}

/// The system's entropy. A failure of it aborts the process: there is nothing to fall back to.
pub fn entropy() -> Box<dyn CryptoRng + Send> {
    Box::new(UnwrapErr(getrandom::SysRng))
}
