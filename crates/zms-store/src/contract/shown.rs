//! What a bundle shows.

use zms_core::{
    bundle::{
        Bundle, Packed, Standing, Wanted,
        collect::{Wish, collect},
    },
    id::{PrincipalId, ScopeId},
    open::{Opening, Reading},
    pin::Pins,
    record::Envelope,
    revision::Revision,
    roster::Roster,
};

use super::{
    seen::audit_of,
    vault::{NOW, Vault, path, put, remove, secret, way},
};
use crate::Store;

#[expect(clippy::needless_pass_by_value, reason = "every promise is given its own store")]
pub(super) fn an_empty_store_shows_nothing<S: Store>(store: S) {
    let bundle = store.bundle().expect("an empty store is no trouble");
    assert_eq!(bundle.vault().expect("read"), None);
    assert_eq!(bundle.roster().expect("read"), None);
    assert!(bundle.roster_messages(0).expect("read").is_empty());
    assert!(bundle.members().expect("read").is_empty());
    assert_eq!(bundle.standing(PrincipalId([1; 16])).expect("read"), Standing::Unknown);
    drop(bundle);
    assert!(audit_of(&store).is_empty());
    assert!(store.audit_chains().expect("told").is_empty());
}

pub(super) fn what_is_committed_opens<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let batch = vault.plant(&store, "shop/production", "worker");
    vault.commit(&mut store, &batch);
    let batch =
        vault.write(&store, "shop/production/worker", &[put("D", b""), put("E", &[7; 9000])]);
    vault.commit(&mut store, &batch);
    let (batch, token) = vault.token(&store, "deploy");
    vault.commit(&mut store, &batch);
    let bundle = store.bundle().expect("the store is in no trouble");
    assert_eq!(bundle.vault().expect("read"), Some(vault.id));
    for principal in [&vault.owner, &token] {
        let pins = Pins::default();
        let opening = Opening::begin(principal, &*bundle, &pins, NOW).expect("the vault opens");
        let way = opening.way(&path("shop/production/worker"), Reading::Everything);
        let way = way.expect("every scope on the way is proven");
        let opened = way.iter().flat_map(|scope| scope.open_records().expect("records open"));
        let mut values: Vec<_> = opened
            // EXPOSE: the test's own values.
            .map(|(_, payload)| (payload.name.as_str().to_owned(), payload.value.expose().clone()))
            .collect();
        values.sort_unstable();
        let expected: [(&str, &[u8]); 5] =
            [("A", b"one"), ("B", b"two"), ("C", b"three"), ("D", b""), ("E", &[7; 9000])];
        assert_eq!(values, expected.map(|(name, value)| (name.to_owned(), value.to_vec())));
    }
}

pub(super) fn what_is_absent_is_none<S: Store>(mut store: S) {
    let vault = Vault::made(&mut store);
    let bundle = store.bundle().expect("the store is in no trouble");
    let (nobody, nowhere) = (PrincipalId([1; 16]), ScopeId([1; 16]));
    assert_eq!(bundle.standing(nobody).expect("read"), Standing::Unknown);
    assert_eq!(bundle.keyring(nobody).expect("read"), None);
    assert_eq!(bundle.escrow(nobody).expect("read"), None);
    assert_eq!(bundle.head(nowhere).expect("read"), None);
    assert!(bundle.revision_messages(nowhere, 0).expect("read").is_empty());
    assert!(bundle.records(nowhere, &Wanted::All).expect("read").is_empty());
    assert!(bundle.children(nowhere).expect("read").is_empty());
    assert_eq!(bundle.past(nowhere, 2).expect("read"), None);
    assert_eq!(bundle.past(vault.id.root(), 2).expect("read"), None);
}

pub(super) fn a_removed_record_is_gone_and_the_others_stay<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let batch = vault.write(&store, "shop/production", &[remove("B"), put("C", b"four")]);
    vault.commit(&mut store, &batch);
    let scope = vault.scope(&store, "shop/production");
    let opened = scope.open_records().expect("records open");
    let mut names: Vec<_> =
        opened.iter().map(|(from, payload)| (payload.name.as_str(), *from)).collect();
    names.sort_unstable();
    assert_eq!(names, [("A", 2), ("C", 3)]);
}

