//! A vault made anew: every member leaves, as many join, and every row ends and begins, at once.

use zms_core::{
    bundle::Standing,
    open::{OpenError, Opening},
    pin::Pins,
    principal::Principal,
};

use super::vault::{NOW, Vault, put, way};
use crate::Store;

pub(super) fn a_vault_made_anew_opens_for_its_new_members_only<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let (batch, token) = vault.token(&store, "deploy");
    vault.commit(&mut store, &batch);
    let (batch, renewal) = vault.renew(&store);
    assert_eq!((batch.members.len(), batch.departed.len(), batch.scopes.len()), (2, 2, 5));
    vault.commit(&mut store, &batch);
    let bundle = store.bundle().expect("the store is in no trouble");
    for old in [&vault.owner, &token] {
        let standing = bundle.standing(old.id()).expect("read");
        assert_eq!(standing, Standing::Departed { at: NOW });
        assert_eq!(bundle.keyring(old.id()).expect("read"), None);
        let refused = Opening::begin(old, &*bundle, &Pins::default(), NOW).err();
        assert!(matches!(refused, Some(OpenError::Departed { .. })));
    }
    assert_eq!(bundle.members().expect("read").len(), 2);
    for heir in renewal.heirs.iter().chain([&renewal.own]) {
        let records = opened(&store, &heir.principal);
        assert_eq!(records, ["A", "B", "C"], "{}", heir.label);
    }
}

fn opened<S: Store>(store: &S, who: &Principal) -> Vec<String> {
    let (bundle, pins) = (store.bundle().expect("the store is in no trouble"), Pins::default());
    let opening = Opening::begin(who, &*bundle, &pins, NOW).expect("the vault opens");
    let way = way(&opening, "shop/production");
    let scope = way.last().expect("a way holds at least its target");
    assert_eq!(scope.head.epoch, 2);
    assert!(bundle.past(scope.id(), 2).expect("read").is_some());
    let records = scope.open_records().expect("records open");
    let mut names: Vec<_> = records.iter().map(|(_, held)| held.name.to_string()).collect();
    names.sort();
    names
}

pub(super) fn a_vault_is_made_anew_whole_or_not_at_all<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let (batch, _) = vault.token(&store, "deploy");
    vault.commit(&mut store, &batch);
    // Somebody wrote in one scope, or a member came, after it was prepared.
    let (late, _) = vault.renew(&store);
    let batch = vault.write(&store, "shop/staging", &[put("NEW", b"1")]);
    vault.commit(&mut store, &batch);
    vault.refused(&mut store, &late);
    let (late, _) = vault.renew(&store);
    let (batch, _) = vault.token(&store, "another");
    vault.commit(&mut store, &batch);
    vault.refused(&mut store, &late);
    // A member that is not there leaves, a row that is not live ends, an entry is there twice.
    let (mut broken, _) = vault.renew(&store);
    broken.departed.push(broken.departed[0]);
    vault.refused(&mut store, &broken);
    broken.departed.pop();
    let last = broken.scopes.len() - 1;
    let child = broken.scopes[last].children[0].clone();
    broken.scopes[last].children.push(child);
    vault.refused(&mut store, &broken);
    broken.scopes[last].children.pop();
    let gone = broken.scopes[last].children_gone[0];
    broken.scopes[last].children_gone.push(gone);
    vault.refused(&mut store, &broken);
    broken.scopes[last].children_gone.pop();
    vault.commit(&mut store, &broken);
}
