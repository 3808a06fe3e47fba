//! Several replicas at once, each with many threads.

use std::{
    cell::Cell,
    sync::{Arc, Barrier},
    thread,
};

use zms_core::{
    admit::Tree,
    audit::{Action, first_bad},
    id::WrappedId,
    revision::Revision,
};
use zms_store::{
    CommitError, Keeper, Store, Waiting,
    contract::vault::{NOW, Vault, event, put},
    memory::MemoryStore,
};
use zms_store_postgres::{Database, PostgresStore};

use crate::{load, replica::replica, server::Server};

const ROUNDS: u64 = 12;

fn vault(replica: &Arc<Database>) -> PostgresStore {
    replica.vault(Vault::unmade().id)
}

/// Writes until every write was committed once, and notes as many reads.
fn write_many(mut store: PostgresStore, who: &str) {
    let mut vault = Vault::unmade();
    let events = [event(vault.owner.id(), Action::Write)];
    for round in 0..ROUNDS {
        loop {
            let value = format!("{who} {round}");
            let batch = vault.write(&store, "shop/production", &[put(who, value.as_bytes())]);
            match store.commit(&batch, &events) {
                Ok(()) => break,
                Err(CommitError::Conflict) => {}
                Err(error) => panic!("{error}: {error:?}"),
            }
        }
        store.audit_append(&[event(vault.owner.id(), Action::Read)]).expect("appended");
    }
}

fn assert_nothing_is_lost(store: &PostgresStore, writers: &[String], replicas: usize) {
    let mut vault = Vault::unmade();
    let scope = vault.scope(store, "shop/production");
    let writes = ROUNDS * writers.len() as u64;
    assert_eq!(scope.head.revision, 1 + writes);
    let opened = scope.open_records().expect("records open");
    for who in writers {
        let (_, last) = opened
            .iter()
            .find(|(_, payload)| payload.name.as_str() == who)
            .expect("every writer wrote");
        // EXPOSE: the test's own value.
        assert_eq!(*last.value.expose(), format!("{who} {}", ROUNDS - 1).into_bytes());
    }
    let bundle = store.bundle().expect("it is read");
    let messages = bundle.revision_messages(scope.id(), 0).expect("read");
    let numbers = messages.iter().map(|message| Revision::parse(message).expect("ours").revision);
    assert!(numbers.eq(1..=writes));
    let chains = store.audit_chains().expect("read");
    assert_eq!(chains.len(), replicas, "a chain for each replica");
    let mut entries = 0;
    for (chain, last) in chains {
        let chain = store.audit_read(chain, 0, usize::MAX).expect("read");
        assert_eq!(first_bad(vault.id, &chain), None);
        assert_eq!(chain.len() as u64, last);
        entries += last;
    }
    assert_eq!(entries, 1 + 2 * writes);
}

fn many_replicas(replicas: usize, writers: usize) {
    let server = Server::shared();
    let url = server.url(&server.new_database());
    let replicas: Vec<_> = (0..replicas).map(|_| replica(&url)).collect();
    Vault::made(&mut vault(&replicas[0]));
    let writers: Vec<String> = (0..writers).map(|number| format!("W{number}")).collect();
    thread::scope(|scope| {
        for (who, replica) in writers.iter().zip(replicas.iter().cycle()) {
            scope.spawn(move || write_many(vault(replica), who));
        }
    });
    assert_nothing_is_lost(&vault(&replicas[0]), &writers, replicas.len());
}

#[test]
fn two_replicas_lose_no_write() {
    many_replicas(2, 8);
}

#[test]
fn four_replicas_lose_no_write() {
    many_replicas(4, 8);
}

