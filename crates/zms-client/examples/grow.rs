//! Grows a vault: projects of so many environments, each of so many services, each with secrets of
//! its own. `grow HOME PROJECTS ENVIRONMENTS SERVICES SECRETS` commits project by project, and
//! prints how many secrets, commits and seconds that were, and the bytes a plain file of the same
//! would take. For `bench/`.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement prints")]

mod owner;

use std::{env, path::Path, time::Instant};

use zms_core::{
    change::plant::Seedling,
    path::{ScopePath, Segment},
    record::Payload,
};
use zms_crypto::CryptoRng;

fn main() {
    let mut arguments = env::args().skip(1);
    let home = arguments.next().expect("the folder of a vault");
    let mut number = || -> usize {
        arguments.next().and_then(|n| n.parse().ok()).expect("four numbers behind the folder")
    };
    let (projects, environments, services, secrets) = (number(), number(), number(), number());
    let (mut session, _) = owner::session(Path::new(&home));
    let mut rng = owner::entropy();
    let mut plain = 0;
    let start = Instant::now();
    for project in 0..projects {
        let mut environment = |_| {
            let mut service = |_| records(secrets, &mut *rng, &mut plain);
            let each = (0..services).map(|at| scope("service", at, service(at), Vec::new()));
            each.collect()
        };
        let below: Vec<Vec<Seedling>> = (0..environments).map(&mut environment).collect();
        let below = below.into_iter().enumerate();
        let below = below.map(|(at, services)| scope("environment", at, Vec::new(), services));
        let mut made = Some(scope("project", project, Vec::new(), below.collect()));
        let seedlings = || vec![made.take().expect("nobody else writes here")];
        session.plant(&ScopePath::default(), seedlings).expect("a project is planted");
    }
    let grown = projects * environments * services * secrets;
    println!("{grown} {projects} {:.2} {plain}", start.elapsed().as_secs_f64());
}

fn scope(what: &str, at: usize, records: Vec<Payload>, children: Vec<Seedling>) -> Seedling {
    let name = Segment::parse(&format!("{what}-{at}")).expect("the name is a good one");
    Seedling { name, protected: false, records, children }
}

/// Secrets with random names of 12 to 32 characters. `plain` counts what they take as lines.
fn records(count: usize, rng: &mut dyn CryptoRng, plain: &mut usize) -> Vec<Payload> {
    let record = |at| {
        let length = 8 + rng.next_u32() as usize % 21;
        let name = format!("S{at:02}_{}", owner::letters(length, rng));
        let payload = owner::secret(&name, rng);
        // EXPOSE: its length is all that is taken.
        *plain += name.len() + payload.value.expose().len() + 2;
        payload
    };
    (0..count).map(record).collect()
}
