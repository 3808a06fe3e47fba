//! Rosters: the chain that every commit hangs on.

use zms_core::{
    audit::Action,
    batch::{Batch, RosterPut},
    pin::RosterPin,
    roster::Roster,
};

use super::{
    seen::told_of,
    vault::{Vault, event, put},
};
use crate::{CommitError, Store};

pub(super) fn a_vault_is_made_only_once<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let again = vault.init();
    exists(&mut vault, &mut store, &again);
}

pub(super) fn the_same_vault_is_made_only_once<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let same = Vault::unmade().init();
    exists(&mut vault, &mut store, &same);
}

/// Has a vault made where there is one.
fn exists<S: Store>(vault: &mut Vault, store: &mut S, batch: &Batch) {
    vault.note(batch);
    let before = (vault.seen(store), told_of(store));
    let outcome = store.commit(batch, &[event(vault.owner.id(), Action::Init)]);
    assert!(matches!(outcome, Err(CommitError::Exists)), "{outcome:?} is not Exists");
    assert!((vault.seen(store), told_of(store)) == before);
}

pub(super) fn a_vault_comes_before_everything_else<S: Store>(mut store: S) {
    let mut vault = Vault::unmade();
    let mut batch = vault.init();
    batch.found = Some(RosterPin { generation: 1, version: 1, hash: [0; 32] });
    vault.refused(&mut store, &batch);
    batch.found = Some(RosterPin { generation: 0, version: 0, hash: [0; 32] });
    vault.refused(&mut store, &batch);
    batch.found = None;
    let roster = batch.roster.take();
    vault.refused(&mut store, &batch);
    batch.roster = roster;
    vault.commit(&mut store, &batch);
}

pub(super) fn a_first_roster_has_version_1_and_follows_nothing<S: Store>(mut store: S) {
    let mut vault = Vault::unmade();
    let mut batch = vault.init();
    for edit in
        [|roster: &mut Roster| roster.version = 2, |roster: &mut Roster| roster.prev_hash = [1; 32]]
    {
        edit_roster(&mut batch, edit);
        vault.refused(&mut store, &batch);
        batch = vault.init();
    }
    vault.commit(&mut store, &batch);
}

pub(super) fn a_roster_that_moved_refuses_the_batch<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let edits: [fn(&mut RosterPin); 4] = [
        |pin| pin.generation += 1,
        |pin| pin.version += 1,
        |pin| pin.version -= 1,
        |pin| pin.hash[31] ^= 1,
    ];
    for edit in edits {
        let mut batch = vault.write(&store, "shop/production", &[put("A", b"one")]);
        edit(batch.found.as_mut().expect("made under a roster"));
        vault.refused(&mut store, &batch);
    }
    let mut elsewhere = vault.write(&store, "shop/production", &[put("A", b"one")]);
    elsewhere.vault.0[0] ^= 1;
    vault.refused(&mut store, &elsewhere);
    let late = vault.write(&store, "shop/production", &[put("A", b"one")]);
    let (batch, _) = vault.token(&store, "deploy");
    vault.commit(&mut store, &batch);
    vault.refused(&mut store, &late);
}

pub(super) fn a_roster_follows_the_current_one<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let edits: [fn(&mut Roster); 4] = [
        |roster| roster.version += 1,
        |roster| roster.version -= 1,
        |roster| roster.prev_hash[0] ^= 1,
        |roster| roster.prev_hash = [0; 32],
    ];
    for edit in edits {
        let (mut batch, _) = vault.token(&store, "deploy");
        edit_roster(&mut batch, edit);
        vault.refused(&mut store, &batch);
    }
    let (batch, _) = vault.token(&store, "deploy");
    vault.commit(&mut store, &batch);
}

pub(super) fn of_two_changes_from_one_state_one_is_committed<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let (first, _) = vault.token(&store, "first");
    let (second, _) = vault.token(&store, "second");
    vault.commit(&mut store, &first);
    vault.refused(&mut store, &second);
    let (prepared_again, _) = vault.token(&store, "second");
    vault.commit(&mut store, &prepared_again);
}

pub(super) fn a_change_of_members_is_committed_once<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let (batch, _) = vault.token(&store, "first");
    vault.commit(&mut store, &batch);
    vault.refused(&mut store, &batch);
}

fn edit_roster(batch: &mut Batch, edit: impl FnOnce(&mut Roster)) {
    let RosterPut { roster, signed } = batch.roster.as_mut().expect("the batch has a roster");
    edit(roster);
    signed.message = roster.encode();
}
