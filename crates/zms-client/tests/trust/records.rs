//! Records: a sealed value opens at its place and nowhere else, and none can be hidden.

use zms_core::{
    open::Place,
    path::SecretName,
    principal::Principal,
    record::{Envelope, Payload, RecordPlace, Reference, StoredRecord, ValueKind, seal_record},
    roster::Right,
};
use zms_crypto::{
    SecretBytes,
    envelope::{open_box, seal_box},
};

use crate::{
    class::Class,
    forge::Draft,
    state::State,
    world::{World, name, path, payload, rng, scope_place, value, values, way},
};

const AT: &str = "shop/production";

fn index(world: &World, at: &str, secret: &str) -> zms_core::id::NameIndex {
    let keys = way(&world.store.state(), &world.owner, at).pop().expect("the target").keys;
    keys.data.name_index(&name(secret))
}

fn record<'s>(state: &'s State, world: &World, at: &str, secret: &str) -> &'s StoredRecord {
    let index = index(world, at, secret);
    let mut records = state.scopes[&world.id(at)].records.iter();
    records.find(|record| record.name_index == index).expect("the secret is there")
}

fn whole(record: &StoredRecord) -> &[u8] {
    match &record.envelope {
        Envelope::Whole(bytes) => bytes,
        Envelope::Bare(_) => panic!("the real store was asked for whole records"),
    }
}

/// A writer of [`AT`] replaces its record `WHERE` and signs a head that fits.
fn replaced(
    world: &World,
    writer: &Principal,
    edit: impl FnOnce(&mut StoredRecord, RecordPlace),
) -> State {
    let mut state = world.store.state();
    let mut draft = Draft::after(&state, world.id(AT));
    let (index, place) = (index(world, AT, "WHERE"), draft.place());
    let at = draft.records.iter().position(|record| record.name_index == index);
    edit(&mut draft.records[at.expect("the secret is there")], place);
    draft.sign(writer, &mut state);
    state
}

fn with_writer() -> (World, Principal, Principal) {
    let world = World::new();
    let writer = world.token("writer", &[(AT, Right::Write, false)]);
    let reader = world.token("reader", &[(AT, Right::Read, true)]);
    (world, writer, reader)
}

/// Even signed by a writer, a record that is not of this place does not open.
fn does_not_open(world: &World, reader: &Principal, state: State) {
    world.store.show(state);
    for who in [reader, &world.owner] {
        world.refuses_fresh(who, AT, &Class::Integrity(Place::Record(path(AT))));
    }
    world.store.honest();
}

#[test]
fn attack_record_from_elsewhere() {
    let (world, writer, reader) = with_writer();
    let keys = way(&world.store.state(), &world.owner, AT).pop().expect("the target").keys.data;
    let sealed = |place: &RecordPlace| {
        let record = seal_record(&keys, place, &payload("WHERE", b"moved"), &mut rng());
        record.envelope
    };
    // At its own place it opens: nothing but the place is wrong below.
    let state = replaced(&world, &writer, |record, place| {
        record.envelope = sealed(&place);
        record.rev_from = place.rev_from;
    });
    world.store.show(state);
    assert_eq!(world.read_fresh(&reader, AT).expect("a writer's value")["WHERE"], b"moved");
    world.store.honest();
    let honest = world.store.state();
    let other_scope = record(&honest, &world, "shop/staging", "WHERE").envelope.clone();
    let other_name = record(&honest, &world, AT, "ONLY_1").envelope.clone();
    let elsewhere: [fn(&mut RecordPlace); 4] = [
        |place| place.vault = zms_core::id::VaultId([7; 16]),
        |place| place.scope = zms_core::id::ScopeId([7; 16]),
        |place| place.epoch += 1,
        |place| place.rev_from += 1,
    ];
    for move_it in elsewhere {
        let state = replaced(&world, &writer, |record, mut place| {
            record.rev_from = place.rev_from;
            move_it(&mut place);
            record.envelope = sealed(&place);
        });
        does_not_open(&world, &reader, state);
    }
    for envelope in [other_scope, other_name] {
        let state = replaced(&world, &writer, |record, _| record.envelope = envelope);
        does_not_open(&world, &reader, state);
    }
    // An older value under a newer number.
    let state = replaced(&world, &writer, |record, place| record.rev_from = place.rev_from);
    does_not_open(&world, &reader, state);
}

