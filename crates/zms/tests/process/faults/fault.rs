//! What may happen to a command at a point: it is killed, or the disk refuses.

use std::os::unix::process::ExitStatusExt;

use super::errors::{FLUSHES, GROWS, clear, of_files, ways};
use crate::{
    random::Random,
    scratch::{Go, Ran, Scratch},
    strace::{Point, WRITING, injection, points},
};

/// One of them.
pub struct Fault {
    point: Point,
    what: String,
    on: &'static str,
}

/// The faults of a command whose calls of a set are asked for: so many kills and so many of each
/// error, all of them in a full run.
pub fn faults(points: impl Fn(&str) -> Vec<Point>, kills: usize, errors: usize) -> Vec<Fault> {
    let mut random = Random::new();
    let killed = random.sample(points(WRITING), kills).into_iter();
    let kill = |point| Fault { point, what: "signal=KILL".to_owned(), on: "" };
    let mut faults: Vec<Fault> = killed.map(kill).collect();
    for (set, error) in [(FLUSHES, "EIO"), (GROWS, "ENOSPC")] {
        let refused = |point: Point| {
            let what = format!("error={error}");
            let fault = move |on: &&'static str| (point.clone(), what.clone(), *on);
            ways(&fault(&"").0).iter().map(fault).collect::<Vec<_>>()
        };
        let all = of_files(points(set)).into_iter().flat_map(refused).collect();
        let some = random.sample(all, errors).into_iter();
        faults.extend(some.map(|(point, what, on)| Fault { point, what, on }));
    }
    faults
}

/// As [`faults`], of a command that is tried on a copy of a vault.
pub fn faults_of(traced: &Scratch, args: &[&str], kills: usize, errors: usize) -> Vec<Fault> {
    faults(|set| points(&traced.copy(), set, args, b""), kills, errors)
}

impl Fault {
    /// The options of strace by which it happens.
    pub fn options(&self) -> Vec<String> {
        println!("{} at {:?}{}", self.what, self.point, self.on);
        injection(&self.point, &self.what, self.on)
    }

    /// Runs a command to which it happens. Where that is an error, it is told in words.
    #[track_caller]
    pub fn strike(&self, scratch: &Scratch, args: &[&str]) -> Ran {
        let ran = scratch.under(&self.options(), args).go();
        self.told(&ran);
        ran
    }

    /// Whether it happened as such: the command was killed, or said what was refused.
    #[track_caller]
    pub fn told(&self, ran: &Ran) {
        match self.kills() {
            true => assert_eq!(ran.status.signal(), Some(9), "{:?}: {}", self.point, ran.stderr),
            false => clear(ran, &self.point),
        }
    }

    pub fn kills(&self) -> bool {
        self.what == "signal=KILL"
    }
}
