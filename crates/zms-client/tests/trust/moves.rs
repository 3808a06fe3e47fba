//! Writes in two scopes at once: both or neither, whoever is in the way.

use std::cell::Cell;

use zms_client::{Session, SessionError};
use zms_core::{change::write::Edit, open::OpenScope, roster::Right};

use crate::{
    class::Class,
    world::{Values, World, name, path, payload},
};

const FROM: &str = "shop/production";
const TO: &str = "shop/staging";

/// Moves `ONLY_1`; `meanwhile` happens between looking and committing.
fn move_it(session: &mut Session, mut meanwhile: impl FnMut()) -> Result<Vec<u64>, SessionError> {
    let written = session.write_many(&[path(FROM), path(TO)], |scopes: &[&OpenScope]| {
        let held = scopes[0].open_records()?;
        let found = held.into_iter().find(|(_, held)| held.name == name("ONLY_1"));
        let Some((_, moved)) = found else { return Err(SessionError::Conflict) };
        meanwhile();
        Ok(vec![vec![Edit::Remove(name("ONLY_1"))], vec![Edit::Put(moved)]])
    })?;
    Ok(written.iter().map(|written| written.revision).collect())
}

fn both(world: &World) -> (Values, Values) {
    let read = |at| world.read(&world.owner, at).expect("the owner may read");
    (read(FROM), read(TO))
}

fn moved((from, to): &(Values, Values)) -> bool {
    assert_ne!(
        from.contains_key("ONLY_1"),
        to.contains_key("ONLY_1"),
        "in one place, and one only"
    );
    to.contains_key("ONLY_1")
}

#[test]
fn a_move_is_one_commit_with_a_revision_in_each_scope() {
    let world = World::new();
    let before = both(&world);
    assert!(!moved(&before));
    let revisions = move_it(&mut world.pinned(&world.owner), || {});
    assert_eq!(revisions.expect("the owner may write"), [4, 4]);
    let after = both(&world);
    assert!(moved(&after));
    assert_eq!(after.1["ONLY_1"], before.0["ONLY_1"]);
    world.all_verifies();
}

#[test]
fn a_move_that_lost_a_race_is_made_again_from_what_is_there_now() {
    let world = World::new();
    let races = Cell::new(0);
    let moved_now = move_it(&mut world.pinned(&world.owner), || {
        if races.replace(races.get() + 1) < 3 {
            let at = [TO, FROM][races.get() % 2];
            world.set(&world.owner, at, "OTHER", b"faster").expect("the owner may write");
        }
    });
    assert_eq!(moved_now.expect("nobody touched the secret itself").len(), 2);
    assert_eq!(races.get(), 4);
    assert!(moved(&both(&world)));
    world.all_verifies();
}

#[test]
fn a_move_of_what_somebody_changed_meanwhile_is_a_conflict() {
    for at in [FROM, TO] {
        let world = World::new();
        let first = Cell::new(true);
        let conflict = move_it(&mut world.pinned(&world.owner), || {
            if first.replace(false) {
                world.set(&world.owner, at, "ONLY_1", b"theirs").expect("the owner may write");
            }
        });
        assert!(matches!(conflict, Err(SessionError::Conflict)), "{at}");
        let (from, to) = both(&world);
        assert!(from.contains_key("ONLY_1"), "{at}");
        assert_eq!(to.get("ONLY_1").map(Vec::as_slice), (at == TO).then_some(&b"theirs"[..]));
    }
}

/// New keys seal every secret anew, under a new version. Whoever writes one of them meanwhile has
/// changed nothing that somebody else changed.
#[test]
fn new_keys_given_meanwhile_are_no_conflict() {
    for at in ["shop", FROM, TO] {
        let world = World::new();
        let leaves = world.token("leaves", &[(at, Right::Write, true)]);
        let before = both(&world);
        let first = Cell::new(true);
        let moved_now = move_it(&mut world.pinned(&world.owner), || {
            if first.replace(false) {
                world.revoke(&leaves).expect("the owner may revoke");
                world.rekey().expect("all of it opens");
            }
        });
        assert_eq!(moved_now.map_err(Class::from).map(|both| both.len()), Ok(2), "{at}");
        let after = both(&world);
        assert!(moved(&after));
        assert_eq!(after.1["ONLY_1"], before.0["ONLY_1"]);
        world.all_verifies();
    }
}

#[test]
fn new_keys_given_meanwhile_hide_no_conflict() {
    for first_keys in [true, false] {
        let world = World::new();
        let leaves = world.token("leaves", &[("shop", Right::Write, true)]);
        let first = Cell::new(true);
        let new_keys = || {
            world.revoke(&leaves).expect("the owner may revoke");
            world.rekey().expect("all of it opens");
        };
        let mut session = world.pinned(&world.owner);
        let conflict = session.write(&|_| Ok(path(FROM)), |_| {
            if first.replace(false) {
                if first_keys {
                    new_keys();
                }
                world.set(&world.owner, FROM, "ONLY_1", b"theirs").expect("the owner may write");
                if !first_keys {
                    new_keys();
                }
            }
            Ok(vec![Edit::Put(payload("ONLY_1", b"ours"))])
        });
        assert!(matches!(conflict, Err(SessionError::Conflict)));
        assert_eq!(both(&world).0["ONLY_1"], b"theirs");
    }
}

#[test]
fn attack_move_out_of_what_may_only_be_read() {
    for writes in [FROM, TO] {
        let world = World::new();
        let reads = if writes == FROM { TO } else { FROM };
        let scopes = [(writes, Right::Write, false), (reads, Right::Read, false)];
        let token = world.token("half", &scopes);
        let before = both(&world);
        let refused = move_it(&mut world.pinned(&token), || {}).map_err(Class::from);
        assert_eq!(refused.err(), Some(Class::MayNotWrite), "{writes}");
        assert_eq!(both(&world), before);
    }
}

#[test]
fn one_scope_is_not_written_twice_at_once() {
    let world = World::new();
    let mut session = world.pinned(&world.owner);
    let twice = session.write_many(&[path(FROM), path(FROM)], |_| {
        Ok(vec![vec![Edit::Put(payload("A", b"1"))], vec![Edit::Put(payload("B", b"2"))]])
    });
    let twice = twice.map(drop).map_err(Class::from);
    assert_eq!(twice, Err(Class::Other(format!("{FROM} is named twice in one change"))));
}

#[test]
fn nothing_to_write_is_no_revision() {
    let world = World::new();
    let mut session = world.pinned(&world.owner);
    let paths = [path(FROM), path(TO)];
    let none = session.write_many(&paths, |_| Ok(vec![Vec::new(), Vec::new()]));
    assert!(none.expect("nothing was asked for").is_empty());
    let one = session.write_many(&paths, |_| Ok(vec![vec![], vec![Edit::Put(payload("A", b"1"))]]));
    let one = one.expect("the owner may write");
    assert_eq!((one.len(), &one[0].path, one[0].revision), (1, &path(TO), 4));
}
