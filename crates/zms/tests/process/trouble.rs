//! A database in trouble behind a server: what is asked meanwhile is refused in time with a word on
//! when to ask again, readiness tells the truth, the database is not asked more than before, and
//! all of it works again by itself.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    partition::{Answer, BOUND, PATIENCE, http, serve, token},
    postgres,
    scratch::{Go, Scratch},
    server::{Server, client, init},
};

/// Who asks at the same time.
const CALLERS: usize = 4;

/// What is asked, under which method and target, and with what.
const READ: [&str; 3] = ["GET", "/v1/secrets/KEY", ""];
const WRITE: [&str; 3] = ["PUT", "/v1/secrets/OTHER", "new"];
const READY: [&str; 3] = ["GET", "/readyz", ""];

/// A server over a database, with a secret in it and a token that reads and writes.
struct World {
    scratch: Scratch,
    server: Server,
    token: String,
    asked: AtomicUsize,
}

impl World {
    fn over(url: &str, options: &[&str]) -> Self {
        let scratch = Scratch::empty();
        let server = serve(&scratch, "server", &[], url, options);
        init(&scratch, &server);
        client(&scratch, &server.address(), &["set", "KEY"]).feed(b"value\n").good();
        let (token, _) = token(&scratch, &server.address(), &["app", "--write"]);
        let world = Self { scratch, server, token, asked: AtomicUsize::default() };
        world.works();
        world
    }

    fn ask(&self, [method, target, body]: [&str; 3]) -> Answer {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let token = if target == READY[1] { "" } else { &self.token };
        let begun = Instant::now();
        let (answer, said) = http(self.server.socket(), method, target, token, body);
        assert!(begun.elapsed() < BOUND, "{method} {target} took {:?}", begun.elapsed());
        assert!(answer == Answer::Given || !said.contains("value"), "{said}");
        answer
    }

    /// Asks until it is answered so.
    fn until(&self, what: [&str; 3], answer: &Answer) {
        let begun = Instant::now();
        loop {
            let told = self.ask(what);
            if told == *answer {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{what:?} is answered {told:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until all of it is answered, by a server that was not touched.
    fn works(&self) {
        for what in [READY, READ, WRITE] {
            self.until(what, &Answer::Given);
        }
        let get = ["get", "KEY"];
        let got = client(&self.scratch, &self.server.address(), &get).go().good();
        assert_eq!(got, b"value");
    }

    /// All that is asked is refused, so many times by each caller.
    fn refuses(&self, times: usize) {
        for what in [READ, WRITE, READY] {
            self.until(what, &Answer::Later);
        }
        thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| {
                    for what in [READ, WRITE, READY].repeat(times) {
                        assert_eq!(self.ask(what), Answer::Later, "{what:?}");
                    }
                });
            }
        });
        let mut get = client(&self.scratch, &self.server.address(), &["get", "KEY"]);
        let got = get.env("ZMS_TOKEN", &self.token).go();
        assert!([1, 8].contains(&got.code()), "{}", got.stderr);
        assert_eq!(got.stdout, b"", "{}", got.stderr);
        let alive = http(self.server.socket(), "GET", "/healthz", "", "").0;
        assert_eq!(alive, Answer::Given, "the process lives");
    }

    /// Holds what the database was asked against what the server was.
    fn no_storm(&self, asked: usize, time: Duration, tried: usize) {
        let asked = self.asked.load(Ordering::Relaxed) - asked;
        println!("{tried} tries for {asked} requests in {time:?}");
        // A request reads a mark and a vault and notes itself, on connections made anew. Beside
        // that others' changes are looked for.
        let most = 5 * asked + 8 * (time.as_secs() as usize + 1);
        assert!(tried <= most, "{tried} tries for {asked} requests in {time:?} are a storm");
    }

    /// Is refused everything in a trouble, and nothing once it is over; the database is asked for
    /// no more than that.
    fn lives_through(
        &self,
        times: usize,
        tried: impl Fn() -> usize,
        trouble: impl FnOnce(),
        relief: impl FnOnce(),
    ) {
        let (asked, begun) = (self.asked.load(Ordering::Relaxed), Instant::now());
        let before = tried();
        trouble();
        self.refuses(times);
        relief();
        self.works();
        self.no_storm(asked, begun.elapsed(), tried().saturating_sub(before));
    }
}

