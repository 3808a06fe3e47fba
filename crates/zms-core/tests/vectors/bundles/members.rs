//! `bundle-members.json`: tokens, keyrings, lines and rosters.

use zms_core::{
    bundle::Witness,
    keyring::Keyring,
    principal::{Kind, Principal},
    roster::{Line, Right, Rights},
    tree_head::Step,
};
use zms_crypto::{
    Key,
    digest::sha256,
    text::{SeedKind, encode_seed},
};

use super::{
    Ask, Book,
    cast::{API, Cast, SEEN},
    check,
};
use crate::{
    json::Json,
    world::{Holder, Vault},
};

fn tokens(book: &mut Book, cast: &mut Cast) {
    let stranger = Holder::random(SeedKind::Service, &mut cast.world.rng);
    let vault = book.vault.clone();
    let reader = &cast.reader;
    book.spoilt("a token that was never here", &stranger, API, "unknown", |_| {});
    book.spoilt("a token that was taken out", reader, API, "revoked", |vault| {
        vault.members.remove(&reader.id());
        vault.departed.insert(reader.id(), 1_700_000_000);
    });
    book.spoilt("the token's own line is withheld", reader, API, "unknown", |vault| {
        vault.members.remove(&reader.id());
    });
    let last = Line::parse(&vault.members[&cast.timed.id()].witness.line).expect("ours").expires;
    let last = last.expect("it ends");
    let ask = Ask { now: last, ..book.ask("the last second of a token", &cast.timed, API) };
    book.accept(&ask, &vault, SEEN, &[]);
    let ask = Ask { now: last + 1, ..book.ask("a token past its end", &cast.timed, API) };
    book.reject(&ask, &vault, "expired");
    for (title, kind) in [
        ("a service token's seed spelt as an agent's", SeedKind::Agent),
        ("a service token's seed spelt as an administrator's", SeedKind::Administrator),
        ("a service token's seed spelt as a master key", SeedKind::Master),
    ] {
        let spelt = encode_seed(kind, reader.principal.seed());
        let ask = Ask { token: spelt.expose(), ..book.ask(title, reader, API) };
        book.reject(&ask, &vault, "integrity");
    }
    let spelt = encode_seed(SeedKind::Master, cast.second.principal.seed());
    let title = "an administrator's seed spelt as a master key";
    let ask = Ask { token: spelt.expose(), ..book.ask(title, &cast.second, API) };
    book.accept(&ask, &vault, SEEN, &[]);
    let broken = format!("{}q", &reader.text[..reader.text.len() - 1]);
    let ask = Ask { token: &broken, ..book.ask("a token with a wrong checksum", reader, API) };
    book.reject(&ask, &vault, "malformed");
    book.spoilt("no vault", reader, API, "no-vault", |vault| *vault = Vault::default());
}

fn keyrings(book: &mut Book, cast: &Cast) {
    let (reader, alone, world) = (&cast.reader, &cast.alone, &cast.world);
    let old = reader.id();
    let mut spoil = |title: &str, spoil: &dyn Fn(&mut Vault)| {
        book.spoilt(title, reader, API, "integrity", spoil);
    };
    spoil("no keyring", &|vault| vault.member_mut(old).keyring = None);
    spoil("edited keyring", &|vault| {
        let keyring = vault.member_mut(old).keyring.as_mut().expect("kept");
        keyring[40] ^= 1;
    });
    spoil("another member's keyring", &|vault| {
        let keyring = vault.members[&alone.id()].keyring.clone();
        vault.member_mut(old).keyring = keyring;
    });
    spoil("another vault's id", &|vault| {
        vault.id.as_mut().expect("a vault").0[0] ^= 1;
    });
    // The principal itself can seal a keyring; only the roster says which one is current.
    let opened = world.scope("shop/production");
    let entry = zms_core::keyring::Entry {
        lineage: opened.lineage.clone(),
        path: opened.path.clone(),
        epoch: 1,
        depth: zms_core::keyring::Depth::Exact,
        key: opened.keys.data.data().duplicate(),
    };
    let authority = zms_core::roster::authority(&world.vault_key()).verifying_key();
    let keyring = Keyring { authority, vault_key: None, entries: vec![entry] };
    let id = book.vault.id.expect("a vault");
    let wrap = reader.principal.wrap_key();
    let sealed = keyring.seal(&wrap, id, old, &mut world.rng.clone());
    let mut spoil = |title: &str, class: &str, spoil: &dyn Fn(&mut Vault)| {
        book.spoilt(title, reader, API, class, spoil);
    };
    spoil("a keyring that opens but is not the listed one", "integrity", &|vault| {
        vault.member_mut(old).keyring = Some(sealed.clone());
    });
    spoil("the same, with its hash in the proof", "integrity", &|vault| {
        let member = vault.member_mut(old);
        member.keyring = Some(sealed.clone());
        member.witness.keyring = sha256(&[&sealed]);
    });
    spoil("the same, listed: a keyring that holds less", "out-of-scope", &|vault| {
        let member = vault.member_mut(old);
        member.keyring = Some(sealed.clone());
        member.witness.keyring = sha256(&[&sealed]);
        vault.sign_roster(&world.vault_key(), |_| {});
    });
}

