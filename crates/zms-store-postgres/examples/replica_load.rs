//! What one replica gets out of a database: the work of `bench/postgres`.
//!
//! `replica_load URL make` makes vaults and `replica_load URL tokens COUNT` gives one of them tokens.
//! `replica_load URL WORK SECONDS THREADS` says `begin`, waits for a line, works, says how much was
//! done and what it cost this process, and waits again.
#![expect(clippy::disallowed_methods, reason = "a benchmark owns its clock, and reads of itself")]
#![expect(clippy::print_stdout, reason = "it tells by its output")]

use std::{
    env,
    error::Error,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use zms_core::{
    admit::admit,
    audit::{Action, Event},
    batch::Batch,
    bundle::{
        TroubleClass,
        collect::{Wish, collect},
    },
    id::VaultId,
};
use zms_store::{
    CommitError, Keeper, Store,
    contract::vault::{NOW, Vault, event, put},
    memory::MemoryStore,
};
use zms_store_postgres::{Address, Database, Limits, PostgresStore};

type Done = Result<(), Box<dyn Error + Send + Sync>>;

/// Secrets of the scope that is read.
const IN_SCOPE: usize = 100;
/// Vaults that are written to.
const VAULTS: u8 = 16;

fn vault(number: u8) -> Vault {
    let mut vault = Vault::unmade();
    vault.id = VaultId([number; 16]);
    vault
}

fn main() -> Done {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, work, rest @ ..] = &arguments[..] else { return Err("URL WORK ...".into()) };
    let number = |at: usize| rest.get(at).and_then(|text| text.parse::<u64>().ok());
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build()?;
    let mut limits = Limits { connections: 16, ..Limits::default() };
    match work.as_str() {
        "relaxed" => limits.stale = Duration::from_secs(1),
        "cold" => limits.kept = 0,
        _ => {}
    }
    let mut name = [0; 16];
    name[..4].copy_from_slice(&std::process::id().to_le_bytes());
    let database = Database::connect(&Address::parse(url)?, limits, runtime.handle(), name);
    let database = Arc::new(database?);
    if work == "make" {
        return make(&database);
    }
    if work == "tokens" {
        return tokens(&database, number(0).unwrap_or(0));
    }
    let (seconds, threads) = (number(0).unwrap_or(5), number(1).unwrap_or(16));
    let bench = Bench { database, work: work.clone(), deadline: Duration::from_secs(seconds) };
    bench.run(threads as usize)
}

/// One vault to read, with a scope of a hundred secrets, and some to write to.
fn make(database: &Arc<Database>) -> Done {
    for number in 0..VAULTS {
        let mut made = vault(number);
        let mut store = database.vault(made.id);
        let batch = made.init();
        store.commit(&batch, &[event(made.owner.id(), Action::Init)])?;
        let values = (0..IN_SCOPE).map(|n| put(&format!("SECRET_{n}"), &[b'x'; 48]));
        let batch = made.write(&store, "shop/production", &values.collect::<Vec<_>>());
        store.commit(&batch, &[event(made.owner.id(), Action::Write)])?;
    }
    Ok(())
}

/// Tokens of a scope, one commit each.
fn tokens(database: &Arc<Database>, count: u64) -> Done {
    let mut made = vault(0);
    let mut store = database.vault(made.id);
    for number in 0..count {
        let (batch, _) = made.token(&store, &format!("token {number}"));
        store.commit(&batch, &[event(made.owner.id(), Action::Grant)])?;
    }
    Ok(())
}

/// User and system time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(ticks * 10)
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

fn pause() -> io::Result<()> {
    io::stdin().read_line(&mut String::new()).map(|_| ())
}

struct Bench {
    database: Arc<Database>,
    work: String,
    deadline: Duration,
}

