//! Shows something until Enter is pressed, on a screen of its own that leaves nothing behind.

use std::{
    io::{self, Write},
    sync::atomic::Ordering,
};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::hidden::{CAUGHT, Handlers, Silence, raise, wait_in_background};
use crate::{
    exit::{Failure, Outcome},
    output,
};

/// The other screen of a terminal, from its top; and back to the one before. A terminal that knows
/// no other one is cleared instead.
const ENTER: &str = "\x1b[?1049h\x1b[2J\x1b[H";
const LEAVE: &str = "\x1b[2J\x1b[H\x1b[?1049l";

/// Shows a text until somebody presses Enter.
pub fn shown(text: &str) -> Outcome {
    loop {
        wait_in_background();
        let signal = once(text).map_err(|error| {
            Failure::other(format!("nothing could be shown: {}", crate::home::plain(&error)))
        })?;
        if signal == 0 {
            return Ok(());
        }
        raise(signal);
    }
}

/// The signal that came meanwhile; 0 for none.
fn once(text: &str) -> io::Result<i32> {
    let (stdin, mut stderr) = (io::stdin(), io::stderr());
    let before = tcgetattr(&stdin)?;
    CAUGHT.store(0, Ordering::Relaxed);
    let handlers = Handlers::install();
    let silence = Silence { shown: before.clone() };
    let mut quiet = before;
    quiet.local_modes -= LocalModes::ECHO;
    tcsetattr(&stdin, OptionalActions::Flush, &quiet)?;
    let (enter, leave) = if output::dumb() { ("", "") } else { (ENTER, LEAVE) };
    write!(stderr, "{enter}")?;
    // In one piece, without a buffer of its own behind.
    stderr.write_all(text.as_bytes())?;
    write!(stderr, "\nPress Enter when it is written down. ")?;
    stderr.flush()?;
    let mut byte = Zeroizing::new([0]);
    let waited = (|| -> io::Result<()> {
        while handlers.wait()? {
            if rustix::io::read(&stdin, &mut *byte)? == 0 || byte[0] == b'\n' {
                break;
            }
        }
        Ok(())
    })();
    write!(stderr, "{leave}")?;
    stderr.flush()?;
    drop(silence);
    let signal = CAUGHT.load(Ordering::Relaxed);
    drop(handlers);
    waited?;
    Ok(signal)
}
