//! What an engine must not take in, from members who know their own keys and the whole database.

use zms_core::{
    admit::{MAX_SCOPES, Refused, Tree, admit},
    batch::{AuthorityPut, Batch, MemberPut, RosterPut, ScopePut},
    bundle::Trouble,
    change::{
        plant::plant,
        rename::rename,
        token::{Grant, NewToken, TokenKind, create},
        write::{Edit, write},
    },
    child::children_root,
    id::{PrincipalId, ScopeId},
    open::{Opening, Reading},
    pin::Pins,
    principal::{Kind, Principal},
    record::records_root,
    revision::{CLOSED, SignedMessage},
    roster::{Limits, Right, authority},
};
use zms_crypto::{Key, sign::VerifyingKey};

use crate::{
    forge::vault_key,
    state::State,
    world::{NOW, World, now, path, payload, rng, seedling, segment},
};

const AT: &str = "shop/production";
const BELOW: &str = "shop/production/api";

/// What is stored, as an engine sees it.
struct Kept {
    state: State,
    authority: VerifyingKey,
    /// Scopes that are there beside those of the state.
    planted: u64,
}

macro_rules! as_stored {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl zms_core::bundle::Bundle for Kept {
            $(fn $name(&self, $($arg: $kind),*) -> Result<$answer, Trouble> {
                zms_core::bundle::Bundle::$name(&self.state, $($arg),*)
            })*
        }
    };
}

as_stored! {
    vault() -> Option<zms_core::id::VaultId>;
    standing(principal: PrincipalId) -> zms_core::bundle::Standing;
    keyring(principal: PrincipalId) -> Option<Vec<u8>>;
    escrow(principal: PrincipalId) -> Option<Vec<u8>>;
    members() -> Vec<zms_core::roster::MemberPart>;
    roster() -> Option<SignedMessage>;
    roster_messages(after: u64) -> Vec<Vec<u8>>;
    head(scope: ScopeId) -> Option<SignedMessage>;
    revision_messages(scope: ScopeId, after: u64) -> Vec<Vec<u8>>;
    records(scope: ScopeId, wanted: &zms_core::bundle::Wanted) -> Vec<zms_core::record::StoredRecord>;
    children(scope: ScopeId) -> Vec<zms_core::child::StoredChild>;
    signatures(scope: ScopeId) -> Vec<(u64, zms_crypto::sign::Signature)>;
    ended(scope: ScopeId, wanted: &zms_core::bundle::Wanted) -> Vec<zms_core::record::EndedRecord>;
    past(scope: ScopeId, epoch: u32) -> Option<Vec<u8>>;
}

impl Tree for Kept {
    fn parent(&self, child: ScopeId) -> Result<Option<ScopeId>, Trouble> {
        let mut scopes = self.state.scopes.iter();
        let found =
            scopes.find(|(_, scope)| scope.children.iter().any(|entry| entry.child == child));
        Ok(found.map(|(id, _)| *id))
    }

    fn scopes(&self) -> Result<u64, Trouble> {
        let count = self.state.scopes.values().map(|scope| scope.children.len() as u64);
        Ok(self.planted + count.sum::<u64>())
    }

    fn authority(&self) -> Result<Option<VerifyingKey>, Trouble> {
        Ok(Some(self.authority))
    }
}

struct Engine {
    world: World,
    kept: Kept,
    writer: Principal,
    reader: Principal,
}

impl Engine {
    fn new() -> Self {
        let world = World::new();
        let writer = world.token("writer", &[(AT, Right::Write, true)]);
        let reader = world.token("reader", &[("shop", Right::Read, false)]);
        let state = world.store.state();
        let authority = authority(&vault_key(&state, &world.owner)).verifying_key();
        Self { world, kept: Kept { state, authority, planted: 0 }, writer, reader }
    }

