//! `bundle-heads.json`: heads that no reader may take.

use zms_core::{
    id::ScopeId,
    principal::Principal,
    revision::{CLOSED, Revision, SignedMessage},
    roster::{Line, Right, Rights},
};
use zms_crypto::{Key, text::SeedKind};

use super::{
    Book,
    cast::{API, Cast, SEEN},
    check,
};
use crate::{
    json::Json,
    world::{Holder, START, Vault},
};

/// Signs anything as a head of a scope.
fn put_message(vault: &mut Vault, scope: ScopeId, author: &Principal, message: Vec<u8>) {
    let signature = author.sign(&message);
    vault.scope_mut(scope).head = SignedMessage { message, signature };
}

fn spoilt(book: &mut Book, cast: &Cast) {
    let (world, reader) = (&cast.world, &cast.reader);
    let (api, shop, production) = (world.id(API), world.id("shop"), world.id("shop/production"));
    let mut spoil = |title: &str, spoil: &dyn Fn(&mut Vault)| {
        book.spoilt(title, reader, API, "integrity", spoil);
    };
    spoil("edited message of a head", &|vault| vault.scope_mut(api).head.message[60] ^= 1);
    spoil("edited signature of a head", &|vault| vault.scope_mut(api).head.signature[0] ^= 1);
    spoil("another scope's head", &|vault| {
        let head = vault.scopes[&shop].head.clone();
        vault.scope_mut(api).head = head;
    });
    spoil("an old head with the new rows", &|vault| {
        let message = vault.scopes[&api].messages[1].1.clone();
        put_message(vault, api, &cast.writer.principal, message);
    });
    for (title, scope) in [
        ("the nearest scope is missing", api),
        ("a scope between is missing", production),
        ("the highest scope is missing", shop),
    ] {
        spoil(title, &|vault| drop(vault.scopes.remove(&scope)));
    }
}

fn authors(book: &mut Book, cast: &mut Cast) {
    let stranger = Holder::random(SeedKind::Service, &mut cast.world.rng);
    let (world, reader) = (&cast.world, &cast.reader);
    let (api, shop) = (world.id(API), world.id("shop"));
    let foreign = [
        ("foreign author: a reader of the scope", &cast.reader, api),
        ("foreign author: an agent that reads the tree", &cast.agent, api),
        ("foreign author: nobody of the vault", &stranger, api),
        ("foreign author: a writer of a scope below", &cast.writer, shop),
    ];
    for (title, author, scope) in foreign {
        book.spoilt(title, reader, API, "integrity", |vault| {
            vault.sign_head(scope, &author.principal, |_| {});
        });
    }
    book.spoilt("an author named who did not sign", reader, API, "integrity", |vault| {
        vault.sign_head(api, &cast.agent.principal, |head| head.author = cast.writer.id());
    });
    let start = Line::parse(&book.vault.members[&cast.writer.id()].witness.line);
    let start = start.expect("ours").not_before;
    book.spoilt("signed before the author's line began", reader, API, "integrity", |vault| {
        vault.sign_head(api, &cast.writer.principal, |head| head.created_at = start - 1);
    });
    book.spoilt(
        "the author has left, its head was not signed anew",
        reader,
        API,
        "integrity",
        |vault| {
            vault.members.remove(&cast.writer.id());
            vault.departed.insert(cast.writer.id(), START);
            vault.sign_roster(&world.vault_key(), |_| {});
        },
    );
    lines_of_authors(book, cast, api);
}

/// The author's line as it is now decides, not as it was.
fn lines_of_authors(book: &mut Book, cast: &Cast, api: ScopeId) {
    let (world, reader, id) = (&cast.world, &cast.reader, cast.writer.id());
    let relined = |book: &Book, edit: &dyn Fn(&mut Line)| {
        let mut vault = book.vault.clone();
        let witness = &mut vault.member_mut(id).witness;
        let mut line = Line::parse(&witness.line).expect("ours");
        edit(&mut line);
        witness.line = line.encode();
        vault.sign_roster(&world.vault_key(), |_| {});
        vault
    };
    let only = |scope, right| {
        let mut rights = Rights::default();
        rights.add(scope, right);
        rights
    };
    let (shop, staging) = (world.id("shop"), world.id("shop/staging"));
    let production = world.id("shop/production");
    for (title, vault) in [
        (
            "narrowed author: from writing to reading",
            relined(book, &|line| {
                line.rights = only(production, Right::Read);
            }),
        ),
        (
            "narrowed author: to another scope",
            relined(book, &|line| {
                line.rights = only(staging, Right::Write);
            }),
        ),
        ("narrowed author: no rights", relined(book, &|line| line.rights = Rights::default())),
        (
            "the author's line now ends before the head",
            relined(book, &|line| {
                line.expires = Some(line.not_before);
            }),
        ),
        (
            "the author's line now begins after the head",
            relined(book, &|line| {
                line.not_before = world.now + 1;
            }),
        ),
    ] {
        book.reject(&book.ask(title, reader, API), &vault, "integrity");
    }
    let created = book.vault.head_of(api).created_at;
    let ended = relined(book, &|line| line.expires = Some(created));
    let title = "the author's line ended right after the head: still its word";
    book.accept(&book.ask(title, reader, API), &ended, SEEN, &[]);
    let higher = relined(book, &|line| line.rights = only(shop, Right::Write));
    let title = "the author's right lies above the scope";
    book.accept(&book.ask(title, reader, API), &higher, SEEN, &[]);
}

