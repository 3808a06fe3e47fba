//! Many processes at work on one vault: nothing that was acknowledged is lost, and nobody fails for
//! no better reason than that others are there.

mod afterwards;
mod worker;

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use self::worker::Worker;
use crate::{
    random::{Random, full},
    scratch::{Go, Scratch},
};

/// How many work at once.
const CROWD: usize = 16;

/// Where workers have names of their own.
const OWN: [&str; 2] = ["development", "staging"];
/// Where all write the same names.
const SHARED: &str = "play";

/// What was acknowledged: the place, the revision, and what it did.
struct Ack {
    env: &'static str,
    revision: u64,
    did: Did,
}

/// What a revision did.
#[derive(Debug)]
enum Did {
    /// Set and removed these.
    Edit(BTreeMap<String, Option<String>>),
    /// Took the newest change back.
    Undo,
}

/// What is to hold when all is quiet.
#[derive(Default)]
struct Expected {
    acks: Vec<Ack>,
    /// Names of one worker each, by place and name.
    own: BTreeMap<(&'static str, String), String>,
    /// Tokens that open something, and those that do not any more.
    good: Vec<String>,
    out: Vec<String>,
    /// Environments that were made, and were not removed again.
    envs: Vec<String>,
    /// How often each thing was tried, by how it ended.
    counts: BTreeMap<(&'static str, i32), usize>,
}

impl Expected {
    fn add(&mut self, mut other: Self) {
        self.acks.append(&mut other.acks);
        self.own.append(&mut other.own);
        self.good.append(&mut other.good);
        self.out.append(&mut other.out);
        self.envs.append(&mut other.envs);
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }
}

#[test]
fn a_crowd_at_one_vault_loses_nothing() {
    let vault = Scratch::vault();
    vault.zms(["env", "create", SHARED]).go().good();
    vault.set(&["-e", SHARED], "FIRST", "1");
    let mut random = Random::new();
    let everywhere = format!("{},{SHARED}", OWN.join(","));
    let workers = (0..CROWD).map(|number| {
        // Every other one is no owner.
        let args = [&format!("w{number}"), "-e", &everywhere, "--write"];
        let token = (number % 2 == 1).then(|| vault.token(&args));
        Worker::new(&vault, number, token, random.split())
    });
    let workers: Vec<_> = workers.collect();
    let end = Instant::now() + Duration::from_secs(if full() { 60 } else { 6 });
    let mut expected = Expected::default();
    thread::scope(|scope| {
        let work = |worker: Worker<'_>| worker.work(end);
        let threads: Vec<_> =
            workers.into_iter().map(|worker| scope.spawn(move || work(worker))).collect();
        threads.into_iter().for_each(|thread| expected.add(thread.join().unwrap()));
    });
    for ((what, code), count) in &expected.counts {
        println!("{count:5} {what}: exit {code}");
    }
    expected.holds(&vault);
}