impl Bench {
    fn run(&self, threads: usize) -> Done {
        // What an engine is handed has been made elsewhere: more than a thread gets through.
        let count = u32::try_from(self.deadline.as_secs() * 160)?;
        let batches: Vec<Vec<Batch>> = match self.work.as_str() {
            "commit" | "mixed" => (0..threads).map(|n| prepared(n as u8, count)).collect(),
            _ => (0..threads).map(|_| Vec::new()).collect(),
        };
        println!("begin");
        pause()?;
        let (done, refused) = (AtomicU64::new(0), AtomicU64::new(0));
        let (before, begun) = (cpu(), Instant::now());
        let failed = thread::scope(|scope| {
            let threads: Vec<_> = batches
                .iter()
                .enumerate()
                .map(|(number, batches)| {
                    let counts = [&done, &refused];
                    scope.spawn(move || self.work(number, batches, begun, counts))
                })
                .collect();
            threads.into_iter().find_map(|thread| thread.join().ok()?.err())
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let (took, used) = (begun.elapsed(), cpu() - before);
        let (done, refused) = (done.into_inner(), refused.into_inner());
        println!("{done} {refused} {} {} {}", took.as_micros(), used.as_micros(), peak_kib());
        pause()?;
        Ok(())
    }

    fn work(
        &self,
        number: usize,
        batches: &[Batch],
        begun: Instant,
        [done, refused]: [&AtomicU64; 2],
    ) -> Done {
        let made = vault(0);
        let me = made.owner.id();
        let mut store = self.database.vault(made.id);
        let mut written = self.database.vault(vault(number as u8 % VAULTS).id);
        let read = [event(me, Action::Read)];
        let mut batches = batches.iter();
        let wish = Wish::EVERYTHING;
        let mut turn = 0_u64;
        while begun.elapsed() < self.deadline {
            turn += 1;
            match self.work.as_str() {
                // The check that an engine makes before it answers from what it has at hand.
                "mark" => drop(store.mark()?),
                "strong" | "relaxed" => {
                    store.mark()?;
                    store.audit_append(&read)?;
                }
                "cold" | "warm" => {
                    drop(collect(&*store.marked()?.0, &[me], &wish)?);
                    store.audit_append(&read)?;
                }
                "commit" => {
                    let Some(batch) = batches.next() else { break };
                    commit(&mut written, batch, refused)?;
                }
                "mixed" if turn.is_multiple_of(20) => {
                    let Some(batch) = batches.next() else { break };
                    commit(&mut written, batch, refused)?;
                }
                "mixed" => {
                    store.mark()?;
                    store.audit_append(&read)?;
                }
                other => return Err(format!("there is no work {other}").into()),
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Commits, again where it was refused because too many did: as a client does that is told so.
fn commit(store: &mut PostgresStore, batch: &Batch, refused: &AtomicU64) -> Done {
    let me = vault(0).owner.id();
    let events: [Event; 1] = [event(me, Action::Write)];
    loop {
        match store.commit_checked(batch, &events, &|tree| admit(tree, me, batch, NOW)) {
            Err(CommitError::Trouble(trouble)) if trouble.class == TroubleClass::Busy => {
                refused.fetch_add(1, Ordering::Relaxed);
            }
            other => return Ok(other?),
        }
    }
}

/// Many changes of one vault, each on top of the one before, made on a copy in memory.
fn prepared(number: u8, count: u32) -> Vec<Batch> {
    let mut made = vault(number);
    let mut copy = MemoryStore::default();
    let first = made.init();
    copy.commit(&first, &[]).expect("it is made");
    let values = (0..IN_SCOPE).map(|n| put(&format!("SECRET_{n}"), &[b'x'; 48]));
    let batch = made.write(&copy, "shop/production", &values.collect::<Vec<_>>());
    copy.commit(&batch, &[]).expect("it is written");
    (0..count)
        .map(|n| {
            let name = format!("SECRET_{}", n % IN_SCOPE as u32);
            let batch = made.write(&copy, "shop/production", &[put(&name, &n.to_le_bytes())]);
            copy.commit(&batch, &[]).expect("it is written");
            batch
        })
        .collect()
}
