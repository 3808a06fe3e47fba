//! The shared store: many vaults in one PostgreSQL database, for many replicas.
//! spec/store.md#postgresql
//!
//! SQL and rows only: what is kept is sealed or signed before it comes here, and verified by
//! whoever reads it. The SQL is the portable core of PostgreSQL: no triggers, no advisory locks, no
//! skipped locks.

mod address;
mod audit;
mod bundle;
mod commit;
mod connection;
mod database;
mod epoch;
mod feed;
mod kept;
mod member;
mod migrate;
mod ready;
mod refusal;
mod replica;
mod request;
mod retry;
mod row;
#[cfg(test)]
#[path = "../tests/postgres"]
mod testing {
    #![expect(clippy::disallowed_methods, reason = "tests own their servers")]
    #![expect(dead_code, reason = "shared with the tests of the whole")]

    pub mod replica;
    pub mod server;
}
mod tls;
mod trouble;
mod wrapped;

use std::sync::Arc;

pub use address::{Address, AddressError};
pub use connection::Limits;
pub use database::Database;
use zms_core::{
    audit::{Entry, Event},
    batch::Batch,
    bundle::{Bundle, Trouble},
    id::{PrincipalId, VaultId, WrappedId},
};
use zms_crypto::Key;
use zms_store::{Check, CommitError, Keeper, Mark, Noted, Request, Store, Waiting};

use self::{
    bundle::{NO_VAULT, PostgresBundle},
    connection::Link,
    trouble::trouble as sorted,
};

/// One vault of a database.
///
/// Each bundle holds a connection of its own for as long as it is held.
pub struct PostgresStore {
    database: Arc<Database>,
    vault: VaultId,
}

impl PostgresStore {
    fn link(&self) -> Result<Link, Trouble> {
        self.database.core.work.link().map_err(sorted)
    }

    fn put(
        &self,
        batch: &Batch,
        events: &[Event],
        check: Option<Check<'_>>,
    ) -> Result<(), CommitError> {
        commit::commit(&self.database.core, self.vault, batch, events, check, false)
    }

    /// Makes the first vault of the database, as [`Keeper::commit_checked`] does. Of several that
    /// do at once, through whichever replicas, one succeeds.
    ///
    /// # Errors
    /// [`CommitError`], with [`CommitError::Exists`] where there is any vault.
    pub fn commit_first(
        &mut self,
        batch: &Batch,
        events: &[Event],
        check: Check<'_>,
    ) -> Result<(), CommitError> {
        commit::commit(&self.database.core, self.vault, batch, events, Some(check), true)
    }
}

impl Store for PostgresStore {
    fn bundle(&self) -> Result<Box<dyn Bundle + '_>, Trouble> {
        Ok(self.marked()?.0)
    }

    fn commit(&mut self, batch: &Batch, events: &[Event]) -> Result<(), CommitError> {
        self.put(batch, events, None)
    }

    fn audit_append(&mut self, events: &[Event]) -> Result<(), Trouble> {
        self.database.append(self.vault, events)
    }

    fn spend(
        &mut self,
        principal: PrincipalId,
        most: u32,
        events: &[Event],
    ) -> Result<bool, Trouble> {
        audit::spend(&self.database.core, self.vault, principal, most, events)
    }

    fn audit_read(&self, chain: u64, after: u64, limit: usize) -> Result<Vec<Entry>, Trouble> {
        audit::read(&self.link()?, self.vault, chain, after, limit).map_err(sorted)
    }

    fn audit_chains(&self) -> Result<Vec<(u64, u64)>, Trouble> {
        audit::chains(&self.link()?, self.vault).map_err(sorted)
    }
}

impl Keeper for PostgresStore {
    fn commit_checked(
        &mut self,
        batch: &Batch,
        events: &[Event],
        check: Check<'_>,
    ) -> Result<(), CommitError> {
        self.put(batch, events, Some(check))
    }

    fn mark(&self) -> Result<Mark, Trouble> {
        self.database.mark(self.vault).map(|mark| mark.unwrap_or(NO_VAULT))
    }

    fn marked(&self) -> Result<(Box<dyn Bundle + '_>, Mark), Trouble> {
        let bundle = PostgresBundle::begin(self.link()?, self.vault, &self.database.core.kept)
            .map_err(sorted)?;
        let mark = bundle.mark();
        Ok((Box::new(bundle), mark))
    }

    fn request_key(&self, principal: PrincipalId) -> Result<Option<Key>, Trouble> {
        let (vault, principal) = (self.vault.as_bytes(), principal.as_bytes());
        let found =
            self.link()?.one(member::REQUEST_KEY, &[&vault, &principal], member::request_key);
        found.map_err(sorted)
    }

    fn keep_wrapped(&mut self, waiting: &Waiting, now: u64) -> Result<bool, Trouble> {
        wrapped::keep(&self.database.core, self.vault, waiting, now)
    }

    fn wrapped(&self, id: WrappedId) -> Result<Option<Vec<u8>>, Trouble> {
        wrapped::find(&self.link()?, self.vault, id).map_err(sorted)
    }

    fn take_wrapped(&mut self, id: WrappedId, events: &[Event]) -> Result<bool, Trouble> {
        wrapped::take(&self.database.core, self.vault, id, events)
    }

    fn note_once(
        &mut self,
        request: &Request,
        now: u64,
        most: Option<u32>,
        events: &[Event],
    ) -> Result<Noted, Trouble> {
        request::note_once(&self.database.core, self.vault, request, now, most, events)
    }
}
