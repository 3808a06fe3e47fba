//! A full rotation: the vault goes on under a new authority, and nothing of the old one counts.

use std::collections::BTreeMap;

use zms_client::TokenRequest;
use zms_core::{
    change::{
        Junk,
        rekey::Spoiled,
        renew::{Renewal, Renewing},
    },
    child::{ChildContent, seal_child},
    open::Place,
    principal::Principal,
    roster::Right,
};

use crate::{
    class::Class,
    forge::Draft,
    keys::{Keys, Sealed},
    rekey::with_junk,
    state::State,
    world::{
        NOW, SCOPES, Values, World, path, request, rng, scope_place, segment, set_clock, twin, way,
        write,
    },
};

const AT: &str = "shop/production";

pub(crate) fn renew(
    world: &World,
    who: &Principal,
    leaving: &[&Principal],
) -> Result<Renewal, Class> {
    renew_with(world, who, leaving, Spoiled::Report, false)
}

fn renew_with(
    world: &World,
    who: &Principal,
    leaving: &[&Principal],
    spoiled: Spoiled,
    exposed: bool,
) -> Result<Renewal, Class> {
    let leaving: Vec<_> = leaving.iter().map(|it| it.id()).collect();
    let renewing = Renewing { leaving: &leaving, spoiled };
    let done = world.pinned(who).renew_vault(renewing, exposed, &mut || {}, |_| Ok(()));
    done.map_err(Class::from)
}

fn admin(world: &World, label: &str) -> Principal {
    let request = TokenRequest { administers: true, ..request(label, &[]) };
    world.pinned(&world.owner).create_token(&request).expect("the owner may mint")
}

/// Who takes a member's place.
pub(crate) fn heir(renewal: &Renewal, old: &Principal) -> Principal {
    let all = renewal.heirs.iter().chain([&renewal.own]);
    let heir = all.into_iter().find(|heir| heir.replaces == old.id());
    twin(&heir.expect("it has an heir").principal)
}

