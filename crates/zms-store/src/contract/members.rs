//! Members: their proofs, and who may come and go.

use zms_core::{
    batch::{Batch, MemberPut},
    bundle::{Bundle, Standing},
    id::PrincipalId,
    roster::{MemberPart, Roster, members_root},
    tree_head::root_from_proof,
};
use zms_crypto::{Key, digest::sha256};

use super::vault::{NOW, Vault};
use crate::Store;

pub(super) fn every_member_is_proven_whatever_their_number<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let mut tokens = Vec::new();
    for count in 1..=40 {
        assert_members_proven(&*store.bundle().expect("the store is in no trouble"), count);
        let (batch, token) = vault.token(&store, &format!("token-{count}"));
        vault.commit(&mut store, &batch);
        tokens.push(token.id());
    }
    // From the middle, so that what is left moves.
    for leaving in tokens.iter().skip(7).step_by(5) {
        let batch = vault.revoke(&store, *leaving);
        vault.commit(&mut store, &batch);
        let count = vault.principals.len() - gone(&store, &tokens);
        assert_members_proven(&*store.bundle().expect("the store is in no trouble"), count);
    }
    let batch = vault.next_rekey(&store).expect("the revoked tokens' scope is pending");
    vault.commit(&mut store, &batch);
    let count = vault.principals.len() - gone(&store, &tokens);
    assert_members_proven(&*store.bundle().expect("the store is in no trouble"), count);
}

fn gone<S: Store>(store: &S, tokens: &[PrincipalId]) -> usize {
    let bundle = store.bundle().expect("the store is in no trouble");
    let standing = |id: &&PrincipalId| bundle.standing(**id).expect("read");
    tokens.iter().filter(|id| !matches!(standing(id), Standing::Member(_))).count()
}

fn assert_members_proven(bundle: &dyn Bundle, count: usize) {
    let roster = bundle.roster().expect("read").expect("there is a roster");
    let root = Roster::parse(&roster.message).expect("one of ours").members_root;
    let parts = bundle.members().expect("read");
    assert_eq!(parts.len(), count);
    assert_eq!(members_root(&parts), root);
    for part in parts {
        let Standing::Member(witness) = bundle.standing(part.principal).expect("read") else {
            panic!("a listed member is a member");
        };
        let keyring = bundle.keyring(part.principal).expect("read").expect("members have one");
        let escrow = bundle.escrow(part.principal).expect("read").expect("members have one");
        assert_eq!((witness.escrow, witness.keyring), (part.escrow, part.keyring));
        assert_eq!(MemberPart::new(part.principal, &witness.line, &escrow, &keyring), part);
        assert_eq!(sha256(&[&keyring]), witness.keyring);
        assert_eq!(root_from_proof(&part.encode(), &witness.proof), Some(root));
    }
}

/// A token that was there.
fn departed<S: Store>(store: &mut S) -> PrincipalId {
    let mut vault = Vault::made(store);
    let (batch, token) = vault.token(store, "deploy");
    vault.commit(store, &batch);
    let batch = vault.revoke(store, token.id());
    vault.commit(store, &batch);
    token.id()
}

pub(super) fn a_member_that_left_is_told_from_a_stranger<S: Store>(mut store: S) {
    let token = departed(&mut store);
    let bundle = store.bundle().expect("the store is in no trouble");
    assert_eq!(bundle.standing(token).expect("read"), Standing::Departed { at: NOW });
}

pub(super) fn a_member_that_left_is_none<S: Store>(mut store: S) {
    let token = departed(&mut store);
    let bundle = store.bundle().expect("the store is in no trouble");
    assert!(!matches!(bundle.standing(token).expect("read"), Standing::Member(_)));
    assert_eq!(bundle.keyring(token).expect("read"), None);
    assert_eq!(bundle.escrow(token).expect("read"), None);
    assert_eq!(bundle.members().expect("read").len(), 1);
}

pub(super) fn a_member_joins_only_once<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let (first, _) = vault.token(&store, "deploy");
    vault.commit(&mut store, &first);
    let (mut batch, _) = vault.token(&store, "other");
    batch.members.push(joining_again(&first));
    vault.refused(&mut store, &batch);
    batch.members.reverse();
    vault.refused(&mut store, &batch);
    let (mut twice, _) = vault.token(&store, "twice");
    twice.members.push(joining_again(&twice));
    vault.refused(&mut store, &twice);
}

pub(super) fn who_departed_stays_out<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let (first, token) = vault.token(&store, "deploy");
    vault.commit(&mut store, &first);
    let mut batch = vault.revoke(&store, token.id());
    batch.members.push(joining_again(&first));
    vault.refused(&mut store, &batch);
    batch.members.clear();
    vault.commit(&mut store, &batch);
    let (mut batch, _) = vault.token(&store, "other");
    batch.members.push(joining_again(&first));
    vault.refused(&mut store, &batch);
}

pub(super) fn only_a_member_changes_its_keyring<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let (first, token) = vault.token(&store, "deploy");
    let keyring =
        |principal| MemberPut::Keyring { principal, keyring: b"any sealed bytes".to_vec() };
    let (mut batch, _) = vault.token(&store, "other");
    batch.members.push(keyring(token.id()));
    vault.refused(&mut store, &batch);
    vault.commit(&mut store, &first);
    let mut batch = vault.revoke(&store, token.id());
    batch.members.push(keyring(token.id()));
    vault.refused(&mut store, &batch);
    batch.members.clear();
    vault.commit(&mut store, &batch);
    let (mut batch, _) = vault.token(&store, "other");
    batch.members.push(keyring(token.id()));
    vault.refused(&mut store, &batch);
}

pub(super) fn only_a_member_departs<S: Store>(mut store: S) {
    let mut vault = Vault::made(&mut store);
    let (first, token) = vault.token(&store, "deploy");
    let (mut batch, _) = vault.token(&store, "other");
    batch.departed = vec![token.id()];
    vault.refused(&mut store, &batch);
    vault.commit(&mut store, &first);
    let mut batch = vault.revoke(&store, token.id());
    batch.departed.push(token.id());
    vault.refused(&mut store, &batch);
    batch.departed.pop();
    vault.commit(&mut store, &batch);
    let (mut batch, _) = vault.token(&store, "other");
    batch.departed = vec![token.id()];
    vault.refused(&mut store, &batch);
}

/// The first member of a batch, once more.
fn joining_again(batch: &Batch) -> MemberPut {
    let Some(MemberPut::Joins { principal, line, escrow, keyring, .. }) = batch.members.first()
    else {
        panic!("a token joins");
    };
    MemberPut::Joins {
        principal: *principal,
        line: line.clone(),
        escrow: escrow.clone(),
        keyring: keyring.clone(),
        request_key: Key::from_bytes(&[1; 32]),
    }
}
