//! What an engine relies on.

use std::cell::Cell;

use zms_core::{
    admit::{Refused, Tree, admit},
    audit::Action,
    batch::MemberPut,
};

use super::{
    seen::audit_of,
    vault::{NOW, Vault, event, put},
};
use crate::{CommitError, Keeper};

pub(super) fn a_check_sees_the_state_that_a_batch_is_put_on<S: Keeper>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let batch = vault.write(&store, "shop/production", &[put("A", b"one")]);
    let (id, lineage) = (batch.scopes[0].revision.scope, batch.scopes[0].lineage.clone());
    let parent = lineage[lineage.len() - 2];
    let asked = Cell::new(0);
    let check = |tree: &dyn Tree| {
        asked.set(asked.get() + 1);
        assert_eq!(tree.vault()?, Some(vault.id));
        assert!(tree.head(id)?.is_some());
        assert_eq!(tree.parent(id)?, Some(parent));
        assert_eq!(tree.parent(vault.id.root())?, None);
        assert!(tree.authority()?.is_some());
        Ok(())
    };
    let events = [event(vault.owner.id(), Action::Write)];
    store.commit_checked(&batch, &events, &check).expect("it is let through");
    assert_eq!(asked.get(), 1);
    assert_eq!(vault.scope(&store, "shop/production").stored_records().len(), 1);
}

pub(super) fn what_a_check_refuses_changes_nothing<S: Keeper>(mut store: S) {
    let mut vault = Vault::written(&mut store);
    let batch = vault.write(&store, "shop/production", &[put("A", b"new")]);
    vault.note(&batch);
    let before = (vault.seen(&store), audit_of(&store), store.mark().expect("it counts"));
    let events = [event(vault.owner.id(), Action::Write)];
    let refused = store.commit_checked(&batch, &events, &|_| Err(Refused::Denied("never")));
    assert!(matches!(refused, Err(CommitError::Refused(Refused::Denied("never")))));
    let moved = store.commit_checked(&batch, &events, &|_| Err(Refused::Moved));
    assert!(matches!(moved, Err(CommitError::Conflict)));
    let after = (vault.seen(&store), audit_of(&store), store.mark().expect("it counts"));
    assert!(before == after);
    vault.commit(&mut store, &batch);
}

pub(super) fn commits_are_counted_and_reads_are_not<S: Keeper>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let first = store.mark().expect("it counts");
    assert_eq!(store.marked().expect("it counts").1, first);
    let batch = vault.write(&store, "shop/production", &[put("A", b"one")]);
    store.audit_append(&[event(vault.owner.id(), Action::Read)]).expect("it is noted");
    assert_eq!(store.mark().expect("it counts"), first);
    vault.commit(&mut store, &batch);
    let last = store.mark().expect("it counts");
    assert!(last.commits > first.commits && last.roster == first.roster);
    vault.refused(&mut store, &batch);
    assert_eq!(store.mark().expect("it counts"), last);
    let (batch, _) = vault.token(&store, "deploy");
    vault.commit(&mut store, &batch);
    let joined = store.mark().expect("it counts");
    assert!(joined.commits > last.commits && joined.roster != last.roster);
}

pub(super) fn telling_whether_it_can_be_written_changes_nothing<S: Keeper>(mut store: S) {
    store.writable().expect("an empty one can be");
    let mut vault = Vault::written(&mut store);
    let before = (vault.seen(&store), audit_of(&store), store.mark().expect("it counts"));
    for _ in 0..3 {
        store.writable().expect("nobody holds it");
    }
    let after = (vault.seen(&store), audit_of(&store), store.mark().expect("it counts"));
    assert!(before == after);
    let batch = vault.write(&store, "shop/production", &[put("A", b"new")]);
    vault.commit(&mut store, &batch);
}

pub(super) fn a_mark_is_that_of_the_state_it_comes_with<S: Keeper>(mut one: S, other: &S) {
    let mut vault = Vault::made(&mut one);
    let batch = vault.write(&one, "shop/production", &[put("A", b"one")]);
    let scope = batch.scopes[0].revision.scope;
    let (shown, mark) = other.marked().expect("it counts");
    let head = shown.head(scope).expect("no trouble");
    vault.commit(&mut one, &batch);
    assert_eq!(shown.head(scope).expect("no trouble"), head);
    drop(shown);
    let (shown, next) = other.marked().expect("it counts");
    assert!(shown.head(scope).expect("no trouble") != head);
    assert!(next.commits > mark.commits);
}

pub(super) fn a_members_request_key_is_kept_and_goes_with_it<S: Keeper>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let (batch, token) = vault.token(&store, "deploy");
    let [MemberPut::Joins { request_key, .. }] = &batch.members[..] else {
        panic!("a token joins alone")
    };
    assert!(store.request_key(token.id()).expect("no trouble").is_none());
    vault.commit(&mut store, &batch);
    let kept = store.request_key(token.id()).expect("no trouble").expect("it is a member");
    // EXPOSE: compared in a test.
    assert_eq!(kept.expose(), request_key.expose());
    let batch = vault.revoke(&store, token.id());
    vault.commit(&mut store, &batch);
    assert!(store.request_key(token.id()).expect("no trouble").is_none());
}

pub(super) fn a_new_authority_takes_the_place_of_the_old_one<S: Keeper>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let (batch, renewal) = vault.renew(&store);
    let next = batch.authority.expect("a new vault key has a new authority").vk;
    let events = [event(vault.owner.id(), Action::Succeed)];
    let check = |tree: &dyn Tree| {
        assert!(tree.authority()?.is_some_and(|current| current != next));
        admit(tree, vault.owner.id(), &batch, NOW)
    };
    store.commit_checked(&batch, &events, &check).expect("the authority before has named it");
    vault.owner = renewal.own.principal;
    let batch = vault.write(&store, "shop/production", &[put("A", b"one")]);
    let check = |tree: &dyn Tree| {
        assert_eq!(tree.authority()?, Some(next));
        Ok(())
    };
    let events = [event(vault.owner.id(), Action::Write)];
    store.commit_checked(&batch, &events, &check).expect("it is let through");
}
