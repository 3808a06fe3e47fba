//! Rows: what ends is live, and nothing begins where something is live.

use zms_core::{
    batch::ScopePut,
    child::StoredChild,
    id::{ChildIndex, NameIndex, ScopeId},
};

use super::vault::{Vault, put, remove};
use crate::Store;

/// The only revision of a write.
fn only(scopes: &mut [ScopePut]) -> &mut ScopePut {
    match scopes {
        [one] => one,
        _ => panic!("a write revises one scope"),
    }
}

pub(super) fn only_a_live_record_ends<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let mut batch = vault.write(&store, "shop/production", &[remove("A")]);
    only(&mut batch.scopes).records_gone.push(NameIndex([1; 16]));
    vault.refused(&mut store, &batch);
    let mut twice = vault.write(&store, "shop/production", &[remove("A")]);
    let gone = &mut only(&mut twice.scopes).records_gone;
    gone.push(gone[0]);
    vault.refused(&mut store, &twice);
    let ended = {
        let batch = vault.write(&store, "shop/production", &[remove("A")]);
        vault.commit(&mut store, &batch);
        batch.scopes[0].records_gone.clone()
    };
    let mut again = vault.write(&store, "shop/production", &[]);
    only(&mut again.scopes).records_gone.clone_from(&ended);
    vault.refused(&mut store, &again);
    let mut elsewhere = vault.write(&store, "shop/staging", &[]);
    let live = vault.scope(&store, "shop/production").stored_records()[0].name_index;
    only(&mut elsewhere.scopes).records_gone = vec![live];
    vault.refused(&mut store, &elsewhere);
}

pub(super) fn no_record_begins_where_one_is_live<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let mut batch = vault.write(&store, "shop/production", &[put("A", b"new")]);
    only(&mut batch.scopes).records_gone.clear();
    vault.refused(&mut store, &batch);
    let mut twice = vault.write(&store, "shop/production", &[put("D", b"new")]);
    let records = &mut only(&mut twice.scopes).records;
    records.extend_from_within(..);
    vault.refused(&mut store, &twice);
    let batch = vault.write(&store, "shop/production", &[put("A", b"new")]);
    vault.commit(&mut store, &batch);
}

pub(super) fn only_a_live_child_ends<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let mut batch = vault.write(&store, "shop", &[]);
    only(&mut batch.scopes).children_gone.push(ChildIndex([1; 16]));
    vault.refused(&mut store, &batch);
    let elsewhere = vault.scope(&store, "shop/production").stored_children()[0].child_index;
    only(&mut batch.scopes).children_gone = vec![elsewhere];
    vault.refused(&mut store, &batch);
    let live = vault.scope(&store, "shop").stored_children()[0].child_index;
    only(&mut batch.scopes).children_gone = vec![live, live];
    vault.refused(&mut store, &batch);
}

pub(super) fn no_child_begins_where_one_is_live<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let live = vault.scope(&store, "shop").stored_children()[0].clone();
    let mut batch = vault.write(&store, "shop", &[]);
    only(&mut batch.scopes).children =
        vec![StoredChild { child: ScopeId([1; 16]), ..live.clone() }];
    vault.refused(&mut store, &batch);
    let twice = |at: u8| StoredChild {
        child_index: ChildIndex([1; 16]),
        child: ScopeId([at; 16]),
        ..live.clone()
    };
    only(&mut batch.scopes).children = vec![twice(1), twice(2)];
    vault.refused(&mut store, &batch);
}

pub(super) fn a_child_is_live_in_one_place<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let live = vault.scope(&store, "shop").stored_children()[0].clone();
    let elsewhere = StoredChild { child_index: ChildIndex([1; 16]), ..live };
    for at in ["shop", "shop/production/api"] {
        let mut batch = vault.write(&store, at, &[]);
        only(&mut batch.scopes).children = vec![elsewhere.clone()];
        vault.refused(&mut store, &batch);
    }
    let mut batch = vault.write(&store, "shop", &[]);
    let new = |at| StoredChild {
        child_index: ChildIndex([at; 16]),
        child: ScopeId([9; 16]),
        ..elsewhere.clone()
    };
    only(&mut batch.scopes).children = vec![new(1), new(2)];
    vault.refused(&mut store, &batch);
}
