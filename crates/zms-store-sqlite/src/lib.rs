//! The embedded store: one SQLite file, several processes at once. spec/store.md#sqlite
//!
//! SQL and rows only: what is kept is sealed or signed before it comes here, and verified by
//! whoever reads it.

mod audit;
mod bundle;
mod commit;
mod connection;
mod copy;
mod file;
mod health;
mod member;
mod migrate;
mod refusal;
mod request;
mod schema;
mod trouble;
mod wrapped;
mod writing;

use std::{
    cell::Cell,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
pub use schema::{Table, schema};
pub use trouble::file_trouble;
use zms_core::{
    audit::{Entry, Event},
    batch::Batch,
    bundle::{Bundle, Trouble, TroubleClass},
    id::{PrincipalId, WrappedId},
};
use zms_crypto::Key;
use zms_store::{Check, CommitError, Keeper, Mark, Noted, Request, Slip, Store, Waiting};

use self::{
    bundle::SqliteBundle, connection::Header, file::Draft, migrate::MIGRATIONS,
    trouble::trouble as sorted, writing::Writing,
};

/// A vault in a file.
///
/// Bundles that are held at the same time on one store show the same state.
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    /// How many bundles share the transaction that is open.
    bundles: Cell<usize>,
    /// Whether transactions wait for the disk: this session has committed, not only noted what it read.
    durable: bool,
    /// Whether this is a handle of a process that stays.
    stays: bool,
}

impl SqliteStore {
    /// Makes an empty database unless there is one, and opens it. Only its owner can read it,
    /// whatever the umask; nobody ever sees it half made.
    ///
    /// # Errors
    /// [`Trouble`], also for a path that is a link or another user's file.
    pub fn create(path: &Path) -> Result<Self, Trouble> {
        Self::create_with(path, MIGRATIONS)
    }

    /// Opens a database; `None` where there is none. One of an older schema is brought up to
    /// date, after a copy of it was put beside it.
    ///
    /// # Errors
    /// [`Trouble`], also for a path that is a link or another user's file.
    pub fn open(path: &Path) -> Result<Option<Self>, Trouble> {
        Self::open_with(path, MIGRATIONS)
    }

    /// As [`SqliteStore::open`], for a session that is over in a moment and waits for nothing until
    /// then. Unless somebody has the database open, others wait for it to end.
    ///
    /// # Errors
    /// [`Trouble`], as [`SqliteStore::open`].
    pub fn open_alone(path: &Path) -> Result<Option<Self>, Trouble> {
        Self::open_by(path, connection::open_alone, MIGRATIONS)
    }

