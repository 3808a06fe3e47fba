//! A database in trouble: what is said is true and comes in time, nothing is half done, and it is
//! over when the trouble is.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use zms_core::{
    audit::Action,
    bundle::{Trouble, TroubleClass},
};
use zms_store::{
    CommitError, Keeper, Store,
    contract::vault::{Vault, event, put},
};
use zms_store_postgres::{Database, Limits, PostgresStore};

use crate::{
    replica::{replica, replica_with},
    server::Server,
};

const HASTY: Limits = Limits {
    connections: 4,
    statement: Duration::from_secs(1),
    wait: Duration::from_millis(500),
    stale: Duration::ZERO,
    kept: 1 << 20,
};

fn vault(replica: &Arc<Database>) -> PostgresStore {
    replica.vault(Vault::unmade().id)
}

fn class<T>(outcome: Result<T, Trouble>) -> TroubleClass {
    match outcome {
        Ok(_) => panic!("there was no trouble"),
        Err(trouble) => trouble.class,
    }
}

fn refused(outcome: Result<(), CommitError>) -> TroubleClass {
    match outcome {
        Err(CommitError::Trouble(trouble)) => trouble.class,
        other => panic!("{other:?} is no trouble"),
    }
}

/// How everything is refused, and that it takes no longer than it may.
fn all_refused(replica: &Arc<Database>, batch: &zms_core::batch::Batch) -> Vec<TroubleClass> {
    let mut store = vault(replica);
    let me = Vault::unmade().owner.id();
    let begun = Instant::now();
    let classes = vec![
        class(replica.ready()),
        class(store.mark()),
        class(store.bundle().map(|_| ())),
        class(store.audit_append(&[event(me, Action::Read)])),
        class(store.spend(me, 9, &[])),
        class(store.request_key(me)),
        refused(store.commit(batch, &[])),
    ];
    let each = begun.elapsed() / 7;
    assert!(each < Duration::from_secs(4), "{each:?} for an answer");
    classes
}

/// Waits until it works again, by itself.
fn recovered(replica: &Arc<Database>) {
    let begun = Instant::now();
    while let Err(trouble) = replica.ready().and_then(|()| vault(replica).mark().map(|_| ())) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{trouble}: {}", trouble.source);
        thread::sleep(Duration::from_millis(50));
    }
}

fn written(url: &str) -> (Arc<Database>, Vault, zms_core::batch::Batch) {
    let replica = replica_with(url, HASTY);
    let mut made = Vault::written(&mut vault(&replica));
    let batch = made.write(&vault(&replica), "shop/production", &[put("A", b"new")]);
    (replica, made, batch)
}

#[test]
fn a_database_that_is_gone_is_told_and_used_again_when_it_is_back() {
    let mut server = Server::start(&[]);
    let (replica, mut made, batch) = written(&server.url("postgres"));
    server.kill();
    for class in all_refused(&replica, &batch) {
        assert_eq!(class, TroubleClass::Away);
    }
    server.restart(&[]);
    recovered(&replica);
    made.commit(&mut vault(&replica), &batch);
    assert_eq!(made.scope(&vault(&replica), "shop/production").head.revision, 3);
}

#[test]
fn a_database_that_hangs_is_told_in_time_and_used_again() {
    let server = Server::start(&[]);
    let (replica, mut made, batch) = written(&server.url("postgres"));
    server.hang();
    for class in all_refused(&replica, &batch) {
        assert!(matches!(class, TroubleClass::Busy | TroubleClass::Away), "{class:?}");
    }
    server.wake();
    recovered(&replica);
    // What was asked for while it hung may be done yet: the race is lost then, and nothing else.
    let mut store = vault(&replica);
    match store.commit(&batch, &[]) {
        Ok(()) | Err(CommitError::Conflict) => {}
        Err(error) => panic!("{error:?}"),
    }
    assert_eq!(made.scope(&store, "shop/production").head.revision, 3);
}

#[test]
fn a_vault_that_somebody_holds_is_busy() {
    let server = Server::start(&[]);
    let (replica, mut made, batch) = written(&server.url("postgres"));
    let hold = "BEGIN; UPDATE vault SET commits = commits; SELECT pg_sleep(2.5); ROLLBACK";
    thread::scope(|scope| {
        scope.spawn(|| server.sql("postgres", hold));
        thread::sleep(Duration::from_millis(500));
        assert_eq!(refused(vault(&replica).commit(&batch, &[])), TroubleClass::Busy);
    });
    made.commit(&mut vault(&replica), &batch);
}

#[test]
fn a_standby_is_not_taken_for_a_primary() {
    let primary = Server::start(&[]);
    let (_writer, mut made, batch) = written(&primary.url("postgres"));
    let standby = primary.standby("other", &[]);
    let url = format!("{}?target_session_attrs=any", standby.url("postgres"));
    // It borrows a chain when it starts, so it does not start here.
    let Err(trouble) = try_replica(&url) else { panic!("a standby was taken for a primary") };
    assert_eq!(trouble.class, TroubleClass::ReadOnly);
    let only = try_replica(&standby.url("postgres"));
    assert_eq!(class(only), TroubleClass::ReadOnly);
    // Of several, the one that takes writes is used, wherever it stands.
    let port = |server: &Server| format!("127.0.0.1:{}", server.port());
    let url = format!("postgres://zms@{},{}/postgres", port(&standby), port(&primary));
    let replica = replica(&url);
    made.commit(&mut vault(&replica), &batch);
}

