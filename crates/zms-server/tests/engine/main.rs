//! The engine API, asked in process by its router: what is refused is what clients would send with
//! one thing wrong.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test looks at files, and fails where it can not"
)]

mod asked;
mod audit;
mod bundle;
mod changes;
mod commits;
mod description;
mod register;
mod requests;
mod uses;

use std::{path::Path, sync::Arc};

use zms_core::batch::Batch;
use zms_server::vaults::{OneFile, Vaults};
use zms_store::Store;
use zms_store_sqlite::SqliteStore;

/// Where the vaults of a test are.
fn kept(folder: &Path) -> Arc<dyn Vaults> {
    Arc::new(OneFile::new(folder.join("zms.db")))
}

/// Commits past the engine.
fn commit_elsewhere(folder: &Path, batch: &Batch) {
    let store = SqliteStore::open(&folder.join("zms.db")).unwrap();
    store.unwrap().commit(batch, &[]).unwrap();
}
