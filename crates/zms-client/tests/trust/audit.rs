//! Checkpoints of the audit, kept by who reads a store that lies about it.

use zms_client::{NoteError, Session, Standing, pins::PinFolder};
use zms_core::{
    audit::{Checkpoint, Entry, Fault, Head, Note},
    principal::Principal,
    roster::Right,
};
use zms_store::Store;

use crate::{
    restore::restored,
    world::{NOW, World, set_clock, values},
};

const AT: &str = "shop/production";

/// What the owner keeps.
fn kept(world: &World) -> Vec<u8> {
    let pins = PinFolder::new(world.pin_folder());
    pins.kept_checkpoint(world.owner.id()).expect("readable").expect("the owner keeps one")
}

fn entries(world: &World) -> Vec<Entry> {
    world.store.audit_read(0, 0, usize::MAX).expect("memory is in no trouble")
}

/// Whether a read of the owner found the audit as it should be.
fn quiet(world: &World) -> bool {
    let mut session = world.pinned(&world.owner);
    values(&mut session, AT).expect("the audit fails no read");
    session.audit_alarm().is_none()
}

fn bad(session: &mut Session, note: Option<&[u8]>) -> Option<(u64, u64, Fault)> {
    let report = session.audit_verify(note).expect("what is bad is no error");
    assert_eq!(report.is_good(), report.chains.iter().all(|chain| chain.bad.is_none()));
    report
        .chains
        .iter()
        .find_map(|chain| Some((chain.chain, chain.bad?)))
        .map(|(chain, bad)| (chain, bad.seq, bad.fault))
}

#[test]
fn attack_audit_shown_shorter_and_longer() {
    let world = World::new();
    assert!(quiet(&world));
    let (before, all) = (kept(&world), entries(&world));
    let last = all.len() as u64;
    for shown in [0, 1, all.len() - 1] {
        world.store.show_audit(Some(all[..shown].to_vec()));
        assert!(!quiet(&world), "{shown}");
        let next = shown as u64 + 1;
        let found = bad(&mut world.pinned(&world.owner), None);
        assert_eq!(found, Some((0, next, Fault::Cut { covered: last })));
        assert!(world.pinned(&world.owner).audit_checkpoint().expect("no error").1.is_none());
    }
    // Another chain beside it, which does not start at its start.
    let stray = Entry { chain: 7, ..all[3].clone() };
    world.store.show_audit(Some([&all[..], &[stray]].concat()));
    assert!(!quiet(&world));
    let found = bad(&mut world.pinned(&world.owner), None);
    assert_eq!(found, Some((7, 1, Fault::Missing)));
    assert_eq!(kept(&world), before, "nothing of it took the place of what was seen");
    world.store.show_audit(None);
    assert!(quiet(&world));
    assert_ne!(kept(&world), before);
    assert_eq!(bad(&mut world.pinned(&world.owner), None), None);
}

#[test]
fn a_second_chain_is_covered_from_its_first_entry() {
    let world = World::new();
    let all = entries(&world);
    let mut second: Vec<Entry> = Vec::new();
    for entry in &all[..5] {
        let prev_hash = second.last().map_or([0; 32], |entry| entry.hash);
        second.push(Entry::new(world.vault, 2, entry.seq, prev_hash, entry.event.clone()));
    }
    world.store.show_audit(Some([&all[..], &second].concat()));
    assert!(quiet(&world));
    let report = world.pinned(&world.owner).audit_verify(None).expect("verified");
    let proven: Vec<_> = report.chains.iter().map(|chain| (chain.chain, chain.proven)).collect();
    assert_eq!(proven, [(0, Some((1, all.len() as u64))), (2, Some((1, 5)))]);
    world.store.show_audit(Some([&all[..], &second[..4]].concat()));
    let found = bad(&mut world.pinned(&world.owner), None);
    assert_eq!(found, Some((2, 5, Fault::Cut { covered: 5 })));
}

#[test]
fn a_restore_voids_checkpoints() {
    let world = World::new();
    let (backup, then) = (world.store.state(), entries(&world));
    world.set(&world.owner, AT, "WHERE", b"later").expect("the owner may write");
    assert!(quiet(&world));
    let (older, note) = world.pinned(&world.owner).audit_checkpoint().expect("signed");
    let note = note.expect("all is good");
    assert!(matches!(older.kept, Standing::Good(_)));
    world.store.show_audit(Some(then));
    world.store.show(restored(&world, &backup, 2));
    let report = world.pinned(&world.owner).audit_verify(Some(note.as_bytes())).expect("verified");
    assert!(matches!((&report.kept, &report.brought), (Standing::Void(_), Standing::Void(_))));
    assert!(report.is_good() && report.chains.iter().all(|chain| chain.proven.is_none()));
    assert!(quiet(&world), "what was seen before is void, as pins are");
    let next = Note::parse(&kept(&world)).and_then(|it| it.verify(&world.owner.verifying_key()));
    assert_eq!(next.expect("kept anew").generation, 2);
}

/// A note as anybody could sign it with a key of their own.
fn signed(world: &World, who: &Principal, time: u64) -> String {
    let last = entries(world).pop().expect("there are entries");
    let heads = vec![Head { chain: 0, seq: last.seq, hash: last.hash }];
    Checkpoint { vault: world.vault, generation: 1, time, heads }.sign(who)
}

#[test]
fn attack_audit_checkpoint_by_another() {
    let world = World::new();
    let writer = world.token("writer", &[("shop", Right::Write, true)]);
    let stranger = world.token("stranger", &[(AT, Right::Read, true)]);
    world.revoke(&stranger).expect("the owner may revoke");
    let cases = [
        (signed(&world, &world.owner, NOW), None),
        (signed(&world, &world.owner, NOW - 1), Some(NoteError::NotAdministrator)),
        (signed(&world, &writer, NOW), Some(NoteError::NotAdministrator)),
        (signed(&world, &stranger, NOW), Some(NoteError::NotAdministrator)),
        (signed(&World::new(), &world.owner, NOW), Some(NoteError::OtherVault)),
    ];
    for who in [&world.owner, &writer] {
        for (at, (note, refused)) in cases.iter().enumerate() {
            let report = world.pinned(who).audit_verify(Some(note.as_bytes())).expect("read");
            let met = match report.brought {
                Standing::Good(_) => None,
                Standing::Bad(error) => Some(error),
                other => panic!("{at}: {other:?}"),
            };
            assert_eq!(met, *refused, "{at}");
            assert_eq!(report.is_good(), refused.is_none(), "{at}");
        }
    }
    let mut session = world.pinned(&writer);
    assert!(session.audit_checkpoint().is_err(), "a writer signs none");
    let pins = PinFolder::new(world.pin_folder());
    assert!(pins.kept_checkpoint(writer.id()).expect("readable").is_none(), "and keeps none");
}

#[test]
fn a_clock_that_goes_back_lowers_no_checkpoint() {
    let world = World::new();
    assert!(quiet(&world));
    set_clock(NOW - 1000);
    assert!(quiet(&world));
    let all = entries(&world);
    let note = Note::parse(&kept(&world)).and_then(|it| it.verify(&world.owner.verifying_key()));
    let note = note.expect("kept");
    assert_eq!((note.time, note.heads[0].seq), (NOW - 1000, all.len() as u64));
}
