//! Many writers and readers at once, through whichever replicas there are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use zms_core::{
    audit::Action,
    batch::Batch,
    bundle::{Trouble, TroubleClass},
    change::write::{Edit, write},
    id::{ScopeId, VaultId},
    open::{Opening, Reading},
    path::ScopePath,
    pin::Pins,
    principal::{Kind, Principal},
    revision::{Revision, SignedMessage, message_hash},
};
use zms_crypto::Key;
use zms_store::{
    CommitError, Keeper, Store,
    contract::vault::{NOW, Vault, event, put},
};
use zms_store_postgres::{Database, PostgresStore};

use crate::history::{Did, Ended, History, MADE, Operation};

/// One of a few vaults, each with an owner of its own.
pub fn vault(number: u8) -> Vault {
    let mut vault = Vault::unmade();
    vault.id = VaultId([number; 16]);
    vault.owner = Principal::from_seed(Kind::Administrator, Key::from_bytes(&[number; 32]));
    vault
}

/// The same, as a replica keeps it.
pub fn store(replica: &Arc<Database>, number: u8) -> PostgresStore {
    replica.vault(vault(number).id)
}

/// Commits that a vault is made by.
const COMMITS: u64 = 2;

/// Makes some vaults, each in its store.
pub fn make<S: Store>(vaults: u8, open: impl Fn(u8) -> S) {
    for number in 0..vaults {
        let mut made = vault(number);
        let batch = made.init();
        let mut store = open(number);
        store.commit(&batch, &[event(made.owner.id(), Action::Init)]).expect("it is made");
        let batch = made.write(&store, "shop/production", &[put("A", b"one")]);
        store.commit(&batch, &[event(made.owner.id(), Action::Write)]).expect("it is written");
    }
}

/// Writes and reads one scope of one vault until told to stop.
pub fn writer(mut store: impl Store, number: u8, who: &str, stop: &AtomicBool, history: &History) {
    let made = vault(number);
    let mut seed = [number; 32];
    seed[..who.len()].copy_from_slice(who.as_bytes());
    let mut rng = ChaCha20Rng::from_seed(seed);
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        count += 1;
        let value = format!("{who} {count}");
        match attempt(&made, &mut store, who, &value, history, &mut rng) {
            Ok(()) => {}
            // Not so fast that it is all that there is to do.
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// The scope of a vault that is written to.
pub fn scope(store: &PostgresStore, number: u8) -> ScopeId {
    vault(number).scope(store, "shop/production").id()
}

/// Asks how many commits a vault had and notes it, as who answers from what is at hand does, until
/// told to stop.
pub fn reader(
    mut store: PostgresStore,
    number: u8,
    scope: ScopeId,
    stop: &AtomicBool,
    history: &History,
) {
    let made = vault(number);
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let read = [event(made.owner.id(), Action::Read)];
        let told = store.mark().and_then(|mark| store.audit_append(&read).map(|()| mark));
        if let Ok(mark) = told {
            history.note(Operation {
                vault: made.id,
                scope,
                did: Did::Mark,
                // Nothing else of the vault is changed.
                revision: mark.commits - COMMITS + MADE,
                begun,
                ended: Instant::now(),
                outcome: Ended::Done,
            });
        }
        // So that there is more to do than this.
        thread::sleep(Duration::from_millis(10));
    }
}

/// What changes a scope, from the state that is there, with the head that it is put on.
fn prepare(
    made: &Vault,
    store: &impl Store,
    edit: &Edit,
    rng: &mut ChaCha20Rng,
) -> Result<(Batch, SignedMessage), Trouble> {
    let bundle = store.bundle()?;
    let pins = Pins::default();
    let opening = Opening::begin(&made.owner, &*bundle, &pins, NOW).map_err(unread)?;
    let path = ScopePath::parse("shop/production").expect("it is a path");
    let way = opening.way(&path, Reading::Last).map_err(unread)?;
    let batch = write(&opening, &way, std::slice::from_ref(edit), rng).map_err(unread)?;
    let head = bundle.head(batch.scopes[0].revision.scope)?;
    Ok((batch, head.expect("what opens has a head")))
}

/// Nothing is ever shown that does not open; what can not be read is trouble.
fn unread(error: impl std::fmt::Debug) -> Trouble {
    let told = format!("{error:?}");
    assert!(told.contains("Trouble {"), "what was shown does not open: {told}");
    Trouble::new(TroubleClass::Away, told)
}

/// Reads the head, as a reader that has to note it does, and then commits on top of it.
fn attempt(
    made: &Vault,
    store: &mut impl Store,
    who: &str,
    value: &str,
    history: &History,
    rng: &mut ChaCha20Rng,
) -> Result<(), Trouble> {
    let begun = Instant::now();
    let me = made.owner.id();
    let (batch, head) = prepare(made, store, &put(who, value.as_bytes()), rng)?;
    let shown = Revision::parse(&head.message).expect("it is one of ours");
    store.audit_append(&[event(me, Action::Read)])?;
    let (vault, scope) = (made.id, shown.scope);
    history.note(Operation {
        vault,
        scope,
        did: Did::Read(message_hash(&head.message)),
        revision: shown.revision,
        begun,
        ended: Instant::now(),
        outcome: Ended::Done,
    });
    let begun = Instant::now();
    let outcome = store.commit(&batch, &[event(me, Action::Write)]);
    let put = &batch.scopes[0];
    history.note(Operation {
        vault,
        scope,
        did: Did::Commit { from: put.revision.prev_hash, to: message_hash(&put.signed.message) },
        revision: put.revision.revision,
        begun,
        ended: Instant::now(),
        outcome: match &outcome {
            Ok(()) => Ended::Done,
            Err(CommitError::Conflict) => Ended::Lost,
            Err(_) => Ended::Unknown,
        },
    });
    match outcome {
        Err(CommitError::Trouble(trouble)) => Err(trouble),
        _ => Ok(()),
    }
}
