//! `bundle-rekeyed.json`: a writer was revoked and its scopes have new keys; and `past.json`.

use zms_core::{
    change::{rekey, revoke},
    open::Opening,
    pin::Pins,
    scope::NodeKeys,
};
use zms_crypto::{Key, Purpose, derive::derive_key, envelope::open, parts::Parts};

use super::{
    Book,
    cast::{API, Cast, SEEN},
    check,
};
use crate::{
    cases,
    json::{Json, hex, map, text},
    name,
    world::{Vault, World},
};

/// Takes the writer out, and re-keys until nothing is pending. The state in between.
fn revoke_writer(cast: &mut Cast) -> Vault {
    let leaving = [cast.writer.id()];
    cast.world.change(None, |opening, _| revoke::revoke(opening, &leaving).expect("may"));
    let between = cast.world.vault.clone();
    while !cast.world.vault.roster_now().pending.is_empty() {
        rekey_once(&mut cast.world);
    }
    between
}

fn rekey_once(world: &mut World) {
    world.change(None, |opening: &Opening<'_>, rng| {
        let step = rekey::next(opening, rekey::Spoiled::Report, rng).expect("nothing is spoilt");
        step.expect("something is pending").batch
    });
}

fn make(rng: &mut rand_chacha::ChaCha20Rng) -> Json {
    let mut cast = Cast::new(rng);
    let before = cast.world.vault.clone();
    let seen_before: Pins = cast.world.seen(&cast.reader, API);
    let between = revoke_writer(&mut cast);
    let mut book = Book::new(&cast.world);
    let after = book.vault.clone();
    let (reader, writer, api) = (&cast.reader, &cast.writer, cast.world.id(API));
    let pinned = super::Ask { pins: Some(&seen_before), ..book.ask("", reader, API) };
    for (title, vault, pins) in [
        ("revoked, keys still to come", &between, None),
        ("revoked and re-keyed", &after, None),
        ("revoked and re-keyed, pinned before", &after, Some(&seen_before)),
    ] {
        let ask = super::Ask { title, pins, ..pinned };
        book.accept(&ask, vault, SEEN, &[]);
    }
    let owner = book.ask("the owner, re-keyed", &cast.world.owner, API);
    book.accept(&owner, &after, SEEN, &[]);
    book.reject(&book.ask("the revoked token", writer, API), &after, "revoked");
    book.spoilt("a revoked author goes on", reader, API, "integrity", |vault| {
        vault.sign_head(api, &writer.principal, |_| {});
    });
    book.spoilt("the old rows of a re-keyed scope", reader, API, "integrity", |vault| {
        let old = between.scopes[&api].clone();
        *vault.scope_mut(api) = old;
    });
    book.spoilt("the old keyring beside new keys", reader, API, "integrity", |vault| {
        let old = before.members[&reader.id()].clone();
        vault.member_mut(reader.id()).keyring = old.keyring;
    });
    book.spoilt("the old child entry beside new keys", &cast.agent, API, "integrity", |vault| {
        let shop = cast.world.id("shop");
        let old = between.scopes[&shop].children.clone();
        vault.scope_mut(shop).children = old;
    });
    let ask = super::Ask { title: "the state before, pinned after", ..pinned };
    let pins = cast.world.seen(reader, API);
    let ask = super::Ask { pins: Some(&pins), ..ask };
    book.reject(&ask, &before, "rolled-back");
    book.finish("A writer revoked, its scopes re-keyed: spec/revocation.md")
}

#[test]
fn rekeyed() {
    check("bundle-rekeyed.json", make);
}

/// D and P of the epoch before, or nothing.
fn open_past(case: &Json) -> Option<Vec<u8>> {
    let node = NodeKeys::new(Key::from_bytes(&case["node"].array()));
    let epoch = u32::try_from(case["epoch"].number()).expect("an epoch");
    let aad = Parts::tagged("zms/v1/aad/past")
        .bytes(&case["vault"].bytes())
        .bytes(&case["scope"].bytes())
        .u32(epoch - 1)
        .finish();
    let opened = open(&node.past(), &aad, &case["sealed"].bytes()).ok()?;
    Some(opened.expose().clone())
}

fn make_past(rng: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let mut cast = Cast::new(rng);
    let old = cast.world.scope("shop/production");
    revoke_writer(&mut cast);
    let new = cast.world.scope("shop/production");
    let (vault, id) = (cast.world.vault.id.expect("a vault"), new.id());
    let sealed = cast.world.vault.scopes[&id].past[&2].clone();
    let node = |scope: &zms_core::open::OpenScope| {
        scope.keys.node.as_ref().expect("the owner holds N").node().duplicate()
    };
    let past = derive_key(&node(&old), Purpose::SCOPE_PAST);
    let case = |title: &str, node: &Key, epoch: u64, sealed: &[u8], valid: bool| {
        map([
            ("name", text(title)),
            ("vault", hex(vault.as_bytes())),
            ("scope", hex(id.as_bytes())),
            ("epoch", Json::Number(epoch)),
            ("node", hex(node.expose())),
            ("sealed", hex(sealed)),
            ("valid", Json::Bool(valid)),
        ])
    };
    let mut flipped = sealed.clone();
    flipped[30] ^= 1;
    let good = case("the way to the epoch before", &node(&new), 2, &sealed, true)
        .with("data", hex(old.keys.data.data().expose()))
        .with("past", hex(past.expose()))
        .with("commitment", hex(&old.head.key_commitment));
    vec![
        good,
        case("the old key", &node(&old), 2, &sealed, false),
        case("another epoch", &node(&new), 3, &sealed, false),
        case("changed", &node(&new), 2, &flipped, false),
    ]
}

#[test]
fn past() {
    for case in cases("past.json", "The way to older epochs: spec/keys.md#past", make_past) {
        let opened = open_past(&case);
        assert_eq!(opened.is_some(), case["valid"].as_bool(), "{}", name(&case));
        if let Some(keys) = opened {
            assert_eq!(keys, [case["data"].bytes(), case["past"].bytes()].concat());
        }
    }
}
