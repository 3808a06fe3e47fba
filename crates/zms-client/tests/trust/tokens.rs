//! Tokens that are replaced, counted, or hold everything.

use zms_client::{Session, SessionError, TokenRequest};
use zms_core::{
    path::ScopePath,
    principal::{Kind, Principal},
    roster::{Limits, Right},
};

use crate::{
    class::Class,
    keys::{Keys, Sealed},
    world::{World, path, request, segment, set_clock, value, values, write},
};

const AT: &str = "shop/production";

fn made(world: &World, label: &str, uses: u32, administers: bool) -> Principal {
    let writes = (AT, Right::Write, true);
    let scopes = if administers { &[][..] } else { &[writes] };
    let limits = Limits::of_uses(uses);
    let request = TokenRequest { limits, administers, ..request(label, scopes) };
    world.pinned(&world.owner).create_token(&request).expect("the owner may mint tokens")
}

fn rotate(world: &World, old: &Principal, expires: Option<u64>) -> Result<Principal, Class> {
    world.pinned(&world.owner).rotate_token(old.id(), expires).map_err(Class::from)
}

#[test]
fn a_rotated_token_holds_the_same_and_the_old_one_nothing() {
    let world = World::new();
    let old = world.token("ci", &[(AT, Right::Write, true), ("lab", Right::Read, false)]);
    world.set(&old, AT, "ITS", b"own").expect("it may write");
    let before = world.read(&old, AT).expect("it reads");
    let new = rotate(&world, &old, Some(crate::world::NOW + 1000)).expect("the owner may rotate");
    world.rekey().expect("the owner may re-key");
    assert_eq!(world.read(&new, AT), Ok(before));
    world.read(&new, "lab").expect("it reads all that the old one read");
    world.set(&new, AT, "ITS", b"new").expect("it may write");
    assert_eq!(world.read(&old, AT), Err(Class::Departed));
    assert_eq!(world.set(&old, AT, "ITS", b"old"), Err(Class::Departed));
    let tokens = world.pinned(&world.owner).tokens().expect("the owner sees them");
    let named: Vec<_> = tokens.iter().filter(|token| token.label == "ci").collect();
    assert_eq!((named.len(), named[0].id), (1, new.id()));
    set_clock(crate::world::NOW + 1001);
    assert_eq!(world.read(&new, AT), Err(Class::Expired));
    world.all_verifies();
}

#[test]
fn attack_rotated_token_with_a_later_copy() {
    let world = World::new();
    let old = world.token("ci", &[(AT, Right::Write, true)]);
    rotate(&world, &old, None).expect("the owner may rotate");
    world.rekey().expect("the owner may re-key");
    world.set(&world.owner, AT, "LATER", b"secret").expect("the owner may write");
    // The old seed, with every state that was ever stored.
    let sealed = Sealed::of(&world.store.history());
    let opened = Keys::of(&old, world.vault, &sealed).opened(world.vault, &sealed);
    let names: Vec<_> = opened.values().flatten().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"WHERE"), "it opens what it once could");
    assert!(!names.contains(&"LATER"), "and nothing that was sealed since");
}

#[test]
fn an_administrators_token_may_do_what_the_owner_may_but_not_be_taken_out() {
    let world = World::new();
    let second = made(&world, "second", 0, true);
    assert_eq!(second.kind(), Kind::Administrator);
    let everything = world.pinned(&second).names(&ScopePath::default(), true);
    assert_eq!(everything.expect("it reads all").len(), 12);
    world.set(&second, AT, "ITS", b"own").expect("it may write");
    let request = request("made", &[("lab", Right::Read, false)]);
    let made = world.pinned(&second).create_token(&request).expect("it may mint tokens");
    world.read(&made, "lab").expect("its token reads");
    world.pinned(&second).revoke(&[made.id()]).expect("it may revoke");
    world.pinned(&second).rename(&path("lab"), &segment("x")).expect("it may rename");
    for _ in 0..2 {
        let kept = world.pinned(&world.owner).revoke(&[second.id()]);
        assert!(kept.is_err(), "who has held R keeps it");
        assert!(rotate(&world, &second, None).is_err());
    }
    world.all_verifies();
}

fn left(session: &mut Session) -> Result<(), SessionError> {
    session.read(&|_| Ok(path(AT))).map(drop)
}

#[test]
fn uses_are_counted_by_session_and_by_what_is_given_out() {
    let world = World::new();
    let thrice = made(&world, "thrice", 3, false);
    let mut first = world.pinned(&thrice);
    for _ in 0..5 {
        left(&mut first).expect("one session is one use");
    }
    value(&mut first, AT, "WHERE").expect("one session is one use");
    world.pinned(&thrice).own().expect("who it is costs nothing");
    world.pinned(&thrice).structure(&|_| Ok(path(AT))).expect("names of scopes cost nothing");
    assert_eq!(world.read(&thrice, "shop/staging"), Err(Class::OutOfScope("shop/staging".into())));
    write(&mut world.pinned(&thrice), AT, "ITS", b"own").expect("a write is a use");
    values(&mut world.pinned(&thrice), AT).expect("the third");
    let spent = Err(Class::Other("the token has been used as often as it may be".into()));
    assert_eq!(world.read(&thrice, AT).map(drop), spent);
    assert_eq!(world.set(&thrice, AT, "ITS", b"more"), spent);
    let history = world.pinned(&thrice).history(&|_| Ok(path(AT)), None);
    assert_eq!(history.map(drop).map_err(Class::from), spent);
    // Its successor has its own.
    let new = rotate(&world, &thrice, None).expect("the owner may rotate");
    world.rekey().expect("the owner may re-key");
    for _ in 0..3 {
        world.read(&new, AT).expect("it has three");
    }
    assert_eq!(world.read(&new, AT).map(drop), spent);
}

#[test]
fn what_a_revoked_token_could_read_is_listed_until_it_is_set_again() {
    let world = World::new();
    let ci = world.token("ci", &[("shop/production/api", Right::Read, true)]);
    let other = world.token("other", &[("lab", Right::Read, false)]);
    let listed = || {
        let list = world.pinned(&world.owner).exposed().expect("the owner sees it");
        list.iter().map(|it| format!("{}/{}", it.path, it.name)).collect::<Vec<_>>()
    };
    assert_eq!(listed(), [""; 0]);
    world.revoke(&ci).expect("the owner may revoke");
    let all = [
        "shop/ONLY_0",
        "shop/WHERE",
        "shop/production/ONLY_1",
        "shop/production/WHERE",
        "shop/production/api/ONLY_2",
        "shop/production/api/WHERE",
    ];
    assert_eq!(listed(), all);
    world.rekey().expect("the owner may re-key");
    assert_eq!(listed(), all, "sealing anew changes no value");
    // Within the same second values tell; later the clock does, even where the value is the same.
    world.set(&world.owner, "shop", "WHERE", b"new").expect("the owner may write");
    world.set(&world.owner, "shop", "ONLY_0", b"shop").expect("the owner may write");
    assert_eq!(listed()[..2], ["shop/ONLY_0", "shop/production/ONLY_1"]);
    world.pinned(&world.owner).remove(&path("shop/production")).expect("the owner may remove");
    assert_eq!(listed(), ["shop/ONLY_0"]);
    rotate(&world, &other, None).expect("the owner may rotate");
    assert_eq!(listed(), ["shop/ONLY_0"], "a rotation is no leak");
    assert!(world.pinned(&other).exposed().is_err(), "for administrators only");
}
