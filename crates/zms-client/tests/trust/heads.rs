//! Heads: who may have signed the newest revision of a scope.

use zms_core::roster::Right;

use crate::{
    class::Class,
    forge::{Draft, line, roster, vault_key},
    state::State,
    world::{NOW, World, request, scope_place, set_clock, way, write},
};

const AT: &str = "shop/production";

/// A next revision of [`AT`] with a forged value, signed by somebody.
fn forge_value(world: &World, state: &mut State, author: &zms_core::principal::Principal) {
    forge_value_at(world, state, author, NOW);
}

fn forge_value_at(
    world: &World,
    state: &mut State,
    author: &zms_core::principal::Principal,
    created_at: u64,
) {
    // Every key of the scope is known to the attacker: only the signature can tell.
    let keys = way(&world.store.state(), &world.owner, AT).pop().expect("the target").keys;
    let mut draft = Draft::after(state, world.id(AT));
    draft.revision.created_at = created_at;
    draft.put(&keys.data, "WHERE", b"forged");
    draft.sign(author, state);
}

fn sees_forged(world: &World, who: &zms_core::principal::Principal) -> bool {
    world.read_fresh(who, AT).is_ok_and(|seen| seen["WHERE"] == b"forged")
}

/// Shows a forgery by each of two authors: the honest one is believed, so that nothing but the
/// author's right stops the other.
fn only_the_right_stops(
    good: &zms_core::principal::Principal,
    bad: &zms_core::principal::Principal,
    world: &World,
) {
    let reader = world.token("reader", &[(AT, Right::Read, true)]);
    let mut believed = world.store.state();
    forge_value(world, &mut believed, good);
    world.store.show(believed);
    assert!(sees_forged(world, &reader), "an author with the right is believed");
    world.store.honest();
    let mut refused = world.store.state();
    forge_value(world, &mut refused, bad);
    world.store.show(refused);
    for who in [&reader, &world.owner] {
        world.refuses_fresh(who, AT, &Class::Integrity(scope_place(AT)));
    }
}

#[test]
fn attack_lineage_lie() {
    let world = World::new();
    let good = world.token("good", &[("shop", Right::Write, false)]);
    let bad = world.token("bad", &[("lab", Right::Write, true)]);
    only_the_right_stops(&good, &bad, &world);
}

#[test]
fn attack_right_on_sibling() {
    let world = World::new();
    let good = world.token("good", &[(AT, Right::Write, false)]);
    let bad = world.token("bad", &[("shop/staging", Right::Write, true)]);
    only_the_right_stops(&good, &bad, &world);
}

#[test]
fn attack_right_below_is_no_right_above() {
    let world = World::new();
    let good = world.token("good", &[(AT, Right::Write, false)]);
    let bad = world.token("bad", &[("shop/production/api", Right::Write, true)]);
    only_the_right_stops(&good, &bad, &world);
}

#[test]
fn attack_reader_signs() {
    let world = World::new();
    let good = world.token("good", &[(AT, Right::Write, false)]);
    let bad = world.token("bad", &[("", Right::Read, true)]);
    only_the_right_stops(&good, &bad, &world);
}

#[test]
fn attack_stranger_signs() {
    let (world, elsewhere) = (World::new(), World::new());
    let good = world.token("good", &[(AT, Right::Write, false)]);
    only_the_right_stops(&good, &elsewhere.owner, &world);
}

#[test]
fn attack_revoked_writer_signs() {
    let world = World::new();
    let good = world.token("good", &[(AT, Right::Write, false)]);
    let bad = world.token("bad", &[(AT, Right::Write, false)]);
    world.revoke(&bad).expect("the owner may revoke");
    only_the_right_stops(&good, &bad, &world);
}