    /// Makes this a handle of a process that stays and keeps several: the log may grow longer, and is
    /// folded when the last of them is closed.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn stay_open(&mut self) -> Result<(), Trouble> {
        self.stays = true;
        connection::stay(&self.connection).map_err(sorted)
    }

    /// Writes a copy of the current state to a path where nothing is, readable by its owner only.
    ///
    /// # Errors
    /// [`Trouble`]; then there is no copy.
    pub fn copy_to(&mut self, path: &Path) -> Result<(), Trouble> {
        copy::copy(&self.connection, &file::absolute(path)?)
    }

    /// Gives this database the name of a vault's, unless something has it: then `false`. Nobody else
    /// may use it, and it lies in the file system of that name.
    ///
    /// # Errors
    /// [`Trouble`]; then the name is as it was.
    pub fn publish(self, path: &Path) -> Result<bool, Trouble> {
        let path = file::absolute(path)?;
        self.fold()?.publish(&path)
    }

    /// Closes this database, which nobody else uses, and removes it.
    pub fn discard(self) {
        let Self { connection, path, .. } = self;
        drop(connection);
        drop(Draft::of(path));
    }

    /// As [`SqliteStore::publish`], in place of a database that is damaged, which gets the name
    /// `aside` with its log. It must not be open here.
    ///
    /// # Errors
    /// [`Trouble`]; then the name is as it was.
    pub fn supplant(self, path: &Path, aside: &Path) -> Result<(), Trouble> {
        let (path, aside) = (file::absolute(path)?, file::absolute(aside)?);
        let whole = self.fold()?;
        file::set_aside(&path, &aside)?;
        whole.replace(&path)
    }

    /// Makes this database hold what another one does, in one transaction. Whoever has it open
    /// sees one or the other.
    ///
    /// # Errors
    /// [`Trouble`]; then nothing was changed.
    pub fn become_copy(&mut self, other: &Self) -> Result<(), Trouble> {
        self.make_durable()?;
        copy::overwrite(&other.connection, &mut self.connection)
    }

    /// Folds the log away and closes, so that the one file is complete.
    fn fold(self) -> Result<Draft, Trouble> {
        let Self { connection, path, .. } = self;
        connection::checkpoint_on_close(&connection, true).map_err(sorted)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).map_err(sorted)?;
        connection.close().map_err(|(_, error)| sorted(error))?;
        Ok(Draft::of(path))
    }

    fn create_with(path: &Path, migrations: &[&str]) -> Result<Self, Trouble> {
        let path = file::absolute(path)?;
        if !file::exists(&path)? {
            let draft = Draft::new(&path)?;
            let (mut made, _) = connection::open(draft.path())?;
            connection::checkpoint_on_close(&made, true).map_err(sorted)?;
            migrate::lay_out(&mut made, migrations)?;
            // Closing folds the log away too, and keeps to itself where it could not.
            made.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).map_err(sorted)?;
            made.close().map_err(|(_, error)| sorted(error))?;
            // Where somebody else made it meanwhile, theirs is the one.
            draft.publish(&path)?;
        }
        let missing = || trouble::corrupt("the database vanished while it was made");
        Self::open_with(&path, migrations)?.ok_or_else(missing)
    }

    fn open_with(path: &Path, migrations: &[&str]) -> Result<Option<Self>, Trouble> {
        Self::open_by(path, connection::open, migrations)
    }

    fn open_by(
        path: &Path,
        open: impl FnOnce(&Path) -> Result<(Connection, Header), Trouble>,
        migrations: &[&str],
    ) -> Result<Option<Self>, Trouble> {
        if !file::has_folder(path) {
            return Ok(None);
        }
        let path = file::absolute(path)?;
        if !file::exists(&path)? {
            return Ok(None);
        }
        let (mut connection, header) = open(&path)?;
        migrate::bring_up(&mut connection, &header, &path, migrations)?;
        Ok(Some(Self { connection, path, bundles: Cell::new(0), durable: false, stays: false }))
    }

    /// Has transactions wait for the disk from now on.
    fn make_durable(&mut self) -> Result<(), Trouble> {
        if !self.durable {
            connection::wait_for_disk(&self.connection, true)
                .and_then(|()| connection::checkpoint_on_close(&self.connection, true))
                .map_err(sorted)?;
            self.durable = true;
        }
        Ok(())
    }

    /// Has entries that tell of no commit not wait for the disk, where somebody else has committed on
    /// this handle before.
    fn make_quick(&mut self) -> Result<(), Trouble> {
        if self.durable && self.stays {
            connection::wait_for_disk(&self.connection, false).map_err(sorted)?;
            self.durable = false;
        }
        Ok(())
    }

    /// Writes, and folds the log where that made it long.
    fn folding<T, E>(
        &mut self,
        write: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let before = file::log_size(&self.path);
        let written = write(&mut self.connection)?;
        let after = file::log_size(&self.path);
        let step = if self.stays { connection::LONG_LOG_STEP } else { connection::LOG_STEP };
        connection::fold_log(&mut self.connection, before, after, step);
        Ok(written)
    }
}

