//! A new master key: all that the old one held, and the old one nothing.

use zms_core::{principal::Principal, roster::Right};

use crate::{
    class::Class,
    world::{SCOPES, World, path, request, write},
};

const AT: &str = "shop/production";

fn succeed(world: &World, who: &Principal) -> Result<Principal, Class> {
    world.pinned(who).succeed(|_| Ok(())).map_err(Class::from)
}

#[test]
fn the_new_key_holds_everything_and_the_old_one_nothing() {
    let world = World::new();
    let reads = world.token("reads", &[(AT, Right::Read, true)]);
    let writes = world.token("writes", &[(AT, Right::Write, true)]);
    world.set(&writes, AT, "ITS", b"own").expect("it may write");
    let (before, sight) = (world.read(&world.owner, AT), world.read(&reads, AT));
    let heir = succeed(&world, &world.owner).expect("the owner may");
    assert_eq!(world.read(&heir, AT), before);
    assert_eq!(world.read(&reads, AT), sight, "others go on as before");
    assert_eq!(world.read_fresh(&reads, AT), sight);
    world.set(&writes, AT, "ITS", b"new").expect("it may go on writing");
    world.set(&heir, "lab", "NEW", b"1").expect("it may write");
    let request = request("made", &[("lab", Right::Read, false)]);
    let made = world.pinned(&heir).create_token(&request).expect("it may mint tokens");
    world.read(&made, "lab").expect("its token reads");
    for at in SCOPES {
        assert_eq!(world.read(&world.owner, at), Err(Class::Departed), "{at}");
    }
    assert_eq!(world.set(&world.owner, AT, "OLD", b"1"), Err(Class::Departed));
    assert_eq!(succeed(&world, &world.owner).map(drop), Err(Class::Departed));
    let all = world.fresh(&heir).names(&zms_core::path::ScopePath::default(), true);
    all.expect("every head verifies and every record opens");
    let again = succeed(&world, &heir).expect("it may in its turn");
    assert_eq!(world.read(&heir, AT), Err(Class::Departed));
    world.read(&again, AT).expect("the newest holds everything");
}

#[test]
fn attack_a_replaced_key_signs_on() {
    let world = World::new();
    let reads = world.token("reads", &[(AT, Right::Read, true)]);
    let before = world.store.state();
    let heir = succeed(&world, &world.owner).expect("the owner may");
    world.read(&reads, AT).expect("it has seen the new key");
    // The old key goes on under the old roster, with a store that helps it.
    world.store.show(before);
    let mut unpinned = world.fresh(&world.owner);
    write(&mut unpinned, AT, "WHERE", b"forged").expect("it signs what it likes");
    let forged = world.store.shown();
    world.store.honest();
    let mut mixed = world.store.state();
    let id = world.id_as(&heir, AT);
    mixed.scopes.insert(id, forged.scopes[&id].clone());
    world.store.show(mixed);
    let refused = world.read(&reads, AT).expect_err("its signature counts no more");
    assert!(matches!(refused, Class::Integrity(_) | Class::RolledBack(_)), "{refused:?}");
    let fresh = world.read_fresh(&reads, AT).expect_err("also for who has never seen anything");
    assert!(matches!(fresh, Class::Integrity(_)), "{fresh:?}");
}

#[test]
fn closed_scopes_stay_closed_for_those_who_held_them() {
    let world = World::new();
    let at = world.token("at", &[(AT, Right::Write, true)]);
    let below = world.token("below", &[("shop/production/api", Right::Read, false)]);
    world.pinned(&world.owner).remove(&path(AT)).expect("the owner may remove");
    let heir = succeed(&world, &world.owner).expect("the owner may");
    assert_eq!(world.read_fresh(&at, AT), Err(Class::Removed(AT.into())));
    let api = "shop/production/api";
    assert_eq!(world.read_fresh(&below, api), Err(Class::Removed(api.into())));
    world.read(&heir, "shop").expect("the rest is there");
}

#[test]
fn only_who_administers_has_a_key_to_replace() {
    let world = World::new();
    let writes = world.token("writes", &[("shop", Right::Write, false)]);
    assert_eq!(succeed(&world, &writes).map(drop), Err(Class::NotAdministrator));
    // Where the new key can not be kept, the old one stays.
    let kept = world.pinned(&world.owner).succeed(|_| Err(zms_client::SessionError::Conflict));
    assert_eq!(kept.map(drop).map_err(Class::from), Err(Class::Conflict));
    world.read(&world.owner, AT).expect("nothing happened");
    world.all_verifies();
}

/// Shares of it may be in people's hands by then.
#[test]
fn a_replacement_that_lost_a_race_is_of_the_same_key() {
    let world = World::new();
    let mut kept = Vec::new();
    let heir = world.pinned(&world.owner).succeed(|heir| {
        kept.push(heir.id());
        world.set(&world.owner, AT, "OTHER", b"faster").expect("the owner still may");
        Ok(())
    });
    let heir = heir.expect("it is made again from what is there now");
    assert_eq!(kept, [heir.id()]);
    assert_eq!(world.read(&heir, AT).expect("it holds everything")["OTHER"], b"faster");
    assert_eq!(world.read(&world.owner, AT), Err(Class::Departed));
    let all = world.fresh(&heir).names(&zms_core::path::ScopePath::default(), true);
    assert!(all.expect("every head verifies").len() > 10);
}

#[test]
fn a_replacement_amid_a_rekey_lets_it_go_on() {
    let world = World::new();
    let leaves = world.token("leaves", &[("shop", Right::Write, false)]);
    world.set(&leaves, "shop", "ITS", b"own").expect("it may write");
    world.revoke(&leaves).expect("the owner may revoke");
    let heir = succeed(&world, &world.owner).expect("the owner may");
    let done = world.pinned(&heir).rekey_pending(zms_core::change::rekey::Spoiled::Report, |_| {});
    done.expect("the new key goes on with it");
    let all = world.fresh(&heir).names(&zms_core::path::ScopePath::default(), true);
    assert!(all.expect("every head verifies").len() > 10);
    assert_eq!(world.read(&leaves, "shop"), Err(Class::Departed));
}
