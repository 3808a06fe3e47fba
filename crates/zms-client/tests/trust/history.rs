//! The past: every state that was committed can be shown and brought back, and a store that
//! edits, drops or reorders any of it is found out.

use std::collections::BTreeMap;

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use zms_client::Past;
use zms_core::{
    change::{
        rollback::{edits_to, edits_to_undo},
        write::Edit,
    },
    history::NoState,
    open::Place,
    principal::Principal,
    record::Envelope,
    roster::Right,
};

use crate::{
    class::Class,
    state::{Scope, State},
    world::{Values, World, name, path, payload},
};

const AT: &str = "shop/production";

fn past(world: &World, who: &Principal) -> Result<Past, Class> {
    world.pinned(who).history(&|_| Ok(path(AT)), None).map_err(Class::from)
}

fn state_of(past: &Past, revision: u64) -> Result<Values, NoState> {
    let state = past.history.state(revision)?;
    let value = |(name, version): (&_, &zms_core::history::Version)| {
        (ToString::to_string(name), version.payload.value.expose().clone())
    };
    Ok(state.into_iter().map(value).collect())
}

/// The scope's own secrets and the number of its head.
fn current(world: &World) -> (u64, Values) {
    let past = past(world, &world.owner).expect("the honest store shows the past");
    let newest = past.history.newest();
    (newest, state_of(&past, newest).expect("the newest state"))
}

/// One commit in the scope, or several where a token leaves.
fn step(world: &World, rng: &mut ChaCha20Rng, number: u32) {
    let (_, held) = current(world);
    let key = format!("K{}", rng.next_u32() % 5);
    let by = world.token(&format!("w{number}"), &[(AT, Right::Write, true)]);
    match rng.next_u32() % 6 {
        0 if held.contains_key(&key) => {
            let remove = |_: &_| Ok(vec![Edit::Remove(name(&key))]);
            world.pinned(&by).write(&|_| Ok(path(AT)), remove).expect("it may write");
        }
        1 => {
            world.set(&by, AT, &key, &number.to_be_bytes()).expect("it may write");
            world.revoke(&by).expect("the owner may revoke");
            world.rekey().expect("the owner may re-key");
        }
        2 => {
            let edits = |_: &_| {
                Ok((0..3)
                    .map(|n| Edit::Put(payload(&format!("K{n}"), &number.to_be_bytes())))
                    .collect())
            };
            world
                .pinned(&world.owner)
                .write(&|_| Ok(path(AT)), edits)
                .expect("the owner may write");
        }
        _ => world.set(&by, AT, &key, &number.to_be_bytes()).expect("it may write"),
    }
}

#[test]
fn every_state_there_was_is_shown_and_can_be_brought_back() {
    for seed in 0..6 {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let world = World::new();
        let reads = world.token("reads", &[(AT, Right::Read, true)]);
        let inherits = world.token("inherits", &[("shop/production/api", Right::Read, true)]);
        let mut states = BTreeMap::from([current(&world)]);
        for number in 0..14 {
            step(&world, &mut rng, number);
            let (revision, values) = current(&world);
            states.insert(revision, values);
        }
        for who in [&world.owner, &reads] {
            let past = past(&world, who).expect("it opens");
            assert_eq!(
                (past.history.opens_from(), past.labels.is_empty()),
                (1, who.id() == reads.id())
            );
            for (revision, values) in &states {
                assert_eq!(state_of(&past, *revision).as_ref(), Ok(values), "seed {seed}");
            }
        }
        // Who holds the newest key of the scope alone sees what lies under that key.
        let its = past(&world, &inherits).expect("it opens");
        let from = its.history.opens_from();
        for (revision, values) in &states {
            match state_of(&its, *revision) {
                Ok(shown) => assert!(shown == *values && *revision >= from),
                Err(NoState::TooOld { .. }) => assert!(*revision < from),
                Err(other) => panic!("{other}"),
            }
        }
        for (revision, values) in &states {
            let back = world.pinned(&world.owner).write_from_past(&|_| Ok(path(AT)), |history| {
                Ok(edits_to(history, *revision).expect("it can be shown"))
            });
            back.expect("the owner may roll back");
            assert_eq!(&current(&world).1, values, "seed {seed}, revision {revision}");
        }
        world.all_verifies();
    }
}

#[test]
fn undoing_twice_is_doing_nothing_and_a_new_key_is_no_change() {
    let world = World::new();
    let leaves = world.token("leaves", &[(AT, Right::Read, false)]);
    let before = current(&world).1;
    world.set(&world.owner, AT, "NEW", b"1").expect("the owner may write");
    let after = current(&world).1;
    world.revoke(&leaves).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    let undo = || {
        world.pinned(&world.owner).write_from_past(&|_| Ok(path(AT)), |history| {
            Ok(edits_to_undo(history).expect("something was changed").1)
        })
    };
    undo().expect("undone");
    assert_eq!(current(&world).1, before);
    undo().expect("undone");
    assert_eq!(current(&world).1, after);
}

