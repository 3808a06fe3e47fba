//! Whatever shows a caller secrets, or names of them, is noted first, and counts as a use.

use zms_client::{SessionError, TokenRequest};
use zms_core::{
    audit::{Action, Entry},
    open::OpenScope,
    principal::Principal,
    roster::{Limits, Right},
};
use zms_store::Store;

use crate::{
    class::Class,
    world::{World, path, request},
};

const AT: &str = "shop/production";

fn spent(world: &World) -> Principal {
    let limits = Limits::of_uses(1);
    let request = TokenRequest { limits, ..request("once", &[(AT, Right::Write, true)]) };
    let once = world.pinned(&world.owner).create_token(&request).expect("the owner may mint");
    world.read(&once, AT).expect("the first use");
    assert_eq!(world.read(&once, AT).map(drop), Err(used()));
    once
}

fn used() -> Class {
    Class::Other("the token has been used as often as it may be".into())
}

/// The newest entries, since there were so many.
fn since(world: &World, count: usize) -> Vec<Entry> {
    let entries = world.store.audit_read(0, 0, usize::MAX).expect("memory is in no trouble");
    entries[count..].to_vec()
}

fn count(world: &World) -> usize {
    since(world, 0).len()
}

#[test]
fn attack_search_after_the_last_use() {
    let world = World::new();
    let once = spent(&world);
    let found = world.pinned(&once).survey(None, |at, held| Some(format!("{at}/{}", held.name)));
    assert_eq!(found.map_err(Class::from), Err(used()));
}

/// A change that is shown and not made, or that its caller refuses, has shown the scope all the
/// same.
#[test]
fn attack_look_by_a_change_that_is_not_made() {
    let world = World::new();
    let (once, reads) = (spent(&world), world.token("reads", &[(AT, Right::Read, true)]));
    let dry = |who: &Principal| {
        let look = |scope: &OpenScope| {
            assert_eq!(scope.open_records().expect("they open").len(), 2);
            Ok(Vec::new())
        };
        world.pinned(who).write(&|_| Ok(path(AT)), look).map(drop).map_err(Class::from)
    };
    let refused = |who: &Principal| {
        let told = |_: &OpenScope| Err(SessionError::NoToken("did you mean WHERE?".into()));
        world.pinned(who).write(&|_| Ok(path(AT)), told).map(drop).map_err(Class::from)
    };
    let many = |who: &Principal| {
        let look = |scopes: &[&OpenScope]| Ok(scopes.iter().map(|_| Vec::new()).collect());
        let paths = [path(AT), path("shop/production/api")];
        world.pinned(who).write_many(&paths, look).map(drop).map_err(Class::from)
    };
    let past = |who: &Principal| {
        let undo = |history: &zms_core::history::History| {
            assert!(!history.versions().is_empty());
            Ok(Vec::new())
        };
        world.pinned(who).write_from_past(&|_| Ok(path(AT)), undo).map(drop).map_err(Class::from)
    };
    let told = Err(Class::Other("there is no token did you mean WHERE?".into()));
    type Look<'l> = &'l dyn Fn(&Principal) -> Result<(), Class>;
    let looks: [(Look<'_>, Result<(), Class>, usize, Action); 4] = [
        (&dry, Ok(()), 1, Action::Read),
        (&refused, told, 1, Action::Read),
        (&many, Ok(()), 2, Action::Read),
        (&past, Ok(()), 1, Action::ReadPast),
    ];
    for (number, (look, outcome, scopes, action)) in looks.into_iter().enumerate() {
        assert_eq!(look(&once), Err(used()), "look {number}");
        let before = count(&world);
        assert_eq!(look(&reads), outcome, "look {number}");
        let new = since(&world, before);
        assert_eq!(new.len(), scopes, "look {number}");
        for entry in new {
            assert_eq!((entry.event.principal, entry.event.action), (reads.id(), action));
        }
    }
}

/// Who copies a scope has what was in it, and reads it from then on where nobody looks.
#[test]
fn attack_read_by_copying() {
    let world = World::new();
    let shapes = world.token("shapes", &[("shop", Right::Write, false)]);
    let before = count(&world);
    let copied = world.pinned(&shapes).copy(&path(AT), &path("shop/mine"));
    copied.expect("it may shape the project");
    let read: Vec<_> = since(&world, before)
        .into_iter()
        .filter(|entry| entry.event.action == Action::Read)
        .filter_map(|entry| entry.event.scope)
        .collect();
    for at in [AT, "shop/production/api", "shop/production/web"] {
        assert!(read.contains(&world.id(at)), "{at} was read");
    }
}

/// A list of many scopes waits for one transaction, and leaves an entry of each.
#[test]
fn what_is_said_of_several_scopes_is_noted_at_once_and_of_a_part_not_at_all() {
    let world = World::new();
    let reads = world.token("reads", &[(AT, Right::Read, true), ("lab", Right::Read, false)]);
    let paths = [path("lab"), path(AT), path("shop/production/api"), path("shop/staging")];
    let (before, appended) = (count(&world), world.store.appended());
    let said = world.pinned(&reads).said_of(&paths).expect("it may read them");
    assert_eq!(said.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, true, false]);
    assert_eq!(world.store.appended(), appended + 1);
    let scopes: Vec<_> = since(&world, before).iter().map(|entry| entry.event.scope).collect();
    assert_eq!(scopes, ["lab", AT, "shop/production/api"].map(|at| Some(world.id(at))));
}
