//! Runs one command and prints what it cost: `wall_ns cpu_us peak_kib status`.
//!
//! It is its own small program because Linux counts the memory of the process that calls `exec` into
//! `ru_maxrss` of the program it becomes: started from Python, every child would seem to need Python's memory.
//! What is left of that effect is this launcher's own size, the peak shown for bare `true`.

use std::ffi::{c_int, c_long};
use std::process::{Command, Stdio, exit};
use std::time::Instant;

#[repr(C)]
#[derive(Default)]
struct Timeval {
    seconds: c_long,
    microseconds: c_long,
}

impl Timeval {
    fn as_microseconds(&self) -> c_long {
        self.seconds * 1_000_000 + self.microseconds
    }
}

/// `struct rusage` of getrusage(2), 64-bit Linux.
#[repr(C)]
#[derive(Default)]
struct Usage {
    user: Timeval,
    system: Timeval,
    peak_kib: c_long,
    rest: [c_long; 13],
}

unsafe extern "C" {
    fn wait4(pid: c_int, status: *mut c_int, options: c_int, usage: *mut Usage) -> c_int;
}

fn main() {
    let mut argv = std::env::args_os().skip(1);
    let Some(program) = argv.next() else {
        eprintln!("usage: launch PROGRAM [ARG...]");
        exit(2);
    };
    let mut command = Command::new(program);
    command.args(argv).stdout(Stdio::null());

    let start = Instant::now();
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("launch: {error}");
            exit(127);
        }
    };
    let pid = c_int::try_from(child.id()).expect("a pid fits an int");
    let (mut status, mut usage) = (0, Usage::default());
    // SAFETY: both pointers are to live values of the layout the kernel writes; `child` is never waited for elsewhere.
    let reaped = unsafe { wait4(pid, &raw mut status, 0, &raw mut usage) };
    let wall = start.elapsed();
    if reaped != pid {
        eprintln!("launch: wait4 failed");
        exit(1);
    }

    let cpu = usage.user.as_microseconds() + usage.system.as_microseconds();
    println!("{} {cpu} {} {status}", wall.as_nanos(), usage.peak_kib);
}
