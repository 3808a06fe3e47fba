//! Opens a backup into a scratch folder, and proves what it holds.

use std::{io::Write, path::Path};

use zms_client::{Copied, Session, SessionError, pins::PinFolder};
use zms_core::{backup::Head, principal::Principal};
use zms_store_sqlite::SqliteStore;

use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::{Scratch, trouble},
    output::Progress,
};

/// A backup that was opened and proven.
pub struct Unpacked {
    /// What stands in the clear.
    pub head: Head,
    /// What was proven.
    pub copied: Copied,
    /// A session on its database, which has no pins.
    pub session: Session,
}

/// Name of the database in the scratch folder.
pub const DATABASE: &str = "zms.db";

/// Opens a file as one of its holders. What verifies of it is no older or newer than anything: the
/// caller decides.
pub fn unpack(file: &Path, principal: Principal, scratch: &Scratch) -> Outcome<Unpacked> {
    let mut database = scratch.create(DATABASE)?;
    let unwritten = |error| trouble(&error, "the database in the backup can not be written");
    let head = files::backup::unseal(file, &principal, |part| {
        database.write_all(part).map_err(unwritten)
    })?;
    database.sync_all().map_err(unwritten)?;
    drop(database);
    let _drawn = Progress::spinner("proving what it holds");
    let missing = || Failure::other("the scratch folder is gone");
    let store = SqliteStore::open(&scratch.file(DATABASE));
    let store = store.map_err(SessionError::Store)?.ok_or_else(missing)?;
    let pins = PinFolder::new(scratch.file("pins"));
    let (clock, rng) = (environment::now, environment::entropy());
    let mut session = Session::new(Box::new(store), principal, pins, clock, rng);
    let copied = session.prove_copy()?;
    if copied.vault != head.vault {
        let why = format!("{} holds another vault than it says", file.display());
        return Err(Failure::new(Exit::Integrity, why));
    }
    Ok(Unpacked { head, copied, session })
}