    fn opened<T>(&self, who: &Principal, work: impl FnOnce(&Opening<'_>) -> T) -> T {
        let pins = Pins::default();
        work(&Opening::begin(who, &self.kept.state, &pins, now()).expect("the state opens"))
    }

    /// An honest write.
    fn write(&self, who: &Principal, at: &str) -> Batch {
        self.opened(who, |opening| {
            let way = opening.way(&path(at), Reading::Everything).expect("the way opens");
            let edits = [Edit::Put(payload("WHERE", b"new")), Edit::Put(payload("MORE", b"more"))];
            write(opening, &way, &edits, &mut rng()).expect("it may write")
        })
    }

    fn plant(&self, who: &Principal, at: &str) -> Batch {
        self.opened(who, |opening| {
            let way = opening.way(&path(at), Reading::Structure).expect("the way opens");
            plant(opening, &way, vec![seedling("born", vec![])], &mut rng()).expect("it may plant")
        })
    }

    fn token(&self) -> Batch {
        self.opened(&self.world.owner, |opening| {
            let way = opening.way(&path(AT), Reading::Structure).expect("the way opens");
            let grants = vec![Grant { way: &way, write: false, inherit: true }];
            let (label, kind) = (segment("late"), TokenKind::Service);
            let new = NewToken { label, kind, grants, expires: None, limits: Limits::default() };
            create(opening, &new, &mut rng()).expect("the owner mints").0
        })
    }

    fn admits(&self, caller: &Principal, batch: &Batch) -> Result<(), Refused> {
        admit(&self.kept, caller.id(), batch, now())
    }

    fn denies(&self, caller: &Principal, batch: &Batch) {
        let met = self.admits(caller, batch);
        assert!(matches!(met, Err(Refused::Denied(_))), "{met:?} is not denied");
    }

    fn finds_wrong(&self, caller: &Principal, batch: &Batch) {
        let met = self.admits(caller, batch);
        assert!(matches!(met, Err(Refused::Wrong(_))), "{met:?} is not wrong");
    }
}

/// Signs a revision as it is worded now.
fn sign(put: &mut ScopePut, author: &Principal) {
    put.revision.author = author.id();
    let message = put.revision.encode();
    put.signed = SignedMessage { signature: author.sign(&message), message };
}

fn only(batch: &mut Batch) -> &mut ScopePut {
    batch.scopes.first_mut().expect("it writes a scope")
}

#[test]
fn what_members_may_do_is_taken_in() {
    let engine = Engine::new();
    let owner = &engine.world.owner;
    for (who, at) in [(&engine.writer, AT), (&engine.writer, BELOW), (owner, "lab")] {
        engine.admits(who, &engine.write(who, at)).expect("an honest write");
        engine.admits(who, &engine.plant(who, at)).expect("an honest scope");
    }
    engine.admits(owner, &engine.token()).expect("an honest token");
}

#[test]
fn attack_write_of_somebody_else_is_handed_in() {
    let engine = Engine::new();
    let batch = engine.write(&engine.world.owner, AT);
    engine.denies(&engine.writer, &batch);
    engine.denies(&engine.reader, &batch);
    let stranger = Principal::from_seed(Kind::Service, Key::generate(&mut rng()));
    engine.denies(&stranger, &batch);
}

#[test]
fn attack_revision_that_its_author_may_not_sign() {
    let engine = Engine::new();
    for (author, at) in [(&engine.reader, AT), (&engine.writer, "lab"), (&engine.writer, "shop")] {
        let mut batch = engine.write(&engine.world.owner, at);
        sign(only(&mut batch), author);
        engine.denies(author, &batch);
        // Nor by the word of the batch on where the scope stands.
        let good = engine.write(&engine.writer, BELOW);
        only(&mut batch).lineage.clone_from(&good.scopes[0].lineage);
        assert!(engine.admits(author, &batch).is_err());
    }
}

#[test]
fn attack_revision_that_says_something_else() {
    let engine = Engine::new();
    let edits: [fn(&mut ScopePut); 9] = [
        |put| put.revision.vault.0[0] ^= 1,
        |put| put.revision.generation += 1,
        |put| put.revision.key_commitment[0] ^= 1,
        |put| put.revision.records_root[0] ^= 1,
        |put| put.revision.children_root = children_root([]),
        |put| put.revision.records_root = records_root([]),
        |put| put.revision.created_at = NOW - 1_000_000,
        |put| put.past = Some(vec![0; 64]),
        |put| put.lineage.truncate(1),
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let mut batch = engine.write(&engine.writer, AT);
        edit(only(&mut batch));
        sign(only(&mut batch), &engine.writer);
        let met = engine.admits(&engine.writer, &batch);
        // The production scopes have children, so every edit changes something.
        assert!(matches!(met, Err(Refused::Wrong(_))), "edit {number}: {met:?}");
    }
    let mut batch = engine.write(&engine.writer, AT);
    only(&mut batch).signed.signature[0] ^= 1;
    engine.finds_wrong(&engine.writer, &batch);
    let mut batch = engine.write(&engine.writer, AT);
    only(&mut batch).revision.created_at += 1;
    engine.finds_wrong(&engine.writer, &batch);
}

#[test]
fn attack_rows_that_are_not_signed() {
    let engine = Engine::new();
    let other = engine.write(&engine.writer, BELOW);
    let edits: [&dyn Fn(&mut ScopePut); 7] = [
        &|put| drop(put.records.pop()),
        &|put| put.records.extend(other.scopes[0].records.first().cloned()),
        &|put| put.records[0].rev_from -= 1,
        &|put| put.records[0].epoch += 1,
        &|put| put.records_gone.clear(),
        &|put| put.records_gone.push(put.records_gone[0]),
        &|put| {
            let hash = put.records[0].envelope.hash();
            put.records[0].envelope = zms_core::record::Envelope::Bare(hash);
        },
    ];
    for edit in edits {
        let mut batch = engine.write(&engine.writer, AT);
        edit(only(&mut batch));
        engine.finds_wrong(&engine.writer, &batch);
    }
}

#[test]
fn attack_writer_acts_as_an_administrator() {
    let engine = Engine::new();
    // Ends the scope.
    let mut batch = engine.write(&engine.writer, AT);
    let put = only(&mut batch);
    (put.records, put.records_gone) = (Vec::new(), Vec::new());
    put.revision.key_commitment = CLOSED;
    put.revision.records_root = records_root([]);
    put.revision.children_root = children_root([]);
    sign(put, &engine.writer);
    engine.denies(&engine.writer, &batch);
    // Gives it new keys.
    let mut batch = engine.write(&engine.writer, AT);
    let put = only(&mut batch);
    put.revision.epoch += 1;
    put.past = Some(vec![0; 64]);
    sign(put, &engine.writer);
    engine.denies(&engine.writer, &batch);
    // Takes a scope out of the list.
    let mut batch = engine.write(&engine.writer, AT);
    let held = engine.kept.state.scopes[&batch.scopes[0].revision.scope].children.clone();
    let put = only(&mut batch);
    put.children_gone.push(held[0].child_index);
    put.revision.children_root = children_root(&held[1..]);
    sign(put, &engine.writer);
    engine.denies(&engine.writer, &batch);
    // Gives it another name.
    let mut batch = engine.opened(&engine.world.owner, |opening| {
        let way = opening.way(&path(BELOW), Reading::Last).expect("the way opens");
        rename(opening, &way, &segment("renamed"), &mut rng()).expect("the owner may")
    });
    engine.admits(&engine.world.owner, &batch).expect("an administrator renames");
    (batch.members, batch.roster) = (Vec::new(), None);
    batch.scopes.iter_mut().for_each(|put| sign(put, &engine.writer));
    engine.denies(&engine.writer, &batch);
    // Hands in what an administrator has signed.
    engine.denies(&engine.writer, &engine.token());
}

#[test]
fn attack_child_that_is_another_scope() {
    let engine = Engine::new();
    let elsewhere = [engine.world.id("lab"), engine.world.id("shop"), engine.world.vault.root()];
    for id in elsewhere {
        let mut batch = engine.plant(&engine.writer, BELOW);
        batch.scopes.retain(|put| !put.children.is_empty());
        let put = only(&mut batch);
        put.children[0].child = id;
        put.revision.children_root = children_root(&put.children);
        sign(put, &engine.writer);
        engine.finds_wrong(&engine.writer, &batch);
    }
    // One that is born nowhere, and one of another epoch than its scope.
    let mut batch = engine.plant(&engine.writer, BELOW);
    let born = batch.scopes.iter().position(|put| put.children.is_empty());
    let born = batch.scopes.remove(born.expect("a scope is born"));
    engine.finds_wrong(&engine.writer, &batch);
    batch.scopes.push(born);
    engine.admits(&engine.writer, &batch).expect("an honest scope");
    let put = batch.scopes.iter_mut().find(|put| !put.children.is_empty()).expect("a parent");
    put.children[0].child_epoch = 2;
    put.revision.children_root = children_root(&put.children);
    sign(put, &engine.writer);
    engine.finds_wrong(&engine.writer, &batch);
    // A scope that no list leads to.
    let mut batch = engine.plant(&engine.writer, BELOW);
    batch.scopes.retain(|put| put.children.is_empty());
    engine.denies(&engine.writer, &batch);
}

#[test]
fn attack_roster_that_is_not_the_authoritys() {
    let engine = Engine::new();
    let owner = &engine.world.owner;
    let mut batch = engine.token();
    let other = authority(&Key::generate(&mut rng()));
    let resign = |put: &mut RosterPut| put.signed = put.roster.sign(&other);
    resign(batch.roster.as_mut().expect("a roster"));
    engine.finds_wrong(owner, &batch);
    // Nor where it names another authority itself.
    batch.authority = Some(AuthorityPut { vk: other.verifying_key(), endorsement: None });
    engine.finds_wrong(owner, &batch);
    batch.authority = Some(AuthorityPut { vk: other.verifying_key(), endorsement: Some([7; 64]) });
    engine.finds_wrong(owner, &batch);
    // Members whom it does not list, or who change without one.
    let mut batch = engine.token();
    let joins = batch.members.pop();
    engine.finds_wrong(owner, &batch);
    batch.members.extend(joins);
    engine.admits(owner, &batch).expect("an honest token");
    batch.members.push(MemberPut::Keyring { principal: engine.writer.id(), keyring: vec![1; 99] });
    engine.finds_wrong(owner, &batch);
    let mut batch = engine.token();
    batch.roster = None;
    engine.finds_wrong(owner, &batch);
    let mut batch = engine.token();
    batch.departed.push(engine.reader.id());
    engine.finds_wrong(owner, &batch);
}

#[test]
fn attack_older_state_is_no_ground() {
    let mut engine = Engine::new();
    let (late, token) = (engine.write(&engine.writer, AT), engine.token());
    engine.world.set(&engine.world.owner, AT, "WHERE", b"faster").expect("the owner may write");
    engine.kept.state = engine.world.store.state();
    let met = engine.admits(&engine.writer, &late);
    assert!(matches!(met, Err(Refused::Moved)), "{met:?}");
    engine.admits(&engine.world.owner, &token).expect("nothing that it was made from moved");
    engine.world.token("meanwhile", &[(AT, Right::Read, true)]);
    engine.kept.state = engine.world.store.state();
    let met = engine.admits(&engine.world.owner, &token);
    assert!(matches!(met, Err(Refused::Moved)), "{met:?}");
}

#[test]
fn attack_vault_is_made_a_second_time() {
    let engine = Engine::new();
    let mut batch = engine.token();
    batch.found = None;
    assert!(matches!(engine.admits(&engine.world.owner, &batch), Err(Refused::Exists)));
}

#[test]
fn attack_expired_writer_hands_in() {
    let world = World::new();
    let writer = world.token_until("ends", &[(AT, Right::Write, true)], Some(NOW + 60));
    let state = world.store.state();
    let authority = authority(&vault_key(&state, &world.owner)).verifying_key();
    let reader = world.token("reader", &[("shop", Right::Read, false)]);
    let engine = Engine { world, kept: Kept { state, authority, planted: 0 }, writer, reader };
    let batch = engine.write(&engine.writer, AT);
    engine.admits(&engine.writer, &batch).expect("in time");
    let met = admit(&engine.kept, engine.writer.id(), &batch, NOW + 61);
    assert!(matches!(met, Err(Refused::Denied(_))), "{met:?}");
}

/// Each costs room in what administrators are shown, and they are to be able to end it.
#[test]
fn attack_a_writer_plants_scopes_without_end() {
    let mut engine = Engine::new();
    let batch = engine.plant(&engine.writer, AT);
    let held = engine.kept.scopes().expect("they are counted");
    engine.kept.planted = MAX_SCOPES - held - 1;
    engine.admits(&engine.writer, &batch).expect("there is room for one");
    engine.kept.planted += 1;
    engine.finds_wrong(&engine.writer, &batch);
    engine.finds_wrong(&engine.world.owner, &batch);
    let write = engine.write(&engine.writer, AT);
    engine.admits(&engine.writer, &write).expect("what begins no scope is taken in");
}

/// What a member may not do is refused before anything is done for it.
#[test]
fn attack_a_reader_sends_what_takes_long_to_check() {
    let engine = Engine::new();
    let mut batch = engine.token();
    batch.departed = (0..200_000_u32).map(id_of).collect();
    let principal = engine.reader.id();
    let put = |_| MemberPut::Keyring { principal, keyring: vec![0; 200] };
    batch.members = (0..20_000).map(put).collect();
    engine.denies(&engine.reader, &batch);
    // Without a roster too.
    batch.roster = None;
    engine.denies(&engine.reader, &batch);
    engine.finds_wrong(&engine.world.owner, &batch);
}

fn id_of(at: u32) -> PrincipalId {
    let mut id = [7; 16];
    id[..4].copy_from_slice(&at.to_be_bytes());
    PrincipalId(id)
}
