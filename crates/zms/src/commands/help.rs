//! `zms help`.

mod topics;

use clap::Command;

use self::topics::TOPICS;
use crate::{
    cli::{self, groups},
    exit::{Failure, Outcome},
    output,
    place::nearest,
    session::Context,
};

/// Show the help of a command, or what all commands have in common
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms help token create
  zms help exit-codes
  zms help environment")]
pub struct Args {
    /// A command, or a topic: exit-codes, environment, place, credentials, beside
    #[arg(value_name = "COMMAND|TOPIC")]
    words: Vec<String>,
}

/// Shows the help.
pub fn run(context: &Context, args: &Args) -> Outcome {
    if args.words.is_empty() {
        return output::page(&groups::help());
    }
    if let [word] = &args.words[..]
        && let Some((_, text)) = TOPICS.iter().find(|(name, _)| name == word)
    {
        return context.output.data(text().as_bytes());
    }
    let tree = cli::command();
    let mut command = &tree;
    for word in &args.words {
        command = command.find_subcommand(word).ok_or_else(|| unknown(command, word))?;
    }
    // The same help as behind `--help`, in the same form.
    let words = args.words.iter().map(String::as_str);
    let words: Vec<&str> = ["zms"].into_iter().chain(words).chain(["--help"]).collect();
    match tree.clone().try_get_matches_from(words) {
        Err(help) => output::page(&help.render()),
        Ok(_) => Err(Failure::other("there is no help for it")),
    }
}

/// What there is a page for beside the commands.
pub fn topics() -> impl Iterator<Item = &'static str> {
    TOPICS.iter().map(|(name, _)| *name)
}

fn unknown(command: &Command, word: &str) -> Failure {
    let top = command.get_name() == "zms";
    let names = command.get_subcommands().map(Command::get_name);
    let topics: Vec<&str> = topics().filter(|_| top).collect();
    let near = nearest(word, names.chain(topics));
    let failure = Failure::usage(format!("there is no command or topic {word:?}"));
    match near {
        Some(near) => failure.hint(format!("did you mean {near}?")),
        None => failure.hint("see them all with `zms help`"),
    }
}