#[test]
fn attack_expired_writer() {
    let world = World::new();
    let reader = world.token("reader", &[(AT, Right::Read, true)]);
    let writer = world.token_until("writer", &[(AT, Right::Write, false)], Some(NOW + 100));
    set_clock(NOW + 200);
    for (created_at, believed) in [(NOW + 100, true), (NOW + 101, false), (NOW - 1, false)] {
        world.store.honest();
        let mut state = world.store.state();
        forge_value_at(&world, &mut state, &writer, created_at);
        world.store.show(state);
        assert_eq!(sees_forged(&world, &reader), believed, "{created_at}");
        if !believed {
            world.refuses_fresh(&reader, AT, &Class::Integrity(scope_place(AT)));
        }
    }
    world.refuses_fresh(&writer, AT, &Class::Expired);
}

#[test]
fn attack_write_narrowed_to_read() {
    let world = World::new();
    let reader = world.token("reader", &[(AT, Right::Read, true)]);
    let writer = world.token("writer", &[(AT, Right::Write, false)]);
    world.set(&writer, AT, "WHERE", b"while it might").expect("a writer may write");
    let r = vault_key(&world.store.state(), &world.owner);
    let mut state = world.store.state();
    line(&mut state, &writer, |line| {
        let all = std::mem::take(&mut line.rights);
        all.iter().for_each(|(scope, right)| line.rights.add(scope, right.min(Right::Read)));
    });
    roster(&mut state, &r, |_| {});
    // Its head was not signed anew: it counts no more.
    world.store.show(state.clone());
    world.refuses_fresh(&reader, AT, &Class::Integrity(scope_place(AT)));
    Draft::after(&state, world.id(AT)).sign(&world.owner, &mut state);
    world.store.show(state.clone());
    assert_eq!(world.read(&reader, AT).expect("signed anew")["WHERE"], b"while it might");
    assert!(world.read(&writer, AT).is_ok(), "what was narrowed still reads");
    forge_value(&world, &mut state, &writer);
    world.store.show(state);
    world.refuses(&reader, AT, &Class::Integrity(scope_place(AT)));
}

#[test]
fn attack_foreign_scope_signature() {
    let world = World::new();
    let reader = world.token("reader", &[(AT, Right::Read, true)]);
    let (here, there) = (world.id(AT), world.id("shop/staging"));
    let mut state = world.store.state();
    // A genuine head of a sibling, with its genuine records.
    let sibling = state.scopes[&there].clone();
    state.scopes.insert(here, sibling);
    world.store.show(state);
    world.refuses_fresh(&reader, AT, &Class::Integrity(scope_place(AT)));
    world.refuses_fresh(&world.owner, AT, &Class::Integrity(scope_place(AT)));
    // The rows and keys of this scope, by one who may write in both, under the other's name.
    world.store.honest();
    let mut state = world.store.state();
    Draft::after(&state, here).sign(&world.owner, &mut state);
    world.store.show(state.clone());
    assert!(world.read_fresh(&reader, AT).is_ok(), "under its own name it reads");
    let head = zms_core::revision::Revision { scope: there, ..state.head(here) };
    let message = head.encode();
    let signature = world.owner.sign(&message);
    state.scope(here).head = zms_core::revision::SignedMessage { message, signature };
    world.store.show(state);
    world.refuses_fresh(&reader, AT, &Class::Integrity(scope_place(AT)));
}

#[test]
fn attack_launder_head() {
    let world = World::new();
    let bad = world.token("bad", &[(AT, Right::Read, true)]);
    let writer = world.token("writer", &[(AT, Right::Write, true)]);
    world.set(&writer, AT, "HONEST", b"yes").expect("an honest head takes a change");
    let mut forged = world.store.state();
    forge_value(&world, &mut forged, &bad);
    world.store.show(forged.clone());
    let broken = Class::Integrity(scope_place(AT));
    for who in [&writer, &world.owner] {
        for mut session in [world.pinned(who), world.fresh(who)] {
            assert_eq!(write(&mut session, AT, "NEW", b"value"), Err(broken.clone()));
            let planted = session
                .plant(&crate::world::path(AT), || vec![crate::world::seedling("new", vec![])]);
            assert_eq!(planted.map_err(Class::from), Err(broken.clone()));
        }
    }
    let request = request("new", &[(AT, Right::Read, true)]);
    let minted = world.fresh(&world.owner).create_token(&request).map(drop);
    assert_eq!(minted.map_err(Class::from), Err(broken));
    // A revocation neither signs it nor stands still; the re-key then names what is broken.
    world.revoke(&bad).expect("a broken head is no shield against leaving");
    let shown = world.store.shown();
    assert!(shown.scopes[&world.id(AT)].head == forged.scopes[&world.id(AT)].head);
}

