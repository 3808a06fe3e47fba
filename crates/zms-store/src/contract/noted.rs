//! Requests that are noted once, whoever serves them.

use zms_core::{audit::Action, id::PrincipalId};

use super::{
    seen::audit_of,
    vault::{NOW, Vault, event},
};
use crate::{Keeper, Mark, Noted, Request, Slip};

fn request(principal: PrincipalId, mac: u8) -> Request {
    Request { principal, mac: [mac; 32], good_until: NOW + 60 }
}

pub(super) fn a_request_is_noted_once_with_its_entries<S: Keeper>(mut store: S) {
    let events = [event(PrincipalId([1; 16]), Action::Bundle)];
    let early = store.note_once(&request(PrincipalId([1; 16]), 1), NOW, None, &events);
    early.expect_err("there is no vault");
    let vault = Vault::made(&mut store);
    let (before, me) = (audit_of(&store).len(), vault.owner.id());
    let events = [event(me, Action::Bundle), event(me, Action::Bundle)];
    let mut note =
        |mac, now| store.note_once(&request(me, mac), now, None, &events).expect("no trouble");
    assert_eq!(note(1, NOW), Noted::Done);
    assert_eq!(note(1, NOW), Noted::Again);
    assert_eq!(note(1, NOW + 60), Noted::Again, "it is good in its last second");
    assert_eq!(note(2, NOW), Noted::Done);
    assert_eq!(audit_of(&store).len(), before + 4);
}

pub(super) fn a_request_takes_one_use_however_often_it_comes<S: Keeper>(mut store: S) {
    let vault = Vault::made(&mut store);
    let (before, me) = (audit_of(&store).len(), vault.owner.id());
    let events = [event(me, Action::Read)];
    let mut note = |mac, most| {
        store.note_once(&request(me, mac), NOW, Some(most), &events).expect("no trouble")
    };
    assert_eq!(note(1, 2), Noted::Done);
    assert_eq!(note(1, 2), Noted::Again);
    assert_eq!(note(2, 2), Noted::Done);
    assert_eq!(note(3, 2), Noted::Used);
    assert_eq!(note(3, 2), Noted::Used, "what was refused is not remembered");
    assert_eq!(note(1, 2), Noted::Again);
    assert_eq!(note(3, 3), Noted::Done, "one more was granted");
    assert_eq!(note(4, 0), Noted::Used);
    assert_eq!(audit_of(&store).len(), before + 3);
    // They are the uses that others count.
    assert!(!store.spend(me, 3, &[]).expect("no trouble"));
    assert!(store.spend(me, 4, &[]).expect("no trouble"));
    let next = store.note_once(&request(me, 5), NOW, Some(4), &events);
    assert_eq!(next.expect("no trouble"), Noted::Used);
}

pub(super) fn a_request_is_one_senders_and_goes_with_its_time<S: Keeper>(mut store: S) {
    let vault = Vault::made(&mut store);
    let (me, other) = (vault.owner.id(), PrincipalId([9; 16]));
    // Old ones are looked for now and then only: by a code of zeros for certain.
    for (who, mac, now, noted) in [
        (me, 1, NOW, Noted::Done),
        (other, 1, NOW, Noted::Done),
        (other, 0, NOW + 61, Noted::Done),
        (me, 1, NOW + 61, Noted::Done),
    ] {
        let request = Request { good_until: now + 60, ..request(who, mac) };
        assert_eq!(store.note_once(&request, now, None, &[]).expect("no trouble"), noted);
    }
}

pub(super) fn what_was_made_from_another_state_is_not_noted<S: Keeper>(mut store: S) {
    let vault = Vault::made(&mut store);
    let before = audit_of(&store).len();
    let now = store.mark().expect("no trouble");
    let old = Mark { commits: now.commits - 1, ..now };
    let other = Mark { roster: None, ..now };
    let slip =
        |of, action, count| Slip { of, events: vec![event(vault.owner.id(), action); count] };
    let slips = [
        slip(Some(old), Action::ReadPast, 1),
        slip(Some(now), Action::Read, 2),
        slip(Some(other), Action::ReadPast, 1),
        slip(None, Action::Bundle, 1),
    ];
    assert_eq!(store.note(&slips).expect("no trouble"), Some(now));
    let noted = audit_of(&store).split_off(before);
    let actions: Vec<Action> = noted.iter().map(|entry| entry.event.action).collect();
    assert_eq!(actions, [Action::Read, Action::Read, Action::Bundle]);
    assert_eq!(store.note(&slips[..1]).expect("no trouble"), Some(now));
    assert_eq!(store.note(&[]).expect("no trouble"), None);
    assert_eq!(audit_of(&store).len(), before + 3);
}
