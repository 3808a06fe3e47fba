//! Child entries: the tree is signed like its content.

use zms_core::{
    child::{ChildContent, StoredChild, seal_child},
    id::ScopeId,
    open::{OpenScope, Place},
    path::ScopePath,
    principal::Principal,
    roster::Right,
};
use zms_crypto::Key;

use crate::{
    class::Class,
    forge::Draft,
    state::State,
    world::{World, path, rng, scope_place, segment, way},
};

const AT: &str = "shop/production";
const API: &str = "shop/production/api";
const WEB: &str = "shop/production/web";

fn open(world: &World, at: &str) -> OpenScope {
    way(&world.store.state(), &world.owner, at).pop().expect("the target")
}

/// An entry below a scope, sealed as whoever holds that scope's N can seal it.
fn entry(parent: &OpenScope, name: &str, id: ScopeId, epoch: u32, node: &Key) -> StoredChild {
    let keys = parent.keys.node.as_ref().expect("the attacker holds the subtree");
    let content = ChildContent { name: segment(name), node: node.duplicate(), protected: false };
    seal_child(keys, &parent.parent_place(), id, epoch, &content, &mut rng())
}

fn node(scope: &OpenScope) -> &Key {
    scope.keys.node.as_ref().expect("the attacker holds the subtree").node()
}

/// A state whose list of children at a path somebody edited and signed.
fn relisted(
    world: &World,
    at: &str,
    author: &Principal,
    edit: impl FnOnce(&mut Vec<StoredChild>),
) -> State {
    let mut state = world.store.shown();
    let mut draft = Draft::after(&state, world.id(at));
    edit(&mut draft.children);
    draft.sign(author, &mut state);
    state
}

fn swap_envelopes(children: &mut [StoredChild]) {
    let (left, right) = children.split_at_mut(1);
    std::mem::swap(&mut left[0].envelope, &mut right[0].envelope);
}

fn swap_ids(children: &mut [StoredChild]) {
    let (left, right) = children.split_at_mut(1);
    std::mem::swap(&mut left[0].child, &mut right[0].child);
}

#[test]
fn attack_swap_child_names() {
    let world = World::new();
    let reader = world.token("reader", &[(AT, Right::Read, true)]);
    let writer = world.token("writer", &[(AT, Right::Write, true)]);
    let tricks: [fn(&mut [StoredChild]); 2] = [swap_envelopes, swap_ids];
    for trick in tricks {
        let id = world.id(AT);
        world.store.twist(move |state| trick(&mut state.scope(id).children));
        world.refuses_fresh(&reader, API, &Class::Integrity(scope_place(AT)));
        world.store.honest();
        // Even signed by who may shape the tree: an entry is bound to its index and its id.
        world.store.show(relisted(&world, AT, &writer, |children| trick(children)));
        for at in [API, WEB] {
            world.refuses_fresh(&reader, at, &Class::Integrity(Place::Child(path(AT))));
        }
        world.store.honest();
    }
    // Sealed anew by a mere reader, who holds the key for it, it is only the signature that fails.
    let (parent, api, web) = (open(&world, AT), open(&world, API), open(&world, WEB));
    let swapped = |children: &mut Vec<StoredChild>| {
        *children = vec![
            entry(&parent, "web", api.id(), 1, node(&api)),
            entry(&parent, "api", web.id(), 1, node(&web)),
        ];
    };
    world.store.show(relisted(&world, AT, &reader, swapped));
    world.refuses_fresh(&reader, API, &Class::Integrity(scope_place(AT)));
    world.store.honest();
    world.store.show(relisted(&world, AT, &writer, swapped));
    let seen = world.read_fresh(&reader, API).expect("who may shape the tree may rename");
    assert_eq!(seen["WHERE"], WEB.as_bytes());
}

