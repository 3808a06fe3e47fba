//! The threads that serve: one for each core, with a loop of its own, and a connection stays where it
//! was put. What a request waits for is then told to the thread that asked, which costs no change of
//! threads.

use std::{
    future::Future,
    io,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Threads of all workers together that wait for disks at the same time.
const WAITING: usize = 64;
/// Those of one worker, however many there are.
const LEAST_WAITING: usize = 8;

/// All of them; they end when this is dropped.
pub(super) struct Workers {
    workers: Vec<Worker>,
    _end: DropGuard,
}

struct Worker {
    runtime: Handle,
    /// How many connections it has.
    load: Arc<AtomicUsize>,
}

impl Workers {
    /// One for each core that this process may use.
    pub(super) fn begin() -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, NonZero::get);
        let end = CancellationToken::new();
        let workers = (0..count).map(|_| Worker::begin((WAITING / count).max(LEAST_WAITING), &end));
        let workers = workers.collect::<io::Result<_>>()?;
        Ok(Self { workers, _end: end.drop_guard() })
    }

    /// Has the one that has least to do do this too.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let least = self.workers.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed));
        let least = least.expect("there is one for each core");
        let load = Load::new(&least.load);
        least.runtime.spawn(async move {
            let _load = load;
            work.await;
        });
    }
}

impl Worker {
    fn begin(waiting: usize, end: &CancellationToken) -> io::Result<Self> {
        let runtime =
            Builder::new_current_thread().enable_all().max_blocking_threads(waiting).build()?;
        let worker = Self { runtime: runtime.handle().clone(), load: Arc::default() };
        let end = end.clone();
        thread::Builder::new()
            .name("zms-worker".to_owned())
            .spawn(move || runtime.block_on(end.cancelled()))?;
        Ok(worker)
    }
}

/// A connection, as it counts.
struct Load(Arc<AtomicUsize>);

impl Load {
    fn new(of: &Arc<AtomicUsize>) -> Self {
        of.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(of))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, future::pending, sync::mpsc::channel, time::Duration};

    use super::*;

    const WAIT: Duration = Duration::from_secs(20);

    #[test]
    fn connections_are_spread_evenly_and_end_with_their_workers() {
        let workers = Workers::begin().expect("there are threads");
        let (says, said) = channel();
        let held = Arc::new(());
        let count = workers.workers.len();
        for _ in 0..3 * count {
            let (says, held) = (says.clone(), Arc::clone(&held));
            workers.spawn(async move {
                says.send(thread::current().id()).expect("it is heard");
                pending::<()>().await;
                drop(held);
            });
        }
        let mut each = BTreeMap::new();
        for _ in 0..3 * count {
            let thread = said.recv_timeout(WAIT).expect("each is begun");
            *each.entry(format!("{thread:?}")).or_insert(0) += 1;
        }
        assert_eq!((each.len(), each.values().all(|each| *each == 3)), (count, true), "{each:?}");
        drop((workers, says));
        // Whoever is told last has let go of everything.
        assert!(said.recv_timeout(WAIT).is_err());
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn what_has_ended_makes_room() {
        let workers = Workers::begin().expect("there are threads");
        let (says, said) = channel();
        for _ in 0..10 {
            let says = says.clone();
            workers.spawn(async move { says.send(()).expect("it is heard") });
            said.recv_timeout(WAIT).expect("it is done");
        }
        let loads = || workers.workers.iter().map(|worker| worker.load.load(Ordering::Relaxed));
        while loads().sum::<usize>() > 0 {
            thread::yield_now();
        }
    }
}
