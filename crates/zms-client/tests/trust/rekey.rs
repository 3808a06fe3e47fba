//! Revocation and re-keying against a store that works with the revoked.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use zms_core::{
    change::{Junk, rekey::Spoiled},
    open::Place,
    principal::Principal,
    record::Envelope,
    roster::Right,
};

use crate::{
    class::Class,
    forge::{Draft, roster, vault_key},
    keys::{Keys, Sealed},
    state::State,
    world::{NOW, SCOPES, World, path, rng, scope_place, seedling, set_clock, way},
};

pub(crate) const AT: &str = "shop/production";
pub(crate) const API: &str = "shop/production/api";

/// The values that a seed opens, out of everything that was ever stored.
fn opens(world: &World, who: &Principal) -> BTreeSet<Vec<u8>> {
    let sealed = Sealed::of(&world.store.history());
    let opened = Keys::of(who, world.vault, &sealed).opened(world.vault, &sealed);
    opened.into_values().flatten().map(|(_, value)| value).collect()
}

/// Writes a value in every scope from here on, and tells which of them a seed opens.
pub(crate) fn opens_of_new(world: &World, who: &Principal) -> Vec<&'static str> {
    for at in SCOPES {
        let value = format!("after {at}");
        world.set(&world.owner, at, "AFTER", value.as_bytes()).expect("the owner may write");
    }
    let opened = opens(world, who);
    SCOPES.into_iter().filter(|at| opened.contains(format!("after {at}").as_bytes())).collect()
}

#[test]
fn attack_rekey_bottom_up() {
    let world = World::new();
    let leaves = world.token("leaves", &[(AT, Right::Write, true)]);
    let stays = world.token("stays", &[(API, Right::Read, true)]);
    assert_eq!(opens_of_new(&world, &leaves), ["shop", AT, API, "shop/production/web"]);
    world.revoke(&leaves).expect("the owner may revoke");
    let order = world.rekey().expect("the owner may re-key");
    let place = |at: &str| order.iter().position(|path| path == at).expect("it was pending");
    assert!(place("shop") < place(AT), "{order:?}");
    assert!(place(AT) < place(API) && place(AT) < place("shop/production/web"), "{order:?}");
    assert_eq!(order.len(), 4, "each once, and no other: {order:?}");
    // Every state before, during and after lies open to the revoked one.
    for at in SCOPES {
        let value = format!("after all, {at}");
        world.set(&world.owner, at, "LAST", value.as_bytes()).expect("the owner may write");
    }
    let opened = opens(&world, &leaves);
    assert!(opened.contains(b"after shop/production".as_slice()), "what it could open, it can");
    for at in SCOPES {
        assert!(!opened.contains(format!("after all, {at}").as_bytes()), "{at}");
    }
    let kept = opens(&world, &stays);
    for at in ["shop", AT, API] {
        assert!(kept.contains(format!("after all, {at}").as_bytes()), "{at}");
        assert!(kept.contains(format!("after {at}").as_bytes()) || at != API, "history of {at}");
    }
    assert!(world.read(&stays, API).is_ok());
    assert_eq!(world.read(&leaves, API), Err(Class::Departed));
    world.all_verifies();
}

#[test]
fn the_newest_key_of_a_scope_reaches_every_older_value() {
    let world = World::new();
    for epoch in ["one", "two", "three"] {
        world.set(&world.owner, AT, "AGED", epoch.as_bytes()).expect("the owner may write");
        let leaves = world.token(epoch, &[(AT, Right::Read, false)]);
        world.revoke(&leaves).expect("the owner may revoke");
        world.rekey().expect("the owner may re-key");
    }
    world.set(&world.owner, AT, "AGED", b"four").expect("the owner may write");
    let late = world.token("late", &[(AT, Right::Read, false)]);
    let opened = opens(&world, &late);
    for epoch in ["one", "two", "three", "four"] {
        assert!(opened.contains(epoch.as_bytes()), "{epoch}");
    }
}

