//! Whether a folder has room: told by writing, since no number of free bytes says so for certain.
#![expect(clippy::disallowed_methods, reason = "this file owns the one that it writes and removes")]

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Mutex,
};

use tokio::time::{Duration, Instant};
use zms_core::bundle::Trouble;
use zms_store_sqlite::file_trouble;

use crate::held::held;

/// What is written, and gone again. Who is killed meanwhile leaves it, and the next one takes it.
const NAME: &str = "zms.room";
/// As much as a commit of some secrets adds to a log.
const BYTES: usize = 64 * 1024;

/// For how long it is believed that there is room: a disk is not to be worn out by who asks.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// When there was room last.
#[derive(Default)]
pub(super) struct Room(Mutex<Option<Instant>>);

impl Room {
    /// Whether something can be written in a folder.
    ///
    /// # Errors
    /// [`Trouble`] where it can not.
    pub(super) fn is_in(&self, folder: &Path) -> Result<(), Trouble> {
        let mut last = held(&self.0);
        if last.is_none_or(|at| at.elapsed() >= GOOD_FOR) {
            *last = None;
            write_in(folder).map_err(file_trouble)?;
            *last = Some(Instant::now());
        }
        Ok(())
    }
}

/// Writes as a commit would: to the disk, and then it is removed.
fn write_in(folder: &Path) -> io::Result<()> {
    let path = folder.join(NAME);
    let written = || -> io::Result<()> {
        let _of_who_was_killed = fs::remove_file(&path);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(&[0; BYTES])?;
        file.sync_data()
    };
    let outcome = written();
    let _nothing_there = fs::remove_file(&path);
    outcome
}
