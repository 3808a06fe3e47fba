//! Audit entries: one chain, in the transaction of what they tell of.

use zms_core::{
    audit::{Action, Event, Outcome, first_bad},
    id::{PrincipalId, ScopeId},
};

use super::{
    seen::{audit_of, told_of},
    vault::{Vault, event, put},
};
use crate::Store;

pub(super) fn entries_form_a_chain<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let first = told_of(&store).len();
    for count in 0..4 {
        let events = vec![event(vault.owner.id(), Action::Backup); count];
        store.audit_append(&events).expect("entries are appended");
        let batch = vault.write(&store, "shop/production", &[put("A", &[1])]);
        vault.commit(&mut store, &batch);
    }
    let told = told_of(&store);
    assert_eq!(told.len(), first + 4 + 6);
    assert_eq!(told.iter().filter(|(_, action)| *action == Action::Backup).count(), 6);
    let entries = audit_of(&store);
    assert_eq!(first_bad(vault.id, &entries), None);
    assert!(entries.iter().all(|entry| entry.chain == 0));
}

pub(super) fn entries_are_kept_as_they_are<S: Store>(mut store: S) {
    Vault::made(&mut store);
    let actions = (1..=7).map(|number| Action::from_number(number).expect("an action"));
    let outcomes = [Outcome::Done, Outcome::Denied, Outcome::Integrity];
    let events: Vec<Event> = actions
        .zip(outcomes.into_iter().cycle())
        .zip([0, 1, u64::from(u32::MAX), i64::MAX as u64, 1 << 63, u64::MAX, 7])
        .map(|((action, outcome), number)| Event {
            time: number,
            principal: PrincipalId([action as u8; 16]),
            action,
            scope: (outcome == Outcome::Done).then_some(ScopeId([outcome as u8; 16])),
            revision: number,
            outcome,
        })
        .collect();
    store.audit_append(&events).expect("entries are appended");
    let kept: Vec<Event> = audit_of(&store).into_iter().skip(1).map(|entry| entry.event).collect();
    assert_eq!(kept, events);
}

pub(super) fn entries_are_read_in_pages<S: Store>(mut store: S) {
    let vault = Vault::made(&mut store);
    let first = audit_of(&store).len();
    store.audit_append(&vec![event(vault.owner.id(), Action::Backup); 9]).expect("appended");
    let all = audit_of(&store);
    assert_eq!(all.len(), first + 9);
    for after in 0..all.len() + 2 {
        for limit in [0, 1, 3, 100, usize::MAX] {
            let page = store.audit_read(0, after as u64, limit).expect("read");
            let rest = &all[after.min(all.len())..];
            assert_eq!(page, rest[..limit.min(rest.len())]);
        }
    }
    assert!(store.audit_read(0, u64::MAX, 10).expect("read").is_empty());
    for chain in [1, u64::MAX] {
        assert!(store.audit_read(chain, 0, 10).expect("read").is_empty());
    }
}

pub(super) fn every_chain_is_told_with_its_last_entry<S: Store>(mut store: S) {
    let vault = Vault::made(&mut store);
    let first = audit_of(&store).len() as u64;
    for count in 1..4 {
        let told = store.audit_chains().expect("told");
        let last = audit_of(&store).last().map(|entry| (entry.chain, entry.seq));
        assert_eq!(told, last.into_iter().collect::<Vec<_>>());
        let events = vec![event(vault.owner.id(), Action::Backup); count];
        store.audit_append(&events).expect("appended");
    }
    assert_eq!(store.audit_chains().expect("told"), [(0, first + 6)]);
}

pub(super) fn a_refused_commit_leaves_no_entry<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let batch = vault.revision(&store, "shop/staging", |revision| revision.revision += 1);
    let before = told_of(&store);
    let events = vec![event(vault.owner.id(), Action::Write); 3];
    store.commit(&batch, &events).expect_err("the batch is broken");
    assert_eq!(told_of(&store), before);
}

pub(super) fn no_entry_comes_before_the_vault<S: Store>(mut store: S) {
    store.audit_append(&[]).expect("nothing is no trouble");
    store
        .audit_append(&[event(PrincipalId([1; 16]), Action::Backup)])
        .expect_err("there is no vault");
    assert!(audit_of(&store).is_empty());
    let vault = Vault::made(&mut store);
    assert_eq!(first_bad(vault.id, &audit_of(&store)), None);
}

pub(super) fn uses_are_counted_with_their_entries<S: Store>(mut store: S) {
    let vault = Vault::made(&mut store);
    let (before, me) = (audit_of(&store).len(), vault.owner.id());
    let other = PrincipalId([9; 16]);
    let read = [event(me, Action::Read)];
    for used in 0..5 {
        let fits = store.spend(me, 3, &read).expect("the store is in no trouble");
        assert_eq!(fits, used < 3);
        assert_eq!(audit_of(&store).len(), before + 3.min(used + 1));
    }
    assert!(store.spend(other, 1, &[]).expect("no trouble"), "each has its own");
    assert!(!store.spend(other, 1, &[]).expect("no trouble"));
    assert!(store.spend(me, 4, &read).expect("no trouble"), "one more was granted");
    assert!(!store.spend(PrincipalId([8; 16]), 0, &[]).expect("no trouble"));
}
