//! Revisions: compare-and-swap on every scope's head.

use zms_core::{bundle::Wanted, id::ScopeId, revision::Revision};

use super::vault::{Vault, close, put, remove, reword};
use crate::Store;

pub(super) fn a_revision_follows_the_head<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let edits: [fn(&mut Revision); 4] = [
        |revision| revision.revision += 1,
        |revision| revision.revision -= 1,
        |revision| revision.prev_hash[0] ^= 1,
        |revision| revision.prev_hash = [0; 32],
    ];
    for edit in edits {
        let batch = vault.revision(&store, "shop/production", edit);
        vault.refused(&mut store, &batch);
    }
    let batch = vault.revision(&store, "shop/production", |_| {});
    vault.commit(&mut store, &batch);
}

pub(super) fn a_first_revision_has_number_1_and_follows_nothing<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let edits: [fn(&mut Revision); 2] =
        [|revision| revision.revision = 2, |revision| revision.prev_hash = [1; 32]];
    for edit in edits {
        let mut batch = vault.plant(&store, "shop", "testing");
        let born = batch.scopes.iter_mut().find(|put| put.revision.revision == 1);
        let born = born.expect("a scope is planted with its first revision");
        edit(&mut born.revision);
        reword(born);
        vault.refused(&mut store, &batch);
    }
    let batch = vault.plant(&store, "shop", "testing");
    vault.commit(&mut store, &batch);
}

pub(super) fn a_scope_begins_only_once<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let first = |revision: &mut Revision| {
        revision.revision = 1;
        revision.prev_hash = [0; 32];
    };
    let id = vault.scope(&store, "shop/staging").id();
    let batch = vault.revision(&store, "shop/staging", first);
    vault.refused(&mut store, &batch);
    let batch = vault.closing(&store, "shop/staging");
    vault.commit(&mut store, &batch);
    let reborn = vault.blind_revision(&store, id, first);
    let mut batch = vault.write(&store, "shop", &[]);
    batch.scopes = vec![reborn];
    vault.refused(&mut store, &batch);
}

pub(super) fn a_head_that_must_not_move_refuses_the_batch<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let other = vault.scope(&store, "shop/staging");
    let (id, seen) = (other.id(), other.head.revision);
    let nowhere = ScopeId([7; 16]);
    for mark in [(id, seen + 1), (id, seen - 1), (nowhere, 1)] {
        let mut batch = vault.write(&store, "shop/production", &[put("A", b"one")]);
        batch.unmoved = vec![(id, seen), mark];
        vault.refused(&mut store, &batch);
    }
    let mut late = vault.write(&store, "shop/production", &[put("A", b"one")]);
    late.unmoved = vec![(id, seen)];
    let meanwhile = vault.write(&store, "shop/staging", &[put("A", b"two")]);
    vault.commit(&mut store, &meanwhile);
    vault.refused(&mut store, &late);
    late.unmoved = vec![(id, seen + 1), (nowhere, 0)];
    vault.commit(&mut store, &late);
}

pub(super) fn only_closing_follows_closing<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let id = vault.scope(&store, "shop/staging").id();
    let batch = vault.closing(&store, "shop/staging");
    vault.commit(&mut store, &batch);
    let mut batch = vault.write(&store, "shop", &[]);
    batch.scopes =
        vec![vault.blind_revision(&store, id, |revision| revision.key_commitment = [1; 32])];
    vault.refused(&mut store, &batch);
    batch.scopes = vec![vault.blind_revision(&store, id, close)];
    vault.commit(&mut store, &batch);
}

pub(super) fn closing_ends_every_row<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let id = vault.scope(&store, "shop/production").id();
    let batch = vault.closing(&store, "shop/production");
    vault.commit(&mut store, &batch);
    let bundle = store.bundle().expect("the store is in no trouble");
    let head = bundle.head(id).expect("read").expect("a closed scope keeps its head");
    assert!(Revision::parse(&head.message).expect("one of ours").closes());
    assert!(bundle.records(id, &Wanted::All).expect("read").is_empty());
    assert!(bundle.children(id).expect("read").is_empty());
    assert_eq!(bundle.revision_messages(id, 0).expect("read").len(), 2);
}

pub(super) fn nothing_begins_in_a_scope_that_closes<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let mut batch = vault.write(&store, "shop/production", &[put("D", b"four")]);
    close(&mut batch.scopes[0].revision);
    reword(&mut batch.scopes[0]);
    vault.refused(&mut store, &batch);
    let mut batch = vault.plant(&store, "shop/production", "worker");
    let parent = batch.scopes.last_mut().expect("planting revises the parent");
    close(&mut parent.revision);
    reword(parent);
    vault.refused(&mut store, &batch);
}

pub(super) fn of_two_writes_from_one_state_one_is_committed<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let first = vault.write(&store, "shop/production", &[put("A", b"first")]);
    let second = vault.write(&store, "shop/production", &[put("D", b"second")]);
    let elsewhere = vault.write(&store, "shop/staging", &[put("A", b"third")]);
    vault.commit(&mut store, &first);
    vault.refused(&mut store, &second);
    vault.commit(&mut store, &elsewhere);
}

pub(super) fn a_write_is_committed_once<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let batch = vault.write(&store, "shop/production", &[put("A", b"first")]);
    vault.commit(&mut store, &batch);
    vault.refused(&mut store, &batch);
}

pub(super) fn one_bad_revision_refuses_the_whole_batch<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let bad = vault.revision(&store, "shop/staging", |revision| revision.revision += 1);
    for at in 0..2 {
        let (mut batch, _) = vault.token(&store, "deploy");
        let good = vault.write(&store, "shop/production", &[put("A", b"new"), put("D", b"four")]);
        batch.scopes = good.scopes;
        let bad = vault.revision(&store, "shop/staging", |revision| revision.revision += 1);
        batch.scopes.extend(bad.scopes);
        batch.scopes.rotate_left(at);
        vault.refused(&mut store, &batch);
    }
    vault.refused(&mut store, &bad);
}

pub(super) fn a_write_in_two_scopes_is_done_in_both_or_neither<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    for faster in ["shop/production", "shop/staging"] {
        let both = vault.write_two(
            &store,
            ("shop/production", &[remove("A")]),
            ("shop/staging", &[put("A", b"moved")]),
        );
        let faster = vault.write(&store, faster, &[put("D", b"faster")]);
        vault.commit(&mut store, &faster);
        vault.refused(&mut store, &both);
    }
    let both = vault.write_two(
        &store,
        ("shop/production", &[remove("A")]),
        ("shop/staging", &[put("A", b"moved")]),
    );
    vault.commit(&mut store, &both);
    for (at, there) in [("shop/production", false), ("shop/staging", true)] {
        let scope = vault.scope(&store, at);
        let held = scope.open_records().expect("every record opens");
        assert_eq!(held.iter().any(|(_, held)| held.name.as_str() == "A"), there, "{at}");
    }
}
