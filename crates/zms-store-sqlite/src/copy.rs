//! A consistent copy of a database, made while others use it.

use std::path::Path;

use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};
use zms_core::bundle::{Trouble, TroubleClass};

use crate::{
    connection::{self, Header, checkpoint_on_close},
    file::Draft,
    trouble::trouble,
};

/// Copies to a path where nothing is.
pub(crate) fn copy(connection: &Connection, to: &Path) -> Result<(), Trouble> {
    let (draft, _) = draft(connection, to)?;
    forget_wrapped(draft.path())?;
    if draft.publish(to)? {
        Ok(())
    } else {
        Err(Trouble::new(TroubleClass::Other, "there is a file of that name already"))
    }
}

/// Takes the answers that wait out of a copy: one that was taken meanwhile would come back with it.
fn forget_wrapped(path: &Path) -> Result<(), Trouble> {
    let (copied, _) = connection::open(path)?;
    checkpoint_on_close(&copied, true)
        .and_then(|()| copied.execute("DELETE FROM wrapped", ()))
        .and_then(|_| copied.close().map_err(|(_, error)| error))
        .map_err(trouble)
}

/// Makes a database hold what another one does, page by page in one transaction.
pub(crate) fn overwrite(from: &Connection, to: &mut Connection) -> Result<(), Trouble> {
    let backup = Backup::new(from, to).map_err(trouble)?;
    // Who writes there holds it for a commit at most, and is waited for as in any other.
    let mut asked = 0;
    loop {
        match backup.step(-1).map_err(trouble)? {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked if connection::ask_again(asked) => asked += 1,
            _ => {
                return Err(Trouble::new(TroubleClass::Busy, "another process keeps writing"));
            }
        }
    }
}

/// A copy that has no name yet, and its header.
pub(crate) fn draft(connection: &Connection, beside: &Path) -> Result<(Draft, Header), Trouble> {
    let draft = Draft::new(beside)?;
    // It may be refused in the form of a path that is no UTF-8, never misread.
    let path = draft.path().to_str().ok_or_else(|| {
        Trouble::new(TroubleClass::Other, "a copy needs a path that is valid Unicode")
    })?;
    connection.execute("VACUUM INTO ?1", [path]).map_err(trouble)?;
    // A copy comes without the log switched on. Closing it folds the log away again.
    let (copied, header) = connection::open(draft.path())?;
    checkpoint_on_close(&copied, true)
        .and_then(|()| copied.execute_batch("PRAGMA journal_mode = WAL"))
        .and_then(|()| copied.close().map_err(|(_, error)| error))
        .map_err(trouble)?;
    Ok((draft, header))
}
