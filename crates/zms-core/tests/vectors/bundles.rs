//! `bundle-*.json`: whole bundles, what a token sees in them, and what each failure is called.

mod cast;
mod encoded;
mod heads;
mod members;
mod pins;
mod read;
mod rekeyed;

use zms_core::{
    bundle::Bundle,
    merge::{Merged, Unreadable},
    open::{OpenError, Opening, Reading},
    path::ScopePath,
    pin::Pins,
    principal::Principal,
};
use zms_crypto::text::parse_seed;

use crate::{
    fixture, frozen,
    json::{Json, apply, difference, hex, list, map, text},
    name,
    shown::{pins_from_json, pins_to_json, vault_from_json, vault_to_json},
    world::{Holder, Vault, World},
};

/// The word for a failure.
fn class(error: &OpenError) -> &'static str {
    match error {
        OpenError::NoVault => "no-vault",
        OpenError::Unknown => "unknown",
        OpenError::Departed { .. } => "revoked",
        OpenError::Expired { .. } => "expired",
        OpenError::Integrity(_) => "integrity",
        OpenError::RolledBack(_) => "rolled-back",
        OpenError::Removed(_) => "removed",
        OpenError::NotFound(_) => "not-found",
        OpenError::OutOfScope(_) => "out-of-scope",
        _ => panic!("a class without a word: {error}"),
    }
}

/// What a token sees, or the class of failure, as a case states it.
fn outcome(token: &str, vault: &dyn Bundle, pins: &Pins, at: &str, now: u64) -> Json {
    let failed = |class: &str| map([("class", text(class))]);
    let Ok((kind, seed)) = parse_seed(token) else {
        return failed("malformed");
    };
    let principal = Principal::from_seed(kind.into(), seed);
    let opened = || -> Result<Json, OpenError> {
        let opening = Opening::begin(&principal, vault, pins, now)?;
        let at = ScopePath::parse(at).expect("a good path");
        let way = opening.way(&at, Reading::Everything)?;
        let (secrets, unreadable) = merged(&Merged::new(&way)?, now);
        Ok(map([
            ("secrets", Json::Map(secrets)),
            ("unreadable", Json::Map(unreadable)),
            ("pins_void", Json::Bool(opening.pins_void())),
            ("seen", pins_to_json(&opening.seen().expect("nothing failed"))),
        ]))
    };
    opened().unwrap_or_else(|error| failed(class(&error)))
}

type Named = Vec<(String, Json)>;

/// Every winner's value, and what can not be read.
fn merged(merged: &Merged, now: u64) -> (Named, Named) {
    let (mut secrets, mut unreadable) = (Vec::new(), Vec::new());
    for winner in merged.winners() {
        let name = winner.payload.name.to_string();
        match merged.resolve(winner, now) {
            Ok(payload) => secrets.push((name, hex(payload.value.expose()))),
            Err(Unreadable::Expired { .. }) => unreadable.push((name, text("expired"))),
            Err(_) => unreadable.push((name, text("reference"))),
        }
    }
    (secrets, unreadable)
}

/// One honest state and the cases that start from it.
struct Book {
    vault: Vault,
    base: Json,
    now: u64,
    cases: Vec<Json>,
}

/// What a case asks besides its state.
struct Ask<'a> {
    title: &'a str,
    token: &'a str,
    at: &'a str,
    now: u64,
    pins: Option<&'a Pins>,
}

impl Book {
    fn new(world: &World) -> Self {
        let vault = world.vault.clone();
        let base = vault_to_json(&vault);
        Self { vault, base, now: world.now + 100, cases: Vec::new() }
    }

    fn ask<'a>(&self, title: &'a str, holder: &'a Holder, at: &'a str) -> Ask<'a> {
        Self::ask_at(self.now, title, holder, at)
    }

    fn ask_at<'a>(now: u64, title: &'a str, holder: &'a Holder, at: &'a str) -> Ask<'a> {
        Ask { title, token: &holder.text, at, now, pins: None }
    }

    fn push(&mut self, ask: &Ask<'_>, vault: &Vault, expect: Json) {
        let case = map([
            ("name", text(ask.title)),
            ("token", text(ask.token)),
            ("path", text(ask.at)),
            ("now", Json::Number(ask.now)),
            ("pins", ask.pins.map_or(Json::Null, pins_to_json)),
            ("change", difference(&self.base, &vault_to_json(vault))),
            ("expect", expect),
        ]);
        self.cases.push(case);
    }

    /// A case that opens; each secret is stated, what was seen is as this code saw it.
    fn accept(
        &mut self,
        ask: &Ask<'_>,
        vault: &Vault,
        secrets: &[(&str, &[u8])],
        unreadable: &[(&str, &str)],
    ) {
        let none = Pins::default();
        let seen = outcome(ask.token, vault, ask.pins.unwrap_or(&none), ask.at, ask.now);
        let sorted = |pairs: Named| {
            let mut pairs = pairs;
            pairs.sort_by(|one, other| one.0.cmp(&other.0));
            Json::Map(pairs)
        };
        let secrets = secrets.iter().map(|(name, value)| ((*name).to_owned(), hex(value)));
        let unreadable = unreadable.iter().map(|(name, why)| ((*name).to_owned(), text(why)));
        let stated = map([
            ("secrets", sorted(secrets.collect())),
            ("unreadable", sorted(unreadable.collect())),
            ("pins_void", seen["pins_void"].clone()),
            ("seen", seen["seen"].clone()),
        ]);
        assert_eq!(seen, stated, "{}", ask.title);
        self.push(ask, vault, stated);
    }

    /// A case that does not open.
    fn reject(&mut self, ask: &Ask<'_>, vault: &Vault, class: &str) {
        self.push(ask, vault, map([("class", text(class))]));
    }

    /// A case that does not open because `spoil` changed the state.
    fn spoilt(
        &mut self,
        title: &str,
        holder: &Holder,
        at: &str,
        class: &str,
        spoil: impl FnOnce(&mut Vault),
    ) {
        let mut vault = self.vault.clone();
        spoil(&mut vault);
        self.reject(&self.ask(title, holder, at), &vault, class);
    }

    fn finish(self, about: &str) -> Json {
        map([("about", text(about)), ("bundle", self.base), ("cases", list(self.cases))])
    }
}

/// Runs every case of a file, of today and of older versions.
fn check(file: &str, make: impl FnOnce(&mut rand_chacha::ChaCha20Rng) -> Json) {
    let today = fixture(file, make);
    for book in [today].into_iter().chain(frozen(file)) {
        check_book(file, &book);
    }
}

fn check_book(file: &str, book: &Json) {
    let mut wrong = Vec::new();
    for case in book["cases"].list() {
        let vault = vault_from_json(&apply(book["bundle"].clone(), &case["change"]));
        let pins = pins_from_json(&case["pins"]);
        let (token, at, now) = (case["token"].text(), case["path"].text(), case["now"].number());
        let is = outcome(token, &vault, &pins, at, now);
        if is != case["expect"] {
            let is = if is["class"].is_some() { is["class"].text() } else { "opens" };
            wrong.push(format!("{}: {is}", name(case)));
        }
    }
    assert!(wrong.is_empty(), "{file}: {wrong:#?}");
}
