//! All that a store shows of a vault, to be compared.

use zms_core::{
    audit::{Action, Entry, Outcome},
    bundle::{Bundle, Standing, Wanted},
    child::StoredChild,
    id::{PrincipalId, ScopeId, VaultId},
    record::{EndedRecord, StoredRecord},
    revision::SignedMessage,
    roster::MemberPart,
};
use zms_crypto::sign::Signature;

use super::vault::Vault;
use crate::Store;

#[derive(PartialEq)]
pub(super) struct Seen {
    vault: Option<VaultId>,
    roster: Option<SignedMessage>,
    roster_messages: Vec<Vec<u8>>,
    members: Vec<MemberPart>,
    principals: Vec<PrincipalSeen>,
    scopes: Vec<ScopeSeen>,
}

#[derive(PartialEq)]
struct PrincipalSeen {
    principal: PrincipalId,
    standing: Standing,
    keyring: Option<Vec<u8>>,
    escrow: Option<Vec<u8>>,
}

#[derive(PartialEq)]
struct ScopeSeen {
    scope: ScopeId,
    head: Option<SignedMessage>,
    revision_messages: Vec<Vec<u8>>,
    records: Vec<StoredRecord>,
    children: Vec<StoredChild>,
    past: Vec<Option<Vec<u8>>>,
    signatures: Vec<(u64, Signature)>,
    ended: Vec<EndedRecord>,
}

/// Reads everything there is of the ids that a vault ever had.
pub(super) fn see(bundle: &dyn Bundle, vault: &Vault) -> Seen {
    Seen {
        vault: bundle.vault().expect("the vault is read"),
        roster: bundle.roster().expect("the roster is read"),
        roster_messages: bundle.roster_messages(0).expect("its chain is read"),
        members: bundle.members().expect("the members are read"),
        principals: vault.principals.iter().map(|id| see_principal(bundle, *id)).collect(),
        scopes: vault.scopes.iter().map(|id| see_scope(bundle, *id)).collect(),
    }
}

fn see_principal(bundle: &dyn Bundle, principal: PrincipalId) -> PrincipalSeen {
    PrincipalSeen {
        principal,
        standing: bundle.standing(principal).expect("the standing is read"),
        keyring: bundle.keyring(principal).expect("the keyring is read"),
        escrow: bundle.escrow(principal).expect("the escrow is read"),
    }
}

fn see_scope(bundle: &dyn Bundle, scope: ScopeId) -> ScopeSeen {
    let mut records = bundle.records(scope, &Wanted::All).expect("the records are read");
    records.sort_unstable_by_key(|record| record.name_index);
    let mut children = bundle.children(scope).expect("the children are read");
    children.sort_unstable_by_key(|child| child.child_index);
    let mut ended = bundle.ended(scope, &Wanted::All).expect("what ended is read");
    ended.sort_unstable_by_key(|ended| (ended.record.name_index, ended.record.rev_from));
    ScopeSeen {
        scope,
        head: bundle.head(scope).expect("the head is read"),
        revision_messages: bundle.revision_messages(scope, 0).expect("its chain is read"),
        records,
        children,
        past: (1..4).map(|epoch| bundle.past(scope, epoch).expect("the past is read")).collect(),
        signatures: bundle.signatures(scope).expect("the signatures are read"),
        ended,
    }
}

/// The whole first chain.
pub(super) fn audit_of<S: Store>(store: &S) -> Vec<Entry> {
    store.audit_read(0, 0, usize::MAX).expect("the audit is read")
}

/// What it was told: a store may note by itself who read from it, and whom it refused.
pub(super) fn told_of<S: Store>(store: &S) -> Vec<(PrincipalId, Action)> {
    let told = |entry: &Entry| {
        let read = matches!(entry.event.action, Action::Read | Action::ReadPast);
        !read && entry.event.outcome == Outcome::Done
    };
    let entries = audit_of(store).into_iter().filter(told);
    entries.map(|entry| (entry.event.principal, entry.event.action)).collect()
}
