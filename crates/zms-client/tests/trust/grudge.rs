//! What a leaving or live writer prepares against a re-key: numbers at their end, scopes dropped
//! from a list, ids of other scopes grafted in.

use zms_core::{change::rekey::Spoiled, revision::LAST_REVISION, roster::Right};

use crate::{
    class::Class,
    forge::Draft,
    keys::{Keys, Sealed},
    rekey::{API, AT, opens_of_new},
    world::{NOW, World, path, rng, seedling, segment, set_clock, way},
};

/// A head at the last number that any revision may have: nobody can sign one after it.
#[test]
fn attack_revision_at_its_end() {
    for at in [AT, "shop/production/early"] {
        let world = World::new();
        let leaves = world.token("leaves", &[(AT, Right::Write, false)]);
        let mut session = world.pinned(&leaves);
        session.plant(&path(AT), || vec![seedling("early", vec![])]).expect("a writer may plant");
        let mut state = world.store.state();
        let mut draft = Draft::after(&state, world.id(at));
        draft.revision.revision = LAST_REVISION;
        draft.sign(&leaves, &mut state);
        world.store.show(state);
        world.revoke(&leaves).expect("a number at its end is no shield against leaving");
        assert!(matches!(world.rekey(), Err(Class::Junk(_))), "{at} is reported by name");
        world.rekey_with(Spoiled::LeaveOut).expect("left out once it is confirmed");
        assert!(world.store.shown().roster().pending.is_empty());
        world.all_verifies();
    }
}

/// A live writer drops a scope from its parent's list, so that a reader of it who leaves keeps
/// the key under which others go on writing.
#[test]
fn attack_live_writer_drops_a_pending_scope() {
    let world = World::new();
    let leaves = world.token("leaves", &[(API, Right::Read, false)]);
    let live = world.token("live", &[(AT, Right::Write, false)]);
    let stays = world.token("stays", &[(API, Right::Write, true)]);
    let (mut state, api) = (world.store.state(), world.id(API));
    let mut draft = Draft::after(&state, world.id(AT));
    draft.children.retain(|entry| entry.child != api);
    draft.sign(&live, &mut state);
    world.store.show(state);
    world.revoke(&leaves).expect("the owner may revoke");
    assert!(matches!(world.rekey(), Err(Class::Junk(_))), "its holders are not cut off unasked");
    world.rekey_with(Spoiled::LeaveOut).expect("closed once it is confirmed");
    assert!(world.set(&stays, API, "NEW", b"after all").is_err(), "nobody writes on");
    let states = [world.store.history(), vec![world.store.shown()]].concat();
    let sealed = Sealed::of(&states);
    let opened = Keys::of(&leaves, world.vault, &sealed).opened(world.vault, &sealed);
    let new = ("NEW".to_owned(), b"after all".to_vec());
    assert!(!opened.get(&api).is_some_and(|seen| seen.contains(&new)));
}

/// Whoever has expired is taken out by the next re-key, and opens nothing written after it.
#[test]
fn attack_expired_reader_reads_on() {
    let world = World::new();
    let ends = world.token_until("ends", &[(AT, Right::Read, true)], Some(NOW + 10));
    let leaves = world.token("leaves", &[("lab", Right::Read, false)]);
    set_clock(NOW + 11);
    world.revoke(&leaves).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    assert!(world.store.shown().roster().pending.is_empty());
    assert_eq!(opens_of_new(&world, &ends), Vec::<&str>::new());
}

/// A leaving writer shows another scope's id below its own while the store hides the true place:
/// leaving it out must not close the other scope.
#[test]
fn attack_graft_closes_another_scope() {
    let world = World::new();
    let leaves = world.token("leaves", &[("lab", Right::Write, false)]);
    let mut state = world.store.state();
    let target = world.id("shop/staging");
    let lab = way(&state, &leaves, "lab").pop().expect("the target");
    let node = zms_crypto::Key::generate(&mut rng());
    let content = zms_core::child::ChildContent { name: segment("graft"), node, protected: false };
    let keys = lab.keys.node.as_ref().expect("the writer holds the subtree");
    let entry =
        zms_core::child::seal_child(keys, &lab.parent_place(), target, 1, &content, &mut rng());
    let mut draft = Draft::after(&state, lab.id());
    draft.children.push(entry);
    draft.sign(&leaves, &mut state);
    let shop = world.id("shop");
    let signature = state.scope(shop).head.signature;
    world.store.show(state);
    world.revoke(&leaves).expect("the owner may revoke");
    let mut hidden = world.store.shown();
    hidden.scope(shop).head.signature[0] ^= 1;
    world.store.show(hidden);
    let _reported_or_left_out = world.rekey_with(Spoiled::LeaveOut);
    let mut honest = world.store.shown();
    honest.scope(shop).head.signature = signature;
    world.store.show(honest);
    world.read(&world.owner, "shop/staging").expect("it was never the writer's to close");
}
