//! strace: what a command asks the system for, and how it takes a refusal.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use crate::{
    scratch::{Go, Ran, Scratch},
    tools::tool,
};

/// Every call that changes a file. Those that an architecture lacks are passed over.
pub const WRITING: &str = "?write,?pwrite64,?writev,?pwritev,?pwritev2,?fsync,?fdatasync,\
    ?sync_file_range,?ftruncate,?truncate,?fallocate,?rename,?renameat,?renameat2,?link,?linkat,\
    ?unlink,?unlinkat,?rmdir,?mkdir,?mkdirat,?open,?openat,?creat,?chmod,?fchmod,?fchmodat,\
    ?chown,?fchown,?fchownat,?copy_file_range,?sendfile,?symlink,?symlinkat";

/// The n-th call of one kind, as it was seen in a run without faults.
#[derive(Debug, Clone)]
pub struct Point {
    /// The call.
    pub call: String,
    /// Counted from one.
    pub number: usize,
    /// How strace showed it.
    pub line: String,
}

/// The options that write a log of the calls in a set.
pub fn options(set: &str, log: &Path) -> Vec<String> {
    let strace = tool("strace").display().to_string();
    let log = log.display().to_string();
    [&strace, "-qq", "-o", &log, "-e", &format!("trace={set}")].map(str::to_owned).to_vec()
}

/// Runs a command without faults and gives the calls of a set, in their order.
pub fn points(scratch: &Scratch, set: &str, args: &[&str], input: &[u8]) -> Vec<Point> {
    let log = scratch.folder().join("strace.log");
    points_of(&mut scratch.under(&options(set, &log), args), &log, input)
}

/// As [`points`], of a command that is traced into a log.
pub fn points_of(command: &mut Command, log: &Path, input: &[u8]) -> Vec<Point> {
    let mut points = calls_of(command, log, input);
    points.retain(|point| !point.call.starts_with("open") || point.line.contains("O_CREAT"));
    points
}

/// As [`points_of`], with files that are opened and not made.
pub fn calls_of(command: &mut Command, log: &Path, input: &[u8]) -> Vec<Point> {
    command.feed(input).good();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut points = Vec::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let Some((call, _)) = line.split_once('(') else { continue };
        if !call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let number = counts.entry(call.to_owned()).or_default();
        *number += 1;
        let line = line.chars().take(120).collect();
        points.push(Point { call: call.to_owned(), number: *number, line });
    }
    assert!(!points.is_empty(), "strace saw nothing: {command:?}");
    points
}

/// The options by which `what` happens at a point; `+` behind the number for all that follow too.
/// One process is traced, not its children: it is the one whose calls were counted.
pub fn injection(point: &Point, what: &str, on: &str) -> Vec<String> {
    let Point { call, number, .. } = point;
    let mut strace = options(call, Path::new("/dev/null"));
    strace.extend(["-e".to_owned(), format!("inject={call}:{what}:when={number}{on}")]);
    strace
}

/// A command to which `what` happens at a point.
pub fn inject(scratch: &Scratch, point: &Point, what: &str, on: &str, args: &[&str]) -> Command {
    scratch.under(&injection(point, what, on), args)
}

/// Kills a command when it is about to make a call.
pub fn kill(scratch: &Scratch, point: &Point, args: &[&str], input: &[u8]) -> Ran {
    inject(scratch, point, "signal=KILL", "", args).feed(input)
}
