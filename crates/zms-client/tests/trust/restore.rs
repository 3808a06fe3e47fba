//! Restores, as far as readers are concerned: a roster of a higher generation, made with R.

use zms_core::{open::Place, principal::Principal, roster::Right};

use crate::{
    class::Class,
    forge::{Draft, roster, vault_key},
    state::State,
    world::{World, now, path, scope_place, values},
};

const AT: &str = "shop/production";

/// What a restore makes of a backup: every head signed anew under the new generation.
pub(crate) fn restored(world: &World, backup: &State, generation: u64) -> State {
    let mut state = backup.clone();
    let r = vault_key(backup, &world.owner);
    let ids: Vec<_> = state.scopes.keys().copied().collect();
    for id in ids {
        let mut draft = Draft::after(&state, id);
        draft.revision.generation = generation;
        draft.sign(&world.owner, &mut state);
    }
    roster(&mut state, &r, |next| next.generation = generation);
    state
}

/// A reader and an owner who saw more than the backup holds.
fn abandoned() -> (World, Principal, State, State) {
    let world = World::new();
    let reader = world.token("reader", &[(AT, Right::Read, true)]);
    let backup = world.store.state();
    world.set(&world.owner, AT, "WHERE", b"later").expect("the owner may write");
    for who in [&reader, &world.owner] {
        assert_eq!(world.read(who, AT).expect("pinned now")["WHERE"], b"later");
    }
    let branch = world.store.state();
    (world, reader, backup, branch)
}

#[test]
fn a_restore_voids_older_pins_and_says_so() {
    let (world, reader, backup, branch) = abandoned();
    world.store.show(backup.clone());
    world.refuses(&reader, AT, &Class::RolledBack(scope_place(AT)));
    world.store.show(restored(&world, &backup, 2));
    let mut session = world.pinned(&reader);
    assert_eq!(values(&mut session, AT).expect("restored")["WHERE"], AT.as_bytes());
    assert!(session.pins_void(), "it is said aloud");
    values(&mut session, AT).expect("pinned anew");
    assert!(!session.pins_void(), "once");
    world.store.show(branch);
    world.refuses(&reader, AT, &Class::RolledBack(Place::Roster));
    world.store.show(backup);
    world.refuses(&reader, AT, &Class::RolledBack(Place::Roster));
}

#[test]
fn attack_old_branch_after_restore() {
    let (world, reader, backup, branch) = abandoned();
    let (new, id) = (restored(&world, &backup, 2), world.id(AT));
    world.store.show(new.clone());
    assert!(world.read_fresh(&reader, AT).is_ok());
    // Genuine heads of the abandoned branch, newer in number, beside the new roster.
    for older in [&branch, &backup] {
        let mut state = new.clone();
        state.scopes.insert(id, older.scopes[&id].clone());
        world.store.show(state);
        world.refuses_fresh(&reader, AT, &Class::Integrity(scope_place(AT)));
    }
    // A writer goes on with the abandoned branch, under the generation it verified then.
    let mut state = new.clone();
    state.scopes.insert(id, branch.scopes[&id].clone());
    Draft::after(&state, id).sign(&world.owner, &mut state);
    world.store.show(state);
    world.refuses_fresh(&reader, AT, &Class::Integrity(scope_place(AT)));
    // A head of the new generation beside the old roster.
    let mut state = branch;
    state.scopes.insert(id, new.scopes[&id].clone());
    world.store.show(state);
    world.refuses_fresh(&reader, AT, &Class::Integrity(scope_place(AT)));
}

