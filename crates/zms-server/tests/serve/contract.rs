//! The promises of every store, kept by one that asks an engine over HTTP, and why some are not its.

use std::cell::RefCell;

use tokio::runtime::Runtime;
use zms_client::remote::RemoteStore;
use zms_core::{
    address::Address,
    audit::{Action, Entry, Event},
    batch::Batch,
    bundle::{Bundle, Trouble, TroubleClass, Wanted},
    engine::MAX_EVENTS,
    id::PrincipalId,
    pin::RosterPin,
    record::{Envelope, StoredRecord},
};
use zms_server::Limits;
use zms_store::{
    Ahead, CommitError, Store,
    contract::{
        self, LeftOut,
        vault::{Vault, event, put},
    },
};

use crate::running::{Running, SECRET, entropy, now};

const NO_VAULT: &str =
    "an engine tells a stranger nothing, and where there is no vault all are strangers";
const AGAIN: &str =
    "the same commit again is a lost answer: it is told what it was told the first time";
const CLOSED: &str = "an engine takes no closing that leaves its parent's entry, or is not signed";

/// What is no promise of a store at an engine, and why.
const LEFT_OUT: &[LeftOut] = &[
    ("an_empty_store_shows_nothing", NO_VAULT),
    ("a_vault_comes_before_everything_else", NO_VAULT),
    ("a_first_roster_has_version_1_and_follows_nothing", NO_VAULT),
    ("no_entry_comes_before_the_vault", NO_VAULT),
    ("the_same_vault_is_made_only_once", AGAIN),
    ("a_change_of_members_is_committed_once", AGAIN),
    ("a_write_is_committed_once", AGAIN),
    ("what_ended_is_kept_with_the_revision_that_ended_it", CLOSED),
    ("a_scope_begins_only_once", CLOSED),
    ("only_closing_follows_closing", CLOSED),
    ("closing_ends_every_row", CLOSED),
    (
        "a_member_that_left_is_told_from_a_stranger",
        "none, revoked and unknown are alike; the roster's chain says who left",
    ),
    (
        "a_vault_made_anew_opens_for_its_new_members_only",
        "it is the store of one principal, and that one has left",
    ),
    (
        "entries_are_kept_as_they_are",
        "who and when is the engine's to say, and it notes itself what was read and refused",
    ),
    ("uses_are_counted_with_their_entries", "the engine counts what it gives out, by the line"),
];

/// The same of two.
const LEFT_OUT_OF_TWO: &[LeftOut] = &[(
    "a_bundle_shows_one_state_while_another_commits",
    "what was not sent is of a state that is gone: it says that it has moved",
)];

/// The owner's store at an engine. What a store calls a conflict because it looks at nothing else, an
/// engine may refuse before that: it verifies what it is handed.
struct Owners(RemoteStore);

impl Owners {
    fn at(running: &Running) -> Self {
        let address = Address::parse(&format!("http://{}", running.tcp)).unwrap();
        let entropy = [entropy(), entropy()];
        let store = RemoteStore::new(address, &Vault::unmade().owner, now, entropy);
        Self(store.registering(SECRET))
    }
}

impl Store for Owners {
    fn bundle(&self) -> Result<Box<dyn Bundle + '_>, Trouble> {
        self.0.bundle()
    }

    fn bundle_ahead(&self, ahead: Ahead) -> Result<Box<dyn Bundle + '_>, Trouble> {
        self.0.bundle_ahead(ahead)
    }

    fn commit(&mut self, batch: &Batch, events: &[Event]) -> Result<(), CommitError> {
        self.0.commit(batch, events).map_err(|error| match error {
            CommitError::Refused(_) => CommitError::Conflict,
            CommitError::Trouble(trouble) if trouble.class == TroubleClass::Refused => {
                CommitError::Conflict
            }
            error => error,
        })
    }

    fn audit_append(&mut self, events: &[Event]) -> Result<(), Trouble> {
        self.0.audit_append(events)
    }

    fn spend(&mut self, who: PrincipalId, most: u32, events: &[Event]) -> Result<bool, Trouble> {
        self.0.spend(who, most, events)
    }

    fn audit_read(&self, chain: u64, after: u64, limit: usize) -> Result<Vec<Entry>, Trouble> {
        self.0.audit_read(chain, after, limit)
    }

    fn audit_chains(&self) -> Result<Vec<(u64, u64)>, Trouble> {
        self.0.audit_chains()
    }
}

/// As much as a test likes.
fn unlimited() -> Limits {
    Limits { per_address: 0, per_principal: 0, failures: 0, ..Limits::default() }
}

#[test]
fn every_promise_is_kept() {
    let runtime = Runtime::new().unwrap();
    let running = RefCell::new(Vec::new());
    contract::run_but(LEFT_OUT, || {
        let engine = runtime.block_on(Running::with(unlimited()));
        let store = Owners::at(&engine);
        // It serves as long as the store asks.
        running.borrow_mut().push(engine);
        store
    });
}

#[test]
fn every_promise_between_two_clients_is_kept() {
    let runtime = Runtime::new().unwrap();
    let running = RefCell::new(Vec::new());
    contract::run_shared_but(LEFT_OUT_OF_TWO, || {
        let engine = runtime.block_on(Running::with(unlimited()));
        let stores = (Owners::at(&engine), Owners::at(&engine));
        running.borrow_mut().push(engine);
        stores
    });
}

