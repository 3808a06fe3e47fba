//! A transaction that writes. It is begun and ended by statements that are prepared once, as a process
//! that stays begins thousands a second.

use std::ops::Deref;

use rusqlite::Connection;

/// Nobody else writes while it is there. Unless it is committed, nothing of it remains.
pub(crate) struct Writing<'c>(&'c Connection);

impl<'c> Writing<'c> {
    /// Waits for who writes now, as the connection is patient.
    pub(crate) fn begin(connection: &'c mut Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
        Ok(Self(connection))
    }

    /// Stores all of it.
    pub(crate) fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute(()).map(|_| ())
    }
}

impl Deref for Writing<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        // Some troubles have ended it already.
        if !self.0.is_autocommit() {
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}
