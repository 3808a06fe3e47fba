//! The roster and its members: lines, keyrings, proofs.

use zms_core::{
    keyring::Keyring,
    open::Place,
    principal::{Kind, Principal},
    roster::{MemberPart, Right, authority},
    tree_head::Step,
};
use zms_crypto::Key;

use crate::{
    class::Class,
    forge::{Draft, line, roster, vault_key},
    state::{Member, State},
    world::{World, path, request, rng, scope_place, twin},
};

const AT: &str = "shop/production";

fn with_reader() -> (World, Principal) {
    let world = World::new();
    let reader = world.token("reader", &[(AT, Right::Read, true)]);
    assert!(world.read(&reader, AT).is_ok(), "the honest store is believed");
    (world, reader)
}

fn refuses_all(world: &World, reader: &Principal, state: State, place: Place) {
    world.store.show(state);
    world.refuses_fresh(reader, AT, &Class::Integrity(place));
}

/// A member's keyring, opened with its W and sealed again after an edit.
fn reseal(state: &mut State, who: &Principal, edit: impl FnOnce(&mut Keyring)) {
    let (vault, id, wrap) = (state.vault, who.id(), who.wrap_key());
    let held = state.members.get_mut(&id).expect("a member");
    let mut keyring = Keyring::open(&wrap, vault, id, &held.keyring).expect("its own keyring");
    edit(&mut keyring);
    held.keyring = keyring.seal(&wrap, vault, id, &mut rng());
}

#[test]
fn attack_old_roster() {
    let (world, reader) = with_reader();
    let leaves = world.token("leaves", &[(AT, Right::Write, false)]);
    let old = world.store.state();
    world.revoke(&leaves).expect("the owner may revoke");
    assert!(world.read(&reader, AT).is_ok(), "the reader has seen the revocation");
    // Genuine, older: the roster alone, or all members with it.
    let mut alone = world.store.state();
    (alone.roster, alone.older) = (old.roster.clone(), old.older.clone());
    world.store.show(alone);
    world.refuses(&reader, AT, &Class::Integrity(Place::Member));
    world.store.show(old.clone());
    world.refuses(&reader, AT, &Class::RolledBack(Place::Roster));
    assert!(world.read_fresh(&reader, AT).is_ok(), "without a pin it can not be told");
    // The departed writer goes on under the old roster, for who has not seen it leave.
    let mut on = old;
    Draft::after(&on, world.id(AT)).sign(&leaves, &mut on);
    world.store.show(on);
    assert!(world.read_fresh(&reader, AT).is_ok());
    world.refuses(&reader, AT, &Class::RolledBack(Place::Roster));
}

#[test]
fn attack_branch_of_rosters() {
    let (world, reader) = with_reader();
    let r = vault_key(&world.store.state(), &world.owner);
    let old = world.store.state();
    world.token("another", &[("lab", Right::Read, true)]);
    assert!(world.read(&reader, AT).is_ok(), "pinned now");
    // Only R can sign a branch: that a number alone is no pin is shown with R.
    let mut branch = old;
    for _ in 0..3 {
        roster(&mut branch, &r, |next| next.issued_at += 1);
        world.store.show(branch.clone());
        assert!(world.read_fresh(&reader, AT).is_ok());
        world.refuses(&reader, AT, &Class::RolledBack(Place::Roster));
    }
}

#[test]
fn attack_roster_signed_by_other_authority() {
    let (world, reader) = with_reader();
    let r = vault_key(&world.store.state(), &world.owner);
    let mut state = world.store.state();
    roster(&mut state, &r, |_| {});
    world.store.show(state);
    assert!(world.read_fresh(&reader, AT).is_ok(), "with R it is believed");
    let mut state = world.store.state();
    roster(&mut state, &Key::generate(&mut rng()), |_| {});
    refuses_all(&world, &reader, state, Place::Roster);
    // The same authority for another vault.
    let mut state = world.store.state();
    roster(&mut state, &r, |next| next.vault = zms_core::id::VaultId([7; 16]));
    refuses_all(&world, &reader, state, Place::Roster);
    // Signed by the owner's own key, which is not the authority's.
    let mut state = world.store.state();
    state.roster.signature = world.owner.sign(&state.roster.message);
    refuses_all(&world, &reader, state, Place::Roster);
}

