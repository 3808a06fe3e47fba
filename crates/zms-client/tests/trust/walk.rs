//! Walks over all that a caller can read: everything it holds, nothing beside, nothing unproven.

use zms_client::Inventory;
use zms_core::{
    open::{OpenError, Place},
    path::ScopePath,
    record::Envelope,
    roster::Right,
};

use crate::{
    class::Class,
    world::{SCOPES, World, path, scope_place},
};

fn seen(world: &World, who: &zms_core::principal::Principal, within: Option<&str>) -> Vec<String> {
    let within = within.map(path);
    let found = world.fresh(who).survey(within.as_ref(), |at, held| {
        (held.name.as_str() == "WHERE").then(|| at.to_string())
    });
    found.expect("the walk ends")
}

#[test]
fn a_survey_sees_what_its_caller_holds() {
    let world = World::new();
    let mut all = seen(&world, &world.owner, None);
    all.sort();
    let mut scopes = SCOPES.map(str::to_owned);
    scopes.sort();
    assert_eq!(all, scopes);
    let below = seen(&world, &world.owner, Some("shop/production"));
    assert_eq!(below.len(), 3);
    let token = world.token(
        "some",
        &[("shop/production", Right::Read, true), ("shop/production/api", Right::Write, true)],
    );
    let mut held = seen(&world, &token, None);
    held.sort();
    let expected = ["shop", "shop/production", "shop/production/api", "shop/production/web"];
    assert_eq!(held, expected, "each scope once, however many grants lead to it");
    let elsewhere = world.fresh(&token).survey(Some(&path("lab")), |_, _| Some(()));
    assert_eq!(elsewhere.map_err(Class::from), Err(Class::OutOfScope("lab".to_owned())));
}

#[test]
fn a_proof_counts_everything_and_goes_on_past_what_is_broken() {
    let world = World::new();
    let proof = world.fresh(&world.owner).prove_all().expect("the vault opens");
    // Two secrets in each scope, and the root, which holds none.
    assert_eq!((proof.scopes, proof.records), (SCOPES.len() + 1, 2 * SCOPES.len()));
    assert!(proof.broken.is_empty());
    let mut state = world.store.state();
    let id = world.id("shop/production");
    state.scopes.get_mut(&id).expect("a scope").records.pop();
    world.store.show(state);
    let proof = world.fresh(&world.owner).prove_all().expect("the roster still verifies");
    let broken = |error: &OpenError| matches!(error, OpenError::Integrity(_));
    assert_eq!(proof.broken.len(), 1);
    assert!(proof.broken.iter().all(broken), "{:?}", proof.broken);
    // The three of its subtree are missing; the others were proven all the same.
    assert_eq!(proof.scopes, SCOPES.len() + 1 - 3);
    let survey = world.fresh(&world.owner).survey(Some(&ScopePath::default()), |_, _| Some(()));
    let place: Place = scope_place("shop/production");
    assert_eq!(survey.map_err(Class::from), Err(Class::Integrity(place)));
}

#[test]
fn names_beside_what_is_broken_are_told_and_what_is_broken_too() {
    let world = World::new();
    let id = world.id("shop/production/api");
    world.store.twist(move |state| {
        if let Envelope::Whole(bytes) = &mut state.scope(id).records[0].envelope {
            bytes[40] ^= 1;
        }
    });
    let found = world.fresh(&world.owner).inventory(&path("shop/production"), true);
    let Inventory { mut names, unread } = found.expect("the rest verifies");
    names.sort();
    let all = [
        "shop/production/ONLY_1",
        "shop/production/WHERE",
        "shop/production/web/ONLY_3",
        "shop/production/web/WHERE",
    ];
    assert_eq!(names, all);
    assert_eq!(unread.len(), 1, "{unread:?}");
    assert!(world.fresh(&world.owner).names(&path("shop/production"), true).is_err());
}

/// The current state does not use it, so that only who is behind, or looks back, is refused.
#[test]
fn a_proof_looks_at_the_past_too() {
    let world = World::new();
    for value in [b"one", b"two"] {
        world.set(&world.owner, "lab", "CHANGED", value).expect("the owner may write");
    }
    let good = world.fresh(&world.owner).prove_all().expect("the vault opens");
    assert!(good.broken.is_empty(), "{:?}", good.broken);
    for lie in 0..2 {
        let mut state = world.store.state();
        let scope = state.scopes.get_mut(&world.id("lab")).expect("a scope");
        match lie {
            0 => scope.older[1][40] ^= 1,
            _ => scope.ended.truncate(0),
        }
        world.store.show(state);
        assert!(world.read(&world.owner, "lab").is_ok(), "nobody needs it to read");
        let proof = world.fresh(&world.owner).prove_all().expect("the roster still verifies");
        let past = OpenError::Integrity(Place::Past(path("lab")));
        assert_eq!(proof.broken.len(), 1);
        assert_eq!(proof.broken[0].to_string(), past.to_string());
        world.store.honest();
    }
}
