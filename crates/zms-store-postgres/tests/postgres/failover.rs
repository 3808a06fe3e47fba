//! The primary is lost for good, and a standby that was waited for takes its place.

use std::{
    env,
    fmt::Write,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use zms_core::id::ScopeId;
use zms_store_postgres::Limits;

use crate::{
    history::{Did, Ended, History, Operation, gap, goes_on},
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
    let standby = primary.synchronous_standby();
    let url = primary.url_with(&standby, "postgres");
    let replicas = [replica_with(&url, limits()), replica_with(&url, limits())];
    load::make(VAULTS, |number| load::store(&replicas[0], number));
    let scope = |number| load::scope(&load::store(&replicas[0], number), number);
    let scopes: Vec<ScopeId> = (0..VAULTS).map(scope).collect();
    let (stop, history) = (AtomicBool::new(false), History::default());
    let go_on = || {
        thread::sleep(load_time);
        goes_on(|| history.acknowledged().len(), 100)
    };
    let (before, promoted, after) = thread::scope(|scope| {
        for number in 0..WRITERS {
            let (stop, history) = (&stop, &history);
            // Each vault is written to through both.
            let replica = &replicas[usize::from(number / VAULTS) % 2];
            let (who, vault) = (format!("W{number}"), number % VAULTS);
            let store = load::store(replica, vault);
            scope.spawn(move || load::writer(store, vault, &who, stop, history));
        }
        for number in 0..VAULTS {
            for replica in &replicas {
                let (stop, history, store) = (&stop, &history, load::store(replica, number));
                let read = scopes[usize::from(number)];
                scope.spawn(move || load::reader(store, number, read, stop, history));
            }
        }
        let lost = primary.lose_to(&standby, go_on);
        stop.store(true, Ordering::Relaxed);
        lost
    });
    assert!(before && after, "commits are acknowledged, before and after");

    let (longest, again) = gap(history.acknowledged(), promoted);
    history.check(|vault| replicas[0].vault(vault));
    history.check_audit(|vault| replicas[0].vault(vault));
    let operations = history.all();
    let commits = |it: &&Operation| matches!(it.did, Did::Commit { .. });
    let count = |ended| operations.iter().filter(commits).filter(|it| it.outcome == ended).count();
    let (done, lost, unknown) = (count(Ended::Done), count(Ended::Lost), count(Ended::Unknown));
    assert!(done > 50, "{done} commits are no load");
    let reads = operations.len() - done - lost - unknown;
    assert!(reads > 100, "{reads} reads are no load");
    format!(
        "one order of {done} commits, {lost} lost races, {unknown} unknown and {reads} reads; no \
         commit for {longest:?}, the first {again:?} after the promotion"
    )
}
