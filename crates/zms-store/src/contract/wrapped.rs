//! Sealed answers that wait for their token.

use zms_core::{audit::Action, id::WrappedId, wrapped::MAX_KEPT};

use super::{
    seen::audit_of,
    vault::{NOW, Vault, event},
};
use crate::{Keeper, Waiting};

fn waiting(number: u8, bytes: usize) -> Waiting {
    Waiting { id: WrappedId([number; 16]), expires: NOW + 60, sealed: vec![number; bytes] }
}

pub(super) fn an_answer_waits_until_it_is_taken_once<S: Keeper>(mut store: S) {
    let vault = Vault::made(&mut store);
    let (one, other) = (waiting(1, 200), waiting(2, 0));
    for waiting in [&one, &other] {
        assert!(store.keep_wrapped(waiting, NOW).expect("no trouble"));
        store.keep_wrapped(waiting, NOW).expect_err("an id is used once");
    }
    let before = vault.seen(&store);
    for _ in 0..2 {
        assert_eq!(store.wrapped(one.id).expect("no trouble"), Some(one.sealed.clone()));
    }
    assert!(store.take_wrapped(one.id, &[]).expect("no trouble"));
    assert!(!store.take_wrapped(one.id, &[]).expect("no trouble"));
    assert_eq!(store.wrapped(one.id).expect("no trouble"), None);
    assert_eq!(store.wrapped(other.id).expect("no trouble"), Some(Vec::new()));
    assert!(vault.seen(&store) == before, "it is no part of what the vault shows");
}

pub(super) fn an_answer_is_taken_with_its_entries<S: Keeper>(mut store: S) {
    let vault = Vault::made(&mut store);
    let one = waiting(1, 200);
    store.keep_wrapped(&one, NOW).expect("no trouble");
    let before = audit_of(&store).len();
    let events = [event(vault.owner.id(), Action::Unwrap), event(vault.owner.id(), Action::Wrap)];
    for taken in [true, false] {
        assert_eq!(store.take_wrapped(one.id, &events).expect("no trouble"), taken);
        let noted: Vec<_> = audit_of(&store).into_iter().skip(before).map(|it| it.event).collect();
        assert_eq!(noted, events);
    }
}

pub(super) fn an_answer_of_which_the_time_is_over_makes_room<S: Keeper>(mut store: S) {
    Vault::made(&mut store);
    let half = usize::try_from(MAX_KEPT / 2).expect("it fits memory");
    assert!(store.keep_wrapped(&waiting(1, half), NOW).expect("no trouble"));
    assert!(!store.keep_wrapped(&waiting(2, half + 1), NOW).expect("no trouble"), "no room");
    assert_eq!(store.wrapped(WrappedId([2; 16])).expect("no trouble"), None);
    let lasting = Waiting { expires: NOW + 61, ..waiting(3, half) };
    assert!(store.keep_wrapped(&lasting, NOW + 60).expect("no trouble"), "exactly full");
    assert!(store.wrapped(WrappedId([1; 16])).expect("no trouble").is_some(), "its last second");
    assert!(store.keep_wrapped(&waiting(4, half), NOW + 61).expect("no trouble"));
    assert_eq!(store.wrapped(WrappedId([1; 16])).expect("no trouble"), None);
    assert!(store.wrapped(lasting.id).expect("no trouble").is_some());
}

pub(super) fn no_answer_waits_before_the_vault<S: Keeper>(mut store: S) {
    store.keep_wrapped(&waiting(1, 9), NOW).expect_err("there is no vault");
    assert_eq!(store.wrapped(WrappedId([1; 16])).expect("no trouble"), None);
    assert!(!store.take_wrapped(WrappedId([1; 16]), &[]).expect("no trouble"));
}

pub(super) fn of_two_that_take_an_answer_one_gets_it<S: Keeper>(mut one: S, mut other: S) {
    let vault = Vault::made(&mut one);
    let events = [event(vault.owner.id(), Action::Unwrap)];
    for number in 0..8 {
        let id = waiting(number, 300).id;
        assert!(one.keep_wrapped(&waiting(number, 300), NOW).expect("no trouble"));
        assert!(other.wrapped(id).expect("no trouble").is_some(), "both see it");
        let taken = [one.take_wrapped(id, &events), other.take_wrapped(id, &events)];
        assert_eq!(taken.map(|taken| taken.expect("no trouble")), [true, false]);
        std::mem::swap(&mut one, &mut other);
    }
}
