//! What a process that holds secrets does to itself first.

use std::process;

use rustix::{
    fs::{Mode, OFlags, open},
    io::{Errno, fcntl_getfd},
    mm::{MlockAllFlags, mlockall},
    process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit},
    stdio::{stderr, stdin, stdout},
};

/// What [`harden`] changed, to be put back for a program that takes over the process.
pub struct Inherited {
    core: Rlimit,
}

/// Forbids core dumps and debuggers, and sees to it that no file of ours becomes a standard stream.
pub fn harden() -> Inherited {
    occupy_standard_streams();
    let core = getrlimit(Resource::Core);
    // Only the soft limit: the hard one could not be given back to the program we start.
    let _refused = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: core.maximum });
    let _refused = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    Inherited { core }
}

/// Opens the null device in the place of standard streams that were handed over closed: the next
/// file that is opened would get that number, and a message for people would be written to it.
fn occupy_standard_streams() {
    for stream in [stdin(), stdout(), stderr()] {
        if fcntl_getfd(stream) == Err(Errno::BADF) {
            // It gets the lowest free number, which is the one that is missing.
            match open("/dev/null", OFlags::RDWR, Mode::empty()) {
                Ok(null) => std::mem::forget(null),
                Err(_) => process::abort(),
            }
        }
    }
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