impl Store for SqliteStore {
    fn bundle(&self) -> Result<Box<dyn Bundle + '_>, Trouble> {
        let bundle = SqliteBundle::begin(&self.connection, &self.bundles).map_err(sorted)?;
        Ok(Box::new(bundle))
    }

    fn commit(&mut self, batch: &Batch, events: &[Event]) -> Result<(), CommitError> {
        self.make_durable()?;
        self.folding(|connection| commit::commit(connection, batch, events, None))
    }

    fn audit_append(&mut self, events: &[Event]) -> Result<(), Trouble> {
        self.make_quick()?;
        self.folding(|connection| audit::append_alone(connection, events))
    }

    fn spend(
        &mut self,
        principal: PrincipalId,
        most: u32,
        events: &[Event],
    ) -> Result<bool, Trouble> {
        self.make_durable()?;
        self.folding(|connection| audit::spend(connection, principal, most, events))
    }

    fn audit_read(&self, chain: u64, after: u64, limit: usize) -> Result<Vec<Entry>, Trouble> {
        audit::read(&self.connection, chain, after, limit).map_err(sorted)
    }

    fn audit_chains(&self) -> Result<Vec<(u64, u64)>, Trouble> {
        audit::chains(&self.connection).map_err(sorted)
    }

    fn settle_audit(&mut self) -> Result<(), Trouble> {
        connection::fold_whole_log(&self.connection).map_err(sorted)
    }
}

impl Keeper for SqliteStore {
    fn commit_checked(
        &mut self,
        batch: &Batch,
        events: &[Event],
        check: Check<'_>,
    ) -> Result<(), CommitError> {
        self.make_durable()?;
        self.folding(|connection| commit::commit(connection, batch, events, Some(check)))
    }

    fn writable(&mut self) -> Result<(), Trouble> {
        let begun = Writing::begin(&mut self.connection);
        begun.and_then(|begun| bundle::mark(&begun).map(|_| ())).map_err(sorted)
    }

    fn mark(&self) -> Result<Mark, Trouble> {
        bundle::mark(&self.connection).map_err(sorted)
    }

    fn marked(&self) -> Result<(Box<dyn Bundle + '_>, Mark), Trouble> {
        // Within the transaction that the bundle is.
        let bundle = self.bundle()?;
        let mark = self.mark()?;
        Ok((bundle, mark))
    }

    fn note(&mut self, slips: &[Slip]) -> Result<Option<Mark>, Trouble> {
        self.make_quick()?;
        self.folding(|connection| audit::note(connection, slips))
    }

    fn note_at_once(&mut self, slips: &[Slip]) -> Result<Option<Mark>, Trouble> {
        self.make_quick()?;
        if connection::is_slow(file::log_size(&self.path)) {
            return Err(Trouble::new(TroubleClass::Busy, "the log is begun or folded"));
        }
        connection::at_once(&mut self.connection, |connection| audit::note(connection, slips))
    }

    fn is_untidy(&self) -> bool {
        self.stays && file::log_size(&self.path) > connection::LONG_LOG
    }

    fn tidy(&mut self) {
        connection::fold_beside(&mut self.connection);
    }

    fn request_key(&self, principal: PrincipalId) -> Result<Option<Key>, Trouble> {
        member::request_key(&self.connection, principal).map_err(sorted)
    }

    fn keep_wrapped(&mut self, waiting: &Waiting, now: u64) -> Result<bool, Trouble> {
        self.make_durable()?;
        self.folding(|connection| wrapped::keep(connection, waiting, now))
    }

    fn wrapped(&self, id: WrappedId) -> Result<Option<Vec<u8>>, Trouble> {
        wrapped::find(&self.connection, id).map_err(sorted)
    }

    fn take_wrapped(&mut self, id: WrappedId, events: &[Event]) -> Result<bool, Trouble> {
        self.make_durable()?;
        self.folding(|connection| wrapped::take(connection, id, events))
    }

    fn note_once(
        &mut self,
        request: &Request,
        now: u64,
        most: Option<u32>,
        events: &[Event],
    ) -> Result<Noted, Trouble> {
        match most {
            Some(_) => self.make_durable()?,
            None => self.make_quick()?,
        }
        self.folding(|connection| request::note_once(connection, request, now, most, events))
    }
}
