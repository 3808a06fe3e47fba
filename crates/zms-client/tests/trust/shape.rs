//! Scopes that change their name, go, or are copied: who held them goes on or is told, and nobody
//! gains or loses anything else.

use zms_core::{
    change::{
        rollback::{edits_to, edits_to_undo},
        write::Edit,
    },
    open::OpenError,
    path::SecretName,
    principal::Principal,
    record::{Payload, Reference, ValueKind},
    roster::Right,
};
use zms_crypto::SecretBytes;

use crate::{
    class::Class,
    forge::Draft,
    world::{World, name, path, payload, seedling, segment},
};

/// Points at a secret of the same lineage.
fn refer(world: &World, at: &str, from: &str, to: (&str, &str)) {
    let target = Reference { path: path(to.0), name: name(to.1) };
    let edit = |_: &_| {
        Ok(vec![Edit::Put(Payload {
            kind: ValueKind::Reference,
            value: SecretBytes::new(target.encode()),
            ..payload(from, b"")
        })])
    };
    world.pinned(&world.owner).write(&|_| Ok(path(at)), edit).expect("the owner may write");
}

fn rename(world: &World, who: &Principal, at: &str, to: &str) -> Result<(), Class> {
    world.pinned(who).rename(&path(at), &segment(to)).map_err(Class::from)
}

fn remove(world: &World, who: &Principal, at: &str) -> Result<(), Class> {
    world.pinned(who).remove(&path(at)).map_err(Class::from)
}

#[test]
fn who_holds_a_scope_holds_it_by_its_new_name() {
    let world = World::new();
    refer(&world, "shop/production/api", "FAR", ("shop", "WHERE"));
    refer(&world, "shop/production/api", "NEAR", ("shop/production", "WHERE"));
    refer(&world, "shop/staging", "OTHER", ("shop", "WHERE"));
    let below = world.token("below", &[("shop/production/api", Right::Write, true)]);
    let at = world.token("at", &[("shop/production", Right::Read, false)]);
    let above = world.token("above", &[("shop", Right::Read, false)]);
    let elsewhere = world.token("elsewhere", &[("shop/staging", Right::Read, true)]);
    let before = world.read(&below, "shop/production/api").expect("it reads");
    assert_eq!(before["FAR"], b"shop");
    rename(&world, &world.owner, "shop/production", "live").expect("the owner may rename");
    let seen = world.read(&below, "shop/live/api").expect("it reads by the new name");
    assert_eq!(seen, before, "references lead through the new name");
    world.read(&at, "shop/live").expect("it reads by the new name");
    world.read(&above, "shop/live/api").expect("it goes down by the new name");
    world.set(&below, "shop/live/api", "NEW", b"1").expect("it may go on writing");
    let gone = |who, at: &str, class| assert_eq!(world.read(who, at), Err(class));
    gone(&above, "shop/production", Class::NotFound("shop/production".into()));
    gone(&at, "shop/production", Class::OutOfScope("shop/production".into()));
    gone(&at, "shop/live/api/x", Class::NotFound("shop/live/api/x".into()));
    world.read(&elsewhere, "shop/staging").expect("others see no difference");
    world.all_verifies();
    // A whole project, and then the name that became free.
    rename(&world, &world.owner, "shop", "store").expect("the owner may rename");
    assert_eq!(world.read(&below, "store/live/api").expect("it reads")["FAR"], b"shop");
    assert_eq!(world.read(&elsewhere, "store/staging").expect("it reads")["OTHER"], b"shop");
    rename(&world, &world.owner, "lab", "shop").expect("the name is free");
    assert!(world.read(&world.owner, "shop").is_ok());
    world.all_verifies();
}

/// What was there before a rename can be brought back after it, references too.
#[test]
fn a_rename_is_no_end_of_going_back() {
    let world = World::new();
    refer(&world, "shop/production/api", "NEAR", ("shop/production", "WHERE"));
    refer(&world, "shop/production/api", "GONE", ("shop/production", "WHERE"));
    let back = |number: Option<u64>| {
        let at = |_: &_| Ok(path("shop/live/api"));
        let done = world.pinned(&world.owner).write_from_past(&at, |history| {
            Ok(match number {
                Some(number) => edits_to(history, number).expect("it can be shown"),
                None => edits_to_undo(history).expect("there is something to undo").1,
            })
        });
        done.map(|written| written.is_some()).map_err(Class::from)
    };
    let gone = |_: &_| Ok(vec![Edit::Remove(name("GONE"))]);
    let at = |_: &_| Ok(path("shop/production/api"));
    world.pinned(&world.owner).write(&at, gone).expect("the owner may write");
    rename(&world, &world.owner, "shop/production", "live").expect("the owner may rename");
    let owner = || world.read(&world.owner, "shop/live/api").expect("the owner reads");
    assert_eq!(owner()["NEAR"], b"shop/production");
    // The rename itself is no change of secrets: the removal is undone.
    assert_eq!(back(None), Ok(true));
    assert_eq!(owner()["GONE"], b"shop/production");
    let first = world.pinned(&world.owner).history(&|_| Ok(path("shop/live/api")), None);
    let newest = first.expect("it opens").history.newest();
    for number in (1..newest).rev() {
        back(Some(number)).expect("it can be brought back");
        owner();
    }
    assert!(!owner().contains_key("NEAR"));
    world.all_verifies();
}

