//! Asks for shares. One word at a time is shown, in one line that is wiped: no share ever stands on
//! the screen, or in what can be scrolled back to.

use std::{
    io::{self, Write},
    sync::atomic::Ordering,
};

use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, tcflush, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;
use zms_crypto::share::Share;

use super::{
    hidden::{self, CAUGHT, Handlers, Silence, raise, wait_in_background},
    possible,
    typing::{Event, Typing, WORDS},
};
use crate::{
    exit::{Failure, Outcome},
    output,
};

/// Moves to the start of the line and wipes it.
const WIPE: &str = "\r\x1b[K";

/// Keeps the terminal silent from the first share to the last, so that shares can be pasted one
/// behind the other.
pub struct Asker {
    terminal: Option<Terminal>,
}

/// The terminal as it is while somebody types, and as it was before.
struct Terminal {
    _silence: Silence,
    handlers: Handlers,
}

/// How typing ended.
enum Ended {
    Share(Share),
    Signal(i32),
    Nothing,
}

impl Asker {
    /// Where somebody can be asked.
    pub fn begin() -> Option<Self> {
        possible().then_some(Self { terminal: None })
    }

    /// Asks until the words are a share; `None` where nothing more comes.
    pub fn share(&mut self) -> Outcome<Option<Share>> {
        if output::dumb() {
            return pasted();
        }
        let unread = |error| Failure::other(format!("nothing could be read: {error}"));
        let mut typing = Typing::new();
        loop {
            wait_in_background();
            if self.terminal.is_none() {
                self.terminal = Some(Terminal::silence().map_err(unread)?);
            }
            let terminal = self.terminal.as_ref().expect("it was made silent above");
            match terminal.type_in(&mut typing).map_err(unread)? {
                Ended::Share(share) => return Ok(Some(share)),
                Ended::Nothing => return Ok(None),
                Ended::Signal(signal) => {
                    self.terminal = None;
                    // The terminal is as it was: now the signal does what it would have done.
                    raise(signal);
                }
            }
        }
    }
}

/// On a terminal that can not wipe a line, a share is asked for as a whole, and not shown.
fn pasted() -> Outcome<Option<Share>> {
    loop {
        let Ok(line) = hidden::hidden(&format!("{WORDS} words, not shown: ")) else {
            return Ok(None);
        };
        let mut typing = Typing::new();
        let refused = line.bytes().chain([b'\n']).find_map(|byte| match typing.feed(byte) {
            Event::Refused(why) => Some(why),
            _ => None,
        });
        let why = match refused {
            Some(why) => why,
            None => match Share::parse(&typing.text()) {
                Ok(share) => return Ok(Some(share)),
                Err(why) => why.to_string(),
            },
        };
        writeln!(io::stderr(), "{why}")
            .map_err(|error| Failure::other(format!("nobody can be asked: {error}")))?;
    }
}

impl Terminal {
    fn silence() -> io::Result<Self> {
        let stdin = io::stdin();
        let shown = tcgetattr(&stdin)?;
        CAUGHT.store(0, Ordering::Relaxed);
        let handlers = Handlers::install();
        let silence = Silence { shown: shown.clone() };
        let mut raw = shown;
        raw.local_modes -= LocalModes::ECHO | LocalModes::ICANON;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&stdin, OptionalActions::Flush, &raw)?;
        Ok(Self { handlers, _silence: silence })
    }

    fn type_in(&self, typing: &mut Typing) -> io::Result<Ended> {
        let (stdin, mut stderr) = (io::stdin(), io::stderr());
        let mut byte = Zeroizing::new([0]);
        draw(typing, "")?;
        while self.handlers.wait()? {
            if rustix::io::read(&stdin, &mut *byte)? == 0 {
                write!(stderr, "{WIPE}")?;
                return Ok(Ended::Nothing);
            }
            let why = match typing.feed(byte[0]) {
                Event::Nothing => continue,
                Event::Changed => String::new(),
                Event::Refused(why) => why,
                Event::End => {
                    write!(stderr, "{WIPE}")?;
                    return Ok(Ended::Nothing);
                }
                Event::Complete => match Share::parse(&typing.text()) {
                    Ok(share) => {
                        write!(stderr, "{WIPE}")?;
                        return Ok(Ended::Share(share));
                    }
                    Err(why) => {
                        typing.again();
                        writeln!(stderr, "{WIPE}{why}. Go through them: Enter keeps a word")?;
                        String::new()
                    }
                },
            };
            if !why.is_empty() {
                // What was typed or pasted behind it would be taken for another word.
                tcflush(&stdin, QueueSelector::IFlush)?;
            }
            draw(typing, &why)?;
        }
        writeln!(stderr, "{WIPE}")?;
        Ok(Ended::Signal(CAUGHT.load(Ordering::Relaxed)))
    }
}

/// The word that is typed, what would complete it, and why it is none.
fn draw(typing: &Typing, why: &str) -> io::Result<()> {
    let (position, word, rest) = (typing.position(), typing.word(), typing.rest());
    let mut line = Zeroizing::new(String::with_capacity(256));
    line.push_str(&format!("{WIPE}word {position} of {WORDS}: "));
    line.push_str(word);
    let mut behind = 0;
    if !rest.is_empty() {
        line.extend(["[", rest, "]"]);
        behind += rest.len() + 2;
    }
    if !why.is_empty() {
        line.push_str(&format!("  ({why})"));
        behind += why.len() + 4;
    }
    if behind > 0 {
        line.push_str(&format!("\x1b[{behind}D"));
    }
    let mut stderr = io::stderr();
    stderr.write_all(line.as_bytes())?;
    stderr.flush()
}
