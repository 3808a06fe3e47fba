//! Two handles on one store.

use zms_core::audit::{Action, first_bad};

use super::{
    seen::{audit_of, see, told_of},
    vault::{Vault, event, put, remove},
};
use crate::Store;

pub(super) fn a_handle_shows_what_another_committed<S: Store>(mut one: S, mut other: S) {
    let mut vault = Vault::written(&mut one);
    assert!(vault.seen(&one) == vault.seen(&other));
    let batch = vault.write(&other, "shop/production", &[put("D", b"four")]);
    vault.commit(&mut other, &batch);
    assert!(vault.seen(&one) == vault.seen(&other));
    assert_eq!(vault.scope(&one, "shop/production").stored_records().len(), 4);
    assert_eq!(audit_of(&one), audit_of(&other));
}

pub(super) fn a_bundle_shows_one_state_while_another_commits<S: Store>(mut one: S, mut other: S) {
    let mut vault = Vault::written(&mut one);
    let (batch, token) = vault.token(&one, "leaves");
    vault.commit(&mut one, &batch);
    let before = vault.seen(&one);
    // Not read until all is changed: a bundle shows the state it was asked for, not the one at
    // its first answer.
    let bundle = one.bundle().expect("the store is in no trouble");
    let batch = vault.write(&other, "shop/production", &[remove("A"), put("B", b"new")]);
    vault.commit(&mut other, &batch);
    let (batch, _) = vault.token(&other, "new");
    // Not noted, like the re-key of its keyring: who it is was no question before.
    other.commit(&batch, &[]).expect("an honest batch is committed");
    let batch = vault.revoke(&other, token.id());
    vault.commit(&mut other, &batch);
    while let Some(batch) = vault.next_rekey(&other) {
        other.commit(&batch, &[]).expect("an honest batch is committed");
    }
    assert!(see(&*bundle, &vault) == before, "a bundle shows one state");
    drop(bundle);
    assert!(vault.seen(&one) == vault.seen(&other));
    assert!(vault.seen(&one) != before);
}

pub(super) fn the_slower_of_two_handles_is_refused<S: Store>(mut one: S, mut other: S) {
    let mut vault = Vault::written(&mut one);
    let first = vault.write(&one, "shop/production", &[put("A", b"first")]);
    let second = vault.write(&other, "shop/production", &[put("A", b"second")]);
    vault.commit(&mut one, &first);
    vault.refused(&mut other, &second);
    let prepared_again = vault.write(&other, "shop/production", &[put("A", b"second")]);
    vault.commit(&mut other, &prepared_again);
    assert_eq!(vault.scope(&one, "shop/production").head.revision, 4);
}

pub(super) fn entries_of_two_handles_form_one_chain<S: Store>(mut one: S, mut other: S) {
    let mut vault = Vault::made(&mut one);
    let first = told_of(&one).len();
    for _ in 0..5 {
        one.audit_append(&[event(vault.owner.id(), Action::Backup)]).expect("appended");
        other.audit_append(&[event(vault.owner.id(), Action::Backup)]).expect("appended");
        let batch = vault.write(&other, "shop/production", &[put("A", b"any")]);
        vault.commit(&mut other, &batch);
    }
    assert_eq!(told_of(&one).len(), first + 15);
    assert_eq!(first_bad(vault.id, &audit_of(&one)), None);
}