fn lines(book: &mut Book, cast: &Cast) {
    let (reader, writer, world) = (&cast.reader, &cast.writer, &cast.world);
    let mut spoil = |title: &str, member: &Holder, spoil: &dyn Fn(&mut Witness)| {
        book.spoilt(title, reader, API, "integrity", |vault| {
            spoil(&mut vault.member_mut(member.id()).witness);
        });
    };
    for (whose, member) in [("the own", reader), ("the author's", writer)] {
        spoil(&format!("edited line: {whose}"), member, &|witness| witness.line[80] ^= 1);
        spoil(&format!("more rights in {whose} line"), member, &|witness| {
            let mut line = Line::parse(&witness.line).expect("ours");
            line.rights.add(world.id(""), Right::Write);
            witness.line = line.encode();
        });
        spoil(&format!("another escrow's hash in {whose} proof"), member, &|witness| {
            witness.escrow[0] ^= 1;
        });
        spoil(&format!("another keyring's hash in {whose} proof"), member, &|witness| {
            witness.keyring[0] ^= 1;
        });
        spoil(&format!("edited step of {whose} proof"), member, &|witness| {
            witness.proof[0].hash[0] ^= 1;
        });
        spoil(&format!("a turned step of {whose} proof"), member, &|witness| {
            witness.proof[0].left ^= true;
        });
        spoil(&format!("a step less in {whose} proof"), member, &|witness| {
            witness.proof.pop();
        });
        spoil(&format!("41 steps in {whose} proof"), member, &|witness| {
            witness.proof = vec![Step { left: true, hash: [0; 32] }; 41];
        });
    }
    book.spoilt("another member's line and proof", reader, API, "integrity", |vault| {
        let witness = vault.members[&writer.id()].witness.clone();
        vault.member_mut(reader.id()).witness = witness;
    });
    book.spoilt("the author is not shown", reader, API, "integrity", |vault| {
        vault.members.remove(&writer.id());
    });
}

fn kinds(book: &mut Book, cast: &Cast) {
    let world = &cast.world;
    let relined = |vault: &mut Vault, holder: &Holder, edit: &dyn Fn(&mut Line)| {
        let witness = &mut vault.member_mut(holder.id()).witness;
        let mut line = Line::parse(&witness.line).expect("ours");
        edit(&mut line);
        witness.line = line.encode();
        vault.sign_roster(&world.vault_key(), |_| {});
    };
    let root = world.id("");
    book.spoilt(
        "listed as an agent, spelt as a service token",
        &cast.reader,
        API,
        "integrity",
        |vault| {
            relined(vault, &cast.reader, &|line| line.kind = Kind::Agent);
        },
    );
    book.spoilt(
        "an administrator who may not write in the root",
        &cast.second,
        API,
        "integrity",
        |vault| {
            relined(vault, &cast.second, &|line| {
                line.rights = Rights::default();
                line.rights.add(root, Right::Read);
            });
        },
    );
    let seed = Key::from_bytes(cast.second.principal.seed().expose());
    let text = encode_seed(SeedKind::Service, &seed).expose().clone();
    let service = Holder { principal: Principal::from_seed(Kind::Service, seed), text };
    book.spoilt(
        "an administrator listed and spelt as a service token",
        &service,
        API,
        "integrity",
        |vault| {
            relined(vault, &service, &|line| line.kind = Kind::Service);
        },
    );
}