/// Each state of the re-key itself gives away nothing that the next epoch seals.
#[test]
fn attack_key_of_a_half_done_rekey() {
    let world = World::new();
    let leaves = world.token("leaves", &[("shop", Right::Read, true)]);
    world.revoke(&leaves).expect("the owner may revoke");
    let wrote = Rc::new(RefCell::new(Vec::<String>::new()));
    let steps = world.store.history().len();
    for commits in 1.. {
        world.store.fail_after(Some(1));
        let done = world.rekey();
        world.store.fail_after(None);
        // What is re-keyed so far takes a value; none of them opens, whatever is still pending.
        let state = world.store.state();
        for at in SCOPES {
            let scope = way(&state, &world.owner, at).pop().expect("the target");
            if scope.head.epoch > 1 {
                let value = format!("{commits} {at}");
                world.set(&world.owner, at, "NEW", value.as_bytes()).expect("the owner may write");
                wrote.borrow_mut().push(value);
            }
        }
        let opened = opens(&world, &leaves);
        for value in wrote.borrow().iter() {
            assert!(!opened.contains(value.as_bytes()), "{value}");
        }
        if done.is_ok() {
            break;
        }
    }
    assert!(world.store.history().len() > steps && wrote.borrow().len() > 10, "it took steps");
}

#[test]
fn attack_scope_born_during_rekey() {
    let world = World::new();
    let leaves = world.token("leaves", &[("shop", Right::Write, false)]);
    let writer = world.token("writer", &[(AT, Right::Write, false)]);
    world.revoke(&leaves).expect("the owner may revoke");
    // One is born below a pending scope before it is re-keyed, one while its parent waits.
    let mut session = world.pinned(&writer);
    session.plant(&path(AT), || vec![seedling("early", vec![])]).expect("a writer may plant");
    world.store.fail_after(Some(1));
    assert_eq!(world.rekey(), Err(Class::Trouble));
    world.store.fail_after(None);
    session.plant(&path(AT), || vec![seedling("late", vec![])]).expect("a writer may plant");
    let order = world.rekey().expect("the owner may re-key");
    for born in ["shop/production/early", "shop/production/late"] {
        assert!(order.iter().any(|path| path == born), "{born} is not in {order:?}");
        world.set(&world.owner, born, "NEW", born.as_bytes()).expect("the owner may write");
        assert!(!opens(&world, &leaves).contains(born.as_bytes()), "{born}");
        assert!(opens(&world, &writer).contains(born.as_bytes()), "{born}");
    }
    world.all_verifies();
}

#[test]
fn attack_regrant_revoked() {
    let world = World::new();
    let accomplice = world.token("accomplice", &[(AT, Right::Read, true)]);
    let leaves = world.token("leaves", &[(AT, Right::Read, true)]);
    let both = world.store.state();
    world.revoke(&accomplice).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    world.revoke(&leaves).expect("the owner may revoke");
    let (gone, honest) = (both.members[&accomplice.id()].clone(), world.store.state());
    // The revoked one among the living: in the list, by its witness, or in a whole older roster.
    let mut listed = honest.clone();
    listed.members.insert(accomplice.id(), gone);
    listed.departed.remove(&accomplice.id());
    world.store.show(listed.clone());
    assert_eq!(world.rekey(), Err(Class::Integrity(Place::Member)));
    let proof_of_owner = honest.witness(world.owner.id()).expect("a member");
    listed.witnesses.insert(world.owner.id(), proof_of_owner);
    world.store.show(listed);
    assert_eq!(world.rekey(), Err(Class::Integrity(Place::Roster)));
    world.store.show(both);
    assert_eq!(world.rekey(), Err(Class::RolledBack(Place::Roster)));
    world.store.honest();
    world.rekey().expect("the honest list is taken");
    world.set(&world.owner, AT, "NEW", b"new").expect("the owner may write");
    for who in [&accomplice, &leaves] {
        assert!(!opens(&world, who).contains(b"new".as_slice()));
    }
}

