//! `zms check`.

use std::path::Path;

use zms_client::View;
use zms_core::path::ScopePath;

use crate::{
    exit::{Exit, Failure, Outcome},
    place::nearest,
    session::{Context, tell},
    settings::{self, Declared, FILE, Kind, Settings},
};

/// Check that a place has what zms.toml says the program needs
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms check
  zms check -e production --strict

In zms.toml:
  [secrets.DATABASE_URL]
  required = true
  type = \"url\"               string, int, bool, url, email, port, json, pem or regex:PATTERN
  description = \"where orders are kept\"
  example = \"postgres://user:password@localhost/orders\"

No value is shown. It ends with 3 where something required is missing, and with 1 where a value is not
of its type.")]
pub struct Args {
    /// Also fail on secrets that are not declared
    #[arg(long)]
    strict: bool,
}

/// What was found of one secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    /// Declared, not required, and not there.
    Absent,
    /// There, and not declared.
    Undeclared,
    /// Not of its type, or not to be read.
    Wrong,
    Missing,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Absent => "absent",
            Self::Undeclared => "undeclared",
            Self::Wrong => "wrong",
            Self::Missing => "missing",
        }
    }
}

struct Finding {
    name: String,
    state: State,
    why: String,
}

/// Compares what is declared with what the place sees.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let Some((path, settings)) = settings::find()? else {
        return Err(Failure::not_found(format!("there is no {FILE} here or above"))
            .hint("make one with `zms use`, and add [secrets.NAME] for what the program needs"));
    };
    let kinds = kinds(&path, &settings)?;
    let mut acting = context.act()?;
    let choose = |held: &[ScopePath]| acting.place.choose(held);
    let view = acting.session.read(&choose).map_err(|error| acting.explain(error))?;
    tell(&acting.session, context.output);
    let findings = findings(&settings, &kinds, &view);
    if context.output.json {
        let rows = findings.iter().map(
            |it| serde_json::json!({ "name": it.name, "state": it.state.word(), "why": it.why }),
        );
        context.output.json(serde_json::json!({
            "path": view.path().to_string(), "secrets": rows.collect::<Vec<_>>(),
        }))?;
    } else {
        let row = |it: &Finding| vec![it.state.word().to_owned(), it.name.clone(), it.why.clone()];
        let rows: Vec<_> = findings.iter().map(row).collect();
        context.output.table(&["STATE", "NAME", "WHY"], &rows)?;
    }
    judge(&findings, view.path(), args.strict)
}

fn kinds(path: &Path, settings: &Settings) -> Outcome<Vec<Option<Kind>>> {
    let kind = |(name, declared): (&String, &Declared)| {
        let parsed = declared.kind.as_deref().map(str::parse::<Kind>).transpose();
        parsed.map_err(|why| {
            Failure::usage(format!("{}: the type of secret {name} {why}", path.display()))
        })
    };
    settings.secrets.iter().map(kind).collect()
}

fn findings(settings: &Settings, kinds: &[Option<Kind>], view: &View) -> Vec<Finding> {
    let declared = settings.secrets.iter().zip(kinds);
    let mut findings: Vec<Finding> = declared
        .map(|((name, declared), kind)| {
            let (state, why) = find(name, declared, kind.as_ref(), view);
            Finding { name: name.clone(), state, why }
        })
        .collect();
    let missing = || settings.secrets.keys().filter(|name| view.merged.winner(name).is_none());
    for winner in view.merged.winners() {
        let name = winner.payload.name.as_str();
        if !settings.secrets.contains_key(name) {
            let meant = nearest(name, missing().map(String::as_str));
            let why = meant.map(|meant| format!("{meant} is declared, and is not there"));
            findings.push(Finding {
                name: name.to_owned(),
                state: State::Undeclared,
                why: why.unwrap_or_default(),
            });
        }
    }
    findings
}

fn find(name: &str, declared: &Declared, kind: Option<&Kind>, view: &View) -> (State, String) {
    let Some(winner) = view.merged.winner(name) else {
        let state = if declared.required { State::Missing } else { State::Absent };
        return (state, declared.explained());
    };
    let payload = match view.merged.resolve(winner, view.now) {
        Ok(payload) => payload,
        Err(why) => return (State::Wrong, why.to_string()),
    };
    // EXPOSE: looked at for its type; what is said of it does not tell it.
    match kind.and_then(|kind| kind.refuses(payload.value.expose())) {
        Some(why) => (State::Wrong, format!("the value in {} {why}", winner.path)),
        None => (State::Ok, String::new()),
    }
}

fn judge(findings: &[Finding], path: &ScopePath, strict: bool) -> Outcome {
    let named = |state: State| {
        let those = findings.iter().filter(|finding| finding.state == state);
        those.map(|finding| finding.name.as_str()).collect::<Vec<_>>()
    };
    let (missing, wrong) = (named(State::Missing), named(State::Wrong));
    if let Some(first) = missing.first() {
        return Err(Failure::not_found(format!("{path} lacks {}", missing.join(", ")))
            .hint(format!("set it: `zms set {first}`")));
    }
    if let Some(first) = wrong.first() {
        return Err(Failure::other(format!("{} is not what {FILE} says", wrong.join(", ")))
            .hint(format!("set it anew: `zms set {first}`")));
    }
    let undeclared = named(State::Undeclared);
    if strict && !undeclared.is_empty() {
        return Err(Failure::new(
            Exit::Other,
            format!("{FILE} does not declare {}", undeclared.join(", ")),
        )
        .hint("declare it, or remove it with `zms rm`"));
    }
    Ok(())
}
