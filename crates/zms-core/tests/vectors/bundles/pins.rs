//! `bundle-pins.json`: what a client has seen and will not go behind.

use zms_core::{pin::Pins, roster::Right};
use zms_crypto::text::SeedKind;

use super::{
    Ask, Book,
    cast::{API, Cast, SEEN},
    check,
};
use crate::{
    json::Json,
    world::{Vault, secret},
};

/// Every head signed anew under the next generation, as a restore does.
fn restored(vault: &Vault, cast: &Cast) -> Vault {
    let (mut vault, world) = (vault.clone(), &cast.world);
    for scope in vault.scopes.keys().copied().collect::<Vec<_>>() {
        vault.sign_head(scope, &world.owner.principal, |head| head.generation = 2);
    }
    vault.sign_roster(&world.vault_key(), |roster| roster.generation = 2);
    vault
}

struct Stage {
    cast: Cast,
    /// The state before the last writes, and what was seen of it.
    early: (Vault, Pins),
    /// What was seen one write before the last.
    middle: Pins,
    /// What was seen of the last state.
    late: Pins,
}

fn stage(rng: &mut rand_chacha::ChaCha20Rng) -> Stage {
    let mut cast = Cast::new(rng);
    let early = (cast.world.vault.clone(), cast.world.seen(&cast.reader, API));
    let api = [(API, Right::Read, true)];
    cast.world.set(Some(&cast.writer), API, vec![secret("LEVEL", b"debug")]);
    cast.world.token(SeedKind::Service, "one more", &api, None);
    cast.world.set(Some(&cast.writer), API, vec![secret("LEVEL", b"trace")]);
    cast.world.token(SeedKind::Service, "and one more", &api, None);
    let middle = cast.world.seen(&cast.reader, API);
    cast.world.set(Some(&cast.writer), API, vec![secret("LEVEL", b"error")]);
    cast.world.token(SeedKind::Service, "the last", &api, None);
    let late = cast.world.seen(&cast.reader, API);
    Stage { cast, early, middle, late }
}

fn now_seen() -> Vec<(&'static str, &'static [u8])> {
    let mut seen = SEEN.to_vec();
    seen[8] = ("LEVEL", b"error");
    seen
}

fn honest(book: &mut Book, stage: &Stage) {
    let (reader, seen) = (&stage.cast.reader, now_seen());
    let vault = book.vault.clone();
    for (title, pins) in [
        ("the pinned state itself", &stage.late),
        ("one step behind", &stage.middle),
        ("several steps behind", &stage.early.1),
    ] {
        let ask = Ask { pins: Some(pins), ..book.ask(title, reader, API) };
        book.accept(&ask, &vault, &seen, &[]);
    }
    let partly = Pins { roster: stage.late.roster, heads: Default::default() };
    let ask = Ask { pins: Some(&partly), ..book.ask("a roster pinned, no heads", reader, API) };
    book.accept(&ask, &vault, &seen, &[]);
    let title = "a stale state is genuine to who has seen no newer one";
    book.accept(&book.ask(title, reader, API), &stage.early.0, SEEN, &[]);
}

