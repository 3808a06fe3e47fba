//! What the search takes and what it refuses, and that it is right where every order can be tried.

use std::{sync::OnceLock, time::Duration};

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use super::*;

const fn value(number: u8) -> Value {
    [number; 32]
}

const fn read(number: u8) -> Saw {
    Saw::Read(value(number))
}

const fn swapped(from: u8, to: u8) -> Saw {
    Saw::Swapped { from: value(from), to: value(to) }
}

const fn refused(from: u8) -> Saw {
    Saw::Refused { from: value(from) }
}

const fn perhaps(from: u8, to: u8) -> Saw {
    Saw::Perhaps { from: value(from), to: value(to) }
}

fn at(saw: Saw, begun: u64, ended: u64) -> Call {
    static ZERO: OnceLock<Instant> = OnceLock::new();
    let moment = |it| *ZERO.get_or_init(Instant::now) + Duration::from_millis(it);
    Call { saw, begun: moment(begun), ended: moment(ended) }
}

/// Whether calls on a register that holds 0 are explained. An order that is given must be one.
fn explained(calls: &[(Saw, u64, u64)]) -> bool {
    let calls: Vec<Call> =
        calls.iter().map(|(saw, begun, ended)| at(*saw, *begun, *ended)).collect();
    let found = order(value(0), calls.clone());
    if let Some(found) = &found {
        let sure = |calls: &[Call]| calls.iter().filter(|call| call.over().is_some()).count();
        assert_eq!(sure(found), sure(&calls), "all that happened is in it");
        assert!(is_one(found), "{found:?}");
    }
    found.is_some()
}

/// Whether an order is one that the times allow, and each call saw what those before it left.
fn is_one(calls: &[Call]) -> bool {
    let mut held = value(0);
    calls.iter().enumerate().all(|(place, call)| {
        let in_time = |later: &Call| later.over().is_none_or(|over| over >= call.begun);
        let in_time = calls[place..].iter().all(in_time);
        let after = call.after(held);
        held = after.unwrap_or(held);
        in_time && after.is_some()
    })
}

#[test]
fn what_one_order_explains_is_taken() {
    assert!(explained(&[]));
    assert!(explained(&[(read(0), 0, 1), (swapped(0, 1), 2, 3), (read(1), 4, 5)]));
    // At the same time, a read may see what was there before, or after.
    assert!(explained(&[(swapped(0, 1), 0, 9), (read(0), 2, 3), (read(1), 4, 5)]));
    assert!(explained(&[(swapped(0, 1), 0, 9), (read(1), 2, 3)]));
    // Of two that swap the same, one does.
    assert!(explained(&[(swapped(0, 1), 0, 9), (refused(0), 0, 9)]));
    assert!(explained(&[(swapped(1, 2), 0, 9), (swapped(0, 1), 0, 9), (read(2), 10, 11)]));
    // A value may come back.
    assert!(explained(&[(swapped(0, 1), 0, 1), (swapped(1, 0), 2, 3), (read(0), 4, 5)]));
}

#[test]
fn what_nobody_knows_happened_late_or_never() {
    assert!(explained(&[(perhaps(0, 1), 0, 1), (read(0), 2, 3)]), "never");
    assert!(explained(&[(perhaps(0, 1), 0, 1), (read(1), 2, 3)]), "in time");
    assert!(explained(&[(perhaps(0, 1), 0, 1), (read(0), 2, 3), (read(1), 4, 5)]), "late");
    assert!(explained(&[(perhaps(0, 1), 0, 1), (swapped(0, 2), 2, 3), (read(2), 4, 5)]));
    let one_of_two = [(perhaps(0, 1), 0, 1), (perhaps(0, 2), 0, 1)];
    for number in 0..3 {
        assert!(explained(&[one_of_two[0], one_of_two[1], (read(number), 2, 3)]));
    }
    assert!(!explained(&[(read(1), 0, 1), (perhaps(0, 1), 2, 3)]), "not before it began");
    assert!(!explained(&[(perhaps(0, 1), 0, 1), (read(1), 2, 3), (read(0), 4, 5)]), "it stays");
}

