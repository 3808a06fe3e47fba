//! Commits in a loop: `commit HOME PATH FIRST COUNT GROUP SECONDS MOST` changes COUNT secrets of
//! the scope at PATH in turn, from number FIRST on and GROUP of them in each commit, for so long or
//! so often, whichever ends first. It says `ready`, waits for a line on stdin, so that several begin
//! at once, and prints how many commits, conflicts and seconds that were, and the milliseconds of
//! the median and of the slowest commit. For `bench/`.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement prints")]

mod owner;

use std::{env, io, path::Path, time::Instant};

use zms_core::{change::write::Edit, path::ScopePath};

fn main() {
    let mut arguments = env::args().skip(1);
    let home = arguments.next().expect("the folder of a vault");
    let path = arguments.next().and_then(|text| ScopePath::parse(&text).ok()).expect("a path");
    let mut number = || -> usize {
        arguments.next().and_then(|n| n.parse().ok()).expect("five numbers behind the path")
    };
    let (first, count, group) = (number(), number(), number());
    let (seconds, most) = (number() as f64, number());
    let (mut session, conflicts) = owner::session(Path::new(&home));
    let mut rng = owner::entropy();
    println!("ready");
    io::stdin().read_line(&mut String::new()).expect("stdin is open");
    let (start, mut millis) = (Instant::now(), Vec::new());
    while millis.len() < most && start.elapsed().as_secs_f64() < seconds {
        let (began, at) = (Instant::now(), millis.len() * group);
        let names = (at..at + group).map(|at| format!("SECRET_{:02}", first + at % count));
        let names: Vec<String> = names.collect();
        let edits = |_: &_| {
            Ok(names.iter().map(|name| Edit::Put(owner::secret(name, &mut *rng))).collect())
        };
        session.write(&|_| Ok(path.clone()), edits).expect("it is written");
        millis.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let elapsed = start.elapsed().as_secs_f64();
    millis.sort_by(f64::total_cmp);
    let (middle, last) = (millis[millis.len() / 2], millis[millis.len() - 1]);
    println!("{} {} {elapsed:.4} {middle:.3} {last:.3}", millis.len(), conflicts.get());
}
