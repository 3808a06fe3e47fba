//! What a shell offers while a command is typed: commands and flags, and of the vault the names of
//! projects, environments, services, secrets and tokens. Never a value, a question or a complaint:
//! where the vault can not be opened without asking, nothing is offered.

use std::ffi::OsString;

use clap::{Arg, Command};
use clap_complete::{
    CompleteEnv, CompletionCandidate,
    engine::ArgValueCandidates,
    env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Shells, Zsh},
};
use zms_core::{path::ScopePath, principal::Kind};

use crate::{
    commands::help::topics,
    environment,
    exit::{Failure, Outcome},
    home::Home,
    output::{self, Output},
    place::{Place, PlaceFlags},
    prompt,
    session::{Acting, Context},
};

/// The variable by which a script asks for completions.
const ASKED: &str = "ZMS_COMPLETE";

/// Shells whose scripts we print.
#[derive(clap::ValueEnum, Clone, Copy)]
pub enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

/// The script by which a shell asks us.
pub fn script(shell: Shell) -> Outcome<Vec<u8>> {
    let completer: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Zsh => &Zsh,
    };
    let mut script = Vec::new();
    completer
        .write_registration(ASKED, "zms", "zms", "zms", &mut script)
        .map_err(|error| Failure::other(format!("no script could be made: {error}")))?;
    Ok(script)
}

/// Answers a shell that asks; whether one did.
pub fn answer(words: &[OsString]) -> bool {
    if environment::raw(ASKED).is_none() {
        return false;
    }
    prompt::never();
    output::silence();
    let folder = environment::folder().ok();
    let asked = CompleteEnv::with_factory(command).var(ASKED).shells(Shells::builtins());
    // A shell that asks for what is not there is told nothing.
    let _answered = asked.try_complete(words.iter().cloned(), folder.as_deref());
    true
}

/// What is offered for one argument.
#[derive(Clone, Copy)]
enum Offer {
    Projects,
    Environments,
    Services,
    Secrets,
    Tokens,
    Vaults,
    Help,
}

/// Arguments that take a name of the vault, by their command.
const NAMES: [(&[&str], &str, Offer); 28] = [
    (&["help"], "words", Offer::Help),
    (&["get"], "name", Offer::Secrets),
    (&["set"], "name", Offer::Secrets),
    (&["rm"], "names", Offer::Secrets),
    (&["edit"], "names", Offer::Secrets),
    (&["mv"], "names", Offer::Secrets),
    (&["cp"], "names", Offer::Secrets),
    (&["history"], "name", Offer::Secrets),
    (&["exposure"], "name", Offer::Secrets),
    (&["run"], "only", Offer::Secrets),
    (&["run"], "except", Offer::Secrets),
    (&["audit"], "key", Offer::Secrets),
    (&["audit"], "token", Offer::Tokens),
    (&["bundle", "create"], "tokens", Offer::Tokens),
    (&["token", "revoke"], "name", Offer::Tokens),
    (&["token", "rotate"], "name", Offer::Tokens),
    (&["token", "inspect"], "name", Offer::Tokens),
    (&["project", "rename"], "name", Offer::Projects),
    (&["project", "rm"], "name", Offer::Projects),
    (&["env", "rename"], "name", Offer::Environments),
    (&["env", "rm"], "name", Offer::Environments),
    (&["env", "protect"], "name", Offer::Environments),
    (&["env", "unprotect"], "name", Offer::Environments),
    (&["env", "copy"], "from", Offer::Environments),
    (&["env", "diff"], "from", Offer::Environments),
    (&["env", "diff"], "to", Offer::Environments),
    (&["service", "rename"], "name", Offer::Services),
    (&["service", "rm"], "name", Offer::Services),
];

fn command() -> Command {
    let everywhere = [
        ("project", Offer::Projects),
        ("env", Offer::Environments),
        ("service", Offer::Services),
        ("vault", Offer::Vaults),
    ];
    let command = everywhere
        .into_iter()
        .fold(super::command(), |command, (name, offer)| at(command, &[], name, offer));
    NAMES.into_iter().fold(command, |command, (path, name, offer)| at(command, path, name, offer))
}

fn at(command: Command, path: &[&str], name: &'static str, offer: Offer) -> Command {
    match path.split_first() {
        Some((first, rest)) => command.mut_subcommand(first, |below| at(below, rest, name, offer)),
        // In place: an argument taken out and put back would come last.
        None => {
            command.mut_args(|arg| if arg.get_id() == name { offered(arg, offer) } else { arg })
        }
    }
}

fn offered(arg: Arg, offer: Offer) -> Arg {
    arg.add(ArgValueCandidates::new(move || {
        let names = offer.names().unwrap_or_default();
        names.into_iter().map(CompletionCandidate::new).collect()
    }))
}

