//! The flags that keep zms beside the program.

use std::{path::PathBuf, time::Duration};

use zeroize::Zeroizing;
use zms_client::{Glance, View};
use zms_core::{bundle::TroubleClass, path::ScopePath};
use zms_format::Format;

use super::{Args, chosen, ready};
use crate::{
    child::Environment,
    exit::{Failure, Outcome},
    hygiene::Inherited,
    personal::lay_over,
    session::{Acting, Context},
    supervise::{Handed, Handover, Mounting, Plan, Source, Watching, signal, supervise},
};

/// Heading of these flags.
const HEADING: &str = "Beside the program";

/// Longest time that a program may be given to end.
const LONGEST_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a program has to end before it is killed.
const GRACE: &str = "10s";

/// What zms does while the program runs.
#[derive(clap::Args)]
#[cfg_attr(test, derive(Debug))]
#[command(group(clap::ArgGroup::new("handed").args(["mount", "files"]).multiple(true)))]
pub(super) struct Flags {
    /// Start the program anew when a secret changes
    #[arg(long, conflicts_with = "bundle", help_heading = HEADING)]
    pub(super) watch: bool,
    /// With --watch: send this signal instead
    #[arg(long, value_name = "NAME", requires = "watch", help_heading = HEADING)]
    signal: Option<String>,
    /// With --watch: how long the program has to end before it is killed
    #[arg(long, value_name = "TIME", default_value = GRACE, requires = "watch",
          help_heading = HEADING)]
    grace: String,
    /// Hide the values in what the program prints
    #[arg(long, help_heading = HEADING)]
    mask: bool,
    /// Give the secrets by a named pipe at this path, to one reader at a time, not in the
    /// environment
    #[arg(long, value_name = "PATH", help_heading = HEADING)]
    mount: Option<PathBuf>,
    /// With --mount: the format; else as the path ends, else dotenv
    #[arg(long, value_enum, value_name = "FORMAT", requires = "mount", help_heading = HEADING)]
    mount_format: Option<MountFormat>,
    /// With --mount: how often the pipe may be read
    #[arg(long, value_name = "N", requires = "mount", help_heading = HEADING,
          value_parser = clap::value_parser!(u32).range(1..))]
    max_reads: Option<u32>,
    /// Give each secret as a file in this folder in memory, not in the environment
    #[arg(long, value_name = "DIR", help_heading = HEADING)]
    files: Option<PathBuf>,
    /// With --mount or --files: put the secrets into the environment as well
    #[arg(long, requires = "handed", help_heading = HEADING)]
    with_env: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            watch: false,
            signal: None,
            grace: GRACE.to_owned(),
            mask: false,
            mount: None,
            mount_format: None,
            max_reads: None,
            files: None,
            with_env: false,
        }
    }
}

impl Flags {
    /// Whether any of them is there that the program itself can not do.
    pub(super) fn any(&self) -> bool {
        self.watch || self.mask || self.mount.is_some() || self.files.is_some()
    }

    /// Whether secrets go into the environment.
    pub(super) fn fills_environment(&self) -> bool {
        self.with_env || (self.mount.is_none() && self.files.is_none())
    }

    /// Whether each secret is a file.
    pub(super) fn fills_files(&self) -> bool {
        self.files.is_some()
    }

    /// Refuses what can not be meant, before anything is read.
    pub(super) fn check(&self) -> Outcome {
        self.grace()?;
        self.signal()?;
        Ok(())
    }

    fn grace(&self) -> Outcome<Duration> {
        let grace = humantime::parse_duration(&self.grace).ok();
        grace.filter(|grace| *grace <= LONGEST_GRACE).ok_or_else(|| {
            Failure::usage(format!("--grace {:?} is no time such as 10s or 2m", self.grace))
        })
    }

    fn signal(&self) -> Outcome<Option<i32>> {
        let Some(name) = &self.signal else { return Ok(None) };
        signal(name).map(Some).ok_or_else(|| {
            Failure::usage(format!("--signal {name:?} is no signal that a program can act on"))
                .hint("name one such as HUP, USR1 or TERM, or give its number")
        })
    }