fn rolled_back(book: &mut Book, stage: &Stage) {
    let (cast, writer) = (&stage.cast, &stage.cast.writer.principal);
    let (reader, api) = (&cast.reader, cast.world.id(API));
    let mut back = |title: &str, pins: &Pins, spoil: &dyn Fn(&mut Vault)| {
        let mut vault = book.vault.clone();
        spoil(&mut vault);
        let ask = Ask { pins: Some(pins), ..book.ask(title, reader, API) };
        book.reject(&ask, &vault, "rolled-back");
    };
    let (early, early_pins) = (&stage.early.0, &stage.early.1);
    back("an old state as a whole", &stage.late, &|vault| *vault = early.clone());
    back("an old head under the current roster", &stage.late, &|vault| {
        let old = early.scopes[&api].clone();
        *vault.scope_mut(api) = old;
    });
    let only_roster = Pins { roster: stage.late.roster, heads: Default::default() };
    back("an old roster", &only_roster, &|vault| *vault = early.clone());
    back("a branch beside the pin, the same number", &stage.late, &|vault| {
        let (old, kept) = (early.scopes[&api].clone(), vault.scopes[&api].messages.clone());
        *vault.scope_mut(api) = old;
        vault.sign_head(api, writer, |_| {});
        vault.sign_head(api, writer, |_| {});
        vault.sign_head(api, writer, |_| {});
        assert_eq!(vault.scopes[&api].messages.len(), kept.len());
    });
    back("a branch beside the pin that overtakes it", &stage.late, &|vault| {
        let old = early.scopes[&api].clone();
        *vault.scope_mut(api) = old;
        (0..6).for_each(|_| vault.sign_head(api, writer, |_| {}));
    });
    back("a roster beside the pin that overtakes it", &only_roster, &|vault| {
        *vault = early.clone();
        let key = cast.world.vault_key();
        (0..6).for_each(|_| vault.sign_roster(&key, |_| {}));
    });
    back("a message between is missing", early_pins, &|vault| {
        let messages = &mut vault.scope_mut(api).messages;
        messages.remove(messages.len() - 1);
    });
    back("no messages between", early_pins, &|vault| vault.scope_mut(api).messages.clear());
    back("messages between out of order", early_pins, &|vault| {
        let messages = &mut vault.scope_mut(api).messages;
        let last = messages.len() - 1;
        let (one, other) = (messages[last].1.clone(), messages[last - 1].1.clone());
        (messages[last].1, messages[last - 1].1) = (other, one);
    });
    back("a message between changed", early_pins, &|vault| {
        let message = &mut vault.scope_mut(api).messages.last_mut().expect("some").1;
        let end = message.len() - 1;
        message[end] ^= 1;
    });
    back("a roster between is missing", early_pins, &|vault| drop(vault.rosters.pop()));
    back("a head that skips a number", &stage.late, &|vault| {
        vault.sign_head(api, writer, |head| head.revision += 1);
    });
    back("a head that does not name the pinned one", &stage.late, &|vault| {
        vault.sign_head(api, writer, |head| head.prev_hash[0] ^= 1);
    });
    back("the pinned number with another hash", &changed(&stage.late), &|_| {});
}

fn changed(pins: &Pins) -> Pins {
    let mut pins = pins.clone();
    for head in pins.heads.values_mut() {
        head.hash[0] ^= 1;
    }
    pins
}

fn generations(book: &mut Book, stage: &Stage) {
    let (cast, reader) = (&stage.cast, &stage.cast.reader);
    let after = restored(&stage.early.0, cast);
    let title = "several generations: a restore voids older pins";
    let ask = Ask { pins: Some(&stage.late), ..book.ask(title, reader, API) };
    book.accept(&ask, &after, SEEN, &[]);
    let ask = book.ask("several generations: first use after a restore", reader, API);
    book.accept(&ask, &after, SEEN, &[]);
    let pins = {
        let none = Pins::default();
        let opening = zms_core::open::Opening::begin(&reader.principal, &after, &none, book.now);
        let opening = opening.expect("opens");
        let way = opening.way(&crate::world::path(API), zms_core::open::Reading::Everything);
        assert!(way.is_ok());
        opening.seen().expect("nothing failed")
    };
    let current = book.vault.clone();
    let title = "several generations: the abandoned branch after a restore";
    let ask = Ask { pins: Some(&pins), ..book.ask(title, reader, API) };
    book.reject(&ask, &current, "rolled-back");
    let mut mixed = after;
    let api = cast.world.id(API);
    *mixed.scope_mut(api) = current.scopes[&api].clone();
    let title = "several generations: a head of the abandoned branch beside the new roster";
    book.reject(&book.ask(title, reader, API), &mixed, "integrity");
}

fn make(rng: &mut rand_chacha::ChaCha20Rng) -> Json {
    let stage = stage(rng);
    let mut book = Book::new(&stage.cast.world);
    honest(&mut book, &stage);
    rolled_back(&mut book, &stage);
    generations(&mut book, &stage);
    let api = stage.cast.world.id(API);
    let mut vault = book.vault.clone();
    vault.sign_head(api, &stage.cast.writer.principal, |_| {});
    vault.sign_head(api, &stage.cast.writer.principal, |head| head.revision += 1);
    let title = "a chain that leads to the pin and skips a number";
    let ask = Ask { pins: Some(&stage.late), ..book.ask(title, &stage.cast.reader, API) };
    book.reject(&ask, &vault, "rolled-back");
    book.finish("What was seen is not gone behind: spec/pins.md")
}

#[test]
fn pins() {
    check("bundle-pins.json", make);
}