#[test]
fn attack_current_roster_old_keyring() {
    let world = World::new();
    let (reader, leaves) = (
        world.token("reader", &[(AT, Right::Read, true)]),
        world.token("leaves", &[(AT, Right::Read, true)]),
    );
    let old = world.store.state();
    world.revoke(&leaves).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    let current = world.store.state();
    let (was, is) = (old.members[&reader.id()].clone(), current.members[&reader.id()].clone());
    assert!(was.keyring != is.keyring && was.line == is.line);
    // The keyring alone, beside the true witness.
    let mut state = current.clone();
    state.witnesses.insert(reader.id(), current.witness(reader.id()).expect("a member"));
    state.members.insert(reader.id(), Member { keyring: was.keyring, ..is });
    refuses_all(&world, &reader, state.clone(), Place::Keyring);
    // With a witness of its own, which leads to another tree head.
    state.witnesses.clear();
    refuses_all(&world, &reader, state.clone(), Place::Member);
    // With the old witness.
    state.witnesses.insert(reader.id(), old.witness(reader.id()).expect("a member"));
    refuses_all(&world, &reader, state, Place::Member);
}

#[test]
fn attack_old_keyring() {
    let world = World::new();
    let (reader, leaves) = (
        world.token("reader", &[(AT, Right::Read, true)]),
        world.token("leaves", &[(AT, Right::Read, true)]),
    );
    let old = world.store.state();
    world.revoke(&leaves).expect("the owner may revoke");
    world.rekey().expect("the owner may re-key");
    let r = vault_key(&world.store.state(), &world.owner);
    // Even where the roster lists it, an old keyring opens no current head.
    let mut state = world.store.state();
    state.members.insert(reader.id(), old.members[&reader.id()].clone());
    roster(&mut state, &r, |_| {});
    refuses_all(&world, &reader, state, scope_place("shop"));
    // And a current keyring opens no old head.
    let mut state = world.store.state();
    state.scopes = old.scopes;
    refuses_all(&world, &reader, state, scope_place("shop"));
}

#[test]
fn attack_keyring_of_another_principal() {
    let (world, reader) = with_reader();
    let other = world.token("other", &[(AT, Right::Read, true)]);
    let r = vault_key(&world.store.state(), &world.owner);
    let mut state = world.store.state();
    let theirs = state.members[&other.id()].keyring.clone();
    state.members.get_mut(&reader.id()).expect("a member").keyring = theirs;
    roster(&mut state, &r, |_| {});
    refuses_all(&world, &reader, state.clone(), Place::Keyring);
    // Not even sealed under our W: it is bound to whom it is for.
    let (vault, held) = (state.vault, &world.store.state().members[&other.id()].keyring);
    let keyring = Keyring::open(&other.wrap_key(), vault, other.id(), held).expect("its own");
    let moved = keyring.seal(&reader.wrap_key(), vault, other.id(), &mut rng());
    state.members.get_mut(&reader.id()).expect("a member").keyring = moved;
    roster(&mut state, &r, |_| {});
    refuses_all(&world, &reader, state.clone(), Place::Keyring);
    let right = keyring.seal(&reader.wrap_key(), vault, reader.id(), &mut rng());
    state.members.get_mut(&reader.id()).expect("a member").keyring = right;
    roster(&mut state, &r, |_| {});
    world.store.show(state);
    assert!(world.read_fresh(&reader, AT).is_ok(), "sealed for us and listed, it is ours");
}

