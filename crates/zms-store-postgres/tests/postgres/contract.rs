//! The promises of every store.

use zms_store::contract::{self, vault::Vault};
use zms_store_postgres::{Limits, PostgresStore};

use crate::{replica::replica_with, server::Server};

const FEW: fn() -> Limits = || Limits { connections: 3, ..Limits::default() };

fn new_store() -> PostgresStore {
    let server = Server::shared();
    let database = server.new_database();
    replica_with(&server.url(&database), FEW()).vault(Vault::unmade().id)
}

#[test]
fn every_promise_is_kept() {
    contract::run(new_store);
}

#[test]
fn every_promise_of_a_keeper_is_kept() {
    contract::run_kept(new_store);
}

#[test]
fn every_promise_between_two_handles_of_a_replica_is_kept() {
    let two_handles = || {
        let server = Server::shared();
        let database = server.new_database();
        let replica = replica_with(&server.url(&database), FEW());
        let vault = Vault::unmade().id;
        (replica.vault(vault), replica.vault(vault))
    };
    contract::run_shared(two_handles);
    contract::run_shared_kept(two_handles);
}
