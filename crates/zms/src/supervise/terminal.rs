//! The user's terminal and the one that the program gets in its place.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::{
    fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
        tcsetwinsize,
    },
};

use super::signals::{in_foreground, send_ours};

/// Both.
pub(super) struct Terminal {
    /// Our end of the program's terminal.
    master: OwnedFd,
    /// The program's end. It stays open here, so that ours never ends while we look.
    slave: OwnedFd,
    /// Where the user types; `None` where the output is a terminal that is not ours to type on.
    keyboard: Option<OwnedFd>,
    /// What the program's terminal is like when it starts.
    fresh: Termios,
    /// How the user's terminal was before it was taken; `None` where it is not taken.
    taken: Option<Termios>,
}

impl Terminal {
    /// A terminal for the program, like the one that stdout is.
    pub(super) fn open() -> io::Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let ours = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = open(ptsname(&master, Vec::new())?, ours, Mode::empty())?;
        fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        let fresh = tcgetattr(io::stdout())?;
        let keyboard = open("/dev/tty", ours, Mode::empty()).ok();
        let terminal = Self { master, slave, keyboard, fresh, taken: None };
        terminal.freshen()?;
        terminal.resize();
        Ok(terminal)
    }

    /// The end that we read and write.
    pub(super) fn master(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }

    /// The end that the program stands on.
    pub(super) fn slave(&self) -> BorrowedFd<'_> {
        self.slave.as_fd()
    }

    /// Makes the program's terminal as it was at first, whatever the last program left.
    pub(super) fn freshen(&self) -> io::Result<()> {
        Ok(tcsetattr(&self.slave, OptionalActions::Now, &self.fresh)?)
    }

    /// Gives the program's terminal the size of the user's. The system tells the program.
    pub(super) fn resize(&self) {
        if let Ok(size) = tcgetwinsize(io::stdout()) {
            // A size that can not be set is only a size.
            let _unset = tcsetwinsize(&self.slave, size);
        }
    }

    /// Whether there is a keyboard that another job has at the moment.
    pub(super) fn waits(&self) -> bool {
        self.keyboard.is_some() && self.taken.is_none()
    }

    /// The keyboard, where it is ours.
    pub(super) fn keyboard(&self) -> Option<BorrowedFd<'_>> {
        self.taken.as_ref().and(self.keyboard.as_ref()).map(AsFd::as_fd)
    }

    /// Takes the user's terminal where it is our turn: every key goes to the program as it is.
    pub(super) fn take(&mut self) {
        let Some(keyboard) = &self.keyboard else { return };
        if self.taken.is_some() || !in_foreground(keyboard) {
            return;
        }
        let Ok(before) = tcgetattr(keyboard) else { return };
        let mut raw = before.clone();
        raw.make_raw();
        if tcsetattr(keyboard, OptionalActions::Drain, &raw).is_ok() {
            self.taken = Some(before);
            self.resize();
        }
    }

    /// Leaves the user's terminal as it was.
    pub(super) fn leave(&mut self) {
        if let Some((before, keyboard)) = self.taken.take().zip(self.keyboard.as_ref()) {
            let _terminal_gone = tcsetattr(keyboard, OptionalActions::Drain, &before);
        }
    }

    /// No more keys: the user's terminal is gone.
    pub(super) fn lose_keyboard(&mut self) {
        self.leave();
        self.keyboard = None;
    }

    /// Lets everybody else in our job have the signals that keys stand for. The program gets its
    /// own from its terminal.
    pub(super) fn share(&self, keys: &[u8]) {
        let Ok(modes) = tcgetattr(&self.slave) else { return };
        if !modes.local_modes.contains(LocalModes::ISIG) {
            return;
        }
        for (code, signal) in
            [(SpecialCodeIndex::VINTR, libc::SIGINT), (SpecialCodeIndex::VQUIT, libc::SIGQUIT)]
        {
            let key = modes.special_codes[code];
            if key != 0 && keys.contains(&key) {
                send_ours(signal);
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Which of our streams are terminals.
pub(super) struct Kinds {
    pub(super) stdin: bool,
    pub(super) stdout: bool,
    pub(super) stderr: bool,
}

/// Looks at our streams.
pub(super) fn kinds() -> Kinds {
    Kinds {
        stdin: io::stdin().is_terminal(),
        stdout: io::stdout().is_terminal(),
        stderr: io::stderr().is_terminal(),
    }
}