/// Does something with stores at one engine.
fn at_an_engine(work: impl FnOnce(Owners, Owners)) {
    let runtime = Runtime::new().unwrap();
    let engine = runtime.block_on(Running::with(unlimited()));
    work(Owners::at(&engine), Owners::at(&engine));
}

#[test]
fn a_bundle_shows_one_state_or_says_that_it_has_moved() {
    at_an_engine(|mut one, mut other| {
        let mut vault = Vault::written(&mut one);
        let scope = vault.scope(&one, "shop/production").id();
        let bundle = one.bundle().unwrap();
        let (roster, head) = (bundle.roster().unwrap(), bundle.head(scope).unwrap());
        let batch = vault.write(&other, "shop/production", &[put("A", b"new")]);
        vault.commit(&mut other, &batch);
        let (batch, _) = vault.token(&other, "new");
        vault.commit(&mut other, &batch);
        assert!(bundle.roster().unwrap() == roster && bundle.head(scope).unwrap() == head);
        let moved = |trouble: Trouble| assert_eq!(trouble.class, TroubleClass::Moved);
        moved(bundle.records(scope, &Wanted::All).unwrap_err());
        moved(bundle.ended(scope, &Wanted::All).unwrap_err());
        moved(bundle.members().unwrap_err());
        drop(bundle);
        assert_eq!(one.bundle().unwrap().records(scope, &Wanted::All).unwrap().len(), 3);
    });
}

#[test]
fn a_first_commit_with_one_thing_wrong_makes_no_vault() {
    at_an_engine(|mut one, _| {
        let mut vault = Vault::unmade();
        let edits: [fn(&mut Batch); 5] = [
            |batch| batch.roster = None,
            |batch| batch.found = Some(RosterPin { generation: 1, version: 1, hash: [0; 32] }),
            |batch| batch.roster.as_mut().unwrap().signed.signature[0] ^= 1,
            |batch| batch.scopes[0].signed.signature[0] ^= 1,
            |batch| batch.members.clear(),
        ];
        for edit in edits {
            let mut batch = vault.init();
            edit(&mut batch);
            let events = [event(vault.owner.id(), Action::Init)];
            one.commit(&batch, &events).unwrap_err();
            assert_eq!(one.bundle().err().unwrap().class, TroubleClass::Unauthentic);
        }
        let batch = vault.init();
        vault.commit(&mut one, &batch);
    });
}

#[test]
fn a_commit_that_is_handed_in_again_is_kept_once() {
    at_an_engine(|mut one, _| {
        let mut vault = Vault::written(&mut one);
        let batch = vault.write(&one, "shop/production", &[put("A", b"new")]);
        for _ in 0..3 {
            vault.commit(&mut one, &batch);
        }
        assert_eq!(vault.scope(&one, "shop/production").head.revision, 3);
        let entries = one.audit_read(0, 0, usize::MAX).unwrap();
        let written = entries.iter().filter(|entry| entry.event.action == Action::Write);
        assert_eq!(written.count(), 2);
    });
}

#[test]
fn more_entries_than_are_taken_at_once_are_handed_in_in_parts() {
    at_an_engine(|mut one, _| {
        let vault = Vault::made(&mut one);
        let (_, before) = one.audit_chains().unwrap()[0];
        let count = 2 * MAX_EVENTS + 1;
        one.audit_append(&vec![event(vault.owner.id(), Action::Backup); count]).unwrap();
        assert_eq!(one.audit_chains().unwrap(), [(0, before + count as u64)]);
    });
}

/// Two scopes that are too large to be sent together, and then one that is by itself.
#[test]
fn what_is_too_large_at_once_is_asked_for_scope_by_scope() {
    at_an_engine(|mut one, _| {
        let mut vault = Vault::made(&mut one);
        let mut large = |one: &mut Owners, at: &str, from: usize| {
            let edits: Vec<_> = (from..from + 33)
                .map(|number| put(&format!("K_{number}"), &[7; 1 << 20]))
                .collect();
            let batch = vault.write(one, at, &edits);
            vault.commit(one, &batch);
            batch.scopes[0].revision.scope
        };
        let (first, second) =
            (large(&mut one, "shop/production", 0), large(&mut one, "shop/staging", 0));
        let bundle = one.bundle_ahead(Ahead::Everything).unwrap();
        for scope in [first, second] {
            let records = bundle.records(scope, &Wanted::All).unwrap();
            let whole = |record: &&StoredRecord| matches!(record.envelope, Envelope::Whole(_));
            assert_eq!(records.iter().filter(whole).count(), 33);
        }
        drop(bundle);
        large(&mut one, "shop/production", 33);
        let bundle = one.bundle_ahead(Ahead::Own).unwrap();
        let all = bundle.records(first, &Wanted::All).unwrap_err();
        assert_eq!(all.class, TroubleClass::TooLarge);
        let bare = bundle.records(first, &Wanted::Only(vec![])).unwrap();
        assert_eq!(bare.len(), 66);
        let wanted = Wanted::Only(vec![bare[5].name_index]);
        let some = bundle.records(first, &wanted).unwrap();
        assert_eq!(some.iter().filter(|it| matches!(it.envelope, Envelope::Whole(_))).count(), 1);
    });
}
