//! Many vaults in one PostgreSQL database, kept by as many replicas as there are.

use std::sync::Arc;

use zms_core::{
    audit::Event,
    batch::Batch,
    bundle::Trouble,
    id::{PrincipalId, VaultId},
};
use zms_store::{Check, CommitError, Keeper};
use zms_store_postgres::Database;

use super::{Handle, Ready, Vaults};

/// A database that other replicas use as well.
pub struct Shared(Arc<Database>);

impl Shared {
    /// The vaults of a database.
    pub fn new(database: Database) -> Self {
        Self(Arc::new(database))
    }
}

impl Vaults for Shared {
    fn find(&self, vault: VaultId) -> Result<Option<Handle>, Trouble> {
        let found = self.0.holds(vault)?.then(|| self.0.vault(vault));
        Ok(found.map(Handle::new))
    }

    fn of(&self, principal: PrincipalId) -> Result<Vec<VaultId>, Trouble> {
        self.0.vaults_of(principal)
    }

    fn create(&self, batch: &Batch, events: &[Event], check: Check<'_>) -> Result<(), CommitError> {
        self.0.vault(batch.vault).commit_checked(batch, events, check)
    }

    fn create_first(
        &self,
        batch: &Batch,
        events: &[Event],
        check: Check<'_>,
    ) -> Result<(), CommitError> {
        self.0.vault(batch.vault).commit_first(batch, events, check)
    }

    fn is_empty(&self) -> Result<bool, Trouble> {
        self.0.is_empty()
    }

    fn ready(&self) -> Result<Ready, Trouble> {
        self.0.ready().map(|()| Ready::Whole)
    }

    fn on_move(&self, listener: Box<dyn Fn(VaultId) + Send + Sync>) {
        self.0.on_move(listener);
    }
}