pub(super) fn records_not_asked_for_come_bare<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let id = vault.scope(&store, "shop/production").id();
    let bundle = store.bundle().expect("the store is in no trouble");
    let all = bundle.records(id, &Wanted::All).expect("read");
    assert_eq!(all.len(), 3);
    let absent = zms_core::id::NameIndex([1; 16]);
    for asked in 0..=all.len() {
        let names = all[..asked].iter().map(|record| record.name_index).chain([absent]).collect();
        let some = bundle.records(id, &Wanted::Only(names)).expect("read");
        assert_eq!(some.len(), all.len());
        for whole in &all {
            let found = some.iter().find(|record| record.name_index == whole.name_index);
            let found = found.expect("every record is there, whole or bare");
            assert_eq!((found.rev_from, found.epoch), (whole.rev_from, whole.epoch));
            if all[..asked].contains(whole) {
                assert_eq!(found.envelope, whole.envelope);
            } else {
                assert_eq!(found.envelope, Envelope::Bare(whole.envelope.hash()));
            }
        }
    }
}

pub(super) fn messages_between_exclude_both_ends<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    for at in 0..4 {
        let batch = vault.write(&store, "shop/production", &[put("A", &[at])]);
        vault.commit(&mut store, &batch);
        let (batch, _) = vault.token(&store, &format!("token-{at}"));
        vault.commit(&mut store, &batch);
    }
    let id = vault.scope(&store, "shop/production").id();
    let bundle = store.bundle().expect("the store is in no trouble");
    for after in (0..8).chain([u64::MAX - 1, u64::MAX]) {
        let expected: Vec<u64> = (after.saturating_add(1)..5).collect();
        let rosters = bundle.roster_messages(after).expect("read");
        let number = |message: &Vec<u8>| Roster::parse(message).expect("one of ours").version;
        assert_eq!(rosters.iter().map(number).collect::<Vec<_>>(), expected);
        let revisions = bundle.revision_messages(id, after).expect("read");
        let number = |message: &Vec<u8>| Revision::parse(message).expect("one of ours").revision;
        assert_eq!(revisions.iter().map(number).collect::<Vec<_>>(), expected);
    }
}

pub(super) fn a_rekeyed_scope_opens_under_its_new_key<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let (batch, stays) = vault.token(&store, "stays");
    vault.commit(&mut store, &batch);
    let (batch, leaves) = vault.token(&store, "leaves");
    vault.commit(&mut store, &batch);
    let batch = vault.revoke(&store, leaves.id());
    vault.commit(&mut store, &batch);
    let mut steps = 0;
    while let Some(batch) = vault.next_rekey(&store) {
        vault.commit(&mut store, &batch);
        steps += 1;
    }
    assert!(steps > 1, "the scope and those below it were pending");
    let bundle = store.bundle().expect("the store is in no trouble");
    let pins = Pins::default();
    let opening = Opening::begin(&stays, &*bundle, &pins, NOW).expect("the vault opens");
    let way = way(&opening, "shop/production");
    let scope = way.last().expect("a way holds at least its target");
    assert_eq!(scope.head.epoch, 2);
    assert_eq!(scope.open_records().expect("records open").len(), 3);
    assert!(bundle.past(scope.id(), 2).expect("read").is_some());
    assert_eq!(bundle.past(scope.id(), 1).expect("read"), None);
}

