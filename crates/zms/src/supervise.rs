//! `zms run` beside the program instead of in its place: for what has to be done while it runs.
//!
//! One thread waits for whatever happens. The program is given its own signals, streams and
//! terminal, and zms ends as it ends.

mod child;
mod folder;
mod left;
mod mask;
mod mount;
mod relay;
mod run;
mod signals;
mod terminal;
mod watch;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use zeroize::Zeroizing;
use zms_format::Format;

pub use self::left::clear;
use self::{
    child::Ended,
    folder::Folder,
    left::Note,
    mask::{Known, Words},
    mount::Mount,
    signals::Signals,
};
use crate::{
    child::Environment,
    exit::{Failure, Outcome},
    home::trouble,
    hygiene::Inherited,
    output::Output,
};

/// One secret on its way to a program.
#[derive(PartialEq, Eq)]
pub struct Handed {
    /// Under which name.
    pub name: String,
    /// Its value.
    pub value: Zeroizing<Vec<u8>>,
    /// Whether it is only configuration, which is not masked.
    pub config: bool,
}

/// All that a program is given.
#[derive(PartialEq, Eq)]
pub struct Handover {
    /// Its environment.
    pub environment: Environment,
    /// Where it is looked for.
    pub path: Option<OsString>,
    /// Its secrets, by name.
    pub secrets: Vec<Handed>,
}

/// Where another [`Handover`] comes from when something changes.
pub trait Source {
    /// Whether anything has changed since it was last asked or read. Costs little, and proves
    /// nothing.
    fn moved(&mut self) -> bool;
    /// Reads and proves everything anew.
    fn read(&mut self) -> Outcome<Handover>;
}

/// What `--watch` does.
pub struct Watching<'w> {
    /// Where changes come from.
    pub source: Box<dyn Source + 'w>,
    /// The signal that tells the program; it is started anew where there is none.
    pub signal: Option<i32>,
    /// How long it has to end before it is killed.
    pub grace: Duration,
}

/// A named pipe to serve.
pub struct Mounting {
    /// Where.
    pub path: PathBuf,
    /// In which format.
    pub format: Format,
    /// How often it may be read.
    pub reads: Option<u32>,
}

/// What is asked of the supervisor.
pub struct Plan<'p> {
    /// The program's words.
    pub command: &'p [OsString],
    /// What zms changed of itself.
    pub inherited: &'p Inherited,
    /// Where our own words go.
    pub output: Output,
    /// Whether values are hidden in what it prints.
    pub mask: bool,
    /// A named pipe to serve.
    pub mount: Option<Mounting>,
    /// A folder in memory to fill.
    pub files: Option<PathBuf>,
    /// What to do about changes.
    pub watch: Option<Watching<'p>>,
}

/// The number of a signal that may be sent for a change.
pub fn signal(name: &str) -> Option<i32> {
    signals::number(name)
}

/// Whether a secret's name can be a file's.
pub fn file_name(name: &str) -> bool {
    folder::file_name(name)
}

/// Runs a program to its end, and ends as it did. Comes back only where that fails.
pub fn supervise(plan: Plan<'_>, first: Handover) -> Failure {
    let signals = match Signals::hold() {
        Ok(signals) => signals,
        Err(error) => return trouble(&error, "signals can not be received"),
    };
    match to_the_end(plan, first, &signals) {
        Err(failure) => failure,
        Ok(Ended::Exited(code)) => std::process::exit(code),
        Ok(Ended::Killed(signal)) => {
            signals.die(signal);
            std::process::exit(128 + signal)
        }
    }
}

fn to_the_end(plan: Plan<'_>, first: Handover, signals: &Signals) -> Outcome<Ended> {
    let mut folder = plan.files.as_deref().map(Folder::find).transpose()?;
    let mut mount = match &plan.mount {
        Some(mounting) => Some(Mount::find(&mounting.path, mounting.reads)?),
        None => None,
    };
    let mut things = Vec::new();
    things.extend(folder.iter().map(Folder::thing));
    things.extend(mount.iter().flat_map(Mount::things));
    // Dropped last of these, on every way out of here.
    let _note = if things.is_empty() { None } else { Some(Note::new(things)?) };
    if let Some(folder) = &mut folder {
        folder.make()?;
        folder.fill(&first.secrets)?;
    }
    if let Some((mount, mounting)) = mount.as_mut().zip(plan.mount.as_ref()) {
        mount.serve(&content(&first.secrets, mounting.format)?)?;
    }
    run::Run::start(plan, first, signals, folder, mount)?.follow()
}

/// Secrets as the text of a file.
fn content(secrets: &[Handed], format: Format) -> Outcome<Zeroizing<Vec<u8>>> {
    let pairs: Vec<(&str, &[u8])> =
        secrets.iter().map(|secret| (secret.name.as_str(), secret.value.as_slice())).collect();
    zms_format::write(format, &pairs).map_err(|refusal| {
        let hint = refusal.hint();
        Failure::usage(refusal).hint(hint)
    })
}

/// What is looked for in the output once these are handed out too, where that is more than before.
fn words(known: &mut Known, secrets: &[Handed]) -> Outcome<Option<Words>> {
    let masked = secrets.iter().filter(|secret| !secret.config).map(|secret| &secret.value);
    let first = known.is_empty();
    known.take(masked).map_err(|_| {
        let values = if first { "the values" } else { "the values since zms was started" };
        let text = format!("{values} are too many or too large to be looked for in the output");
        Failure::usage(text)
            .hint("choose with `--only`, leave some out with `--except`, or run without `--mask`")
    })
}

/// Secrets that `--mask` leaves visible, each with the reason. What another one had as its value is
/// hidden all the same.
fn visible(known: &Known, secrets: &[Handed]) -> Vec<String> {
    let reason = |secret: &Handed| {
        if secret.value.is_empty() || known.holds(&secret.value) {
            None
        } else if secret.config {
            Some("config")
        } else {
            (secret.value.len() < mask::SHORTEST).then_some("too short")
        }
    };
    let named = secrets.iter().filter_map(|secret| Some((secret.name.as_str(), reason(secret)?)));
    named.map(|(name, reason)| format!("{name} ({reason})")).collect()
}
