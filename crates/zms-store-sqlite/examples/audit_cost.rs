//! Times what the audit adds to a read: one entry appended to the database at a path.
//! `audit_cost DATABASE COUNT` prints the median in microseconds. For `bench/`.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement prints")]

use std::{env, path::Path, time::Instant};

use zms_core::{
    audit::{Action, Event, Outcome},
    id::PrincipalId,
};
use zms_store::Store;
use zms_store_sqlite::SqliteStore;

fn main() {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().expect("the path of a database");
    let count: usize = arguments.next().and_then(|n| n.parse().ok()).expect("a count");
    let event = Event {
        time: 0,
        principal: PrincipalId([0; 16]),
        action: Action::Read,
        scope: None,
        revision: 0,
        outcome: Outcome::Done,
    };
    let mut micros: Vec<f64> = (0..count)
        .map(|_| {
            // A new handle each time, as a new process has one.
            let opened = SqliteStore::open(Path::new(&path)).expect("opens");
            let mut store = opened.expect("a database is there");
            // A first read, so that only the append is timed.
            drop(store.bundle().expect("reads").vault());
            let start = Instant::now();
            store.audit_append(std::slice::from_ref(&event)).expect("appends");
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    println!("{:.1}", micros[count / 2]);
}
