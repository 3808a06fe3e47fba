//! Questions on the terminal.

mod hidden;
mod shown;
mod typing;
mod words;

use std::{
    io::{self, BufRead, IsTerminal},
    sync::atomic::{AtomicBool, Ordering},
};

pub use self::{hidden::hidden, shown::shown, words::Asker};
use crate::exit::{Failure, Outcome};

/// Whether nobody is to be asked, terminal or not.
static NEVER: AtomicBool = AtomicBool::new(false);

/// Asks nothing from now on.
pub fn never() {
    NEVER.store(true, Ordering::Relaxed);
}

/// Whether somebody can be asked: stdin and stderr are terminals.
pub fn possible() -> bool {
    !NEVER.load(Ordering::Relaxed) && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a line; at the end of the input it is empty.
pub fn line(question: &str) -> Outcome<String> {
    Ok(answer(question)?.unwrap_or_default())
}

/// Asks for a line; `None` at the end of the input.
#[expect(clippy::print_stderr, reason = "a question belongs on the terminal")]
pub fn answer(question: &str) -> Outcome<Option<String>> {
    eprint!("{}", crate::output::shown(question));
    let mut answer = String::new();
    let read = io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::other(format!("nothing could be read: {error}")))?;
    Ok((read > 0).then(|| answer.trim().to_owned()))
}

/// Says something between two questions.
#[expect(clippy::print_stderr, reason = "it belongs where the questions are")]
pub fn say(text: &str) {
    eprintln!("{}", crate::output::shown(text));
}

/// Asks for a yes; anything else is a no.
pub fn yes(question: &str) -> Outcome<bool> {
    Ok(matches!(line(&format!("{question} [y/N] "))?.as_str(), "y" | "Y" | "yes"))
}

/// Asks that a word be typed to confirm something that can not be undone. `--yes` answers for
/// scripts; without a terminal and without it, nothing happens.
pub fn typed(question: &str, word: &str, confirmed: bool) -> Outcome {
    if confirmed {
        return Ok(());
    }
    if !possible() {
        return Err(Failure::usage(format!(
            "{question} That needs to be confirmed, and there is no terminal to ask on"
        ))
        .hint("add `--yes` if you are sure"));
    }
    if line(&format!("{question}\nType {word:?} to go on: "))? == word {
        Ok(())
    } else {
        Err(Failure::other("not confirmed; nothing was changed"))
    }
}