/// A payload named `ONLY_1`, sealed by a writer at the place of `WHERE`: two of one name.
#[test]
fn attack_name_of_another_index() {
    let (world, writer, reader) = with_writer();
    let keys = way(&world.store.state(), &world.owner, AT).pop().expect("the target").keys.data;
    let bound = |place: &RecordPlace, secret: &str| {
        zms_crypto::parts::Parts::tagged("zms/v1/aad/record")
            .bytes(place.vault.as_bytes())
            .bytes(place.scope.as_bytes())
            .u32(place.epoch)
            .bytes(keys.name_index(&name(secret)).as_bytes())
            .u64(place.rev_from)
            .finish()
    };
    let sealed_as = |secret: &str, place: &RecordPlace| {
        let sealed = seal_record(&keys, place, &payload(secret, b"forged"), &mut rng());
        let opened = open_box(keys.record(), &bound(place, secret), whole(&sealed));
        let opened = opened.expect("just sealed");
        let sealed = seal_box(keys.record(), &bound(place, "WHERE"), opened.expose(), &mut rng());
        Envelope::Whole(sealed)
    };
    for secret in ["WHERE", "ONLY_1"] {
        let state = replaced(&world, &writer, |record, place| {
            record.rev_from = place.rev_from;
            record.envelope = sealed_as(secret, &place);
        });
        if secret == "WHERE" {
            world.store.show(state);
            assert_eq!(world.read_fresh(&reader, AT).expect("its name")["WHERE"], b"forged");
            world.store.honest();
        } else {
            does_not_open(&world, &reader, state);
        }
    }
}

#[test]
fn attack_record_of_an_older_epoch() {
    let (world, writer, reader) = with_writer();
    let leaves = world.token("leaves", &[(AT, Right::Read, false)]);
    let before = record(&world.store.state(), &world, AT, "WHERE").clone();
    world.revoke(&leaves).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    let state = replaced(&world, &writer, |record, _| {
        *record = StoredRecord { name_index: record.name_index, epoch: 2, ..before.clone() }
    });
    does_not_open(&world, &reader, state);
    let state = replaced(&world, &writer, |record, _| record.epoch = 1);
    world.store.show(state);
    world.refuses_fresh(&reader, AT, &Class::Integrity(scope_place(AT)));
}

#[test]
fn attack_suite_downgrade() {
    let (world, writer, reader) = with_writer();
    for (at, byte) in [(0, b'z'), (2, 0), (2, 2), (3, 0), (3, 2)] {
        let state = replaced(&world, &writer, |record, _| {
            let mut bytes = whole(record).to_vec();
            bytes[at] = byte;
            record.envelope = Envelope::Whole(bytes);
        });
        does_not_open(&world, &reader, state);
    }
    let lengths: [fn(&mut Vec<u8>); 4] =
        [|b| b.push(0), |b| b.truncate(b.len() - 1), |b| b.truncate(4), |b| b.clear()];
    for change in lengths {
        let state = replaced(&world, &writer, |record, _| {
            let mut bytes = whole(record).to_vec();
            change(&mut bytes);
            record.envelope = Envelope::Whole(bytes);
        });
        does_not_open(&world, &reader, state);
    }
}

#[test]
fn attack_unsigned_edit_of_records() {
    let (world, _, reader) = with_writer();
    let id = world.id(AT);
    let tricks: [fn(&mut Vec<StoredRecord>); 5] = [
        |records| drop(records.pop()),
        |records| records.push(records[0].clone()),
        |records| {
            let (left, right) = records.split_at_mut(1);
            std::mem::swap(&mut left[0].envelope, &mut right[0].envelope);
        },
        |records| records[0].rev_from += 1,
        |records| records[0].epoch += 1,
    ];
    assert!(world.read(&reader, AT).is_ok(), "untouched it reads");
    for trick in tricks {
        world.store.twist(move |state| trick(&mut state.scope(id).records));
        world.refuses_fresh(&reader, AT, &Class::Integrity(scope_place(AT)));
    }
}

#[test]
fn attack_duplicate_live_name() {
    let (world, writer, reader) = with_writer();
    let mut state = world.store.state();
    let keys = way(&state, &world.owner, AT).pop().expect("the target").keys.data;
    let mut draft = Draft::after(&state, world.id(AT));
    let held = draft.records.clone();
    draft.put(&keys, "WHERE", b"second");
    let index = keys.name_index(&name("WHERE"));
    draft.records.extend(held.into_iter().filter(|record| record.name_index == index));
    draft.sign(&writer, &mut state);
    world.store.show(state);
    world.refuses_fresh(&reader, AT, &Class::Integrity(scope_place(AT)));
    world.store.honest();
    world.set(&writer, AT, "WHERE", b"second").expect("one of them is a write like any other");
    assert_eq!(world.read(&reader, AT).expect("one live record")["WHERE"], b"second");
}

