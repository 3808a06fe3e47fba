//! Which secrets a program gets, and under which names.

use std::collections::BTreeMap;

use zms_client::{SessionError, View};
use zms_core::{path::ScopePath, record::ValueKind};
use zms_crypto::SecretBytes;

use super::Args;
use crate::{
    child::{Environment, MAX_ENTRY, loader, variable_name},
    exit::{Exit, Failure, Outcome},
    session::no_secret,
    supervise::file_name,
};

/// One variable of the child.
pub(super) struct Injection<'v> {
    /// The variable's name.
    pub(super) variable: String,
    /// The secret's name.
    pub(super) secret: &'v str,
    /// The scope that it came from.
    pub(super) path: &'v ScopePath,
    /// The revision that brought it.
    pub(super) revision: u64,
    /// Whether it is only configuration.
    pub(super) config: bool,
    /// Whether it is the owner's own value on this machine.
    pub(super) personal: bool,
    /// The value.
    pub(super) value: &'v SecretBytes,
    /// Whether a variable of that name is inherited.
    pub(super) shadows: bool,
    /// Whether the inherited one stays.
    pub(super) kept: bool,
}

/// Chooses, renames and checks. Every secret that would be injected must be readable, and fit;
/// `--explain` shows also those that do not fit.
pub(super) fn select<'v>(
    view: &'v View,
    args: &Args,
    inherited: &Environment,
) -> Outcome<Vec<Injection<'v>>> {
    let map = renames(args)?;
    for name in args.only.iter().chain(&args.except).chain(map.keys()) {
        if name.is_empty() {
            return Err(Failure::usage("a list of secrets holds an empty name"));
        }
        if view.merged.winner(name).is_none() {
            let names = view.merged.winners().map(|winner| winner.payload.name.as_str());
            return Err(no_secret(name, view.path(), names));
        }
    }
    let mut injections: Vec<Injection<'v>> = Vec::new();
    for winner in view.merged.winners() {
        let secret = winner.payload.name.as_str();
        let wanted = args.only.is_empty() || args.only.iter().any(|name| name == secret);
        if !wanted || args.except.iter().any(|name| name == secret) {
            continue;
        }
        let plain = || args.prefix.clone().unwrap_or_default() + secret;
        let variable = map.get(secret).cloned().unwrap_or_else(plain);
        let payload = view.merged.resolve(winner, view.now).map_err(SessionError::from)?;
        let shadows = args.beside.fills_environment() && inherited.has(&variable);
        let preserved = args.no_override || args.preserve.contains(&variable);
        injections.push(Injection {
            secret,
            path: winner.path,
            revision: winner.rev_from,
            config: payload.kind == ValueKind::Config,
            personal: winner.personal,
            value: &payload.value,
            shadows,
            kept: shadows && preserved,
            variable,
        });
    }
    if injections.is_empty() && !args.only.is_empty() {
        return Err(Failure::usage("`--except` leaves out all that `--only` names"));
    }
    if !args.explain {
        if args.beside.fills_environment() {
            check_names(&injections, args)?;
            injections.iter().try_for_each(check_value)?;
        }
        if args.beside.fills_files() {
            injections.iter().try_for_each(check_file_name)?;
        }
        check_twins(&injections)?;
    }
    Ok(injections)
}

/// Whether a variable of that name may not be injected.
pub(super) fn refused(variable: &str, args: &Args) -> bool {
    args.beside.fills_environment() && unfit(variable, args)
}

fn unfit(variable: &str, args: &Args) -> bool {
    !variable_name(variable)
        || (loader(variable) && !args.allow.iter().any(|name| name == variable))
}

fn renames(args: &Args) -> Outcome<BTreeMap<String, String>> {
    let mut map = BTreeMap::new();
    for pair in &args.map {
        let halves = pair.split_once('=').filter(|(a, b)| !a.is_empty() && !b.is_empty());
        let Some((secret, variable)) = halves else {
            return Err(Failure::usage(format!("--map {pair:?} is not SECRET=VARIABLE")));
        };
        if map.insert(secret.to_owned(), variable.to_owned()).is_some() {
            return Err(Failure::usage(format!("--map names {secret} twice")));
        }
    }
    Ok(map)
}

fn check_names(injections: &[Injection<'_>], args: &Args) -> Outcome {
    let those = |bad: &dyn Fn(&Injection<'_>) -> bool| -> Vec<(&str, &str)> {
        let bad = injections.iter().filter(|injection| bad(injection));
        bad.map(|injection| (injection.variable.as_str(), injection.secret)).collect()
    };
    let list = |those: &[(&str, &str)]| {
        those.iter().map(|(variable, _)| *variable).collect::<Vec<_>>().join(", ")
    };
    let invalid = those(&|injection| !variable_name(&injection.variable));
    if let Some((_, secret)) = invalid.first() {
        let secret = quoted(secret);
        return Err(Failure::usage(format!(
            "{} can not be the name of a variable",
            list(&invalid)
        ))
        .hint(format!(
            "inject it under another name with `--map {secret}=NAME`, or leave it out with \
             `--except {secret}`"
        )));
    }
    let loaders = those(&|injection| {
        loader(&injection.variable) && !args.allow.contains(&injection.variable)
    });
    if let Some((variable, secret)) = loaders.first() {
        let secret = quoted(secret);
        return Err(Failure::new(
            Exit::Denied,
            format!("{} would make the program load or trust something else", list(&loaders)),
        )
        .hint(format!(
            "leave it out with `--except {secret}`; if it is meant, add `--allow {variable}`"
        )));
    }
    Ok(())
}

fn check_file_name(injection: &Injection<'_>) -> Outcome {
    if file_name(&injection.variable) {
        return Ok(());
    }
    let secret = quoted(injection.secret);
    Err(Failure::usage(format!("{} can not be the name of a file", injection.variable)).hint(format!(
        "give it another name with `--map {secret}=NAME`, or leave it out with `--except {secret}`"
    )))
}

fn check_twins(injections: &[Injection<'_>]) -> Outcome {
    let mut names: Vec<&str> =
        injections.iter().map(|injection| injection.variable.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Failure::usage(format!("two secrets would both be {}", pair[0]))
            .hint("give one of them another name with `--map`")),
        None => Ok(()),
    }
}

/// A secret's name as a shell must be given it, for a hint that may be copied.
fn quoted(name: &str) -> String {
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte)) {
        return name.to_owned();
    }
    String::from_utf8_lossy(&zms_format::shell_quote(name.as_bytes())).into_owned()
}

/// What an environment can not carry is refused, naming the secret.
fn check_value(injection: &Injection<'_>) -> Outcome {
    // EXPOSE: its length, and whether a NUL is in it.
    let value = injection.value.expose();
    let refused = |why: &str| {
        Failure::usage(format!("the value of {} {why}", injection.secret))
            .hint(format!("leave it out with `--except {}`", quoted(injection.secret)))
    };
    if value.contains(&0) {
        return Err(refused("contains a NUL byte, which no environment can carry"));
    }
    if injection.variable.len() + 1 + value.len() + 1 > MAX_ENTRY {
        return Err(refused(
            "is longer than the 131071 bytes, with its name, that an environment \
                            can carry",
        ));
    }
    Ok(())
}
