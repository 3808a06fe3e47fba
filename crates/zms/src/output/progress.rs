//! What a long piece of work has done so far, on the terminal.

use std::{
    io::{self, IsTerminal},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::{dumb, unicode};

/// What takes less than this shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is drawn.
const TICK: Duration = Duration::from_millis(100);

/// Whether the user wants to see any.
static WANTED: AtomicBool = AtomicBool::new(false);

/// What is drawn now, so that other words do not run into it.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// A bar, or a spinner where nobody knows how much there is to do. It shows up on stderr once the
/// work has taken a second, only on a terminal, and neither with `--quiet` nor with `--json`. It
/// goes when it is dropped. No mode of the terminal is changed, so nothing has to be put back
/// when the process ends at once.
///
/// ```ignore
/// let progress = Progress::bar("reading files", files.len() as u64);
/// for (file, done) in files.zip(1..) {
///     scan(file)?;
///     progress.at(done);
/// }
/// ```
///
/// Ask nothing while there is one.
pub struct Progress {
    done: Arc<AtomicU64>,
    total: Arc<AtomicU64>,
    drawing: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// For work of unknown length: `what` says what is being done, like "opening the key file".
    pub fn spinner(what: &str) -> Self {
        Self::bar(what, 0)
    }

    /// For work of `total` steps.
    pub fn bar(what: &str, total: u64) -> Self {
        let (done, total) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(total)));
        let wanted = WANTED.load(Ordering::Relaxed) && io::stderr().is_terminal() && !dumb();
        let drawing = wanted.then(|| {
            let (stop, stopped) = channel();
            let (done, total, what) = (done.clone(), total.clone(), what.to_owned());
            (stop, std::thread::spawn(move || draw(what, &done, &total, &stopped)))
        });
        Self { done, total, drawing }
    }

    /// Says that a step is done before which so many were left, itself among them. For work whose
    /// length comes to light on the way.
    pub fn step(&self, left: u64) {
        let total = self.total.fetch_max(left, Ordering::Relaxed).max(left);
        self.at(total + 1 - left);
    }

    /// Says how many steps are done.
    pub fn at(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.drawing.take() {
            drop(stop);
            // Whatever became of the drawing, the work is done.
            let _ended = thread.join();
        }
    }
}

fn draw(what: String, done: &AtomicU64, total: &AtomicU64, stopped: &Receiver<()>) {
    let goes_on = |time| stopped.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
    if !goes_on(PATIENCE) {
        return;
    }
    let mut length = total.load(Ordering::Relaxed);
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::hidden())
        .with_style(style(length))
        .with_message(what)
        .with_elapsed(PATIENCE);
    bar.set_draw_target(ProgressDrawTarget::stderr());
    *drawn() = Some(bar.clone());
    loop {
        let total = total.load(Ordering::Relaxed);
        if total != length {
            length = total;
            // First how, then how much: each draws.
            bar.set_style(style(total));
            bar.set_length(total);
        }
        bar.set_position(done.load(Ordering::Relaxed));
        bar.tick();
        if !goes_on(TICK) {
            break;
        }
    }
    drawn().take();
    bar.finish_and_clear();
}

fn style(total: u64) -> ProgressStyle {
    let template = if total > 0 {
        "{msg} [{bar:16}] {pos}/{len}, {elapsed}"
    } else {
        "{msg} {spinner} {elapsed}"
    };
    let style = ProgressStyle::with_template(template).expect("a fixed template is a good one");
    let (bar, spinner) =
        if unicode() { ("━╸ ", "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ") } else { ("=> ", "-\\|/ ") };
    style.progress_chars(bar).tick_chars(spinner)
}

fn drawn() -> std::sync::MutexGuard<'static, Option<ProgressBar>> {
    DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes whether the user wants to see any.
pub fn allow(wanted: bool) {
    WANTED.store(wanted, Ordering::Relaxed);
}

/// Writes something else while a bar may be drawn: the bar makes room, and comes back below.
pub fn aside<T>(write: impl FnOnce() -> T) -> T {
    let bar = drawn().clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}