#[test]
fn attack_restore_revives() {
    let world = World::new();
    let reader = world.token("reader", &[(AT, Right::Read, true)]);
    let leaves = world.token("leaves", &[(AT, Right::Write, true)]);
    let backup = world.store.state();
    world.revoke(&leaves).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    for who in [&reader, &world.owner] {
        assert!(world.read(who, AT).is_ok(), "pinned now");
    }
    // Without an administrator there is no restore: the backup as it is revives nobody.
    world.store.show(backup.clone());
    world.refuses(&reader, AT, &Class::RolledBack(Place::Roster));
    assert_eq!(world.revoke(&reader), Err(Class::RolledBack(Place::Roster)));
    // A restore by one does, until it is revoked anew: then its heads count no more.
    let mut state = restored(&world, &backup, 2);
    world.store.show(state.clone());
    assert!(world.read_fresh(&leaves, AT).is_ok(), "stated: it revives what was in the backup");
    assert!(world.read(&reader, AT).is_ok());
    let r = vault_key(&state, &world.owner);
    state.members.remove(&leaves.id());
    roster(&mut state, &r, |_| {});
    let mut forged = state.clone();
    Draft::after(&forged, world.id(AT)).sign(&leaves, &mut forged);
    world.store.show(state);
    assert!(world.read(&reader, AT).is_ok(), "revoked anew");
    world.store.show(forged);
    world.refuses(&reader, AT, &Class::Integrity(scope_place(AT)));
}

#[test]
fn attack_same_backup_twice() {
    let (world, reader, backup, _) = abandoned();
    let first = restored(&world, &backup, 2);
    world.store.show(first.clone());
    assert!(world.read(&reader, AT).is_ok(), "pinned to the first restore");
    // The same generation from the same backup, once more: a branch, however long.
    let r = vault_key(&backup, &world.owner);
    let mut second = backup.clone();
    roster(&mut second, &r, |next| next.issued_at += 1);
    let mut second = restored(&world, &second, 2);
    for _ in 0..2 {
        world.store.show(second.clone());
        assert!(world.read_fresh(&reader, AT).is_ok(), "it is consistent in itself");
        world.refuses(&reader, AT, &Class::RolledBack(Place::Roster));
        roster(&mut second, &r, |_| {});
    }
    // A generation above the pin's is a restore like any other, and the first is then behind.
    world.store.show(restored(&world, &backup, 3));
    assert!(world.read(&reader, AT).is_ok());
    world.store.show(first);
    world.refuses(&reader, AT, &Class::RolledBack(Place::Roster));
}

#[test]
fn attack_generation_without_the_authority() {
    let (world, reader, backup, _) = abandoned();
    let mut state = restored(&world, &backup, 2);
    state.roster.signature = world.owner.sign(&state.roster.message);
    world.store.show(state);
    world.refuses_fresh(&reader, AT, &Class::Integrity(Place::Roster));
}

#[test]
fn a_restore_signs_every_head_anew_and_whoever_saw_more_follows() {
    let world = World::new();
    let reader = world.token("reader", &[(AT, Right::Read, true)]);
    let lost = world.token("lost", &[("shop/staging", Right::Read, true)]);
    world.pinned(&world.owner).remove(&path("shop/staging")).expect("the owner may remove");
    let removed = Class::Removed("shop/staging".to_owned());
    assert_eq!(world.read_fresh(&lost, "shop/staging"), Err(removed.clone()));
    assert!(world.read(&reader, AT).is_ok(), "pinned now");
    let before = world.store.state();
    let mut session = world.fresh(&world.owner);
    let generation = session.restore(7).expect("the owner may");
    assert_eq!(generation, now(), "the greatest of the three");
    let after = world.store.state();
    for (id, scope) in &after.scopes {
        let (was, is) = (before.head(*id), after.head(*id));
        assert_eq!((is.generation, is.revision), (generation, was.revision + 1), "{id}");
        assert_eq!((is.records_root, is.closes()), (was.records_root, was.closes()));
        assert!(scope.head.signature != before.scopes[id].head.signature);
    }
    world.all_verifies();
    assert_eq!(world.read_fresh(&lost, "shop/staging"), Err(removed), "it is told still");
    let mut session = world.pinned(&reader);
    assert!(values(&mut session, AT).is_ok());
    assert!(session.pins_void(), "said aloud");
    // Never lower than a pin, whatever the clock says.
    assert_eq!(world.fresh(&world.owner).restore(generation + 9).unwrap(), generation + 9);
    assert_eq!(world.fresh(&world.owner).restore(1).unwrap(), generation + 10);
    assert_eq!(
        world.fresh(&reader).restore(1).map_err(Class::from),
        Err(Class::NotAdministrator),
        "a token restores nothing"
    );
}
