//! Somebody who commits at the worst moment: right after a state was read.

use std::cell::RefCell;

use zms_client::{Session, pins::PinFolder};
use zms_core::{
    audit::{Entry, Event},
    batch::Batch,
    bundle::{Bundle, Trouble},
    id::PrincipalId,
    roster::Right,
};
use zms_store::{CommitError, Store};

use crate::world::{World, now, rng, twin, values, write};

const AT: &str = "shop/production";

/// An honest store, with something that happens once its next state was read.
struct Meanwhile<S> {
    store: S,
    then: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl<S: Store> Store for Meanwhile<S> {
    fn bundle(&self) -> Result<Box<dyn Bundle + '_>, Trouble> {
        let bundle = self.store.bundle()?;
        if let Some(then) = self.then.take() {
            then();
        }
        Ok(bundle)
    }

    fn commit(&mut self, batch: &Batch, events: &[Event]) -> Result<(), CommitError> {
        self.store.commit(batch, events)
    }

    fn audit_append(&mut self, events: &[Event]) -> Result<(), Trouble> {
        self.store.audit_append(events)
    }

    fn spend(
        &mut self,
        principal: PrincipalId,
        most: u32,
        events: &[Event],
    ) -> Result<bool, Trouble> {
        self.store.spend(principal, most, events)
    }

    fn audit_chains(&self) -> Result<Vec<(u64, u64)>, Trouble> {
        self.store.audit_chains()
    }

    fn audit_read(&self, chain: u64, after: u64, limit: usize) -> Result<Vec<Entry>, Trouble> {
        self.store.audit_read(chain, after, limit)
    }
}

/// Once, one read in some hundred beside a busy writer was taken for a rollback.
#[test]
fn what_another_process_pins_during_a_read_is_no_rollback() {
    let world = World::new();
    let mut other = world.pinned(&world.owner);
    let then = move || write(&mut other, AT, "WHERE", b"moved").expect("the owner may write");
    let store = Meanwhile { store: world.store.clone(), then: RefCell::new(Some(Box::new(then))) };
    let pins = PinFolder::new(world.pin_folder());
    let mut session = Session::new(Box::new(store), twin(&world.owner), pins, now, Box::new(rng()));
    let seen = values(&mut session, AT).expect("the state was the newest when it was read");
    assert_eq!(seen["WHERE"], AT.as_bytes());
    let seen = values(&mut session, AT).expect("the newest state");
    assert_eq!(seen["WHERE"], b"moved");
}

/// A writer that commits while it is being revoked must not leave a head behind that nobody verifies.
#[test]
fn what_a_token_writes_while_it_is_revoked_still_verifies() {
    for at in [AT, "shop/production/api"] {
        let world = World::new();
        let token = world.token("deploy", &[(AT, Right::Write, true)]);
        let mut writer = world.pinned(&token);
        let then = move || write(&mut writer, at, "WHERE", b"late").expect("it may still write");
        let store =
            Meanwhile { store: world.store.clone(), then: RefCell::new(Some(Box::new(then))) };
        let pins = PinFolder::new(world.pin_folder());
        let mut owner =
            Session::new(Box::new(store), twin(&world.owner), pins, now, Box::new(rng()));
        owner.revoke(&[token.id()]).expect("the owner may revoke");
        world.all_verifies();
        world.rekey().expect("nothing is spoiled");
        world.all_verifies();
        let seen = world.read(&world.owner, at).expect("it was not closed");
        assert_eq!(seen["WHERE"], b"late");
    }
}