#[test]
fn attack_expired_holder_regranted() {
    let world = World::new();
    let ends = world.token_until("ends", &[(AT, Right::Write, true)], Some(NOW + 10));
    let leaves = world.token("leaves", &[(AT, Right::Read, true)]);
    world.set(&ends, AT, "ITS", b"own").expect("a writer may write");
    set_clock(NOW + 11);
    world.revoke(&leaves).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    assert!(opens_of_new(&world, &ends).is_empty(), "nothing is granted to who has expired");
    assert_eq!(world.read(&ends, AT), Err(Class::Departed));
    let seen = world.read_fresh(&world.owner, AT).expect("its heads were signed anew");
    assert_eq!(seen["ITS"], b"own");
    world.all_verifies();
}

#[test]
fn attack_holder_expires_during_rekey() {
    let world = World::new();
    let ends = world.token_until("ends", &[(AT, Right::Write, false)], Some(NOW + 10));
    let leaves = world.token("leaves", &[("shop", Right::Read, true)]);
    world.revoke(&leaves).expect("the owner may revoke");
    let steps = RefCell::new(0);
    world.store.watch(move || {
        *steps.borrow_mut() += 1;
        if *steps.borrow() == 1 {
            set_clock(NOW + 11);
        }
    });
    world.rekey().expect("the owner may re-key");
    assert!(opens_of_new(&world, &ends).is_empty(), "it expired before its scope was re-keyed");
}

/// A writer's head with something in it that no key opens, otherwise consistent.
pub(crate) fn with_junk(world: &World, writer: &Principal) -> State {
    let mut state = world.store.shown();
    let mut draft = Draft::after(&state, world.id(AT));
    let place = draft.place();
    draft.records.push(zms_core::record::StoredRecord {
        name_index: zms_core::id::NameIndex([9; 16]),
        rev_from: place.rev_from,
        epoch: place.epoch,
        envelope: Envelope::Whole(vec![9; 172]),
    });
    draft.children[0].envelope = vec![9; 172];
    draft.sign(writer, &mut state);
    state
}

#[test]
fn attack_junk_shields_writer() {
    let world = World::new();
    let leaves = world.token("leaves", &[(AT, Right::Write, false)]);
    let stays = world.token("stays", &[(AT, Right::Read, true)]);
    let state = with_junk(&world, &leaves);
    let spoiled = state.scopes[&world.id(AT)].children[0].child;
    world.store.show(state);
    world.refuses_fresh(&stays, AT, &Class::Integrity(Place::Record(path(AT))));
    world.revoke(&leaves).expect("junk is no shield");
    let named = vec![Junk::Record(path(AT), "09".repeat(16)), Junk::Child(path(AT), spoiled)];
    assert_eq!(world.rekey(), Err(Class::Junk(named)), "reported by name, nothing lost");
    world.rekey_with(Spoiled::LeaveOut).expect("left out once it is confirmed");
    let seen = world.read_fresh(&stays, AT).expect("what is left reads");
    assert_eq!(seen["WHERE"], AT.as_bytes());
    assert!(world.store.shown().roster().pending.is_empty());
    world.all_verifies();
}

#[test]
fn attack_junk_of_a_reader_is_not_left_out() {
    let world = World::new();
    let writer = world.token("writer", &[(AT, Right::Write, false)]);
    let leaves = world.token("leaves", &[(AT, Right::Read, false)]);
    world.store.show(with_junk(&world, &writer));
    world.revoke(&leaves).expect("the owner may revoke");
    let refused = world.rekey_with(Spoiled::LeaveOut);
    assert!(matches!(refused, Err(Class::Junk(_))), "no right to write has left: {refused:?}");
}

#[test]
fn attack_scope_that_fails_is_closed() {
    let world = World::new();
    let leaves = world.token("leaves", &[(AT, Right::Write, false)]);
    let direct = world.token("direct", &[("shop/production/web", Right::Read, true)]);
    let mut state = world.store.state();
    let web = world.id("shop/production/web");
    let mut draft = Draft::after(&state, web);
    draft.revision.records_root = [9; 32];
    draft.revision.author = leaves.id();
    draft.sign_as_worded(&leaves, &mut state);
    world.store.show(state);
    world.revoke(&leaves).expect("a broken scope is no shield");
    let named = vec![Junk::Scope(path("shop/production/web"))];
    assert_eq!(world.rekey(), Err(Class::Junk(named)));
    world.rekey_with(Spoiled::LeaveOut).expect("closed once it is confirmed");
    let removed = "shop/production/web".to_owned();
    assert_eq!(world.read_fresh(&direct, &removed), Err(Class::Removed(removed.clone())));
    assert_eq!(world.read_fresh(&world.owner, &removed), Err(Class::NotFound(removed)));
    assert!(world.store.shown().roster().pending.is_empty());
    world.all_verifies();
}