#[test]
fn times_of_values_outlive_a_rollback() {
    let world = World::new();
    let (revision, _) = current(&world);
    let set = past(&world, &world.owner).expect("it opens").history.state(revision).expect("now")
        [&name("WHERE")]
        .payload
        .created_at;
    crate::world::set_clock(set + 1000);
    let mut later = payload("WHERE", b"later");
    later.created_at = set + 1000;
    let edit = |_: &_| Ok(vec![Edit::Put(later.duplicate())]);
    world.pinned(&world.owner).write(&|_| Ok(path(AT)), edit).expect("the owner may write");
    world
        .pinned(&world.owner)
        .write_from_past(&|_| Ok(path(AT)), |history| {
            Ok(edits_to(history, revision).expect("shown"))
        })
        .expect("the owner may roll back");
    let past = past(&world, &world.owner).expect("it opens");
    let state = past.history.state(past.history.newest()).expect("now");
    assert_eq!(state[&name("WHERE")].payload.created_at, set);
}

fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
}

type Lie = Box<dyn Fn(&mut Scope)>;

/// Edits of all that only the past needs.
fn lies(scope: &Scope) -> Vec<Lie> {
    let mut lies: Vec<Lie> = Vec::new();
    for at in 0..scope.older.len() {
        lies.push(Box::new(move |scope| flip(&mut scope.older[at])));
        lies.push(Box::new(move |scope| drop(scope.older.remove(at))));
        let next = (at + 1) % scope.older.len();
        lies.push(Box::new(move |scope| scope.older.swap(at, next)));
    }
    for at in 0..scope.ended.len() {
        lies.push(Box::new(move |scope| drop(scope.ended.remove(at))));
        lies.push(Box::new(move |scope| scope.ended.push(scope.ended[at].clone())));
        lies.push(Box::new(move |scope| scope.ended[at].rev_to += 1));
        lies.push(Box::new(move |scope| scope.ended[at].rev_to = scope.ended[at].record.rev_from));
        lies.push(Box::new(move |scope| scope.ended[at].rev_to = u64::MAX));
        lies.push(Box::new(move |scope| scope.ended[at].record.rev_from -= 1));
        lies.push(Box::new(move |scope| scope.ended[at].record.epoch += 1));
        lies.push(Box::new(move |scope| flip(&mut scope.ended[at].record.name_index.0)));
        lies.push(Box::new(move |scope| {
            if let Envelope::Whole(bytes) = &mut scope.ended[at].record.envelope {
                flip(bytes);
            }
        }));
        lies.push(Box::new(move |scope| {
            scope.ended[at].record.envelope =
                Envelope::Bare(scope.ended[at].record.envelope.hash());
        }));
    }
    for epoch in 2..2 + scope.past.len() as u32 {
        lies.push(Box::new(move |scope| flip(scope.past.get_mut(&epoch).expect("it is there"))));
        lies.push(Box::new(move |scope| drop(scope.past.remove(&epoch))));
    }
    lies
}

#[test]
fn attack_history_of_a_lying_store() {
    let world = World::new();
    let reads = world.token("reads", &[(AT, Right::Read, true)]);
    let leaves = world.token("leaves", &[(AT, Right::Write, false)]);
    for value in [b"one", b"two"] {
        world.set(&world.owner, AT, "KEY", value).expect("the owner may write");
    }
    world.set(&leaves, AT, "KEY", b"its").expect("it may write");
    world.revoke(&leaves).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    world.set(&world.owner, AT, "KEY", b"three").expect("the owner may write");
    let (id, real) = (world.id(AT), world.store.state());
    let lies = lies(&real.scopes[&id]);
    assert!(lies.len() > 60, "there is a past to lie about");
    for (number, lie) in lies.iter().enumerate() {
        let mut state: State = real.clone();
        lie(state.scope(id));
        assert!(state != real, "lie {number} is one");
        world.store.show(state);
        for who in [&world.owner, &reads] {
            let met = past(&world, who).map(|_| ());
            assert_eq!(met, Err(Class::Integrity(Place::Past(path(AT)))), "lie {number}");
        }
    }
    world.store.honest();
    assert!(past(&world, &reads).is_ok());
}

#[test]
fn a_signature_that_was_lost_leaves_its_author_unproven() {
    let world = World::new();
    let by = world.token("by", &[(AT, Right::Write, false)]);
    let gone = world.token("gone", &[(AT, Right::Write, false)]);
    for who in [&by, &gone] {
        world.set(who, AT, "KEY", b"value").expect("it may write");
    }
    world.set(&world.owner, AT, "KEY", b"value").expect("the owner may write");
    world.revoke(&gone).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    let unproven = |past: &Past| {
        let all = past.history.revisions().iter().filter(|at| !at.proven);
        all.map(|at| at.revision.author).collect::<Vec<_>>()
    };
    let honest = past(&world, &world.owner).expect("it opens");
    assert_eq!(unproven(&honest), [gone.id()], "who left can not be proven any more");
    let id = world.id(AT);
    world.store.twist(move |state| {
        let signatures = &mut state.scope(id).signatures;
        signatures.iter_mut().for_each(|(_, signature)| signature[3] ^= 1);
    });
    let twisted = past(&world, &world.owner).expect("the chain still leads to the head");
    let older = twisted.history.revisions().len() - 1;
    assert_eq!(unproven(&twisted).len(), older);
}