#[test]
fn attack_keyring_downgrade() {
    let (world, reader) = with_reader();
    let r = vault_key(&world.store.state(), &world.owner);
    for (at, byte) in [(2, 0), (2, 2), (3, 0), (3, 2)] {
        let mut state = world.store.state();
        state.members.get_mut(&reader.id()).expect("a member").keyring[at] = byte;
        roster(&mut state, &r, |_| {});
        refuses_all(&world, &reader, state, Place::Keyring);
    }
}

#[test]
fn attack_own_keyring_forged() {
    let (world, reader) = with_reader();
    // It holds its W and can seal itself a wider keyring; the roster does not list it.
    let mut state = world.store.state();
    let witness = state.witness(reader.id()).expect("a member");
    reseal(&mut state, &reader, |keyring| keyring.vault_key = None);
    refuses_all(&world, &reader, state.clone(), Place::Member);
    state.witnesses.insert(reader.id(), witness);
    refuses_all(&world, &reader, state, Place::Keyring);
}

/// A state whose roster gives a member this kind, this right on the root, and R or not.
fn given(world: &World, who: &Principal, kind: Kind, right: Right, with_r: bool) -> State {
    let mut state = world.store.honestly(|| world.store.state());
    let (r, root) = (vault_key(&state, &world.owner), state.vault.root());
    reseal(&mut state, who, |keyring| keyring.vault_key = with_r.then(|| r.duplicate()));
    line(&mut state, who, |line| {
        line.kind = kind;
        line.rights.add(root, right);
    });
    roster(&mut state, &r, |_| {});
    state
}

#[test]
fn attack_root_reader_with_vault_key() {
    let (world, reader) = with_reader();
    let state = given(&world, &reader, Kind::Service, Right::Read, true);
    refuses_all(&world, &reader, state, Place::Member);
}

#[test]
fn attack_service_keyring_with_vault_key() {
    let (world, reader) = with_reader();
    let r = vault_key(&world.store.state(), &world.owner);
    let given = |kind, right, with_r| given(&world, &reader, kind, right, with_r);
    let plain = given(Kind::Service, Right::Write, false);
    world.store.show(plain);
    assert!(world.read_fresh(&reader, AT).is_ok(), "a service may write everywhere, without R");
    for (kind, right, with_r) in [
        (Kind::Service, Right::Write, true),
        (Kind::Administrator, Right::Write, true),
        (Kind::Administrator, Right::Write, false),
        (Kind::Agent, Right::Read, false),
    ] {
        let state = given(kind, right, with_r);
        refuses_all(&world, &reader, state.clone(), Place::Member);
        // Under the text form that fits the line, only R and the right together administer.
        let fits = Principal::from_seed(kind, reader.seed().duplicate());
        let expected = kind == Kind::Administrator && with_r || kind == Kind::Agent;
        assert_eq!(world.read_fresh(&fits, AT).is_ok(), expected, "{kind:?} {right:?} {with_r}");
    }
    // Another R than the authority's.
    let mut state = world.store.state();
    reseal(&mut state, &world.owner, |keyring| {
        keyring.vault_key = Some(Key::generate(&mut rng()));
    });
    roster(&mut state, &r, |_| {});
    world.store.show(state);
    world.refuses_fresh(&world.owner, AT, &Class::Integrity(Place::Keyring));
}

#[test]
fn attack_root_reader_is_not_admin() {
    let world = World::new();
    for (label, right) in [("reads", Right::Read), ("writes", Right::Write)] {
        let token = world.token(label, &[("", right, true)]);
        assert!(world.read(&token, AT).is_ok(), "it reads everything");
        let mut session = world.pinned(&token);
        let revoked = session.revoke(&[world.owner.id()]).map_err(Class::from);
        assert_eq!(revoked, Err(Class::NotAdministrator));
        let request = request("mine", &[(AT, Right::Read, true)]);
        let minted = session.create_token(&request).map(drop).map_err(Class::from);
        assert_eq!(minted, Err(Class::NotAdministrator));
        assert_eq!(session.tokens().map(drop).map_err(Class::from), Err(Class::NotAdministrator));
        let rekeyed = session
            .rekey_pending(zms_core::change::rekey::Spoiled::Report, |_| {})
            .map_err(Class::from);
        assert_eq!(rekeyed, Err(Class::NotAdministrator));
        // Nor by the text form of an administrator.
        let posing = Principal::from_seed(Kind::Administrator, token.seed().duplicate());
        world.refuses_fresh(&posing, AT, &Class::Integrity(Place::Member));
    }
    let reader = world.token("again", &[("", Right::Read, true)]);
    assert_eq!(world.set(&reader, AT, "NEW", b"x"), Err(Class::MayNotWrite));
}