#[test]
fn attack_pending_cut_or_edited() {
    let world = World::new();
    let leaves = world.token("leaves", &[(AT, Right::Read, true)]);
    world.revoke(&leaves).expect("the owner may revoke");
    let honest = world.store.state();
    let mut cut = honest.clone();
    let mut said = cut.roster();
    assert!(!said.pending.is_empty());
    said.pending = zms_core::roster::Rights::default();
    cut.roster.message = said.encode();
    world.store.show(cut);
    assert_eq!(world.rekey(), Err(Class::Integrity(Place::Roster)));
    world.refuses_fresh(&world.owner, AT, &Class::Integrity(Place::Roster));
    // The roster before, in which nothing was pending yet.
    let mut before = honest.clone();
    before.roster.message = before.older.pop().expect("there was one");
    world.store.show(before);
    assert_eq!(world.rekey(), Err(Class::Integrity(Place::Roster)));
    // Only R makes a roster without it: shown so that the check above is known to be the one.
    let mut signed = honest;
    let r = vault_key(&signed, &world.owner);
    roster(&mut signed, &r, |next| next.pending = zms_core::roster::Rights::default());
    world.store.show(signed);
    assert_eq!(world.rekey(), Ok(vec![]));
}

/// The store withholds a scope on the way to a pending one: what is left must stay pending.
#[test]
fn attack_cut_todo() {
    let world = World::new();
    let leaves = world.token("leaves", &[(AT, Right::Read, false)]);
    world.revoke(&leaves).expect("the owner may revoke");
    let shop = world.id("shop");
    world.store.twist(move |state| state.scope(shop).head.signature[0] ^= 1);
    assert_eq!(world.rekey(), Err(Class::Integrity(scope_place("shop"))));
    world.store.honest();
    assert!(!world.store.state().roster().pending.is_empty(), "still to be done");
    world.rekey().expect("the owner may re-key");
    assert_eq!(opens_of_new(&world, &leaves), Vec::<&str>::new());
}

/// A leaving writer takes a scope out of its parent's list, or makes its entry junk, while others
/// hold that scope in their own keyrings: its key must not live on.
#[test]
fn attack_dropped_child_keeps_its_key() {
    let edits: [fn(&mut zms_core::child::StoredChild); 2] =
        [|entry| entry.envelope = vec![9; 172], |entry| entry.envelope.clear()];
    for (number, edit) in edits.into_iter().enumerate() {
        let world = World::new();
        let leaves = world.token("leaves", &[(AT, Right::Write, false)]);
        let stays = world.token("stays", &[(API, Right::Write, true)]);
        let (mut state, api) = (world.store.state(), world.id(API));
        let mut draft = Draft::after(&state, world.id(AT));
        draft.children.iter_mut().filter(|entry| entry.child == api).for_each(edit);
        draft.children.retain(|entry| !entry.envelope.is_empty());
        draft.sign(&leaves, &mut state);
        world.store.show(state);
        world.revoke(&leaves).expect("the owner may revoke");
        world.rekey_with(Spoiled::LeaveOut).expect("the owner may re-key");
        assert!(world.store.shown().roster().pending.is_empty());
        // Either its holder can not go on, or what it writes is closed to who has left.
        if world.set(&stays, API, "NEW", b"after all").is_ok() {
            let states = [world.store.history(), vec![world.store.shown()]].concat();
            let sealed = Sealed::of(&states);
            let opened = Keys::of(&leaves, world.vault, &sealed).opened(world.vault, &sealed);
            let seen = opened
                .get(&api)
                .is_some_and(|seen| seen.contains(&("NEW".to_owned(), b"after all".to_vec())));
            assert!(!seen, "trick {number}");
        }
    }
}