#[test]
fn commits_of_different_vaults_never_lose_a_race_to_each_other() {
    let server = Server::shared();
    let database = server.new_database();
    let replicas = [(); 2].map(|()| replica(&server.url(&database)));
    let mut worlds: Vec<_> = (0..8)
        .map(|number| {
            // Batches are made on a copy, so that nothing is asked of the database but to commit.
            let (made, copy) = (load::vault(number), MemoryStore::default());
            (made, copy, load::store(&replicas[usize::from(number % 2)], number))
        })
        .collect();
    for (made, copy, store) in &mut worlds {
        let batch = made.init();
        copy.commit(&batch, &[]).expect("the copy follows");
        store.commit(&batch, &[]).expect("it is made");
    }
    // Now it knows that the tables are small, and reads them whole.
    server.sql(&database, "ANALYZE");
    let together = Barrier::new(worlds.len());
    let tried = thread::scope(|scope| {
        let threads: Vec<_> = worlds
            .iter_mut()
            .map(|(made, copy, store)| {
                let batch = made.write(copy, "shop/production", &[put("A", b"new")]);
                let together = &together;
                scope.spawn(move || {
                    let tries = Cell::new(0);
                    // All are in the middle of their transactions at the same time.
                    let check = |_: &dyn Tree| {
                        if tries.replace(tries.get() + 1) == 0 {
                            together.wait();
                        }
                        Ok(())
                    };
                    store.commit_checked(&batch, &[], &check).expect("nobody else is there");
                    tries.get()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("it ends")).collect::<Vec<_>>()
    });
    assert_eq!(tried, [1; 8], "it was done again");
}

#[test]
fn of_replicas_that_make_one_vault_at_once_one_does() {
    let server = Server::shared();
    let url = server.url(&server.new_database());
    let replicas: Vec<_> = (0..4).map(|_| replica(&url)).collect();
    let make = |replica: &Arc<Database>| {
        let (mut store, mut made) = (vault(replica), Vault::unmade());
        match store.commit(&made.init(), &[]) {
            Ok(()) => true,
            Err(CommitError::Exists) => false,
            Err(error) => panic!("{error}: {error:?}"),
        }
    };
    let made = thread::scope(|scope| {
        let threads: Vec<_> =
            replicas.iter().cycle().take(8).map(|it| scope.spawn(move || make(it))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it ends")).collect::<Vec<_>>()
    });
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
}

#[test]
fn of_first_vaults_that_replicas_make_at_once_one_is_made() {
    let server = Server::shared();
    for _ in 0..8 {
        let url = server.url(&server.new_database());
        let replicas: Vec<_> = (0..4).map(|_| replica(&url)).collect();
        let together = Barrier::new(replicas.len());
        let make = |(number, replica): (u8, &Arc<Database>)| {
            let mut made = Vault::unmade();
            made.id.0[0] ^= number;
            let mut store = replica.vault(made.id);
            together.wait();
            match store.commit_first(&made.init(), &[], &|_| Ok(())) {
                Ok(()) => true,
                Err(CommitError::Exists) => false,
                Err(error) => panic!("{error}: {error:?}"),
            }
        };
        let made = thread::scope(|scope| {
            let threads: Vec<_> =
                (0..).zip(&replicas).map(|it| scope.spawn(move || make(it))).collect();
            threads.into_iter().map(|thread| thread.join().expect("it ends")).collect::<Vec<_>>()
        });
        assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
    }
}

#[test]
fn a_token_with_three_uses_is_used_three_times_by_two_replicas() {
    let server = Server::shared();
    let url = server.url(&server.new_database());
    let replicas = [replica(&url), replica(&url)];
    let made = Vault::made(&mut vault(&replicas[0]));
    let me = made.owner.id();
    let used = thread::scope(|scope| {
        let threads: Vec<_> = replicas
            .iter()
            .cycle()
            .take(16)
            .map(|it| scope.spawn(move || vault(it).spend(me, 3, &[event(me, Action::Read)])))
            .collect();
        threads.into_iter().map(|it| it.join().expect("it ends")).collect::<Vec<_>>()
    });
    let used: Vec<bool> = used.into_iter().map(|used| used.expect("no trouble")).collect();
    assert_eq!(used.iter().filter(|used| **used).count(), 3);
}

#[test]
fn an_answer_that_two_replicas_take_at_once_is_given_once() {
    let server = Server::shared();
    let database = server.new_database();
    let url = server.url(&database);
    let replicas = [replica(&url), replica(&url)];
    let made = Vault::made(&mut vault(&replicas[0]));
    for number in 0..4 {
        let id = WrappedId([number; 16]);
        let waiting = Waiting { id, expires: NOW + 60, sealed: vec![number; 300] };
        assert!(vault(&replicas[0]).keep_wrapped(&waiting, NOW).expect("no trouble"));
        let events = &[event(made.owner.id(), Action::Unwrap)];
        let taken = thread::scope(|scope| {
            let take = |it| scope.spawn(move || vault(it).take_wrapped(id, events));
            let threads: Vec<_> = replicas.iter().cycle().take(8).map(take).collect();
            threads.into_iter().map(|it| it.join().expect("it ends")).collect::<Vec<_>>()
        });
        let taken: Vec<bool> = taken.into_iter().map(|it| it.expect("no trouble")).collect();
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
    }
    let noted = server.sql(&database, "SELECT count(*) FROM audit WHERE action = 16");
    assert_eq!(noted, "4", "with its entry, once each");
}

#[test]
fn vaults_of_one_database_know_nothing_of_each_other() {
    let server = Server::shared();
    let replica = replica(&server.url(&server.new_database()));
    let mut mine = vault(&replica);
    let made = Vault::written(&mut mine);
    let mut other = replica.vault(zms_core::id::VaultId([9; 16]));
    assert!(other.bundle().expect("read").vault().expect("read").is_none());
    assert!(other.audit_append(&[event(made.owner.id(), Action::Read)]).is_err());
    assert!(other.audit_chains().expect("read").is_empty());
    assert!(replica.holds(made.id).expect("read"));
    assert!(!replica.holds(zms_core::id::VaultId([9; 16])).expect("read"));
    assert_eq!(replica.vaults_of(made.owner.id()).expect("read"), [made.id]);
    assert_eq!(replica.vaults_of(zms_core::id::PrincipalId([9; 16])).expect("read"), []);
}
