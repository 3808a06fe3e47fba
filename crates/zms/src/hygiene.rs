//! What a process that holds secrets does to itself first.
#![expect(unsafe_code, reason = "signal dispositions have no safe interface")]

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::{
    mm::{MlockAllFlags, mlockall},
    process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit},
};

/// Whether SIGPIPE was ignored when the process was started.
static SIGPIPE_IGNORED: AtomicBool = AtomicBool::new(false);

/// Runs before Rust's runtime, which ignores SIGPIPE, so that the original disposition is known
/// and a program started by `run` inherits exactly what we inherited.
#[used]
#[unsafe(link_section = ".init_array")]
static NOTE_SIGPIPE: extern "C" fn() = note_sigpipe;

extern "C" fn note_sigpipe() {
    // SAFETY: asking for the current disposition changes nothing; the struct is plain data.
    let ignored = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGPIPE, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    };
    SIGPIPE_IGNORED.store(ignored, Ordering::Relaxed);
}

/// What [`harden`] changed, to be put back for a program that takes over the process.
pub struct Inherited {
    core: Rlimit,
}

/// Forbids core dumps and debuggers, and gives SIGPIPE its usual meaning back.
pub fn harden() -> Inherited {
    let core = getrlimit(Resource::Core);
    // Only the soft limit: the hard one could not be given back to the program we start.
    let _refused = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: core.maximum });
    let _refused = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if !SIGPIPE_IGNORED.load(Ordering::Relaxed) {
        // SAFETY: the default action is always a valid disposition.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    }
    Inherited { core }
}

/// Keeps all that this process has in memory out of swap. Best effort, as for every key: a limit may
/// not allow it. A process that was forked has none of its parent's locks.
pub fn lock_memory() {
    let _refused = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::ONFAULT);
}

impl Inherited {
    /// Most bytes of a core file that a program we start may leave; `None` for any number.
    pub const fn core_limit(&self) -> Option<u64> {
        self.core.current
    }

    /// Puts the limits back. The process stays undumpable until it executes something else.
    pub fn restore(&self) {
        let core = Rlimit { current: self.core.current, maximum: self.core.maximum };
        let _refused = setrlimit(Resource::Core, core);
    }
}
