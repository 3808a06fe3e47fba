//! What one replica commits, the others hear of and show.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use zms_core::audit::Action;
use zms_store::{
    Keeper, Store,
    contract::vault::{Vault, event, put},
};
use zms_store_postgres::Limits;

use crate::{
    history::History,
    load,
    replica::{replica, replica_with},
    server::Server,
};

#[test]
fn a_replica_hears_of_what_others_commit_and_of_that_alone() {
    let server = Server::shared();
    let url = server.url(&server.new_database());
    let (one, other) = (replica(&url), replica(&url));
    let mut made = Vault::written(&mut one.vault(Vault::unmade().id));
    let mut store = one.vault(made.id);
    // What was there before is no news.
    thread::sleep(Duration::from_secs(1));
    let (moved, news) = mpsc::channel();
    other.on_move(move |vault| moved.send(vault).unwrap_or_default());
    assert!(news.recv_timeout(Duration::from_secs(1)).is_err(), "nothing moved");
    let me = made.owner.id();
    store.audit_append(&[event(me, Action::Read)]).expect("noted");
    assert!(news.recv_timeout(Duration::from_secs(1)).is_err(), "a read moves nothing");
    for round in 0..5 {
        let value = format!("{round}");
        let batch = made.write(&store, "shop/production", &[put("A", value.as_bytes())]);
        let begun = Instant::now();
        made.commit(&mut store, &batch);
        assert_eq!(news.recv_timeout(Duration::from_secs(5)).expect("it is told"), made.id);
        assert!(begun.elapsed() < Duration::from_secs(3));
    }
}

#[test]
fn a_commit_that_ends_late_is_heard_of_too() {
    let server = Server::shared();
    let database = server.new_database();
    let url = server.url(&database);
    let other = replica(&url);
    let made = Vault::written(&mut other.vault(Vault::unmade().id));
    thread::sleep(Duration::from_secs(1));
    let (moved, news) = mpsc::channel();
    other.on_move(move |vault| moved.send(vault).unwrap_or_default());
    // It moved 30 seconds ago as its transaction has it, and is to be seen only now.
    let late = "UPDATE vault SET commits = commits + 1, moved_at = now() - INTERVAL '30 s'";
    server.sql(&database, late);
    let told = news.recv_timeout(Duration::from_secs(20)).expect("it is told in the end");
    assert_eq!(told, made.id);
}

#[test]
fn a_mark_may_be_as_old_as_it_is_said_to_be_and_no_older() {
    let server = Server::shared();
    let database = server.new_database();
    let url = server.url(&database);
    let stale = Limits { stale: Duration::from_secs(2), ..Limits::default() };
    let (strong, relaxed) = (replica(&url), replica_with(&url, stale));
    let mut made = Vault::written(&mut strong.vault(Vault::unmade().id));
    let mut store = strong.vault(made.id);
    let shown = relaxed.vault(made.id);
    // Until the feed has seen what is there.
    thread::sleep(Duration::from_secs(2));
    let before = shown.mark().expect("it is read");
    let begun = Instant::now();
    // Behind the feed's back, so that only its age ends it.
    server.sql(&database, "UPDATE vault SET commits = commits + 1, moved_at = '2000-01-01'");
    let mut reads = 0;
    while shown.mark().expect("it is read") == before {
        reads += 1;
        assert!(begun.elapsed() < Duration::from_millis(2500), "it is too old");
    }
    assert!(reads > 1000, "{reads}: nobody is asked while it is good");
    assert!(begun.elapsed() > Duration::from_millis(1500));
    // A strong one is asked for each time, and a change of one's own is seen at once.
    let batch = made.write(&store, "shop/production", &[put("A", b"new")]);
    made.commit(&mut store, &batch);
    assert_eq!(store.mark().expect("read").commits, before.commits + 2);
    let mut own = relaxed.vault(made.id);
    let last = own.mark().expect("read");
    let batch = made.write(&own, "shop/production", &[put("A", b"newer")]);
    made.commit(&mut own, &batch);
    assert!(own.mark().expect("read").commits > last.commits);
}

#[test]
fn what_is_read_elsewhere_is_in_one_order_with_commits_unless_it_may_be_old() {
    let server = Server::shared();
    let url = server.url(&server.new_database());
    let stale = Limits { stale: Duration::from_secs(2), ..Limits::default() };
    let writes = replica(&url);
    load::make(2, |number| load::store(&writes, number));
    for (number, reads, ordered) in
        [(0, replica(&url), true), (1, replica_with(&url, stale), false)]
    {
        let (stop, history) = (AtomicBool::new(false), History::default());
        let [writes_to, reads] = [&writes, &reads].map(|replica| load::store(replica, number));
        let read = load::scope(&reads, number);
        thread::scope(|scope| {
            scope.spawn(|| load::writer(writes_to, number, "W", &stop, &history));
            scope.spawn(|| load::reader(reads, number, read, &stop, &history));
            thread::sleep(Duration::from_secs(3));
            stop.store(true, Ordering::Relaxed);
        });
        let checked = catch_unwind(AssertUnwindSafe(|| history.check(|id| writes.vault(id))));
        assert_eq!(checked.is_ok(), ordered, "{} operations", history.all().len());
    }
}