impl Offer {
    fn names(self) -> Outcome<Vec<String>> {
        match self {
            Self::Vaults => {
                return Ok(Home::all()?.iter().map(|home| home.name().to_owned()).collect());
            }
            Self::Help => return Ok(help(&environment::arguments())),
            _ => {}
        }
        let context = typed(&environment::arguments());
        let mut acting = context.act()?;
        // Whoever may only ask so many times is not made to.
        if acting.session.own()?.line.limits.uses > 0 {
            return Ok(Vec::new());
        }
        match self {
            Self::Projects => children(&mut acting, &ScopePath::default()),
            Self::Environments => children(&mut acting, &above(&context, 1)?),
            Self::Services => children(&mut acting, &above(&context, 2)?),
            Self::Secrets => {
                let choose = |held: &[ScopePath]| acting.place.choose(held);
                let view = acting.session.read(&choose)?;
                Ok(view.merged.winners().map(|held| held.payload.name.to_string()).collect())
            }
            Self::Tokens => {
                let mut tokens = acting.session.tokens()?;
                tokens.retain(|token| token.kind != Kind::Administrator);
                Ok(tokens.into_iter().map(|token| token.label).collect())
            }
            Self::Vaults | Self::Help => Ok(Vec::new()),
        }
    }
}

fn children(acting: &mut Acting, path: &ScopePath) -> Outcome<Vec<String>> {
    Ok(acting.session.children(path)?.iter().map(ToString::to_string).collect())
}

/// The first segments of the place that the flags choose, without those further down.
fn above(context: &Context, segments: usize) -> Outcome<ScopePath> {
    let mut flags = context.flags.clone();
    flags.service = None;
    if segments < 2 {
        flags.env = None;
    }
    let place = Place::new(&flags)?.choose(&[ScopePath::default()])?;
    let first = place.segments().iter().take(segments).cloned().collect();
    ScopePath::new(first).map_err(Failure::usage)
}

/// What `zms help` has a page for: commands below those that are typed, and topics.
fn help(words: &[OsString]) -> Vec<String> {
    let words = ours(words);
    let before = words.iter().position(|word| *word == "help").map_or(words.len(), |at| at + 1);
    let tree = super::command();
    // The last word is the one that is being typed.
    let above = words[before..].split_last().map_or(&[][..], |(_, above)| above);
    let found = above.iter().try_fold(&tree, |command, word| command.find_subcommand(word));
    let commands = found.into_iter().flat_map(Command::get_subcommands);
    let shown = commands.filter(|command| !command.is_hide_set()).map(Command::get_name);
    let topics = topics().filter(|_| above.is_empty());
    shown.map(str::to_owned).chain(topics.map(str::to_owned)).collect()
}

/// The words typed so far that are for us.
fn ours(words: &[OsString]) -> Vec<&str> {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    // The first `--` is the script's; a second one begins the words of another program.
    let begin = words.iter().position(|word| *word == "--").map_or(words.len(), |at| at + 1);
    words[begin..].iter().copied().take_while(|word| *word != "--").collect()
}

/// What the words typed so far say of the place.
fn typed(words: &[OsString]) -> Context {
    let words = ours(words);
    let value = |short: Option<&str>, long: &str| {
        let mut found = None;
        for (at, word) in words.iter().enumerate() {
            let next = || words.get(at + 1).copied().filter(|next| !next.is_empty());
            if short == Some(*word) || *word == long {
                found = next();
            } else if let Some(rest) = word.strip_prefix(long).and_then(|it| it.strip_prefix('=')) {
                found = Some(rest);
            } else if let Some(rest) = short.and_then(|short| word.strip_prefix(short)) {
                found = Some(rest);
            }
        }
        found.map(str::to_owned)
    };
    Context {
        output: Output::new(false, true),
        vault: value(None, "--vault"),
        server: value(None, "--server"),
        flags: PlaceFlags {
            project: value(Some("-p"), "--project"),
            env: value(Some("-e"), "--env"),
            service: value(Some("-s"), "--service"),
        },
        as_owner: words.contains(&"--as-owner"),
        token_fd: None,
        yes: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_that_is_offered_names_for_is_there() {
        command().debug_assert();
        for (path, name, _) in NAMES {
            let plain = super::super::command();
            let found =
                path.iter().fold(&plain, |command, name| command.find_subcommand(name).unwrap());
            assert!(found.get_arguments().any(|arg| arg.get_id() == name), "{path:?} {name}");
        }
    }

    #[test]
    fn help_is_offered_for_commands_and_topics() {
        let offered = |text: &str| help(&text.split(' ').map(OsString::from).collect::<Vec<_>>());
        let first = offered("zms -- zms help ");
        for name in ["token", "run", "exit-codes"] {
            assert!(first.iter().any(|it| it == name), "{name}: {first:?}");
        }
        let second = offered("zms -- zms help token ");
        assert!(second.iter().any(|it| it == "create") && !second.iter().any(|it| it == "run"));
        assert_eq!(offered("zms -- zms help exit-codes "), Vec::<String>::new());
    }

    #[test]
    fn the_place_is_taken_from_the_words_before_a_program() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let context = typed(&words("zms -- zms get -p shop --env=qa -sapi --vault work X"));
        assert_eq!(context.vault.as_deref(), Some("work"));
        let PlaceFlags { project, env, service } = context.flags;
        assert_eq!([project, env, service].map(Option::unwrap), ["shop", "qa", "api"]);
        let context = typed(&words("zms -- zms run -- program -e qa"));
        assert!(context.flags.env.is_none() && !context.as_owner);
    }
}