#[test]
fn what_no_order_explains_is_refused() {
    let (first, second) = ((swapped(0, 1), 0, 1), (swapped(1, 2), 2, 3));
    assert!(!explained(&[first, (read(0), 2, 3)]), "a read of what was there before");
    assert!(!explained(&[first, second, (read(1), 4, 5)]), "an old read");
    assert!(!explained(&[first, (read(0), 2, 3), second]), "a lost update that comes back");
    assert!(!explained(&[first, (swapped(0, 2), 2, 3)]), "an update on top of what was gone");
    assert!(!explained(&[(swapped(0, 1), 0, 9), (swapped(0, 2), 0, 9)]), "two won");
    assert!(!explained(&[first, second, (read(2), 4, 5), (read(1), 6, 7)]), "it went back");
    let again = [first, second, (read(1), 4, 9), (read(2), 4, 5), (swapped(1, 3), 6, 9)];
    assert!(!explained(&again), "a write that happened twice");
    assert!(!explained(&[(perhaps(0, 1), 0, 1), second, (read(1), 4, 5)]), "twice, late");
    assert!(!explained(&[(read(7), 0, 1)]), "a value that nobody wrote");
    assert!(!explained(&[(swapped(0, 1), 0, 9), (read(7), 0, 9)]), "nor at the same time");
    assert!(!explained(&[(swapped(7, 1), 0, 9)]), "nor under a write");
    assert!(!explained(&[(refused(0), 0, 1), (swapped(0, 1), 2, 3)]), "nobody was faster");
    assert!(!explained(&[(read(1), 0, 1), (swapped(0, 1), 2, 3)]), "seen before it began");
    // Two readers who see two changes in two orders.
    let changes = [(swapped(0, 1), 0, 9), (swapped(1, 0), 0, 9)];
    let turns = [(read(1), 1, 2), (read(0), 3, 4), (read(1), 5, 6)];
    assert!(!explained(&[changes[0], changes[1], turns[0], turns[1], turns[2]]));
}

/// Whether any order of the calls at all is one, tried one after another.
fn some_order(calls: &[Call]) -> bool {
    fn extend(begun: &mut Vec<Call>, rest: &[Call]) -> bool {
        if !is_one(begun) {
            return false;
        }
        // What is left may as well never have happened.
        rest.iter().all(|call| call.over().is_none())
            || (0..rest.len()).any(|at| {
                let mut rest = rest.to_vec();
                begun.push(rest.remove(at));
                let found = extend(begun, &rest);
                begun.pop();
                found
            })
    }
    extend(&mut Vec::new(), calls)
}

#[test]
fn it_agrees_with_trying_every_order() {
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let mut below = |most: u32| u64::from(rng.next_u32() % most);
    let mut counts = [0; 2];
    for _ in 0..4000 {
        let calls: Vec<(Saw, u64, u64)> = (0..2 + below(5))
            .map(|_| {
                let (kind, from, to) = (below(5), below(3) as u8, below(3) as u8);
                let saw = match kind {
                    0 => read(from),
                    1 => refused(from),
                    2 => perhaps(from, to),
                    _ => swapped(from, to),
                };
                let begun = below(8);
                (saw, begun, begun + below(5))
            })
            .collect();
        let all: Vec<Call> = calls.iter().map(|(saw, from, to)| at(*saw, *from, *to)).collect();
        let right = some_order(&all);
        assert_eq!(explained(&calls), right, "{calls:?}");
        counts[usize::from(right)] += 1;
    }
    assert!(counts.iter().all(|count| *count > 400), "{counts:?}: too much of one kind");
}

#[test]
fn it_takes_no_longer_than_a_history_is_long() {
    // Each revision is read and written by eight at once; one of them wins, one has no answer.
    let name = |number: u64| {
        let mut name = value(0);
        name[..8].copy_from_slice(&number.to_le_bytes());
        name
    };
    let mut calls = Vec::new();
    for number in 0..1000 {
        let (from, to, begun) = (name(number), name(number + 1), 10 * number);
        calls.push(at(Saw::Swapped { from, to }, begun, begun + 9));
        let other = name(1_000_000 + number);
        calls.push(at(Saw::Perhaps { from, to: other }, begun, begun + 9));
        calls.extend((0..3).map(|_| at(Saw::Refused { from }, begun, begun + 9)));
        calls.extend((0..3).map(|later| at(Saw::Read(to), begun + later, begun + 9)));
    }
    assert!(order(name(0), calls.clone()).is_some());
    // And where it ends in something that can not be.
    calls.push(at(Saw::Read(name(5)), 10_000, 10_001));
    assert!(order(name(0), calls).is_none());
}
