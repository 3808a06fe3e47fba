//! What somebody who left may have seen stays listed, wherever it goes and whatever it is called.

use zms_core::{
    change::{rollback::edits_to, write::Edit},
    principal::Principal,
    record::{Payload, ValueKind},
    roster::Right,
};

use crate::world::{NOW, World, name, path, payload, seedling, set_clock};

const AT: &str = "shop/production";

fn exposed(world: &World) -> Vec<String> {
    let list = world.pinned(&world.owner).exposed().expect("the owner sees it");
    list.iter().map(|it| format!("{}/{}", it.path, it.name)).collect()
}

fn edit(world: &World, who: &Principal, at: &str, edits: impl Fn() -> Vec<Edit>) {
    let done = world.pinned(who).write(&|_| Ok(path(at)), |_| Ok(edits()));
    done.expect("it may write");
}

#[test]
fn what_takes_the_place_of_a_removed_scope_was_never_exposed() {
    let world = World::new();
    let ci = world.token("ci", &[("shop/staging", Right::Read, false)]);
    world.pinned(&world.owner).remove(&path("shop/staging")).expect("the owner may remove");
    let plant = || vec![seedling("staging", vec![])];
    world.pinned(&world.owner).plant(&path("shop"), plant).expect("the name is free");
    world.set(&world.owner, "shop/staging", "NEW", b"1").expect("the owner may write");
    world.revoke(&ci).expect("the owner may revoke");
    assert_eq!(exposed(&world), [""; 0]);
}

#[test]
fn attack_exposed_secret_moves_away() {
    let world = World::new();
    let ci = world.token("ci", &[(AT, Right::Read, false)]);
    world.revoke(&ci).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    set_clock(NOW + 100);
    // As `zms mv` and `zms cp` do: value and times stay.
    edit(&world, &world.owner, "shop/staging", || {
        vec![Edit::Put(payload("MOVED", b"shop/production"))]
    });
    edit(&world, &world.owner, AT, || vec![Edit::Remove(name("WHERE"))]);
    let copied = world.pinned(&world.owner).copy(&path("shop/production/api"), &path("lab/api"));
    copied.expect("the owner may copy");
    let list = exposed(&world);
    for at in ["shop/staging/MOVED", "lab/api/WHERE", "lab/api/ONLY_2", "shop/production/ONLY_1"] {
        assert!(list.contains(&at.to_owned()), "{at} is what the token could read: {list:?}");
    }
    assert!(!list.contains(&"shop/staging/WHERE".to_owned()), "{list:?}");
    // Set anew, it leaves the list.
    let new = || vec![Edit::Put(Payload { created_at: NOW + 100, ..payload("MOVED", b"new") })];
    edit(&world, &world.owner, "shop/staging", new);
    assert!(!exposed(&world).contains(&"shop/staging/MOVED".to_owned()));
}

/// A writer that is to leave says of what it has seen that it was set later, or is no secret.
#[test]
fn attack_exposed_secret_told_younger_or_harmless() {
    let world = World::new();
    let leaves = world.token("leaves", &[(AT, Right::Write, false)]);
    edit(&world, &leaves, AT, || {
        vec![
            Edit::Put(Payload { created_at: NOW * 2, ..payload("WHERE", b"shop/production") }),
            Edit::Put(Payload { kind: ValueKind::Config, ..payload("ONLY_1", b"shop/production") }),
        ]
    });
    set_clock(NOW + 10);
    world.revoke(&leaves).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    let list = exposed(&world);
    for at in ["shop/production/WHERE", "shop/production/ONLY_1"] {
        assert!(list.contains(&at.to_owned()), "{at}: {list:?}");
    }
    // What was a config before, and what an owner calls one since, is none.
    let calls = || vec![Edit::Put(Payload { kind: ValueKind::Config, ..payload("WHERE", b"x") })];
    edit(&world, &world.owner, AT, calls);
    assert!(!exposed(&world).contains(&"shop/production/WHERE".to_owned()));
}

/// A value that was replaced before a token left, and that is brought back after.
#[test]
fn attack_exposed_value_is_brought_back() {
    let world = World::new();
    let ci = world.token("ci", &[(AT, Right::Read, false)]);
    let back = world.pinned(&world.owner).history(&|_| Ok(path(AT)), None).expect("the past");
    let back = back.history.newest();
    let at = |time, value: &'static [u8]| {
        vec![Edit::Put(Payload { created_at: time, ..payload("WHERE", value) })]
    };
    edit(&world, &world.owner, AT, || at(NOW + 1, b"second"));
    set_clock(NOW + 10);
    world.revoke(&ci).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    edit(&world, &world.owner, AT, || at(NOW + 20, b"third"));
    assert!(!exposed(&world).contains(&"shop/production/WHERE".to_owned()));
    let done = world.pinned(&world.owner).write_from_past(&|_| Ok(path(AT)), |history| {
        Ok(edits_to(history, back).expect("it can be shown"))
    });
    done.expect("the owner may roll back");
    assert!(exposed(&world).contains(&"shop/production/WHERE".to_owned()));
}
