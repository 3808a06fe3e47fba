//! Where a command acts: project / environment / service.

use clap::Args;
use zms_client::SessionError;
use zms_core::path::{ScopePath, Segment};

use crate::{
    environment,
    exit::{Failure, Outcome},
    settings,
};

/// Project that `init` makes.
pub const DEFAULT_PROJECT: &str = "default";
/// Environment that commands act in unless told otherwise.
pub const DEFAULT_ENVIRONMENT: &str = "development";

/// Heading of the flags that say where a command acts, and as whom.
pub const HEADING: &str = "Where and who";

/// The flags that choose a place.
#[derive(Args, Clone, Default)]
#[cfg_attr(test, derive(Debug))]
pub struct PlaceFlags {
    /// Project to act in
    #[arg(short, long, global = true, value_name = "NAME", help_heading = HEADING)]
    pub project: Option<String>,
    /// Environment to act in
    #[arg(short, long, global = true, value_name = "NAME", help_heading = HEADING)]
    pub env: Option<String>,
    /// Service to act in
    #[arg(short, long, global = true, value_name = "NAME", help_heading = HEADING)]
    pub service: Option<String>,
}

impl PlaceFlags {
    /// The flags again, for a next command that acts in the same place.
    pub fn as_typed(&self) -> String {
        let flags = [("-p", &self.project), ("-e", &self.env), ("-s", &self.service)];
        let given = flags.iter().filter_map(|(flag, name)| Some((flag, name.as_ref()?)));
        given.map(|(flag, name)| format!(" {flag} {name}")).collect()
    }
}

/// What was asked for, before a token's own scope is known.
pub struct Place {
    /// By flag or variable, for each level.
    named: [Option<Segment>; 3],
}

/// Checks a name that the command line makes: `[a-z0-9][a-z0-9._-]{0,62}`.
pub fn new_name(what: &str, name: &str) -> Outcome<Segment> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let rest = |byte: u8| good(byte) || matches!(byte, b'.' | b'_' | b'-');
    let fits = name.len() <= 63 && name.bytes().next().is_some_and(good) && name.bytes().all(rest);
    if fits && let Ok(segment) = Segment::parse(name) {
        return Ok(segment);
    }
    Err(Failure::usage(format!("{what} {name:?} is not a name that can be made"))
        .hint("use up to 63 of a-z, 0-9, `.`, `_` and `-`, starting with a letter or digit"))
}

fn segment(what: &str, name: &str) -> Outcome<Segment> {
    Segment::parse(name).map_err(|why| Failure::usage(format!("the {what} {name:?} {why}")))
}

const LEVELS: [&str; 3] = ["project", "environment", "service"];

impl Place {
    /// Reads flags and variables.
    pub fn new(flags: &PlaceFlags) -> Outcome<Self> {
        let flag = [&flags.project, &flags.env, &flags.service];
        let variables = ["ZMS_PROJECT", "ZMS_ENV", "ZMS_SERVICE"];
        let mut named = [const { None }; 3];
        for level in 0..3 {
            let name = match flag[level] {
                Some(name) => Some(name.clone()),
                None => environment::text(variables[level])?,
            };
            named[level] = name.map(|name| segment(LEVELS[level], &name)).transpose()?;
        }
        Ok(Self { named })
    }

    /// The path to act at. `held` is what the caller's keyring holds in full.
    ///
    /// Order: flag or variable, the token's own scope, `zms.toml`, default / development.
    pub fn choose(&self, held: &[ScopePath]) -> Result<ScopePath, SessionError> {
        Ok(self.path(held)?)
    }

    fn path(&self, held: &[ScopePath]) -> Outcome<ScopePath> {
        if held.iter().any(|path| path.segments().is_empty()) {
            return self.as_named();
        }
        let agrees = |path: &&ScopePath| {
            let mut levels = self.named.iter().zip(path.segments());
            levels.all(|(named, held)| named.as_ref().is_none_or(|named| named == held))
        };
        match held.iter().filter(agrees).collect::<Vec<_>>()[..] {
            // Nothing that the token holds lies there: the path is asked for as named, and
            // refused by the vault.
            [] => self.as_named(),
            [scope] => self.within(scope),
            ref several => match self.exact(several) {
                Some(path) => Ok(path),
                None => Err(ambiguous(several)),
            },
        }
    }

    /// The token's scope, and further down where that was named.
    fn within(&self, scope: &ScopePath) -> Outcome<ScopePath> {
        let mut segments = scope.segments().to_vec();
        for named in self.named.iter().skip(segments.len()) {
            match named {
                Some(name) => segments.push(name.clone()),
                None => break,
            }
        }
        let skipped = self.named.iter().skip(segments.len()).any(Option::is_some);
        if skipped {
            return Err(Failure::usage(format!(
                "a service needs its environment: `-e NAME` ({scope})"
            )));
        }
        ScopePath::new(segments).map_err(Failure::usage)
    }

    /// One of several scopes, where exactly it was named.
    fn exact(&self, several: &[&ScopePath]) -> Option<ScopePath> {
        let named: Vec<Segment> = self.named.iter().map_while(Clone::clone).collect();
        let path = ScopePath::new(named).ok().filter(|path| !path.segments().is_empty())?;
        several.iter().any(|scope| **scope == path).then_some(path)
    }

    fn as_named(&self) -> Outcome<ScopePath> {
        let [project, environment, service] = &self.named;
        let complete = project.is_some() && environment.is_some();
        let settings = if complete { None } else { settings::find()? };
        let settings = settings.map(|(_, settings)| settings).unwrap_or_default();
        // A file's environment belongs to the file's project, and its service to both.
        let same_project = project.is_none();
        let same_environment = same_project && environment.is_none();
        let or = |named: &Option<Segment>, file: Option<String>, level: usize, fallback: &str| {
            let name = file.unwrap_or_else(|| fallback.to_owned());
            named.clone().map_or_else(|| segment(LEVELS[level], &name), Ok)
        };
        let mut segments = vec![
            or(project, settings.project, 0, DEFAULT_PROJECT)?,
            or(environment, settings.environment.filter(|_| same_project), 1, DEFAULT_ENVIRONMENT)?,
        ];
        let from_file = settings.service.filter(|_| same_environment);
        match (service, from_file) {
            (Some(service), _) => segments.push(service.clone()),
            (None, Some(name)) => segments.push(segment("service", &name)?),
            (None, None) => {}
        }
        ScopePath::new(segments).map_err(Failure::usage)
    }
}

fn ambiguous(several: &[&ScopePath]) -> Failure {
    let list: Vec<String> = several.iter().map(ToString::to_string).collect();
    Failure::usage(format!("this token is for several scopes: {}", list.join(", ")))
        .hint("choose one with `-p`, `-e` and `-s`")
}

/// The name most like a mistyped one.
pub fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let close = |name: &'n str| {
        let distance =
            strsim::damerau_levenshtein(&wanted.to_ascii_lowercase(), &name.to_ascii_lowercase());
        (distance, name)
    };
    let most = 1 + wanted.chars().count() / 4;
    let best = names.into_iter().map(close).min();
    best.filter(|(distance, _)| *distance <= most).map(|(_, name)| name)
}