pub(super) fn what_ended_is_kept_with_the_revision_that_ended_it<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let batch = vault.write(&store, "shop/production", &[put("A", b"new")]);
    vault.commit(&mut store, &batch);
    let scope = vault.scope(&store, "shop/production");
    let (id, removed) = (scope.id(), scope.stored(&secret("B")).expect("B is live").clone());
    let batch = vault.write(&store, "shop/production", &[remove("B")]);
    vault.commit(&mut store, &batch);
    let batch = vault.closing(&store, "shop/production");
    vault.commit(&mut store, &batch);
    let bundle = store.bundle().expect("the store is in no trouble");
    let wanted = Wanted::Only(vec![removed.name_index]);
    let ended = bundle.ended(id, &wanted).expect("read");
    let mut spans: Vec<_> = ended.iter().map(|e| (e.record.rev_from, e.rev_to)).collect();
    spans.sort_unstable();
    assert_eq!(spans, [(2, 3), (2, 4), (2, 5), (3, 5)]);
    for found in ended {
        let whole = matches!(found.record.envelope, Envelope::Whole(_));
        assert_eq!(whole, found.record.name_index == removed.name_index);
        assert!(!whole || found.record == removed, "it is kept as it was");
    }
    let signatures = bundle.signatures(id).expect("read");
    assert_eq!(signatures.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(signatures.iter().all(|(_, signature)| *signature != [0; 64]));
}

pub(super) fn a_bundle_that_is_sent_shows_what_the_store_shows<S: Store>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let batch = vault.write(&store, "shop/production", &[put("A", b"new"), remove("B")]);
    vault.commit(&mut store, &batch);
    let (batch, leaves) = vault.token(&store, "leaves");
    vault.commit(&mut store, &batch);
    let batch = vault.revoke(&store, leaves.id());
    vault.commit(&mut store, &batch);
    while let Some(batch) = vault.next_rekey(&store) {
        vault.commit(&mut store, &batch);
    }
    let (all, owner) = (Wish { past: true, everyone: true, ..Wish::EVERYTHING }, vault.owner.id());
    let bundle = store.bundle().expect("the store is in no trouble");
    let sent = collect(&*bundle, &[owner], &all).expect("the vault is whole").encode();
    let sent = Packed::decode(&sent).expect("it is the one encoding");
    let read = "read";
    assert_eq!(sent.vault().expect(read), bundle.vault().expect(read));
    assert_eq!(sent.roster().expect(read), bundle.roster().expect(read));
    assert_eq!(sent.members().expect(read), bundle.members().expect(read));
    assert_eq!(sent.roster_messages(0).expect(read), bundle.roster_messages(0).expect(read));
    assert_eq!(sent.standing(owner).expect(read), bundle.standing(owner).expect(read));
    assert_eq!(sent.keyring(owner).expect(read), bundle.keyring(owner).expect(read));
    assert_eq!(sent.escrow(owner).expect(read), bundle.escrow(owner).expect(read));
    for id in vault.scopes.iter().copied() {
        assert_eq!(sent.head(id).expect(read), bundle.head(id).expect(read));
        for after in 0..6 {
            let messages = |from: &dyn Bundle| from.revision_messages(id, after).expect(read);
            assert_eq!(messages(&sent), messages(&*bundle));
        }
        for epoch in 0..4 {
            assert_eq!(sent.past(id, epoch).expect(read), bundle.past(id, epoch).expect(read));
        }
        let live = bundle.records(id, &Wanted::All).expect(read);
        let one = Wanted::Only(live.iter().take(1).map(|record| record.name_index).collect());
        for wanted in [Wanted::All, one] {
            let records = |from: &dyn Bundle| {
                let mut records = from.records(id, &wanted).expect(read);
                records.sort_by_key(|record| record.name_index);
                records
            };
            assert_eq!(records(&sent), records(&*bundle));
            let ended = |from: &dyn Bundle| {
                let mut ended = from.ended(id, &wanted).expect(read);
                ended.sort_by_key(|ended| (ended.record.name_index, ended.record.rev_from));
                ended
            };
            assert_eq!(ended(&sent), ended(&*bundle));
        }
        let children = |from: &dyn Bundle| {
            let mut children = from.children(id).expect(read);
            children.sort_by_key(|child| child.child_index);
            children
        };
        assert_eq!(children(&sent), children(&*bundle));
        assert_eq!(sent.signatures(id).expect(read), bundle.signatures(id).expect(read));
    }
}