    fn mounting(&self) -> Option<Mounting> {
        let path = self.mount.clone()?;
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let usual = match ending {
            "json" => MountFormat::Json,
            "yaml" | "yml" => MountFormat::Yaml,
            "toml" => MountFormat::Toml,
            "sh" => MountFormat::Shell,
            _ => MountFormat::Dotenv,
        };
        let format = self.mount_format.unwrap_or(usual).into();
        Some(Mounting { path, format, reads: self.max_reads })
    }
}

/// The formats that a program may read from a pipe.
#[derive(clap::ValueEnum, Clone, Copy)]
#[cfg_attr(test, derive(Debug))]
enum MountFormat {
    Dotenv,
    DotenvPython,
    Json,
    Yaml,
    Toml,
    Shell,
}

impl From<MountFormat> for Format {
    fn from(format: MountFormat) -> Self {
        match format {
            MountFormat::Dotenv => Self::Dotenv,
            MountFormat::DotenvPython => Self::DotenvPython,
            MountFormat::Json => Self::Json,
            MountFormat::Yaml => Self::Yaml,
            MountFormat::Toml => Self::Toml,
            MountFormat::Shell => Self::Shell,
        }
    }
}

/// Runs the program with zms beside it; comes back only where that fails.
pub(super) fn run(
    context: &Context,
    args: &Args,
    inherited: &Inherited,
    (acting, view, base): (Acting, View, Environment),
) -> Failure {
    let again = Again { context, args, acting, base, seen: view.glance() };
    let prepared = again.handover(&view).and_then(|first| {
        let flags = &args.beside;
        Ok((first, flags.grace()?, flags.signal()?))
    });
    let (first, grace, signal) = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return failure,
    };
    drop(view);
    let command = args.words();
    let mut plan = Plan {
        command: &command,
        inherited,
        output: context.output,
        mask: args.beside.mask,
        mount: args.beside.mounting(),
        files: args.beside.files.clone(),
        watch: None,
    };
    if args.beside.watch {
        plan.watch = Some(Watching { source: Box::new(again), signal, grace });
        return supervise(plan, first);
    }
    // Nothing is read again: keys and the database are not kept for it.
    drop(again);
    supervise(plan, first)
}

/// Reads again what is to be handed over.
struct Again<'a> {
    context: &'a Context,
    args: &'a Args,
    acting: Acting,
    base: Environment,
    seen: Glance,
}

impl Again<'_> {
    fn handover(&self, view: &View) -> Outcome<Handover> {
        let injections = chosen(view, self.args, &self.base)?;
        let secrets = injections.iter().filter(|injection| !injection.kept);
        let secrets = secrets
            .map(|injection| Handed {
                name: injection.variable.clone(),
                // EXPOSE: the supervisor writes it where the program reads it, or hides it.
                value: Zeroizing::new(injection.value.expose().clone()),
                config: injection.config,
            })
            .collect();
        let given: &[_] = if self.args.beside.fills_environment() { &injections } else { &[] };
        let (environment, path) = ready(given, self.base.duplicate());
        Ok(Handover { environment, path, secrets })
    }
}

impl Source for Again<'_> {
    fn moved(&mut self) -> bool {
        // A server says when there is something to look at.
        if self.acting.far.as_mut().is_some_and(|far| !far.moved()) {
            return false;
        }
        let now = match self.acting.session.glance(&self.seen) {
            Ok(now) => now,
            // What is refused is read again, to say so.
            Err(trouble) if trouble.class == TroubleClass::Unauthentic => return true,
            // A store that can not be looked at now is looked at again soon.
            Err(_) => return false,
        };
        let moved = now != self.seen;
        self.seen = now;
        moved
    }

    fn read(&mut self) -> Outcome<Handover> {
        // First, so that what changes meanwhile is seen as a change; and what can not be read is
        // not taken for a new change each time.
        if let Ok(seen) = self.acting.session.glance(&self.seen) {
            self.seen = seen;
        }
        let Acting { session, place, .. } = &mut self.acting;
        let choose = |held: &[ScopePath]| place.choose(held);
        let view = session.read(&choose);
        let mut view = view.map_err(|error| self.acting.explain(error))?;
        if !self.args.no_personal {
            lay_over(self.context, &self.acting, &mut view)?;
        }
        self.seen = view.glance();
        self.handover(&view)
    }
}