#[test]
fn attack_prefix_of_members() {
    let (world, reader) = with_reader();
    let writer = world.token("writer", &[(AT, Right::Write, true)]);
    world.set(&writer, AT, "NEW", b"x").expect("a writer may write");
    let honest = world.store.state();
    let (mine, theirs) =
        (honest.witness(reader.id()).expect("in"), honest.witness(writer.id()).expect("in"));
    // The witness of another member, whole or in part, for our own place.
    for (line, proof) in [(&theirs, &theirs), (&mine, &theirs), (&theirs, &mine)] {
        let mut witness = line.clone();
        witness.proof.clone_from(&proof.proof);
        let mut state = honest.clone();
        state.witnesses.insert(reader.id(), witness);
        refuses_all(&world, &reader, state, Place::Member);
    }
    // Steps missing, added, turned, or more than any tree needs.
    let step = Step { left: true, hash: [0; 32] };
    for proof in [
        mine.proof[1..].to_vec(),
        mine.proof[..mine.proof.len() - 1].to_vec(),
        mine.proof.iter().map(|step| Step { left: !step.left, ..*step }).collect(),
        [&mine.proof[..], &[step]].concat(),
        vec![step; 10_000],
        vec![],
    ] {
        let mut state = honest.clone();
        state.witnesses.insert(reader.id(), zms_core::bundle::Witness { proof, ..mine.clone() });
        refuses_all(&world, &reader, state, Place::Member);
    }
    // An author's witness that leads nowhere leaves its head without an author.
    let mut state = honest.clone();
    state.witnesses.insert(writer.id(), zms_core::bundle::Witness { proof: vec![], ..theirs });
    refuses_all(&world, &reader, state, scope_place(AT));
    // An administrator's list of members that is short of one, or has one too many.
    let parts = honest.parts();
    let stranger = MemberPart { principal: zms_core::id::PrincipalId([255; 16]), ..parts[0] };
    for listed in [parts[1..].to_vec(), [&parts[..], &[stranger]].concat(), vec![]] {
        let mut state = honest.clone();
        state.listed = Some(listed);
        world.store.show(state);
        assert_eq!(world.revoke(&writer), Err(Class::Integrity(Place::Roster)));
    }
}

#[test]
fn attack_edited_line() {
    let (world, reader) = with_reader();
    let production = world.id(AT);
    let edits: [fn(&mut zms_core::roster::Line, zms_core::id::ScopeId); 4] = [
        |line, scope| line.rights.add(scope, Right::Write),
        |line, _| line.expires = Some(1),
        |line, _| line.not_before += 1,
        |line, _| line.kind = Kind::Agent,
    ];
    for edit in edits {
        let mut state = world.store.state();
        line(&mut state, &reader, |line| edit(line, production));
        refuses_all(&world, &reader, state, Place::Member);
    }
}