/// A live writer shows another scope's id below its own; when a reader of that scope leaves, the
/// re-key must not hand the scope's new key to the writer.
#[test]
fn attack_graft_is_rekeyed() {
    let world = World::new();
    let thief = world.token("thief", &[("lab", Right::Write, false)]);
    let leaves = world.token("leaves", &[(AT, Right::Read, false)]);
    let mut state = world.store.state();
    let lab = way(&state, &thief, "lab").pop().expect("the target");
    // What the leaving reader tells the thief: N of the scope.
    let known = way(&state, &leaves, AT).pop().expect("the target");
    let node = known.keys.node.as_ref().expect("it holds the subtree").node().duplicate();
    let content = zms_core::child::ChildContent {
        name: crate::world::segment("graft"),
        node,
        protected: false,
    };
    let keys = lab.keys.node.as_ref().expect("the thief holds the subtree");
    let entry = zms_core::child::seal_child(
        keys,
        &lab.parent_place(),
        known.id(),
        known.head.epoch,
        &content,
        &mut rng(),
    );
    let mut draft = Draft::after(&state, lab.id());
    draft.children.push(entry);
    draft.sign(&thief, &mut state);
    world.store.show(state);
    world.revoke(&leaves).expect("the owner may revoke");
    let rekeyed = world.rekey();
    // Refused, or done at the true place: but never sealed under a key of the thief's.
    let sealed = Sealed::of(&[world.store.history(), vec![world.store.shown()]].concat());
    let keys = Keys::of(&thief, world.vault, &sealed);
    let theirs = keys.opened(world.vault, &sealed);
    let epoch = world.store.shown().head(known.id()).epoch;
    let current: Vec<_> = sealed
        .records
        .iter()
        .filter(|(id, record)| *id == known.id() && record.epoch == epoch && epoch > 1)
        .collect();
    assert!(
        current.is_empty() || !theirs.contains_key(&known.id()),
        "the thief opens {AT} at epoch {epoch}: {rekeyed:?}"
    );
}

/// A writer who expires leaves junk that no right can be named for any more.
#[test]
fn attack_junk_of_an_expired_writer() {
    let world = World::new();
    let ends = world.token_until("ends", &[(AT, Right::Write, false)], Some(NOW + 10));
    let leaves = world.token("leaves", &[(AT, Right::Read, false)]);
    world.store.show(with_junk(&world, &ends));
    set_clock(NOW + 11);
    world.revoke(&leaves).expect("the owner may revoke");
    assert!(matches!(world.rekey(), Err(Class::Junk(_))), "reported by name");
    world.rekey_with(Spoiled::LeaveOut).expect("left out once it is confirmed");
}

/// A scope whose key has no next epoch.
#[test]
fn attack_epoch_at_its_end() {
    let world = World::new();
    let leaves = world.token("leaves", &[(AT, Right::Write, false)]);
    let mut state = world.store.state();
    let (parent, api) = (
        way(&state, &leaves, AT).pop().expect("the target"),
        way(&state, &leaves, API).pop().expect("the target"),
    );
    let mut draft = Draft::after(&state, api.id());
    draft.revision.epoch = u32::MAX;
    draft.records.clear();
    draft.sign(&leaves, &mut state);
    let content = zms_core::child::ChildContent {
        name: crate::world::segment("api"),
        node: api.keys.node.as_ref().expect("the subtree").node().duplicate(),
        protected: false,
    };
    let entry = zms_core::child::seal_child(
        parent.keys.node.as_ref().expect("the subtree"),
        &parent.parent_place(),
        api.id(),
        u32::MAX,
        &content,
        &mut rng(),
    );
    let mut draft = Draft::after(&state, parent.id());
    draft.children.retain(|child| child.child != api.id());
    draft.children.push(entry);
    draft.sign(&leaves, &mut state);
    world.store.show(state);
    world.revoke(&leaves).expect("the owner may revoke");
    assert_eq!(world.rekey(), Err(Class::Junk(vec![Junk::Scope(path(API))])));
    world.rekey_with(Spoiled::LeaveOut).expect("closed once it is confirmed");
    world.all_verifies();
}
