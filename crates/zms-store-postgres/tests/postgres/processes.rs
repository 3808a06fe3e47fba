//! Replicas that are processes of their own: killed under load, and cut off from the database.

use std::{
    collections::HashMap,
    env,
    ffi::OsString,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, atomic::AtomicBool},
    thread,
    time::{Duration, Instant},
};

use zms_core::{audit::first_bad, revision::message_hash};
use zms_store::Store;
use zms_store_postgres::{Database, Limits};

use crate::{
    history::{Did, Ended, History},
    load,
    replica::replica_with,
    server::Server,
    space::Space,
};

const VAULTS: u8 = 4;
const WRITERS: u8 = 8;

fn limits() -> Limits {
    Limits {
        connections: 8,
        statement: Duration::from_secs(2),
        wait: Duration::from_secs(1),
        ..Limits::default()
    }
}

/// What each process of these tests does; nothing where nobody asked. It tells of each operation
/// once it is acknowledged: `commit` or `read`, vault, revision, hash.
#[test]
fn a_child_is_a_replica() {
    let Ok(url) = env::var("ZMS_TEST_REPLICA") else { return };
    let replica = replica_with(&url, limits());
    let (stop, history) = (AtomicBool::new(false), History::default());
    thread::scope(|scope| {
        for number in 0..WRITERS {
            let (replica, stop, history) = (&replica, &stop, &history);
            let who = format!("{}{number}", std::process::id());
            let (store, vault) = (load::store(replica, number % VAULTS), number % VAULTS);
            scope.spawn(move || load::writer(store, vault, &who, stop, history));
        }
        let mut told = 0;
        loop {
            thread::sleep(Duration::from_millis(5));
            let all = history.all();
            let mut out = std::io::stdout().lock();
            for it in &all[told..] {
                if it.outcome == Ended::Done {
                    let (what, hash) = match it.did {
                        Did::Commit { to, .. } => ("commit", to),
                        Did::Read(shown) => ("read", shown),
                        Did::Mark => continue,
                    };
                    let vault = it.vault.0[0];
                    writeln!(out, "\n{what} {vault} {} {hash:?}", it.revision).expect("it is read");
                }
            }
            out.flush().expect("it is read");
            told = all.len();
        }
    });
}

/// A replica as a process.
struct Replica {
    child: Child,
    told: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl Replica {
    fn start(url: &str, space: Option<&Space>) -> Self {
        let test = env::current_exe().expect("it is known");
        let mut words: Vec<OsString> = Vec::new();
        words.extend(space.into_iter().flat_map(Space::inside).map(OsString::from));
        words.push(test.into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.args(["--exact", "processes::a_child_is_a_replica", "--nocapture"]);
        command.env("ZMS_TEST_REPLICA", url).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line.starts_with("commit ") || line.starts_with("read ") {
                    heard.lock().expect("nobody panicked").push((Instant::now(), line));
                }
            }
        });
        Self { child, told }
    }

    fn told(&self) -> Vec<(Instant, String)> {
        self.told.lock().expect("nobody panicked").clone()
    }

    /// Waits until it has told of so much more.
    fn works(&self, more: usize) {
        let (before, begun) = (self.told().len(), Instant::now());
        while self.told().len() < before + more {
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not work");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn kill(&mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it ended");
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All that was told of is there, and noted.
fn assert_all_is_true(database: &Arc<Database>, replicas: &[&Replica]) {
    let mut told: HashMap<u8, Vec<(bool, u64, String)>> = HashMap::new();
    for (_, line) in replicas.iter().flat_map(|replica| replica.told()) {
        let mut words = line.splitn(4, ' ');
        let mut next = || words.next().expect("four words").to_owned();
        let (what, vault) = (next(), next().parse().expect("a number"));
        let revision = next().parse().expect("a number");
        told.entry(vault).or_default().push((what == "commit", revision, next()));
    }
    assert_eq!(told.len(), usize::from(VAULTS), "every vault was used");
    for (number, told) in told {
        let mut vault = load::vault(number);
        let store = database.vault(vault.id);
        let scope = vault.scope(&store, "shop/production").id();
        let bundle = store.bundle().expect("it is read");
        let mut chain = bundle.revision_messages(scope, 0).expect("it is read");
        chain.extend(bundle.head(scope).expect("it is read").map(|head| head.message));
        let hashes: Vec<String> =
            chain.iter().map(|message| format!("{:?}", message_hash(message))).collect();
        let mut won = std::collections::HashSet::new();
        for (commit, revision, hash) in &told {
            assert_eq!(hashes.get(*revision as usize - 1), Some(hash), "told and not there");
            assert!(!commit || won.insert(*revision), "two won revision {revision}");
        }
        let mut entries = 0;
        for (chain, _) in store.audit_chains().expect("it is read") {
            let chain = store.audit_read(chain, 0, usize::MAX).expect("it is read");
            assert_eq!(first_bad(vault.id, &chain), None);
            entries += chain.len();
        }
        assert!(entries >= told.len(), "{} were answered and {entries} noted", told.len());
    }
}

#[test]
fn a_replica_that_is_killed_takes_nothing_with_it() {
    let server = Server::start(&[]);
    let url = server.url("postgres");
    let database = replica_with(&url, limits());
    load::make(VAULTS, |number| load::store(&database, number));
    let rounds = if env::var_os("ZMS_TEST_FULL").is_some() { 20 } else { 3 };
    let stays = Replica::start(&url, None);
    stays.works(20);
    let mut killed = Vec::new();
    for round in 0..rounds {
        let mut replica = Replica::start(&url, None);
        // At another moment each time.
        replica.works(20 + 13 * round);
        replica.kill();
        killed.push(replica);
        stays.works(20);
    }
    let mut all: Vec<&Replica> = killed.iter().collect();
    all.push(&stays);
    assert_all_is_true(&database, &all);
}

#[test]
fn a_replica_that_is_cut_off_answers_nothing_that_is_not_there() {
    let space = Space::new();
    let server = Server::start(&[&format!("listen_addresses=127.0.0.1,{}", space.here())]);
    let near = replica_with(&server.url("postgres"), limits());
    load::make(VAULTS, |number| load::store(&near, number));
    let (here, port) = (space.here(), server.port());
    let url = format!("postgres://zms@{here}:{port}/postgres?sslmode=disable");
    let cut_off = Replica::start(&url, Some(&space));
    let other = Replica::start(&server.url("postgres"), None);
    cut_off.works(20);
    let rounds = if env::var_os("ZMS_TEST_FULL").is_some() { 10 } else { 2 };
    for round in 0..rounds {
        match round % 2 {
            0 => space.cut(),
            _ => space.silence(),
        }
        // What was on its way is answered or given up.
        thread::sleep(Duration::from_secs(4));
        let before = cut_off.told().len();
        other.works(40);
        thread::sleep(Duration::from_secs(2));
        assert_eq!(cut_off.told().len(), before, "it answers nothing");
        space.mend();
        cut_off.works(20);
    }
    assert_all_is_true(&near, &[&cut_off, &other]);
}