#[test]
fn attack_branch_overtakes_pin() {
    let world = World::new();
    let (reader, writer) = (
        world.token("reader", &[(AT, Right::Read, true)]),
        world.token("writer", &[(AT, Right::Write, false)]),
    );
    let old = world.store.state();
    world.set(&world.owner, AT, "WHERE", b"rotated").expect("the owner may write");
    assert_eq!(world.read(&reader, AT).expect("pinned now")["WHERE"], b"rotated");
    // The same head, one revision older, on which the writer goes on.
    for ahead in 1..=3 {
        let mut branch = old.clone();
        for _ in 0..ahead {
            forge_value(&world, &mut branch, &writer);
        }
        world.store.show(branch);
        assert!(sees_forged(&world, &reader), "without a pin it can not be told");
        world.refuses(&reader, AT, &Class::RolledBack(scope_place(AT)));
    }
    world.store.show(old.clone());
    world.refuses(&reader, AT, &Class::RolledBack(scope_place(AT)));
    // Links are bare: one made up to lead from the branch to the pin is not what the head names.
    let (id, seen) = (world.id(AT), world.store.honestly(|| world.store.state()));
    let mut branch = old;
    (0..3).for_each(|_| forge_value(&world, &mut branch, &writer));
    let pinned = seen.head(id);
    let link = zms_core::revision::Revision {
        revision: pinned.revision + 1,
        prev_hash: zms_core::revision::message_hash(&seen.scopes[&id].head.message),
        ..pinned
    };
    *branch.scope(id).older.last_mut().expect("it has a past") = link.encode();
    assert_eq!(branch.head(id).revision, link.revision + 1);
    world.store.show(branch);
    world.refuses(&reader, AT, &Class::RolledBack(scope_place(AT)));
}

#[test]
fn attack_gap_in_the_chain() {
    let world = World::new();
    let reader = world.token("reader", &[(AT, Right::Read, true)]);
    world.read(&reader, AT).expect("pinned now");
    for value in [b"one", b"two", b"six"] {
        world.set(&world.owner, AT, "WHERE", value).expect("the owner may write");
    }
    let (id, honest) = (world.id(AT), world.store.state());
    let tricks: [fn(&mut Vec<Vec<u8>>); 3] =
        [|older| drop(older.pop()), |older| older.swap(2, 3), |older| older.truncate(1)];
    for trick in tricks {
        let mut state = honest.clone();
        trick(&mut state.scope(id).older);
        world.store.show(state);
        world.refuses(&reader, AT, &Class::RolledBack(scope_place(AT)));
    }
    world.store.show(honest);
    assert_eq!(world.read(&reader, AT).expect("the whole chain")["WHERE"], b"six");
}

#[test]
fn attack_drop_nearest_scope() {
    let world = World::new();
    let (at, nearest) = ("shop/production/api", "shop/production/api");
    let reader = world.token("reader", &[(at, Right::Read, true)]);
    assert_eq!(world.read(&reader, at).expect("honest")["WHERE"], at.as_bytes());
    let id = world.id(nearest);
    let tricks: [fn(&mut State, zms_core::id::ScopeId); 3] = [
        |state, id| drop(state.scopes.remove(&id)),
        |state, id| state.scope(id).records.clear(),
        |state, id| drop(state.scope(id).records.remove(0)),
    ];
    for trick in tricks {
        world.store.twist(move |state| trick(state, id));
        for who in [&reader, &world.owner] {
            world.refuses_fresh(who, at, &Class::Integrity(scope_place(nearest)));
        }
    }
    // Nor one in the middle of the way, through its own key or its parent's entry.
    let middle = world.id(AT);
    world.store.twist(move |state| drop(state.scopes.remove(&middle)));
    for who in [&reader, &world.owner] {
        world.refuses_fresh(who, at, &Class::Integrity(scope_place(AT)));
    }
}
