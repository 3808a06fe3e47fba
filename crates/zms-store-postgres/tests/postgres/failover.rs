//! The primary is lost for good, and a standby that was waited for takes its place.

use std::{
    env,
    fmt::Write,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use zms_core::audit::first_bad;
use zms_store::Store;
use zms_store_postgres::Limits;

use crate::{
    history::{Did, Ended, History, Operation},
    load,
    replica::replica_with,
    server::Server,
};

const VAULTS: u8 = 8;
const WRITERS: u8 = 32;

fn limits() -> Limits {
    Limits {
        connections: 24,
        statement: Duration::from_secs(2),
        wait: Duration::from_secs(1),
        ..Limits::default()
    }
}

#[test]
fn a_lost_primary_takes_no_acknowledged_commit_with_it() {
    let full = env::var_os("ZMS_TEST_FULL").is_some();
    let mut report = String::new();
    for round in 0..if full { 10 } else { 1 } {
        let told = fail_over(Duration::from_secs(if full { 6 } else { 3 }));
        writeln!(report, "round {round}: {told}").expect("it is written");
    }
    println!("{report}");
}

fn fail_over(load_time: Duration) -> String {
    let primary = Server::start(&[]);
    let standby = primary.standby("other", &[]);
    primary.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (other)'");
    primary.sql("postgres", "SELECT pg_reload_conf()");
    let waited_for = "SELECT sync_state FROM pg_stat_replication";
    for _ in 0..200 {
        if primary.sql("postgres", waited_for) == "quorum" {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(primary.sql("postgres", waited_for), "quorum", "the standby is waited for");

    let url = format!(
        "postgres://zms@127.0.0.1:{},127.0.0.1:{}/postgres",
        primary.port(),
        standby.port()
    );
    let replicas = [replica_with(&url, limits()), replica_with(&url, limits())];
    load::make(&replicas[0], VAULTS);
    let (stop, history) = (AtomicBool::new(false), History::default());
    let (killed, promoted) = thread::scope(|scope| {
        for number in 0..WRITERS {
            let (stop, history) = (&stop, &history);
            // Each vault is written to through both.
            let replica = &replicas[usize::from(number / VAULTS) % 2];
            let who = format!("W{number}");
            scope.spawn(move || load::writer(replica, number % VAULTS, &who, stop, history));
        }
        for number in 0..VAULTS {
            for replica in &replicas {
                let (stop, history) = (&stop, &history);
                scope.spawn(move || load::reader(replica, number, stop, history));
            }
        }
        thread::sleep(load_time);
        let killed = Instant::now();
        primary.kill();
        // Whoever watches over the servers needs a while to be sure.
        thread::sleep(Duration::from_millis(500));
        standby.promote();
        let promoted = Instant::now();
        thread::sleep(load_time);
        stop.store(true, Ordering::Relaxed);
        (killed, promoted)
    });

    let again = history.first_after(promoted).expect("it goes on after the promotion");
    assert!(again < Duration::from_secs(15), "{again:?} until it went on");
    assert!(history.first_after(killed).is_some());
    history.check(|vault| replicas[0].vault(vault));
    assert_audit_is_whole(&replicas, &history);
    let operations = history.all();
    let commits = |it: &&Operation| matches!(it.did, Did::Commit { .. });
    let count = |ended| operations.iter().filter(commits).filter(|it| it.outcome == ended).count();
    let (done, lost, unknown) = (count(Ended::Done), count(Ended::Lost), count(Ended::Unknown));
    assert!(done > 50, "{done} commits are no load");
    let reads = operations.len() - done - lost - unknown;
    assert!(reads > 100, "{reads} reads are no load");
    format!(
        "one order of {done} commits, {lost} lost races, {unknown} unknown and {reads} reads; no \
         commit for {:?}, the first {again:?} after the promotion",
        history.longest_gap()
    )
}

/// Every chain is whole, and tells of every read and commit that was acknowledged.
fn assert_audit_is_whole(
    replicas: &[std::sync::Arc<zms_store_postgres::Database>],
    history: &History,
) {
    for number in 0..VAULTS {
        let vault = load::vault(number).id;
        let store = replicas[0].vault(vault);
        let mut entries = 0;
        for (chain, last) in store.audit_chains().expect("it is read") {
            let chain = store.audit_read(chain, 0, usize::MAX).expect("it is read");
            assert_eq!(first_bad(vault, &chain), None);
            assert_eq!(chain.len() as u64, last);
            entries += chain.len();
        }
        let done = |it: &&Operation| it.vault == vault && it.outcome == Ended::Done;
        let told = history.all().iter().filter(done).count();
        assert!(entries >= told, "{told} were answered and {entries} noted");
    }
}