#[test]
fn attack_swap_child_key() {
    let world = World::new();
    let reader = world.token("reader", &[(AT, Right::Read, true)]);
    let writer = world.token("writer", &[(AT, Right::Write, true)]);
    let (parent, api) = (open(&world, AT), open(&world, API));
    let own = Key::generate(&mut rng());
    let other = entry(&parent, "api", api.id(), 1, &own);
    let next_epoch = entry(&parent, "api", api.id(), 2, node(&api));
    let same = entry(&parent, "api", api.id(), 1, node(&api));
    let replace = |new: &StoredChild| {
        let new = new.clone();
        move |children: &mut Vec<StoredChild>| {
            children.retain(|child| child.child_index != new.child_index);
            children.push(new);
        }
    };
    world.store.show(relisted(&world, AT, &writer, replace(&same)));
    assert!(world.read_fresh(&reader, API).is_ok(), "the true key sealed anew is the true key");
    for forged in [&other, &next_epoch] {
        world.store.honest();
        world.store.show(relisted(&world, AT, &reader, replace(forged)));
        world.refuses_fresh(&reader, API, &Class::Integrity(scope_place(AT)));
        world.store.honest();
        // Who may write the parent can make what is below unreadable, never readable.
        world.store.show(relisted(&world, AT, &writer, replace(forged)));
        world.refuses_fresh(&reader, API, &Class::Integrity(scope_place(API)));
    }
}

#[test]
fn attack_duplicate_child() {
    let world = World::new();
    let writer = world.token("writer", &[(AT, Right::Write, true)]);
    let (parent, api) = (open(&world, AT), open(&world, API));
    let new = ScopeId::generate(&mut rng());
    for twin in [
        entry(&parent, "alias", api.id(), 1, node(&api)),
        entry(&parent, "api", new, 1, &Key::generate(&mut rng())),
    ] {
        world.store.honest();
        let with_twin = |children: &mut Vec<StoredChild>| children.push(twin.clone());
        world.store.show(relisted(&world, AT, &writer, with_twin));
        for at in [AT, API] {
            world.refuses_fresh(&world.owner, at, &Class::Integrity(scope_place(AT)));
        }
    }
    world.store.honest();
    let child = entry(&parent, "other", new, 1, &Key::generate(&mut rng()));
    world.store.show(relisted(&world, AT, &writer, |children| children.push(child)));
    assert!(world.read_fresh(&world.owner, API).is_ok(), "another name and id are no twin");
}

#[test]
fn attack_child_cycle() {
    let world = World::new();
    let writer = world.token("writer", &[(AT, Right::Write, true)]);
    let (parent, api) = (open(&world, AT), open(&world, API));
    for above in [world.vault.root(), world.id("shop"), parent.id(), api.id()] {
        world.store.honest();
        let round = entry(&api, "round", above, 1, node(&parent));
        world.store.show(relisted(&world, API, &writer, |children| children.push(round)));
        for at in [API, "shop/production/api/round"] {
            world.refuses_fresh(&world.owner, at, &Class::Integrity(scope_place(API)));
        }
        assert!(world.read_fresh(&world.owner, AT).is_ok(), "above it nothing is broken");
    }
}

#[test]
fn attack_child_cycle_in_a_bundle_file() {
    let world = World::new();
    let writer = world.token("writer", &[(AT, Right::Write, true)]);
    let (truth, honest) = world.read_file(&writer, API);
    assert!(truth.is_ok());
    let (parent, api) = (open(&world, AT), open(&world, API));
    for above in [parent.id(), api.id()] {
        world.store.honest();
        let round = entry(&api, "round", above, 1, node(&parent));
        world.store.show(relisted(&world, API, &writer, |children| children.push(round)));
        for at in [API, "shop/production/api/round", "shop/production/api/round/api"] {
            let (read, text) = world.read_file(&writer, at);
            assert_eq!(read, Err(Class::Integrity(scope_place(API))));
            assert!(text.len() < honest.len() + 1000, "each scope is in the file once");
        }
        assert!(world.read_file(&writer, AT).0.is_ok(), "above it nothing is broken");
    }
}

/// Shows the scope [`AT`] a second time, as `lab/graft`, which its writer may sign.
fn graft(world: &World, writer: &Principal) -> State {
    let (lab, production) = (open(world, "lab"), open(world, AT));
    let new = entry(&lab, "graft", production.id(), production.head.epoch, node(&production));
    relisted(world, "lab", writer, |children| children.push(new))
}