fn try_replica(url: &str) -> Result<Database, Trouble> {
    let address = zms_store_postgres::Address::parse(url).expect("it is one");
    Database::connect(&address, HASTY, crate::replica::runtime(), crate::replica::name())
}

#[test]
fn a_full_disk_is_said_and_changes_nothing() {
    if !crate::server::is_root() {
        println!("a small disk is mounted as root only");
        return;
    }
    let server = Server::start(&[]);
    let disk = server.small_disk("vaults");
    let (replica, mut made, small) = written(&server.url("vaults"));
    disk.fill();
    let mut store = vault(&replica);
    let value: Vec<u8> =
        (0..400_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let batch = made.write(&store, "shop/production", &[put("BIG", &value)]);
    assert_eq!(refused(store.commit(&batch, &[])), TroubleClass::Full);
    assert_eq!(made.scope(&store, "shop/production").head.revision, 2);
    let many = vec![event(made.owner.id(), Action::Read); 4000];
    assert_eq!(class(store.audit_append(&many)), TroubleClass::Full);
    assert_eq!(store.audit_read(0, 0, usize::MAX).expect("read").len(), 2);
    disk.relieve();
    recovered(&replica);
    made.commit(&mut store, &small);
}

#[test]
fn who_finds_every_connection_in_use_is_told_so_in_time() {
    let server = Server::start(&[]);
    let (replica, made, _) = written(&server.url("postgres"));
    let store = vault(&replica);
    let held: Vec<_> = (0..4).map(|_| store.bundle().expect("it is read")).collect();
    let begun = Instant::now();
    assert_eq!(class(store.bundle().map(|_| ())), TroubleClass::Busy);
    assert!(begun.elapsed() < Duration::from_secs(2));
    // What many share goes on: nobody who holds a connection waits for somebody who waits for one.
    assert!(store.mark().is_ok());
    let noted = vault(&replica).audit_append(&[event(made.owner.id(), Action::Read)]);
    noted.expect("it is noted");
    drop(held);
    recovered(&replica);
    store.bundle().expect("a connection is free again");
}

#[test]
fn a_table_that_is_gone_is_another_schema() {
    let server = Server::shared();
    let database = server.new_database();
    let replica = replica(&server.url(&database));
    let made = Vault::written(&mut vault(&replica));
    server.sql(&database, "DROP TABLE spent");
    let spent = vault(&replica).spend(made.owner.id(), 3, &[]);
    assert_eq!(class(spent), TroubleClass::Schema);
}

/// A primary whose standby is away: what it commits is in one place only.
fn lonely() -> (Server, Arc<Database>, Vault, zms_core::batch::Batch) {
    let server = Server::start(&[]);
    let (replica, made, batch) = written(&server.url("postgres"));
    server.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (away)'");
    server.sql("postgres", "SELECT pg_reload_conf()");
    thread::sleep(Duration::from_millis(300));
    (server, replica, made, batch)
}

const WAITING: &str = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

#[test]
fn what_no_standby_has_is_not_acknowledged() {
    let (server, replica, mut made, batch) = lonely();
    assert_eq!(refused(vault(&replica).commit(&batch, &[])), TroubleClass::Busy);
    let me = made.owner.id();
    let noted = vault(&replica).audit_append(&[event(me, Action::Read)]);
    assert_eq!(class(noted), TroubleClass::Busy);
    server.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = ''");
    server.sql("postgres", "SELECT pg_reload_conf()");
    recovered(&replica);
    // It was committed after all, now that it need not wait.
    assert_eq!(made.scope(&vault(&replica), "shop/production").head.revision, 3);
}

#[test]
fn a_wait_that_somebody_cancels_is_not_acknowledged_either() {
    let (server, replica, _, batch) = lonely();
    let outcome = thread::scope(|scope| {
        let commit = scope.spawn(|| vault(&replica).commit(&batch, &[]));
        for _ in 0..40 {
            if server.sql("postgres", &format!("SELECT count(*) {WAITING}")) != "0" {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        // Postgres calls it committed from here on, and says in a warning that nobody has a copy.
        let cancelled = server.sql("postgres", &format!("SELECT pg_cancel_backend(pid) {WAITING}"));
        assert!(cancelled.contains('t'), "it waited");
        commit.join().expect("it ends")
    });
    assert_eq!(refused(outcome), TroubleClass::Away);
}

#[test]
fn requests_that_wait_for_a_standby_do_not_take_every_connection_of_the_server() {
    let (server, replica, made, batch) = lonely();
    let me = made.owner.id();
    for _ in 0..3 {
        thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| vault(&replica).commit(&batch, &[]).expect_err("nobody has it"));
                let note = || vault(&replica).audit_append(&[event(me, Action::Read)]);
                scope.spawn(move || note().expect_err("nobody has it"));
            }
        });
    }
    let all = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'zms'";
    let connections: usize = server.sql("postgres", all).parse().expect("a number");
    assert!(connections <= HASTY.connections + 6, "{connections}");
    server.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = ''");
    server.sql("postgres", "SELECT pg_reload_conf()");
    recovered(&replica);
    vault(&replica).audit_append(&[event(me, Action::Read)]).expect("it is noted again");
}