/// Only the hash of a record is shown where the whole was asked for. The hash proves, and opens
/// nothing: what an ancestor holds must not win in its place.
#[test]
fn attack_bare_record_hides_nearest() {
    let (world, _, reader) = with_writer();
    assert_eq!(world.read(&reader, AT).expect("honest")["WHERE"], AT.as_bytes());
    let (id, index) = (world.id(AT), index(&world, AT, "WHERE"));
    world.store.twist(move |state| {
        for record in &mut state.scope(id).records {
            if record.name_index == index {
                record.envelope = Envelope::Bare(record.envelope.hash());
            }
        }
    });
    for who in [&reader, &world.owner] {
        world.refuses_fresh(who, AT, &Class::Integrity(scope_place(AT)));
        let one = value(&mut world.fresh(who), AT, "WHERE");
        assert_eq!(one, Err(Class::Integrity(scope_place(AT))));
        let names = world.fresh(who).names(&path(AT), false).map_err(Class::from);
        assert_eq!(names, Err(Class::Integrity(scope_place(AT))));
    }
}

/// A record that a reader did not ask for may come bare, and is still proven.
#[test]
fn attack_bare_record_with_another_hash() {
    let (world, _, reader) = with_writer();
    let (id, other) = (world.id(AT), index(&world, AT, "ONLY_1"));
    assert_eq!(value(&mut world.fresh(&reader), AT, "WHERE"), Ok(Some(AT.into())));
    world.store.twist(move |state| {
        for record in &mut state.scope(id).records {
            if record.name_index == other {
                record.envelope = Envelope::Bare([7; 32]);
            }
        }
    });
    let one = value(&mut world.fresh(&reader), AT, "WHERE");
    assert_eq!(one, Err(Class::Integrity(scope_place(AT))));
}

/// Writes a reference past the client's own checks: sealed and signed by hand.
fn refer(world: &World, writer: &Principal, at: &str, from: &str, to: (&str, &str)) {
    let mut state = world.store.shown();
    let keys = way(&state, &world.owner, at).pop().expect("the target").keys.data;
    let mut draft = Draft::after(&state, world.id(at));
    let target = Reference { path: path(to.0), name: name(to.1) };
    let refers = Payload {
        kind: ValueKind::Reference,
        value: SecretBytes::new(target.encode()),
        ..payload(from, b"")
    };
    let index = keys.name_index(&SecretName::parse(from).expect("a good name"));
    draft.records.retain(|record| record.name_index != index);
    draft.records.push(seal_record(&keys, &draft.place(), &refers, &mut rng()));
    draft.sign(writer, &mut state);
    world.store.show(state);
}

#[test]
fn attack_reference_escape() {
    let world = World::new();
    let sandbox = "shop/staging";
    let writer = world.token("writer", &[(sandbox, Right::Write, true)]);
    let wide = world.token("wide", &[("shop", Right::Read, true)]);
    let narrow = world.token("narrow", &[(sandbox, Right::Read, false)]);
    refer(&world, &writer, sandbox, "WHERE", ("shop", "ONLY_0"));
    for who in [&wide, &world.owner, &writer] {
        assert_eq!(world.read_fresh(who, sandbox).expect("upwards it leads")["WHERE"], b"shop");
    }
    // The narrow one does not open what lies above.
    world.refuses_fresh(&narrow, sandbox, &Class::Unreadable);
    let escapes =
        [(AT, "WHERE"), ("shop/production/api", "WHERE"), ("lab", "WHERE"), ("shop", "NONE")];
    for target in escapes {
        refer(&world, &writer, sandbox, "WHERE", target);
        for who in [&wide, &world.owner, &writer] {
            let seen = values(&mut world.fresh(who), sandbox);
            assert_eq!(seen, Err(Class::Unreadable), "{target:?}");
            let one = value(&mut world.fresh(who), sandbox, "WHERE");
            assert_eq!(one, Err(Class::Unreadable), "{target:?}");
        }
    }
    // From a scope down into one below it.
    world.store.honest();
    refer(&world, &world.owner, "shop", "WHERE", (AT, "WHERE"));
    assert_eq!(values(&mut world.fresh(&wide), "shop"), Err(Class::Unreadable));
    // Nor where the one below was opened on the same way.
    world.store.honest();
    refer(&world, &world.owner, "shop", "ONLY_0", (AT, "WHERE"));
    assert_eq!(value(&mut world.fresh(&wide), AT, "ONLY_0"), Err(Class::Unreadable));
}

#[test]
fn attack_reference_loop() {
    let world = World::new();
    let writer = world.token("writer", &[(AT, Right::Write, true)]);
    refer(&world, &writer, AT, "WHERE", (AT, "WHERE"));
    assert_eq!(values(&mut world.fresh(&writer), AT), Err(Class::Unreadable));
    for steps in [8, 9] {
        world.store.honest();
        for at in 1..steps {
            refer(&world, &writer, AT, &format!("R{at}"), (AT, &format!("R{}", at + 1)));
        }
        refer(&world, &writer, AT, &format!("R{steps}"), ("shop", "ONLY_0"));
        let end = value(&mut world.fresh(&writer), AT, "R1");
        let expected = if steps == 8 { Ok(Some(b"shop".to_vec())) } else { Err(Class::Unreadable) };
        assert_eq!(end, expected, "{steps} steps");
    }
}
