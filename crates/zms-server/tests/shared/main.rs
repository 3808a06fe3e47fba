//! The engine API once more, on vaults that several replicas keep in one PostgreSQL database; and
//! what only replicas and a database in trouble can show.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test owns its server and its files, and fails where it can not"
)]
#![expect(dead_code, reason = "what is shared with other tests is not all used here")]

#[path = "../engine/asked.rs"]
mod asked;
#[path = "../engine/audit.rs"]
mod audit;
#[path = "../engine/bundle.rs"]
mod bundle;
#[path = "../engine/changes.rs"]
mod changes;
#[path = "../engine/commits.rs"]
mod commits;
#[path = "../../../zms-store-postgres/tests/postgres/replica.rs"]
mod replica;
mod replicas;
#[path = "../engine/requests.rs"]
mod requests;
#[path = "../../../zms-store-postgres/tests/postgres/server.rs"]
mod server;
mod trouble;
#[path = "../engine/uses.rs"]
mod uses;

use std::{fs, path::Path, sync::Arc, thread};

use zms_core::batch::Batch;
use zms_server::vaults::{Shared, Vaults};
use zms_store::Store;
use zms_store_postgres::{Address, Database, Limits};

use self::{replica::runtime, server::Server};

/// A replica on a database.
fn on(url: &str, limits: Limits) -> Arc<dyn Vaults> {
    let address = Address::parse(url).unwrap();
    // Connecting waits, so it is done on a thread that drives nothing.
    let connect = move || Database::connect(&address, limits, runtime(), replica::name()).unwrap();
    Arc::new(Shared::new(thread::spawn(connect).join().unwrap()))
}

/// Where the vaults of a test are; the folder holds the address. Asked again, it is another
/// replica's.
fn kept(folder: &Path) -> Arc<dyn Vaults> {
    let url = fs::read_to_string(folder.join("url")).unwrap_or_else(|_| {
        let server = Server::shared();
        let url = server.url(&server.new_database());
        fs::write(folder.join("url"), &url).unwrap();
        url
    });
    on(&url, Limits { connections: 4, ..Limits::default() })
}

/// Commits through another replica.
fn commit_elsewhere(folder: &Path, batch: &Batch) {
    let url = fs::read_to_string(folder.join("url")).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| replica::replica(&url).vault(batch.vault).commit(batch, &[]).unwrap());
    });
}