#[test]
fn a_name_that_is_taken_and_the_root_are_refused() {
    let world = World::new();
    let taken = rename(&world, &world.owner, "shop/staging", "production");
    assert_eq!(taken, Err(Class::Other("shop/production exists already".into())));
    assert!(world.pinned(&world.owner).rename(&path(""), &segment("x")).is_err());
    assert!(world.pinned(&world.owner).remove(&path("")).is_err());
    let missing = Class::NotFound("shop/nowhere".into());
    assert_eq!(rename(&world, &world.owner, "shop/nowhere", "x"), Err(missing.clone()));
    assert_eq!(remove(&world, &world.owner, "shop/nowhere"), Err(missing));
}

#[test]
fn renaming_and_removing_are_an_administrators_acts() {
    let world = World::new();
    let writes = world.token("writes", &[("shop", Right::Write, false)]);
    for at in ["shop/production/api", "shop/production"] {
        assert_eq!(rename(&world, &writes, at, "x"), Err(Class::NotAdministrator));
        assert_eq!(remove(&world, &writes, at), Err(Class::NotAdministrator));
    }
}

#[test]
fn a_removed_scope_is_removed_for_all_who_held_it_or_one_below() {
    let world = World::new();
    let at = world.token("at", &[("shop/production", Right::Write, true)]);
    let below = world.token("below", &[("shop/production/api", Right::Write, true)]);
    let beside = world.token("beside", &[("shop/staging", Right::Read, true)]);
    for who in [&at, &below, &beside] {
        world.fresh(who).own().expect("it opens");
    }
    remove(&world, &world.owner, "shop/production").expect("the owner may remove");
    let removed = || Class::Removed("shop/production".into());
    assert_eq!(world.read(&at, "shop/production"), Err(removed()));
    assert_eq!(world.read_fresh(&at, "shop/production"), Err(removed()));
    assert_eq!(world.set(&at, "shop/production", "KEY", b"1"), Err(removed()));
    assert_eq!(world.read(&below, "shop/production/api"), Err(removed()));
    world.read(&beside, "shop/staging").expect("others see no difference");
    let gone = Class::NotFound("shop/production".into());
    assert_eq!(world.read(&world.owner, "shop/production"), Err(gone));
    let state = world.store.state();
    let closed = state.scopes.values().filter(|scope| {
        let head = zms_core::revision::Revision::parse(&scope.head.message);
        head.expect("made by us").closes()
    });
    assert_eq!(closed.count(), 3, "the scope and the two below it");
    world.all_verifies();
    // Its holders can leave, and its name is free.
    world.revoke(&at).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    world
        .pinned(&world.owner)
        .plant(&path("shop"), || vec![seedling("production", vec![])])
        .expect("the name is free");
    assert_eq!(world.read(&below, "shop/production/api"), Err(removed()), "it is another scope");
    world.all_verifies();
}

/// A name that became free goes to another scope, while a token still has the old entry for it.
#[test]
fn a_name_that_became_free_is_no_trap_for_who_held_both() {
    let world = World::new();
    let api = || vec![seedling("api", vec![])];
    world.pinned(&world.owner).plant(&path("shop/staging"), api).expect("the owner may");
    let both = world.token(
        "both",
        &[("shop/production", Right::Read, true), ("shop/staging", Right::Read, true)],
    );
    let below = world.token(
        "below",
        &[("shop/production/api", Right::Write, true), ("shop/staging/api", Right::Write, true)],
    );
    world.pinned(&world.owner).remove(&path("shop/production")).expect("the owner may remove");
    let renamed = world.pinned(&world.owner).rename(&path("shop/staging"), &segment("production"));
    renamed.expect("the name is free");
    let seen = world.read(&both, "shop/production").expect("it holds what has the name now");
    assert_eq!(seen["WHERE"], b"shop/staging");
    world.set(&below, "shop/production/api", "ITS", b"1").expect("it holds what has the name now");
    world.all_verifies();
}