#[test]
fn attack_wrong_message_tag() {
    let (world, reader) = with_reader();
    let (honest, id) = (world.store.state(), world.id(AT));
    let authority = authority(&vault_key(&honest, &world.owner));
    let head = honest.scopes[&id].head.message.clone();
    let owner_line = honest.members[&world.owner.id()].line.clone();
    // A revision, a line and nothing at all, under the authority's own signature, as a roster.
    for message in [head.clone(), owner_line.clone(), vec![]] {
        let mut state = honest.clone();
        state.roster.signature = authority.sign(&message);
        state.roster.message = message;
        refuses_all(&world, &reader, state, Place::Roster);
    }
    // A roster and a line, signed by one who may write, as a head.
    for message in [honest.roster.message.clone(), owner_line, vec![]] {
        let mut state = honest.clone();
        let scope = state.scope(id);
        scope.head.signature = world.owner.sign(&message);
        scope.head.message = message;
        refuses_all(&world, &reader, state, scope_place(AT));
    }
    // A revision that the authority signed instead of its author.
    let mut state = honest.clone();
    state.scope(id).head.signature = authority.sign(&head);
    refuses_all(&world, &reader, state, scope_place(AT));
    // A roster's bytes listed as a line.
    let mut state = honest.clone();
    let held = state.members.get_mut(&reader.id()).expect("a member");
    held.line.clone_from(&honest.roster.message);
    roster(&mut state, &vault_key(&honest, &world.owner), |_| {});
    refuses_all(&world, &reader, state, Place::Member);
}

#[test]
fn attack_other_vault() {
    let (one, other) = (World::new(), World::new());
    let reader = one.token("reader", &[(AT, Right::Read, true)]);
    let theirs = other.store.state();
    one.store.show(theirs.clone());
    assert_eq!(one.read_fresh(&reader, AT), Err(Class::Unknown));
    // Our keyring and line in their vault, or their id above our state.
    let mut state = theirs;
    let mine = one.store.honestly(|| one.store.state());
    state.members.insert(reader.id(), mine.members[&reader.id()].clone());
    one.store.show(state);
    assert_eq!(one.read_fresh(&reader, AT), Err(Class::Integrity(Place::Keyring)));
    let mut state = mine.clone();
    state.vault = other.vault;
    one.store.show(state);
    assert_eq!(one.read_fresh(&reader, AT), Err(Class::Integrity(Place::Keyring)));
    // Even a seed that is a member of both finds no scope of one in the other.
    let mut state = mine;
    let id = one.id(AT);
    state.scopes.insert(id, other.store.state().scopes[&other.id(AT)].clone());
    one.store.show(state);
    one.refuses_fresh(&reader, AT, &Class::Integrity(scope_place(AT)));
}

#[test]
fn attack_rotate_keeps_heads() {
    let (world, reader) = with_reader();
    let r = vault_key(&world.store.state(), &world.owner);
    let new = Principal::from_seed(Kind::Administrator, Key::generate(&mut rng()));
    let mut state = world.store.state();
    // The owner's seed changes: its keyring goes to the new one, its line leaves.
    let old = state.members.remove(&world.owner.id()).expect("the owner is a member");
    let vault = state.vault;
    let keyring = Keyring::open(&world.owner.wrap_key(), vault, world.owner.id(), &old.keyring)
        .expect("its own keyring")
        .seal(&new.wrap_key(), vault, new.id(), &mut rng());
    let line = zms_core::roster::Line::parse(&old.line).expect("its own line");
    let line = zms_core::roster::Line { principal: new.id(), vk: new.verifying_key(), ..line };
    state.members.insert(new.id(), Member { line: line.encode(), keyring, ..old });
    roster(&mut state, &r, |_| {});
    world.store.show(state.clone());
    world.refuses_fresh(&reader, AT, &Class::Integrity(scope_place("shop")));
    assert_eq!(world.read_fresh(&new, AT), Err(Class::Integrity(Place::Scope(path("")))));
    let ids: Vec<_> = state.scopes.keys().copied().collect();
    for id in ids {
        Draft::after(&state, id).sign(&new, &mut state);
    }
    world.store.show(state.clone());
    for who in [&reader, &new] {
        assert!(world.read_fresh(who, AT).is_ok(), "with the heads signed anew");
    }
    // The old key signs nothing any more.
    Draft::after(&state, world.id(AT)).sign(&twin(&world.owner), &mut state);
    world.store.show(state);
    world.refuses_fresh(&reader, AT, &Class::Integrity(scope_place(AT)));
}
