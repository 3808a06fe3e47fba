//! The command line with one command instead of all of them. The whole tree is a mebibyte that the
//! allocator has to ask for page by page, a third of the time that `zms run` needs; programs and
//! prompts call few commands, and those see their own arguments only.

use std::ffi::OsString;

use clap::{Args, Command, FromArgMatches};

use super::{Cli, Common};
use crate::commands::{check, export, get, ls, render, run, set};

/// What adds the arguments of a command.
type Arguments = fn(Command) -> Command;

/// Commands that are called often, by the only name that finds them here.
const OFTEN: [(&str, Arguments); 7] = [
    ("run", run::Args::augment_args),
    ("get", get::Args::augment_args),
    ("set", set::Args::augment_args),
    ("ls", ls::Args::augment_args),
    ("export", export::Args::augment_args),
    ("render", render::Args::augment_args),
    ("check", check::Args::augment_args),
];

/// What `run -- PROGRAM ...` says: it has no flags, so that no arguments need be built to look for them.
pub fn plain(words: &[OsString]) -> Option<Cli> {
    match words {
        [_, name, dashes, command @ ..]
            if name == "run" && dashes == "--" && !command.is_empty() =>
        {
            let run = super::Command::Run(Box::new(run::Args::of(command)));
            Some(Cli { common: Common::default(), command: run })
        }
        _ => None,
    }
}

/// What the words say, where they name one of these commands and nothing is wrong with them. Of
/// anything else the whole tree has to tell, whose words are the same for such a line.
pub fn parse(words: &[OsString]) -> Option<Cli> {
    let named = |word: &OsString| OFTEN.iter().find(|(name, _)| word.as_os_str() == *name);
    let (name, arguments) = words.iter().skip(1).find_map(named)?;
    let matches = tree(name, *arguments).try_get_matches_from(words).ok()?;
    Cli::from_arg_matches(&matches).ok()
}

fn tree(name: &'static str, arguments: Arguments) -> Command {
    Common::augment_args(Command::new("zms")).subcommand(arguments(Command::new(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_command_alone_has_the_arguments_that_it_has_among_all() {
        let mut whole = super::super::command();
        whole.build();
        for (name, arguments) in OFTEN {
            let mut alone = tree(name, arguments);
            alone.build();
            let arguments = |tree: &Command| {
                let command = tree.find_subcommand(name).unwrap();
                command.get_arguments().map(|arg| format!("{arg:?}")).collect::<Vec<_>>()
            };
            assert!(arguments(&whole).len() > 8, "the flags of all commands are among them");
            assert_eq!(arguments(&whole), arguments(&alone), "{name}");
        }
    }

    #[test]
    fn a_plain_run_is_what_the_arguments_would_say() {
        let told = |cli: Option<Cli>| match cli.unwrap() {
            Cli { common, command: super::super::Command::Run(run) } => {
                format!("{common:?} {run:?}")
            }
            Cli { .. } => panic!("another command"),
        };
        for line in ["zms run -- true", "zms run -- -e --json -- run", "zms run -- "] {
            assert_eq!(told(plain(&words(line))), told(parse(&words(line))), "{line}");
        }
        for line in ["zms run", "zms run --", "zms run true", "zms get -- A", "zms -q run -- true"]
        {
            assert!(plain(&words(line)).is_none(), "{line}");
        }
    }

    #[test]
    fn only_a_line_that_is_right_is_told_by_one_command() {
        for line in [
            "zms run -- true",
            "zms --vault run run -e qa -- zms ls",
            "zms -q get -p run get --json",
            "zms --json ls",
        ] {
            assert!(parse(&words(line)).is_some(), "{line}");
        }
        for line in [
            "zms",
            "zms token ls",
            "zms --vault run status",
            "zms help run",
            "zms run --help",
            "zms --help run",
            "zms --version",
            "zms run true",
            "zms get",
            "zms list",
            "zms ls --no-such",
        ] {
            assert!(parse(&words(line)).is_none(), "{line}");
        }
    }
}
