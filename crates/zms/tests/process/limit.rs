//! A limit on how long a program may take: one that hangs is a test that fails, not a run of the
//! tests that never ends.

use std::{
    fs,
    process::{Child, Output},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// Far more than any command of a test takes on a slow machine.
const LIMIT: Duration = Duration::from_mins(5);

/// Waits for a program and for what it says. One that does not end is killed with all that it
/// started, as a tracer leaves its program alive, and that holds the pipes open.
pub fn wait(child: Child, called: &str) -> Output {
    wait_for(child, called, LIMIT)
}

fn wait_for(child: Child, called: &str, limit: Duration) -> Output {
    let pid = child.id();
    let (ended, told) = channel::<()>();
    let guard = thread::spawn(move || {
        let hung = told.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
        if hung {
            for pid in below(pid) {
                let pid = Pid::from_raw(pid.cast_signed()).unwrap();
                let _ended_meanwhile = kill_process(pid, Signal::KILL);
            }
        }
        hung
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    assert!(!guard.join().unwrap(), "did not end within {limit:?}: {called}");
    output
}

/// A process and all that it started, the last first.
fn below(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    let started =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let started: Vec<u32> = started
        .flat_map(|pids| pids.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect();
    started.into_iter().flat_map(below).chain([pid]).collect()
}

#[test]
#[should_panic(expected = "did not end within 200ms: sleepers")]
fn a_program_that_hangs_is_killed_with_what_it_started() {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "sleep 300 & sleep 300"]).stdout(std::process::Stdio::piped());
    wait_for(command.spawn().unwrap(), "sleepers", Duration::from_millis(200));
}