#[test]
fn attack_grafted_id_moves_pin() {
    let world = World::new();
    let thief = world.token("thief", &[("lab", Right::Write, true), (AT, Right::Read, true)]);
    let old = world.store.state();
    world.set(&world.owner, AT, "WHERE", b"rotated").expect("the owner may write");
    assert!(world.read(&world.owner, AT).is_ok());
    // The old head at the new place: nothing was ever seen there.
    let id = world.id(AT);
    let mut grafted = graft(&world, &thief);
    grafted.scopes.insert(id, old.scopes[&id].clone());
    world.store.show(grafted.clone());
    let seen = world.read(&world.owner, "lab/graft").expect("no pin, no rollback");
    assert_eq!(seen["WHERE"], AT.as_bytes());
    world.refuses(&world.owner, AT, &Class::RolledBack(scope_place(AT)));
    // A head far ahead, which the writer of the new place may sign: the true place is not bound.
    let mut ahead = Draft::after(&grafted, id);
    ahead.revision.revision = 1000;
    ahead.sign(&thief, &mut grafted);
    world.store.show(grafted);
    assert_eq!(
        world.read(&world.owner, "lab/graft"),
        Err(Class::RolledBack(scope_place("lab/graft"))),
        "pinned there by now"
    );
    assert!(world.read_fresh(&world.owner, "lab/graft").is_ok());
    world.refuses(&world.owner, AT, &Class::Integrity(scope_place(AT)));
    world.store.honest();
    assert_eq!(world.read(&world.owner, AT).expect("its pin stands")["WHERE"], b"rotated");
}

#[test]
fn attack_one_id_at_two_places() {
    let world = World::new();
    let thief = world.token("thief", &[("lab", Right::Write, true), (AT, Right::Read, true)]);
    let all = |world: &World| {
        world.fresh(&world.owner).names(&ScopePath::default(), true).map_err(Class::from)
    };
    assert!(all(&world).is_ok(), "the honest tree has every id once");
    world.store.show(graft(&world, &thief));
    assert!(world.read_fresh(&world.owner, AT).is_ok(), "each place by itself verifies");
    assert!(world.read_fresh(&world.owner, "lab/graft").is_ok());
    let twice = all(&world);
    assert!(
        matches!(&twice, Err(Class::Integrity(Place::Scope(at)))
            if [AT, "lab/graft"].contains(&at.to_string().as_str())),
        "{twice:?}"
    );
}

#[test]
fn attack_removed_scope_still_served() {
    let world = World::new();
    let direct = world.token("direct", &[(API, Right::Write, true)]);
    for who in [&direct, &world.owner] {
        world.read(who, API).expect("pinned now");
    }
    let (before, api) = (world.store.state(), open(&world, API));
    let mut removed = relisted(&world, AT, &world.owner, |children| {
        children.retain(|child| child.child != api.id());
    });
    // The parent's list is gone, the scope itself served as before: a stated limit for who holds
    // its key and can not know, and proven absence for who comes from above.
    world.store.show(removed.clone());
    assert!(world.read_fresh(&direct, API).is_ok());
    assert_eq!(world.read_fresh(&world.owner, API), Err(Class::NotFound(API.to_owned())));
    Draft::after(&removed, api.id()).close().sign(&world.owner, &mut removed);
    world.store.show(removed.clone());
    world.refuses_fresh(&direct, API, &Class::Removed(API.to_owned()));
    // An administrator's closing head moves no pin, but a re-signed one is no way back either.
    let mut served = removed.clone();
    served.scopes.insert(api.id(), before.scopes[&api.id()].clone());
    let mut closed_seen = before.clone();
    Draft::after(&before, api.id()).sign(&direct, &mut closed_seen);
    world.store.show(closed_seen);
    world.read(&direct, API).expect("one revision on");
    world.store.show(served);
    world.refuses(&direct, API, &Class::RolledBack(scope_place(API)));
    // Rows that a closing revision left behind are not served.
    let mut rows = removed;
    rows.scope(api.id()).records.clone_from(&before.scopes[&api.id()].records);
    world.store.show(rows);
    world.refuses_fresh(&direct, API, &Class::Removed(API.to_owned()));
}