fn contents(book: &mut Book, cast: &Cast) {
    let (world, reader, writer) = (&cast.world, &cast.reader, &cast.writer.principal);
    let (api, production) = (world.id(API), world.id("shop/production"));
    type Edit<'e> = &'e dyn Fn(&mut Revision);
    let edits: [(&str, Edit<'_>); 9] = [
        ("another vault", &|head| head.vault.0[0] ^= 1),
        ("another scope", &|head| head.scope = production),
        ("a later generation", &|head| head.generation += 1),
        ("a later epoch", &|head| head.epoch += 1),
        ("another key's commitment", &|head| head.key_commitment[0] ^= 1),
        ("another records root", &|head| head.records_root[0] ^= 1),
        ("another children root", &|head| head.children_root[0] ^= 1),
        ("revision 0", &|head| head.revision = 0),
        ("epoch 0", &|head| head.epoch = 0),
    ];
    for (title, edit) in edits {
        book.spoilt(&format!("signed head: {title}"), reader, API, "integrity", |vault| {
            vault.sign_head(api, writer, edit);
        });
    }
    let message = |vault: &Vault| vault.scopes[&api].head.message.clone();
    let mut signed = |title: &str, edit: &dyn Fn(&mut Vec<u8>)| {
        book.spoilt(title, reader, API, "integrity", |vault| {
            let mut message = message(vault);
            edit(&mut message);
            put_message(vault, api, writer, message);
        });
    };
    signed("wrong message tag: another name", &|message| message[4] ^= 1);
    signed("wrong message tag: another version", &|message| message[9] = b'2');
    signed("signed head: a byte behind", &|message| message.push(0));
    signed("signed head: nothing", &Vec::clear);
    book.spoilt(
        "wrong message tag: a roster signed as a head",
        reader,
        API,
        "integrity",
        |vault| {
            let roster = vault.roster.clone().expect("a vault").message;
            put_message(vault, api, writer, roster);
        },
    );
}

fn removals(book: &mut Book, cast: &Cast) {
    let (world, writer) = (&cast.world, &cast.writer.principal);
    let api = world.id(API);
    let close = |vault: &mut Vault| {
        let scope = vault.scope_mut(api);
        (scope.records, scope.children) = (Vec::new(), Vec::new());
        vault.sign_head(api, writer, |head| head.key_commitment = CLOSED);
    };
    book.spoilt("a closed scope that a keyring still names", &cast.reader, API, "removed", close);
    book.spoilt("closed by who may not", &cast.reader, API, "integrity", |vault| {
        close(vault);
        vault.sign_head(api, &cast.agent.principal, |_| {});
    });
}

fn make(rng: &mut rand_chacha::ChaCha20Rng) -> Json {
    let mut cast = Cast::new(rng);
    let mut book = Book::new(&cast.world);
    spoilt(&mut book, &cast);
    authors(&mut book, &mut cast);
    contents(&mut book, &cast);
    removals(&mut book, &cast);
    let other = Key::generate(&mut cast.world.rng);
    book.spoilt("a roster of another authority", &cast.reader, API, "integrity", |vault| {
        vault.sign_roster(&other, |_| {});
    });
    let lab = cast.world.id("lab");
    let owner = &cast.world.owner;
    book.spoilt(
        "signed head: a later epoch of a scope without records",
        owner,
        "lab",
        "integrity",
        |vault| {
            vault.sign_head(lab, &owner.principal, |head| head.epoch += 1);
        },
    );
    book.finish("Heads and their authors: spec/revision.md, spec/bundle.md#opening")
}

#[test]
fn heads() {
    check("bundle-heads.json", make);
}
