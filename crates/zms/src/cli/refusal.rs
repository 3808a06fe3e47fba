//! What is said where a command line is refused, or asks for help. Only a process that ends here
//! pays for it.

use std::ffi::OsString;

use clap::{
    ArgMatches, Command, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::groups;
use crate::{
    exit::{Failure, Outcome},
    output,
    place::nearest,
};

/// Shows what clap has to say: help on stdout, and a refusal on stderr.
pub fn tell(error: Error, words: &[OsString]) -> Outcome {
    match error.kind() {
        ErrorKind::DisplayHelp if top(&error) => return output::page(&groups::help()),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return output::page(&error.render()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if top(&error) => {
            output::refusal(&groups::help());
            std::process::exit(error.exit_code());
        }
        ErrorKind::UnknownArgument if meant(words).get_name() == "run" => {
            if let Some(failure) = without_dashes(&error, words) {
                return Err(failure);
            }
        }
        _ => {}
    }
    let mut error = harmless(error, words)?;
    if error.kind() == ErrorKind::InvalidSubcommand {
        suggest(&mut error, &meant(words));
    }
    output::refusal(&error.render());
    std::process::exit(error.exit_code())
}

/// Whether this is the help of `zms` itself.
fn top(help: &Error) -> bool {
    let help = help.render().to_string();
    let mut command = super::command();
    [command.render_help(), command.render_long_help()].iter().any(|own| own.to_string() == help)
}

/// The same error about words that can not drive a terminal.
fn harmless(error: Error, words: &[OsString]) -> Outcome<Error> {
    let safe = |word: &OsString| output::shown_word(&word.to_string_lossy());
    let words: Vec<(&OsString, String)> = words.iter().map(|word| (word, safe(word))).collect();
    let unchanged = words.iter().all(|(word, safe)| word.as_os_str() == safe.as_str());
    // What is said of bytes that are no text does not repeat them.
    if unchanged || error.kind() == ErrorKind::InvalidUtf8 {
        return Ok(error);
    }
    let safe = words.into_iter().map(|(_, safe)| safe);
    super::command()
        .try_get_matches_from(safe)
        .err()
        .ok_or_else(|| Failure::usage("there is a control character in these words"))
}

/// The command that was meant, as far as it was named.
fn meant(words: &[OsString]) -> Command {
    let mut command = super::command();
    let matches = command.clone().ignore_errors(true).try_get_matches_from(words);
    let mut matches: Option<&ArgMatches> = matches.as_ref().ok();
    while let Some((name, below)) = matches.and_then(ArgMatches::subcommand) {
        let Some(found) = command.find_subcommand(name).cloned() else { break };
        (command, matches) = (found, Some(below));
    }
    command
}

/// `zms run node server.js`: the program stands where only flags of ours may.
fn without_dashes(error: &Error, words: &[OsString]) -> Option<Failure> {
    let Some(ContextValue::String(program)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    if program.starts_with('-') {
        return None;
    }
    let words: Vec<String> =
        words.iter().map(|word| output::shown_word(&word.to_string_lossy())).collect();
    let program = output::shown_word(program);
    let run = words.iter().position(|word| word == "run")?;
    let at = run + words[run..].iter().position(|word| *word == program)?;
    // Shown as far as it is plain: what looks like a value may be a secret.
    let plain = |word: &&String| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-:,@+%".contains(&byte);
        !word.starts_with('-') && word.bytes().all(fits)
    };
    let behind: Vec<&String> = words[at..].iter().filter(|word| *word != "--").collect();
    let mut line: Vec<&str> =
        behind.iter().copied().take_while(plain).map(String::as_str).collect();
    if line.len() < behind.len() {
        line.push("...");
    }
    let before = words[1..at].join(" ");
    Some(
        Failure::usage(format!("a program stands behind two dashes, and {program} does not"))
            .hint(format!("zms {before} -- {}", line.join(" "))),
    )
}

/// The nearest subcommand, where clap found none that is near enough for it.
fn suggest(error: &mut Error, command: &Command) {
    let Some(ContextValue::String(wanted)) = error.get(ContextKind::InvalidSubcommand) else {
        return;
    };
    if error.get(ContextKind::SuggestedSubcommand).is_some() {
        return;
    }
    let names = command.get_subcommands().map(Command::get_name);
    if let Some(near) = nearest(wanted, names) {
        let near = ContextValue::Strings(vec![near.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, near);
    }
}