fn rosters(book: &mut Book, cast: &Cast) {
    let (reader, world) = (&cast.reader, &cast.world);
    let mut spoil = |title: &str, spoil: &dyn Fn(&mut Vault)| {
        book.spoilt(title, reader, API, "integrity", spoil);
    };
    spoil("no roster", &|vault| vault.roster = None);
    spoil("edited roster", &|vault| {
        vault.roster.as_mut().expect("a vault").message[60] ^= 1;
    });
    spoil("edited signature of the roster", &|vault| {
        vault.roster.as_mut().expect("a vault").signature[63] ^= 1;
    });
    spoil("an older message under the current signature", &|vault| {
        let old = vault.rosters.last().expect("older ones").1.clone();
        vault.roster.as_mut().expect("a vault").message = old;
    });
    spoil("a roster of another vault", &|vault| {
        vault.sign_roster(&world.vault_key(), |roster| roster.vault.0[0] ^= 1);
    });
    spoil("a roster of generation 0", &|vault| {
        vault.sign_roster(&world.vault_key(), |roster| roster.generation = 0);
    });
    spoil("a roster that lists no one", &|vault| {
        vault.sign_roster(&world.vault_key(), |roster| roster.members_root = [0; 32]);
    });
}

/// What an administrator's mistake lists, and no reader takes.
fn listed(book: &mut Book, cast: &mut Cast) {
    let other = Key::generate(&mut cast.world.rng);
    let (world, reader, second) = (&cast.world, &cast.reader, &cast.second);
    let (vault, key) = (book.vault.id.expect("a vault"), world.vault_key());
    let relist = |vault: &mut Vault, holder: &Holder, sealed: &[u8]| {
        let member = vault.member_mut(holder.id());
        member.keyring = Some(sealed.to_vec());
        member.witness.keyring = sha256(&[sealed]);
        vault.sign_roster(&key, |_| {});
    };
    let mut rng = world.rng.clone();
    let mut edited = |holder: &Holder, edit: &dyn Fn(&mut Keyring)| {
        let wrap = holder.principal.wrap_key();
        let sealed = book.vault.members[&holder.id()].keyring.clone().expect("kept");
        let keyring = Keyring::open(&wrap, vault, holder.id(), &sealed);
        let mut keyring = keyring.unwrap_or_else(|_| panic!("does not open"));
        edit(&mut keyring);
        keyring.seal(&wrap, vault, holder.id(), &mut rng)
    };
    let wrong_key = edited(second, &|keyring| keyring.vault_key = Some(other.duplicate()));
    let lab = world.scope("lab");
    let crossed = edited(reader, &|keyring| {
        let entry = keyring.entries.iter_mut().find(|entry| entry.lineage.len() == 2);
        let entry = entry.expect("the reader inherits");
        entry.lineage.clone_from(&lab.lineage);
        entry.key = lab.keys.data.data().duplicate();
    });
    book.spoilt("listed: R is not the authority's", second, API, "integrity", |vault| {
        relist(vault, second, &wrong_key);
    });
    book.spoilt("listed: lineages that are not one way", reader, API, "integrity", |vault| {
        relist(vault, reader, &crossed);
    });
    book.spoilt("listed: another member's line", reader, API, "integrity", |vault| {
        let line = vault.members[&cast.alone.id()].witness.line.clone();
        vault.member_mut(reader.id()).witness.line = line;
        vault.sign_roster(&key, |_| {});
    });
}

fn make(rng: &mut rand_chacha::ChaCha20Rng) -> Json {
    let mut cast = Cast::new(rng);
    let mut book = Book::new(&cast.world);
    tokens(&mut book, &mut cast);
    keyrings(&mut book, &cast);
    lines(&mut book, &cast);
    kinds(&mut book, &cast);
    rosters(&mut book, &cast);
    listed(&mut book, &mut cast);
    book.finish("Tokens, keyrings, lines and rosters: spec/keyring.md, spec/roster.md")
}

#[test]
fn members() {
    check("bundle-members.json", make);
}