/// What a database was asked for, as it counts it: transactions, and connections.
fn tried(database: &postgres::Server, name: &str) -> usize {
    let sql = format!(
        "SELECT xact_commit + xact_rollback + sessions FROM pg_stat_database WHERE datname = '{name}'"
    );
    // What it counts it tells a moment later.
    thread::sleep(Duration::from_millis(1200));
    database.sql("postgres", &sql).parse().unwrap()
}

/// Changes a setting of a server that runs.
fn set(database: &postgres::Server, setting: &str) {
    database.sql("postgres", &format!("ALTER SYSTEM SET {setting}"));
    database.sql("postgres", "SELECT pg_reload_conf()");
}

/// The address over loopback: a server that comes back is there again.
fn loopback(database: &postgres::Server, name: &str) -> String {
    format!("postgres://zms@127.0.0.1:{}/{name}", database.port())
}

#[test]
fn a_database_that_takes_no_writes_is_told_until_it_does() {
    let database = postgres::Server::start(&[]);
    let name = database.new_database();
    let world = World::over(&database.url(&name), &[]);
    world.lives_through(
        25,
        || tried(&database, &name),
        || set(&database, "default_transaction_read_only = on"),
        || set(&database, "default_transaction_read_only = off"),
    );
}

#[test]
fn a_primary_that_becomes_a_standby_is_told_until_it_is_promoted() {
    let mut database = postgres::Server::start(&[]);
    let name = database.new_database();
    let world = World::over(&loopback(&database, &name), &[]);
    // Of nobody: it is read, and waits to be promoted.
    database.sql("postgres", "COPY (SELECT) TO PROGRAM 'cat >standby.signal'");
    database.kill();
    database.restart(&[]);
    world.lives_through(25, || tried(&database, &name), || {}, || database.promote());
}

#[test]
fn a_full_database_is_told_until_there_is_room() {
    // What is removed by itself would make room.
    let database = postgres::Server::start(&["autovacuum=off"]);
    let disk = database.small_disk("vaults");
    let world = World::over(&database.url("vaults"), &[]);
    let tried = || tried(&database, "vaults");
    world.lives_through(25, tried, || disk.fill(), || disk.relieve());
}

#[test]
fn tables_of_another_version_are_told_until_they_are_ours() {
    let database = postgres::Server::shared();
    let name = database.new_database();
    let world = World::over(&database.url(&name), &[]);
    let sql = |sql: &str| drop(database.sql(&name, sql));
    world.lives_through(
        25,
        || tried(database, &name),
        || sql("ALTER TABLE audit RENAME TO noted"),
        || sql("ALTER TABLE noted RENAME TO audit"),
    );
    // Requests go on as long as they can. Who is asked for more of them is to know.
    sql("UPDATE zms_schema SET version = version + 1");
    world.until(READY, &Answer::Later);
    sql("UPDATE zms_schema SET version = version - 1");
    world.works();
}

#[test]
fn a_database_that_hangs_is_told_until_it_goes_on() {
    let database = postgres::Server::start(&[]);
    let name = database.new_database();
    let world = World::over(&loopback(&database, &name), &[]);
    let tried = || tried(&database, &name);
    world.lives_through(1, tried, || database.hang(), || database.wake());
}

/// Stands where a database stood, hangs up on whoever calls, and counts.
fn hang_up(port: u16, calls: &AtomicUsize, end: &AtomicBool) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    while !end.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok(_) => drop(calls.fetch_add(1, Ordering::SeqCst)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_database_that_is_gone_is_told_until_it_is_back() {
    let mut database = postgres::Server::start(&[]);
    let name = database.new_database();
    // What may be that old is at hand, and not given out: it can not be noted.
    let world = World::over(&loopback(&database, &name), &["--database-lag", "1h"]);
    let (calls, end) = (AtomicUsize::new(0), AtomicBool::new(false));
    database.kill();
    world.refuses(5);
    let (asked, begun) = (world.asked.load(Ordering::Relaxed), Instant::now());
    thread::scope(|scope| {
        scope.spawn(|| hang_up(database.port(), &calls, &end));
        world.refuses(25);
        end.store(true, Ordering::SeqCst);
    });
    world.no_storm(asked, begun.elapsed(), calls.into_inner());
    database.restart(&[]);
    world.works();
}
