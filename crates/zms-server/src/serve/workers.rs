//! The threads that serve: one for each core, with a loop of its own, and a connection stays where it
//! was put. What a request waits for is then told to the thread that asked, which costs no change of
//! threads.

use std::{
    future::Future,
    io, iter,
    num::NonZero,
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::{
    runtime::{Builder, Handle},
    task::spawn_blocking,
    time::{Duration, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// All of them. Where this is dropped they end, and what they do is cut off.
pub(super) struct Workers {
    pub(super) all: Arc<[Worker]>,
    threads: Vec<JoinHandle<()>>,
    end: DropGuard,
}

/// A thread that serves.
pub(super) struct Worker {
    runtime: Handle,
    /// Each of its connections holds it too.
    load: Arc<()>,
}

impl Workers {
    /// One for each core that this process may use.
    pub(super) fn begin() -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, NonZero::get);
        let end = CancellationToken::new();
        let begun = iter::repeat_with(|| Worker::begin(&end)).take(count);
        let begun: Vec<_> = begun.collect::<io::Result<_>>()?;
        let (all, threads): (Vec<_>, Vec<_>) = begun.into_iter().unzip();
        Ok(Self { all: all.into(), threads, end: end.drop_guard() })
    }

    /// Cuts off what is still done, and waits until it is.
    pub(super) async fn end(self, patience: Duration) {
        let Self { threads, end, .. } = self;
        drop(end);
        let ended = spawn_blocking(|| threads.into_iter().for_each(|thread| drop(thread.join())));
        if timeout(patience, ended).await.is_err() {
            tracing::warn!("a thread that serves does not end");
        }
    }
}

/// Has the one that has least to do do this too.
pub(super) fn spawn(workers: &[Worker], work: impl Future<Output = ()> + Send + 'static) {
    let least = workers.iter().min_by_key(|worker| Arc::strong_count(&worker.load));
    let least = least.expect("there is one for each core");
    let load = Arc::clone(&least.load);
    least.runtime.spawn(async move {
        let _load = load;
        work.await;
    });
}

impl Worker {
    fn begin(end: &CancellationToken) -> io::Result<(Self, JoinHandle<()>)> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let worker = Self { runtime: runtime.handle().clone(), load: Arc::default() };
        let end = end.clone();
        let thread = thread::Builder::new()
            .name("zms-worker".to_owned())
            .spawn(move || runtime.block_on(end.cancelled()))?;
        Ok((worker, thread))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, future::pending, sync::mpsc::channel};

    use super::*;

    const WAIT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn connections_are_spread_evenly_and_end_with_their_workers() {
        let workers = Workers::begin().expect("there are threads");
        let (says, said) = channel();
        let held = Arc::new(());
        let count = workers.all.len();
        for _ in 0..3 * count {
            let (says, held) = (says.clone(), Arc::clone(&held));
            spawn(&workers.all, async move {
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
        workers.end(WAIT).await;
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn what_has_ended_makes_room() {
        let workers = Workers::begin().expect("there are threads");
        let (says, said) = channel();
        for _ in 0..10 {
            let says = says.clone();
            spawn(&workers.all, async move { says.send(()).expect("it is heard") });
            said.recv_timeout(WAIT).expect("it is done");
        }
        while workers.all.iter().any(|worker| Arc::strong_count(&worker.load) > 1) {
            thread::yield_now();
        }
    }
}