/// A writer takes a scope out of its parent's list without closing it; then the parent is removed.
#[test]
fn attack_dropped_child_outlives_its_parent() {
    let world = World::new();
    let writer = world.token("writer", &[("shop/production", Right::Write, false)]);
    let below = world.token("below", &[("shop/production/api", Right::Write, false)]);
    let (mut state, api) = (world.store.state(), world.id("shop/production/api"));
    let mut draft = Draft::after(&state, world.id("shop/production"));
    draft.children.retain(|entry| entry.child != api);
    draft.sign(&writer, &mut state);
    world.store.show(state);
    remove(&world, &world.owner, "shop/production").expect("the owner may remove");
    let removed = Class::Removed("shop/production/api".into());
    assert_eq!(world.read_fresh(&below, "shop/production/api"), Err(removed));
    let head = &world.store.shown().scopes[&api].head.message;
    let head = zms_core::revision::Revision::parse(head).expect("made by us");
    assert!(head.closes(), "its holders are told, and nobody writes on");
}

#[test]
fn a_copy_holds_the_same_and_is_another_scope() {
    let world = World::new();
    refer(&world, "shop/production/api", "NEAR", ("shop/production", "WHERE"));
    refer(&world, "shop/production/api", "FAR", ("shop", "WHERE"));
    let holds = world.token("holds", &[("shop/production", Right::Write, true)]);
    let copied = world.pinned(&world.owner).copy(&path("shop/production"), &path("shop/qa"));
    copied.expect("the owner may copy");
    let owner = |at: &str| world.read(&world.owner, at).expect("the owner reads");
    assert_eq!(owner("shop/qa/api"), owner("shop/production/api"));
    world.set(&world.owner, "shop/qa", "WHERE", b"qa").expect("the owner may write");
    assert_eq!(owner("shop/qa/api")["NEAR"], b"qa", "references stay within the copy");
    assert_eq!(owner("shop/qa/api")["FAR"], b"shop");
    assert_ne!(owner("shop/production/api")["NEAR"], b"qa");
    assert_eq!(world.read(&holds, "shop/qa"), Err(Class::OutOfScope("shop/qa".into())));
    let again = world.pinned(&world.owner).copy(&path("shop/production"), &path("shop/qa"));
    assert!(again.is_err(), "nothing is copied over");
    let by_token = world.pinned(&holds).copy(&path("shop/production"), &path("shop/mine"));
    assert_eq!(by_token.map_err(Class::from), Err(Class::MayNotWrite));
    world.all_verifies();
}

#[test]
fn a_protection_is_seen_below_and_outlives_new_keys_and_names() {
    let world = World::new();
    let leaves = world.token("leaves", &[("shop/production", Right::Write, false)]);
    let protect = |on| world.pinned(&world.owner).protect(&path("shop/production"), on);
    assert!(protect(true).expect("the owner may protect"));
    assert!(!protect(true).expect("the owner may protect"), "it was so already");
    let protected = |who: &Principal, at: &str| {
        let view = world.pinned(who).structure(&|_| Ok(path(at))).expect("it opens");
        view.target().protected
    };
    assert!(protected(&world.owner, "shop/production"));
    assert!(protected(&world.owner, "shop/production/api"));
    assert!(!protected(&world.owner, "shop/staging"));
    assert!(!protected(&leaves, "shop/production"), "its keyring does not tell");
    world.revoke(&leaves).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    rename(&world, &world.owner, "shop/production", "live").expect("the owner may rename");
    assert!(protected(&world.owner, "shop/live/api"));
    let off = world.pinned(&world.owner).protect(&path("shop/live"), false);
    assert!(off.expect("the owner may lift it"));
    assert!(!protected(&world.owner, "shop/live/api"));
    world.all_verifies();
}

#[test]
fn old_names_of_secrets_do_not_open_under_the_old_path() {
    let world = World::new();
    rename(&world, &world.owner, "shop/production", "live").expect("the owner may rename");
    let old = world
        .pinned(&world.owner)
        .read_one(&|_| Ok(path("shop/production")), &SecretName::parse("WHERE").expect("good"));
    let error = old.map(|_| ()).expect_err("the name is gone");
    let gone = zms_client::SessionError::Open(OpenError::NotFound(path("shop/production")));
    assert_eq!(error.to_string(), gone.to_string());
}
