//! Audit entries of requests that are answered at the same time, in one transaction: waiting for
//! another one's costs less than one's own. spec/audit.md
//!
//! Whoever finds nobody writing writes what all who wait have handed in, its own among it. Nobody
//! waits for a thread that is still to come: all may be here.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Condvar, Mutex, PoisonError},
};

use zms_core::{
    audit::Event,
    bundle::{Trouble, TroubleClass},
    id::VaultId,
};

use crate::{
    engine::scribe::{Noted, told},
    held::held,
    vaults::File,
};

/// One desk for each vault that is read, in the file that it is in.
#[derive(Default)]
pub(super) struct Desks(Mutex<HashMap<(VaultId, File), Arc<Desk>>>);

#[derive(Default)]
struct Desk {
    slips: Mutex<Slips>,
    written: Condvar,
}

#[derive(Default)]
struct Slips {
    waiting: Vec<(u64, Vec<Event>)>,
    /// How those ended that nobody has asked for yet.
    ended: HashMap<u64, Noted>,
    next: u64,
    writing: bool,
}

impl Desks {
    /// Has entries of a vault stored: by `append`, or by somebody else's.
    ///
    /// # Errors
    /// [`Trouble`] where they could not be; what they tell of must not happen.
    pub(super) fn note(
        &self,
        vault: (VaultId, File),
        events: &[Event],
        append: impl FnOnce(&[Event]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        if events.is_empty() {
            return Ok(());
        }
        let desk = Arc::clone(held(&self.0).entry(vault).or_default());
        let seat = Seat { desks: self, vault, desk: Some(desk) };
        let desk = seat.desk.as_ref().expect("it is held until it is left");
        desk.note(events, append).map_err(|(class, words)| Trouble::new(class, words))
    }
}

/// Somebody at a desk, which goes with the last one, also where that one leaves by a panic.
struct Seat<'d> {
    desks: &'d Desks,
    vault: (VaultId, File),
    desk: Option<Arc<Desk>>,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut desks = held(&self.desks.0);
        // While nobody else can come or go.
        self.desk = None;
        if desks.get(&self.vault).is_some_and(|desk| Arc::strong_count(desk) == 1) {
            desks.remove(&self.vault);
        }
    }
}

impl Desk {
    fn note(
        &self,
        events: &[Event],
        append: impl FnOnce(&[Event]) -> Result<(), Trouble>,
    ) -> Noted {
        let mut slips = held(&self.slips);
        let own = slips.next;
        slips.next += 1;
        slips.waiting.push((own, events.to_vec()));
        while slips.writing {
            slips = self.written.wait(slips).unwrap_or_else(PoisonError::into_inner);
            if let Some(noted) = slips.ended.remove(&own) {
                return noted;
            }
        }
        slips.writing = true;
        let taken = mem::take(&mut slips.waiting);
        drop(slips);
        let (numbers, events): (Vec<u64>, Vec<Vec<Event>>) = taken.into_iter().unzip();
        let unwritten = (TroubleClass::Other, "who was to write it did not".to_owned());
        let mut writing = Writing { desk: self, own, numbers, noted: Err(unwritten) };
        let events: Vec<Event> = events.into_iter().flatten().collect();
        writing.noted = append(&events).map_err(told);
        writing.noted.clone()
    }
}

/// What is being written. When it is over, by a panic too, who waits is told, and the next one
/// begins.
struct Writing<'d> {
    desk: &'d Desk,
    own: u64,
    numbers: Vec<u64>,
    noted: Noted,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut slips = held(&self.desk.slips);
        let others = self.numbers.iter().filter(|number| **number != self.own);
        slips.ended.extend(others.map(|number| (*number, self.noted.clone())));
        slips.writing = false;
        drop(slips);
        self.desk.written.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{Barrier, mpsc},
        thread,
    };

    use zms_core::{
        audit::{Action, Outcome},
        id::PrincipalId,
    };

    use super::*;

    const VAULT: (VaultId, File) = (VaultId([7; 16]), (1, 2));

    fn event(number: u64) -> Event {
        let (principal, action) = (PrincipalId([1; 16]), Action::Read);
        Event { time: number, principal, action, scope: None, revision: 0, outcome: Outcome::Done }
    }

    fn full() -> Trouble {
        Trouble::new(TroubleClass::Full, "the disk is full")
    }

    /// One writes until it is told how that ends, while others come; who they are is told by what
    /// they are answered. Gives back how all of them ended, and what was written behind the first.
    fn crowd(end: impl FnOnce() -> Result<(), Trouble> + Send) -> (Vec<bool>, Vec<Vec<u64>>) {
        let (desks, begun) = (Desks::default(), Barrier::new(2));
        let (ends, ended) = mpsc::channel::<()>();
        let written = Mutex::new(Vec::new());
        let answers = thread::scope(|scope| {
            let (desks, begun, written) = (&desks, &begun, &written);
            let first = scope.spawn(move || {
                let note = || {
                    desks.note(VAULT, &[event(0)], |_| {
                        begun.wait();
                        ended.recv().unwrap();
                        end()
                    })
                };
                catch_unwind(AssertUnwindSafe(note)).is_ok_and(|noted| noted.is_ok())
            });
            begun.wait();
            let other = |number| {
                let append = move |events: &[Event]| {
                    held(written).push(events.iter().map(|event| event.time).collect());
                    Ok(())
                };
                scope.spawn(move || desks.note(VAULT, &[event(number)], append).is_ok())
            };
            let others: Vec<_> = (1..=9).map(other).collect();
            let waiting =
                || held(&desks.0).get(&VAULT).map_or(0, |desk| held(&desk.slips).waiting.len());
            while waiting() < 9 {
                thread::yield_now();
            }
            ends.send(()).unwrap();
            let all = std::iter::once(first).chain(others);
            all.map(|one| one.join().unwrap()).collect()
        });
        assert!(held(&desks.0).is_empty(), "nobody is at the desk any more");
        (answers, written.into_inner().unwrap())
    }

    #[test]
    fn those_who_come_while_one_writes_are_written_together_and_once() {
        let (answers, mut written) = crowd(|| Ok(()));
        assert_eq!(answers, [true; 10]);
        assert_eq!(written.len(), 1);
        written[0].sort_unstable();
        assert_eq!(written[0], (1..=9).collect::<Vec<_>>());
    }

    #[test]
    fn what_fails_for_one_who_writes_fails_for_it_alone_where_others_came_later() {
        let (answers, written) = crowd(|| Err(full()));
        assert_eq!(answers, [&[false][..], &[true; 9]].concat());
        assert_eq!(written.len(), 1);
    }

    #[test]
    fn a_panic_of_one_who_writes_stops_nobody_else() {
        let (answers, _) = crowd(|| panic!("while it writes"));
        assert_eq!(answers, [&[false][..], &[true; 9]].concat());
    }

    #[test]
    fn trouble_is_everybodys_whose_entries_were_in_it() {
        let desks = Desks::default();
        let noted = desks.note(VAULT, &[event(1)], |_| Err(full()));
        assert_eq!(noted.map_err(|trouble| trouble.class), Err(TroubleClass::Full));
        let desk = Desk::default();
        held(&desk.slips).waiting.push((100, vec![event(2)]));
        assert!(
            desk.note(&[event(3)], |events| {
                assert_eq!(events.len(), 2);
                Err(full())
            })
            .is_err()
        );
        assert!(held(&desk.slips).ended.remove(&100).is_some_and(|noted| noted.is_err()));
    }
}
