//! Whether requests can be answered, for anybody who asks, however often: one looks, for all.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    sync::watch,
    time::{Duration, Instant, timeout},
};
use zms_core::bundle::TroubleClass;

use crate::{engine::scribe::told, problem::Problem, state::Engine, vaults::Ready};

/// How long what was seen is good to know.
const GOOD_FOR: Duration = Duration::from_secs(1);
/// How long who asks waits for who looks.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long what was seen before stands for what is being looked at: a disk may be slow for a moment.
const STANDS: Duration = Duration::from_secs(3);

/// What was seen: trouble by its class and words, since many are told.
type Seen = Result<Ready, (TroubleClass, String)>;

/// What was seen last, and whether somebody looks.
pub(crate) struct Readiness {
    last: watch::Sender<Option<(Instant, Seen)>>,
    looking: AtomicBool,
}

impl Default for Readiness {
    fn default() -> Self {
        Self { last: watch::Sender::new(None), looking: AtomicBool::new(false) }
    }
}

/// Whether requests can be answered.
pub(crate) async fn ask(engine: &Arc<Engine>) -> Result<Ready, Problem> {
    if engine.stop.is_cancelled() {
        let detail = "the engine is about to stop";
        return Err(Problem::not_ready("stopping", detail));
    }
    let mut seen = engine.readiness.last.subscribe();
    let known = |within| {
        let last = engine.readiness.last.borrow();
        last.as_ref().filter(|(at, _)| at.elapsed() < within).map(|(_, seen)| seen.clone())
    };
    let told = match known(GOOD_FOR) {
        Some(told) => told,
        None => {
            look(engine);
            let _in_time = timeout(PATIENCE, seen.changed()).await;
            let late = || Err((TroubleClass::Busy, "it takes too long to tell".to_owned()));
            known(STANDS).unwrap_or_else(late)
        }
    };
    told.map_err(|(class, words)| {
        let detail = "the engine can not use its store now";
        Problem::not_ready("unavailable", detail).because(format_args!("{class:?}: {words}"))
    })
}

/// Looks, unless somebody does.
fn look(engine: &Arc<Engine>) {
    if engine.readiness.looking.swap(true, Ordering::AcqRel) {
        return;
    }
    let engine = Arc::clone(engine);
    tokio::spawn(async move {
        let looked = engine.work(|engine| Ok(engine.vaults.ready())).await;
        let panicked = |_| Err((TroubleClass::Other, "who was to look did not".to_owned()));
        let seen = looked.map_or_else(panicked, |ready| ready.map_err(told));
        engine.readiness.last.send_replace(Some((Instant::now(), seen)));
        engine.readiness.looking.store(false, Ordering::Release);
    });
}