/// A vault with a token of each kind, an administrator, and the same after a full rotation.
struct Renewed {
    world: World,
    old: Vec<(&'static str, Principal)>,
    new: BTreeMap<&'static str, Principal>,
    before: State,
    values: BTreeMap<(&'static str, &'static str), Result<Values, Class>>,
}

fn renewed() -> Renewed {
    let mut world = World::new();
    let old = vec![
        ("reads", world.token("reads", &[(AT, Right::Read, true)])),
        ("writes", world.token("writes", &[(AT, Right::Write, false)])),
        ("api", world.token("api", &[("shop/production/api", Right::Read, true)])),
        ("second", admin(&world, "second")),
        ("owner", twin(&world.owner)),
    ];
    world.set(&old[1].1, AT, "ITS", b"own").expect("it may write");
    world.set(&old[3].1, "lab", "THEIRS", b"own").expect("it may write");
    let mut values = BTreeMap::new();
    for (who, principal) in &old {
        for at in SCOPES {
            values.insert((*who, at), world.read(principal, at));
        }
    }
    let before = world.store.state();
    let renewal = renew(&world, &world.owner, &[]).expect("the owner may");
    let new = old.iter().map(|(who, old)| (*who, heir(&renewal, old))).collect();
    world.owner = heir(&renewal, &world.owner);
    Renewed { world, old, new, before, values }
}

#[test]
fn after_it_the_new_open_all_that_the_old_opened_and_the_old_nothing() {
    let Renewed { world, old, new, before, values } = renewed();
    for ((who, at), held) in &values {
        assert_eq!(&world.read(&new[who], at), held, "{who} in {at}");
        assert_eq!(&world.read_fresh(&new[who], at), held, "{who} in {at}, unpinned");
    }
    for (who, principal) in &old {
        for at in SCOPES {
            assert_eq!(world.read(principal, at), Err(Class::Departed), "{who} in {at}");
            assert_eq!(world.set(principal, at, "A", b"1"), Err(Class::Departed), "{who}");
        }
    }
    world.all_verifies();
    world.set(&new["writes"], AT, "ITS", b"new").expect("the new one may write");
    world.set(&new["second"], "lab", "THEIRS", b"new").expect("the new one may write");
    let state = world.store.state();
    let (was, is) = (before.roster(), state.roster());
    assert_eq!((is.generation, is.version), (was.generation, was.version + 1));
    assert!(is.pending.is_empty());
    // The past is the owner's as before: every version of before opens.
    let past = world.pinned(&world.owner).history(&|_| Ok(path(AT)), None).expect("it opens");
    let held = past.history.versions().iter().map(|it| it.payload.name.to_string());
    assert!(held.filter(|name| name == "ITS").count() >= 2);
}

#[test]
fn no_old_key_opens_what_is_stored_after_it() {
    let Renewed { world, old, new, .. } = renewed();
    let (all, now) = (Sealed::of(&world.store.history()), world.store.state());
    let now = Sealed::of(&[now]);
    for (who, principal) in &old {
        let keys = Keys::of(principal, world.vault, &all);
        assert!(!keys.opened(world.vault, &all).is_empty(), "{who} opens what was before");
        assert!(keys.opened(world.vault, &now).is_empty(), "{who} opens what is");
    }
    for (who, principal) in &new {
        let opened = Keys::of(principal, world.vault, &all).opened(world.vault, &now);
        assert!(!opened.is_empty(), "{who}");
    }
}

#[test]
fn what_was_pending_is_done_and_what_has_ended_leaves() {
    let world = World::new();
    let leaves = world.token("leaves", &[("shop", Right::Write, false)]);
    let ends = world.token_until("ends", &[(AT, Right::Read, false)], Some(NOW + 10));
    world.revoke(&leaves).expect("the owner may revoke");
    assert!(!world.store.state().roster().pending.is_empty());
    set_clock(NOW + 11);
    let renewal = renew(&world, &world.owner, &[]).expect("the owner may");
    assert!(world.store.state().roster().pending.is_empty());
    assert_eq!(renewal.left, [segment("ends")]);
    assert!(renewal.heirs.is_empty());
    for gone in [&leaves, &ends] {
        assert_eq!(world.read(gone, AT), Err(Class::Departed));
    }
}

#[test]
fn closed_scopes_stay_closed_for_the_new_who_held_them() {
    let world = World::new();
    let at = world.token("at", &[(AT, Right::Write, true)]);
    world.pinned(&world.owner).remove(&path(AT)).expect("the owner may remove");
    let renewal = renew(&world, &world.owner, &[]).expect("the owner may");
    let new = heir(&renewal, &at);
    assert_eq!(world.read_fresh(&new, AT), Err(Class::Removed(AT.into())));
}

#[test]
fn only_an_administrator_may_and_nobody_takes_out_himself() {
    let world = World::new();
    let writes = world.token("writes", &[("", Right::Write, false)]);
    assert_eq!(renew(&world, &writes, &[]).map(drop), Err(Class::NotAdministrator));
    let refused = renew(&world, &world.owner, &[&world.owner]).map(drop);
    assert!(matches!(refused, Err(Class::Other(_))), "{refused:?}");
    world.all_verifies();
}

#[test]
fn where_the_new_seeds_can_not_be_kept_nothing_changes() {
    let world = World::new();
    let before = world.store.state();
    let renewing = Renewing { leaving: &[], spoiled: Spoiled::Report };
    let failed = world
        .pinned(&world.owner)
        .renew_vault(renewing, false, &mut || {}, |_| Err(zms_client::SessionError::Conflict));
    assert_eq!(failed.map(drop).map_err(Class::from), Err(Class::Conflict));
    assert!(world.store.state() == before);
}

#[test]
fn what_everybody_could_read_is_listed_to_be_changed() {
    let mut world = World::new();
    let leaves = admin(&world, "leaves");
    let done = renew_with(&world, &world.owner, &[&leaves], Spoiled::Report, true);
    world.owner = twin(&done.expect("the owner may").own.principal);
    let listed = |world: &World| {
        let list = world.pinned(&world.owner).exposed().expect("the owner sees it");
        list.iter().map(|it| format!("{}/{}", it.path, it.name)).collect::<Vec<_>>()
    };
    assert_eq!(listed(&world).len(), SCOPES.len() * 2);
    set_clock(NOW + 5);
    world.set(&world.owner, "lab", "WHERE", b"changed").expect("the owner may write");
    // It goes on being listed whatever is rotated later.
    let again = renew(&world, &world.owner, &[]).expect("once more");
    world.owner = twin(&again.own.principal);
    let list = listed(&world);
    assert!(list.contains(&"shop/production/WHERE".to_owned()), "{list:?}");
}

/// The old authority is shown again, to an administrator who has seen the new one.
#[test]
fn attack_old_authority_served_again() {
    let Renewed { world, new, before, .. } = renewed();
    let now = world.store.state();
    for who in ["owner", "second", "reads"] {
        let principal = &new[who];
        world.store.honest();
        world.read(principal, AT).expect("it has seen the new state");
        // As it was: nobody has heard of the new seeds.
        world.store.show(before.clone());
        assert_eq!(world.read(principal, AT), Err(Class::Unknown), "{who}");
        // The new member under the old roster.
        let mut grafted = before.clone();
        let member = now.members[&principal.id()].clone();
        grafted.members.insert(principal.id(), member);
        world.store.show(grafted);
        world.refuses_fresh(principal, AT, &Class::Integrity(Place::Roster));
        assert_eq!(
            renew(&world, principal, &[]).map(drop),
            Err(Class::Integrity(Place::Roster)),
            "{who} goes on from it"
        );
    }
    world.store.honest();
    world.all_verifies();
}

/// Some of the scopes are as they were: under old keys, signed by who has left.
#[test]
fn attack_half_applied_rotation() {
    let Renewed { world, new, before, .. } = renewed();
    let now = world.store.state();
    let root = ("", world.vault.root());
    let all = SCOPES.map(|at| (at, world.id(at)));
    for (at, id) in all.into_iter().chain([root]) {
        let mut mixed = now.clone();
        mixed.scopes.insert(id, before.scopes[&id].clone());
        world.store.show(mixed);
        let below = if at.is_empty() { AT } else { at };
        world.refuses_fresh(&new["owner"], below, &Class::Integrity(scope_place(at)));
        world.refuses_fresh(&new["second"], below, &Class::Integrity(scope_place(at)));
    }
    // The other way round: the old roster and members over new scopes.
    let mut mixed = before;
    mixed.scopes = now.scopes;
    world.store.show(mixed);
    for who in new.values() {
        assert_eq!(world.read(who, AT), Err(Class::Unknown));
    }
}

/// An old member, with its old keyring, stands under the new roster.
#[test]
fn attack_old_keyring_under_the_new_roster() {
    let Renewed { world, old, new, before, .. } = renewed();
    let now = world.store.state();
    for (who, principal) in &old {
        let mut mixed = now.clone();
        let (id, heir) = (principal.id(), new[who].id());
        mixed.departed.remove(&id);
        mixed.members.insert(id, before.members[&id].clone());
        // Also with the proof of who took its place.
        for witness in [None, now.witness(heir), before.witness(id)] {
            let mut mixed = mixed.clone();
            mixed.witnesses.extend(witness.map(|witness| (id, witness)));
            world.store.show(mixed);
            let refused = world.read_fresh(principal, "shop/production/api");
            assert_eq!(refused, Err(Class::Integrity(Place::Roster)), "{who}");
        }
        // The successor is not handed the old keyring either.
        let mut mixed = now.clone();
        let held = before.members[&id].keyring.clone();
        mixed.members.get_mut(&heir).expect("the heir is there").keyring = held;
        world.store.show(mixed);
        world.refuses_fresh(&new[who], AT, &Class::Integrity(Place::Keyring));
    }
}

/// The administrator who was taken out grants on under the authority that he holds, with a store
/// that helps him.
#[test]
fn attack_removed_administrator_regrants() {
    let mut world = World::new();
    let leaves = admin(&world, "leaves");
    let reads = world.token("reads", &[(AT, Right::Read, true)]);
    let before = world.store.state();
    let renewal = renew(&world, &world.owner, &[&leaves]).expect("the owner may");
    assert_eq!(renewal.left, [segment("leaves")]);
    assert!(renewal.heirs.iter().all(|heir| heir.label.as_str() == "reads"));
    let (owner, reads) = (twin(&world.owner), heir(&renewal, &reads));
    world.owner = twin(&renewal.own.principal);
    world.read(&reads, AT).expect("it has seen the new state");
    let now = world.store.state();

    world.store.show(before);
    let mut session = world.fresh(&leaves);
    write(&mut session, AT, "WHERE", b"forged").expect("he signs what he likes");
    let request = request("his", &[(AT, Right::Write, true)]);
    let his = session.create_token(&request).expect("he grants what he likes");
    let forged = world.store.shown();
    let id = now.scopes.keys().find(|id| now.scopes[id].head != forged.scopes[id].head);
    let id = *id.expect("every head differs");

    let mut branch = forged.clone();
    branch.members.extend(now.members.clone());
    let mut roster = now.clone();
    roster.members.insert(his.id(), forged.members[&his.id()].clone());
    roster.members.insert(leaves.id(), forged.members[&leaves.id()].clone());
    let mut head = now.clone();
    head.scopes.insert(id, forged.scopes[&id].clone());
    for (state, what) in [(branch, "his branch"), (roster, "his members"), (head, "his head")] {
        world.store.show(state.clone());
        for who in [&world.owner, &reads] {
            for at in [AT, "shop/production/api"] {
                for seen in [world.read(who, at), world.read_fresh(who, at)] {
                    let genuine = seen.as_ref().map(|values| &values["WHERE"][..] == at.as_bytes());
                    assert!(genuine.unwrap_or(true), "{what}: {seen:?}");
                }
            }
        }
        for who in [&leaves, &his, &owner] {
            if what != "his branch" {
                let refused = world.read_fresh(who, AT);
                assert!(
                    matches!(refused, Err(Class::Integrity(_) | Class::Unknown | Class::Departed)),
                    "{what}: {refused:?}"
                );
            }
        }
    }
    // What he can open of what was stored since: nothing.
    let all = [&world.store.history()[..], &[forged]].concat();
    let keys = Keys::of(&leaves, world.vault, &Sealed::of(&all));
    assert!(keys.opened(world.vault, &Sealed::of(&[now])).is_empty());
}

/// Until a client has its new token, the store and who holds the old vault key go on for it as
/// before: stated, and shown here.
#[test]
fn a_client_without_its_new_token_sees_the_old_state_where_the_store_shows_it() {
    let Renewed { world, old, before, .. } = renewed();
    let reads = &old[0].1;
    world.store.show(before);
    world.read(reads, AT).expect("the old state is whole");
    world.store.honest();
    assert_eq!(world.read(reads, AT), Err(Class::Departed), "an honest store says it");
}

/// What does not open, by the administrator who is to leave, keeps nobody from taking him out once
/// it has been shown and confirmed.
#[test]
fn attack_junk_shields_an_administrator() {
    let mut world = World::new();
    let leaves = admin(&world, "leaves");
    let holds = ["api", "web"].map(|at| {
        let path = format!("shop/production/{at}");
        (world.token(at, &[(&path, Right::Read, false)]), path)
    });
    let state = with_junk(&world, &leaves);
    world.store.show(state);
    let refused = renew(&world, &world.owner, &[&leaves]).map(drop);
    let Err(Class::Junk(junk)) = refused else { panic!("{refused:?}") };
    assert!(matches!(&junk[..], [Junk::Record(..), Junk::Child(..), Junk::Scope(_)]), "{junk:?}");
    let lost = world.store.shown();
    let done = renew_with(&world, &world.owner, &[&leaves], Spoiled::LeaveOut, false);
    let done = done.expect("confirmed");
    world.owner = twin(&done.own.principal);
    world.all_verifies();
    assert!(world.store.shown().roster().version > lost.roster().version);
    // Who held what was left out is told that it is closed; the other goes on.
    let seen = holds.map(|(old, path)| world.read_fresh(&heir(&done, &old), &path));
    let closed = seen.iter().filter(|seen| matches!(seen, Err(Class::Removed(_)))).count();
    assert_eq!((closed, seen.iter().filter(|seen| seen.is_ok()).count()), (1, 1), "{seen:?}");
}

/// An id that stands at two places: which of them is the graft can not be told, and leaving the
/// wrong one out would lose what is in it. Only a store that lies lets it stand.
#[test]
fn attack_an_id_at_two_places_stops_it() {
    let world = World::new();
    let writes = world.token("writes", &[("lab", Right::Write, false)]);
    let mut state = world.store.state();
    let target = world.id("shop/staging");
    let lab = way(&state, &writes, "lab").pop().expect("the target");
    let content = ChildContent {
        name: segment("graft"),
        node: zms_crypto::Key::generate(&mut rng()),
        protected: false,
    };
    let keys = lab.keys.node.as_ref().expect("the writer holds the subtree");
    let mut draft = Draft::after(&state, lab.id());
    draft.children.push(seal_child(keys, &lab.parent_place(), target, 1, &content, &mut rng()));
    draft.sign(&writes, &mut state);
    world.store.show(state.clone());
    for spoiled in [Spoiled::Report, Spoiled::LeaveOut] {
        let refused = renew_with(&world, &world.owner, &[], spoiled, false).map(drop);
        assert!(matches!(refused, Err(Class::Integrity(Place::Scope(_)))), "{refused:?}");
    }
    assert!(world.store.shown() == state, "nothing was closed");
}

/// What is behind an administrator's pins is an attack, and no junk to be left out.
#[test]
fn attack_an_older_scope_is_left_out() {
    let world = World::new();
    let older = world.store.state();
    world.set(&world.owner, "lab", "NEW", b"1").expect("the owner may write");
    let (id, now) = (world.id("lab"), world.store.state());
    let mut mixed = now;
    mixed.scopes.insert(id, older.scopes[&id].clone());
    world.store.show(mixed.clone());
    let refused = renew_with(&world, &world.owner, &[], Spoiled::LeaveOut, false).map(drop);
    assert_eq!(refused, Err(Class::RolledBack(scope_place("lab"))));
    assert!(world.store.shown() == mixed);
}

/// Shares of it may be in people's hands by then.
#[test]
fn a_renewal_that_lost_a_race_has_the_same_seed_for_the_caller() {
    let mut world = World::new();
    let mut kept = Vec::new();
    let renewing = Renewing { leaving: &[], spoiled: Spoiled::Report };
    let done = world.pinned(&world.owner).renew_vault(renewing, false, &mut || {}, |made| {
        if kept.is_empty() {
            world.set(&world.owner, AT, "OTHER", b"faster").expect("the owner still may");
        }
        kept.push(made.own.principal.id());
        Ok(())
    });
    let done = done.expect("it is made again from what is there now");
    assert_eq!(kept, [done.own.principal.id(); 2]);
    world.owner = twin(&done.own.principal);
    assert_eq!(world.read(&world.owner, AT).expect("it holds everything")["OTHER"], b"faster");
}
