//! `bundle-read.json`: what tokens see, and rows that are not as signed.

use zms_core::{
    child::{ChildContent, StoredChild, seal_child},
    id::ScopeId,
    path::Segment,
    record::{Envelope, Payload, RecordPlace, StoredRecord, seal_record},
    scope::NodeKeys,
};
use zms_crypto::{Key, digest::sha256, envelope::seal_box, parts::Parts};

use super::{
    Book,
    cast::{API, Cast, SEEN, reference},
    check,
};
use crate::{
    cbor::{bytes, chars, pairs, uint},
    json::Json,
    world::{Vault, World, secret, whole},
};

/// The envelope of a record, to be spoilt.
fn sealed(record: &mut StoredRecord) -> &mut Vec<u8> {
    match &mut record.envelope {
        Envelope::Whole(bytes) => bytes,
        Envelope::Bare(_) => panic!("the record came bare"),
    }
}

fn at(records: &[StoredRecord], world: &World, scope: &str, name: &str) -> usize {
    let scope = world.scope(scope);
    let index = scope.keys.data.name_index(&secret(name, b"").name);
    let found = records.iter().position(|record| record.name_index == index);
    found.expect("the name is there")
}

/// Seals payloads at a scope's next revision, as a writer does who holds its keys.
fn sealed_next(world: &mut World, scope: &str, payload: &Payload) -> StoredRecord {
    let open = world.scope(scope);
    let place = RecordPlace {
        vault: world.vault.id.expect("a vault"),
        scope: open.id(),
        epoch: open.head.epoch,
        rev_from: open.head.revision + 1,
    };
    seal_record(&open.keys.data, &place, payload, &mut world.rng)
}

/// A copy of a record that came whole, as a reader gets it who did not ask for it.
fn bare(record: &StoredRecord) -> StoredRecord {
    let envelope = Envelope::Bare(sha256(&[whole(record)]));
    StoredRecord { envelope, ..record.clone() }
}

fn accepts(book: &mut Book, cast: &mut Cast) {
    let (vault, now) = (book.vault.clone(), book.now);
    let ask = |title, holder, at| Book::ask_at(now, title, holder, at);
    let production: &[(&str, &[u8])] = &[
        ("BINARY", &[0, 1, 0xff, b'\n']),
        ("DATABASE_URL", b"postgres://production"),
        ("EMPTY", b""),
        ("JSON", b"{\"port\": 3030}"),
        ("LEVEL", b"warn"),
        ("REGION", b"eu-west-1"),
    ];
    let shop: &[(&str, &[u8])] =
        &[("DATABASE_URL", b"postgres://shop"), ("LEVEL", b"info"), ("REGION", b"eu-west-1")];
    let staging: &[(&str, &[u8])] =
        &[("DATABASE_URL", b"postgres://staging"), ("LEVEL", b"info"), ("REGION", b"eu-west-1")];
    let api_alone = [SEEN[3], SEEN[5], SEEN[7]];
    let owner = &cast.world.owner;
    let lab: &[(&str, &[u8])] = &[("LAB", b"rats")];
    let asks = [
        (ask("inherited merge, nearest wins, references resolved", &cast.reader, API), SEEN),
        (ask("an ancestor that is held exactly", &cast.reader, "shop/production"), production),
        (ask("the highest ancestor that is held", &cast.reader, "shop"), shop),
        (ask("an agent, down by child entries", &cast.agent, API), SEEN),
        (ask("an agent, another branch", &cast.agent, "shop/staging"), staging),
        (ask("a writer, below its own scope", &cast.writer, API), SEEN),
        (ask("a token before its end", &cast.timed, API), SEEN),
        (ask("the owner", owner, API), SEEN),
        (ask("the owner, a second project", owner, "lab/development"), lab),
        (ask("the owner, a scope without records", owner, "lab"), &[][..]),
        (ask("the owner, the root", owner, ""), &[][..]),
        (ask("a second administrator", &cast.second, API), SEEN),
    ];
    let alone =
        ask("no inheritance: the own scope alone, references lead nowhere", &cast.alone, API);
    for (ask, secrets) in &asks {
        book.accept(ask, &vault, secrets, &[]);
    }
    let lost = [("ALIAS", "reference"), ("ALIAS_OF_ALIAS", "reference")];
    book.accept(&alone, &vault, &api_alone, &lost);
    reads_of_references(book, cast);
    reads_of_ends(book, cast);
}

fn reads_of_references(book: &mut Book, cast: &mut Cast) {
    let writer = &cast.writer;
    let api = cast.world.id(API);
    let payloads = vec![
        reference("ESCAPE", "shop/staging", "DATABASE_URL"),
        reference("LOOP_A", API, "LOOP_B"),
        reference("LOOP_B", API, "LOOP_A"),
        reference("MISSING", "shop", "NOTHING"),
        reference("SELF", API, "SELF"),
        reference("STEP_1", API, "REAL"),
        reference("STEP_2", API, "STEP_1"),
        reference("STEP_3", API, "STEP_2"),
        reference("STEP_4", API, "STEP_3"),
        reference("STEP_5", API, "STEP_4"),
        reference("STEP_6", API, "STEP_5"),
        reference("STEP_7", API, "STEP_6"),
        reference("STEP_8", API, "STEP_7"),
        reference("STEP_9", API, "STEP_8"),
        reference("ROOT", "", "REAL"),
        Payload { kind: zms_core::record::ValueKind::Reference, ..secret("TEXT", b"shop/REGION") },
        secret("REAL", b"real"),
    ];
    let mut records = book.vault.scopes[&api].records.clone();
    records.retain(|record| {
        let opened = cast.world.scope(API).open_one(record);
        opened.is_ok_and(|(_, payload)| payload.name.as_str() == "DATABASE_URL")
    });
    for payload in &payloads {
        records.push(sealed_next(&mut cast.world, API, payload));
    }
    let mut vault = book.vault.clone();
    vault.scope_mut(api).records = records;
    vault.sign_head(api, &writer.principal, |_| {});
    let mut seen: Vec<(&str, &[u8])> = vec![SEEN[2], SEEN[3], SEEN[4], SEEN[6], SEEN[8], SEEN[9]];
    let steps = ["STEP_1", "STEP_2", "STEP_3", "STEP_4", "STEP_5", "STEP_6", "STEP_7", "STEP_8"];
    seen.push(("REAL", b"real"));
    seen.extend(steps.map(|name| (name, &b"real"[..])));
    let lost = ["ESCAPE", "LOOP_A", "LOOP_B", "MISSING", "SELF", "STEP_9", "ROOT", "TEXT"];
    let lost = lost.map(|name| (name, "reference"));
    let ask = book.ask("reference escape, loops, nine steps", &cast.reader, API);
    book.accept(&ask, &vault, &seen, &lost);
}

fn reads_of_ends(book: &mut Book, cast: &mut Cast) {
    let ended = Payload { expires_at: Some(book.now - 1), ..secret("LEVEL", b"old") };
    let ends_now = Payload { expires_at: Some(book.now), ..secret("REGION", b"here") };
    let alias = reference("ALIAS", API, "LEVEL");
    let api = cast.world.id(API);
    let mut vault = book.vault.clone();
    let mut records = Vec::new();
    for payload in [&ended, &ends_now, &alias] {
        records.push(sealed_next(&mut cast.world, API, payload));
    }
    vault.scope_mut(api).records = records;
    vault.sign_head(api, &cast.writer.principal, |_| {});
    let seen = [
        SEEN[2],
        ("DATABASE_URL", &b"postgres://production"[..]),
        SEEN[4],
        SEEN[6],
        ("REGION", b"here"),
    ];
    let lost = [("ALIAS", "expired"), ("LEVEL", "expired")];
    let title = "a record past its end wins and is an error, never a gap";
    let ask = book.ask(title, &cast.reader, API);
    book.accept(&ask, &vault, &seen, &lost);
}

fn spoilt_records(book: &mut Book, cast: &Cast) {
    let (world, reader) = (&cast.world, &cast.reader);
    let (api, production) = (world.id(API), world.id("shop/production"));
    let held = book.vault.scopes[&api].records.clone();
    let url = at(&held, world, API, "DATABASE_URL");
    let alias = at(&held, world, API, "ALIAS");
    let above = book.vault.scopes[&production].records.clone();
    let url_above = at(&above, world, "shop/production", "DATABASE_URL");
    let mut spoil = |title: &str, spoil: &dyn Fn(&mut Vec<StoredRecord>)| {
        book.spoilt(title, reader, API, "integrity", |vault| {
            spoil(&mut vault.scope_mut(api).records);
        });
    };
    spoil("edited envelope", &|records| *sealed(&mut records[url]).last_mut().expect("bytes") ^= 1);
    spoil("shortened envelope", &|records| {
        sealed(&mut records[url]).pop();
    });
    spoil("swapped envelopes of two records", &|records| {
        let envelope = records[url].envelope.clone();
        records[url].envelope = records[alias].envelope.clone();
        records[alias].envelope = envelope;
    });
    spoil("swapped names of two records", &|records| {
        let index = records[url].name_index;
        records[url].name_index = records[alias].name_index;
        records[alias].name_index = index;
    });
    spoil("a record from the scope above", &|records| {
        records[url].envelope = above[url_above].envelope.clone();
    });
    spoil("edited name index", &|records| records[url].name_index.0[0] ^= 1);
    spoil("edited revision of a record", &|records| records[url].rev_from += 1);
    spoil("edited epoch of a record", &|records| records[url].epoch += 1);
    spoil("dropped record", &|records| drop(records.remove(url)));
    spoil("all records dropped", &Vec::clear);
    spoil("a record twice", &|records| records.push(records[url].clone()));
    spoil("a record added from the scope above", &|records| records.push(above[url_above].clone()));
    spoil("a bare part that is not the record's", &|records| {
        records[url].envelope = Envelope::Bare([0; 32]);
    });
    spoil("a record that was asked for comes bare, an ancestor's would win", &|records| {
        records[url] = bare(&records[url]);
    });
    spoil("all records come bare", &|records| {
        *records = records.iter().map(bare).collect();
    });
}

/// The state after a writer signed rows that it should not have.
fn signed_by_writer(
    book: &Book,
    cast: &Cast,
    scope: ScopeId,
    edit: impl FnOnce(&mut Vault),
) -> Vault {
    let mut vault = book.vault.clone();
    edit(&mut vault);
    vault.sign_head(scope, &cast.writer.principal, |_| {});
    vault
}

fn signed_junk(book: &mut Book, cast: &mut Cast) {
    let api = cast.world.id(API);
    let held = book.vault.scopes[&api].records.clone();
    let url = at(&held, &cast.world, API, "DATABASE_URL");
    let mut cases: Vec<(&str, Vault)> = Vec::new();
    let junk = |spoil: &dyn Fn(&mut Vec<StoredRecord>)| {
        signed_by_writer(book, cast, api, |vault| spoil(&mut vault.scope_mut(api).records))
    };
    cases.push((
        "signed: a record that does not open",
        junk(&|records| {
            *sealed(&mut records[url]).last_mut().expect("bytes") ^= 1;
        }),
    ));
    cases.push((
        "signed: a name twice",
        junk(&|records| {
            let mut again = records[url].clone();
            again.rev_from += 1;
            records.push(again);
        }),
    ));
    cases.push((
        "signed: a record under another name's index",
        junk(&|records| {
            records[url].name_index.0[0] ^= 1;
        }),
    ));
    cases.push((
        "signed: a record replayed under another revision",
        junk(&|records| {
            records[url].rev_from += 2;
        }),
    ));
    cases.push(("signed: a record of another epoch", junk(&|records| records[url].epoch = 2)));
    for (title, vault) in cases {
        let ask = book.ask(title, &cast.reader, API);
        book.reject(&ask, &vault, "integrity");
    }
    let root = cast.world.id("");
    let record = sealed_next(&mut cast.world, "", &secret("A", b"root"));
    let mut vault = book.vault.clone();
    vault.scope_mut(root).records.push(record);
    vault.sign_head(root, &cast.world.owner.principal, |_| {});
    let ask = book.ask("signed: a record in the root", &cast.world.owner, API);
    book.reject(&ask, &vault, "integrity");
}

fn child_at(vault: &mut Vault, parent: ScopeId, child: ScopeId) -> &mut StoredChild {
    let children = &mut vault.scope_mut(parent).children;
    children.iter_mut().find(|entry| entry.child == child).expect("a child")
}

fn spoilt_children(book: &mut Book, cast: &Cast) {
    let (world, agent) = (&cast.world, &cast.agent);
    let (shop, lab) = (world.id("shop"), world.id("lab"));
    let (production, staging) = (world.id("shop/production"), world.id("shop/staging"));
    let development = world.id("lab/development");
    let mut spoil = |title: &str, spoil: &dyn Fn(&mut Vault)| {
        book.spoilt(title, agent, API, "integrity", spoil);
    };
    spoil("edited child entry", &|vault| child_at(vault, shop, production).envelope[40] ^= 1);
    spoil("edited child id", &|vault| child_at(vault, shop, production).child.0[0] ^= 1);
    spoil("edited child epoch", &|vault| child_at(vault, shop, production).child_epoch += 1);
    spoil("edited child index", &|vault| child_at(vault, shop, production).child_index.0[0] ^= 1);
    spoil("dropped child entry", &|vault| {
        vault.scope_mut(shop).children.retain(|entry| entry.child != production);
    });
    spoil("swapped names of two children", &|vault| {
        let index = child_at(vault, shop, production).child_index;
        let other = child_at(vault, shop, staging).child_index;
        child_at(vault, shop, production).child_index = other;
        child_at(vault, shop, staging).child_index = index;
    });
    spoil("swapped ids of two children", &|vault| {
        child_at(vault, shop, staging).child = production;
        child_at(vault, shop, production).child = staging;
    });
    spoil("a moved child: an entry of another scope", &|vault| {
        let moved = child_at(vault, lab, development).clone();
        child_at(vault, shop, production).envelope = moved.envelope;
    });
    spoil("a child entry twice", &|vault| {
        let entry = child_at(vault, shop, production).clone();
        vault.scope_mut(shop).children.push(entry);
    });
}

/// Child entries that an owner signs although no reader may take them.
fn signed_children(book: &mut Book, cast: &mut Cast) {
    let world = &mut cast.world;
    let (shop, lab) = (world.scope("shop"), world.scope("lab"));
    let production = world.scope("shop/production");
    let node =
        |keys: &Option<NodeKeys>| keys.as_ref().expect("the owner holds N").node().duplicate();
    let content = |name: &str, node: Key| ChildContent {
        name: Segment::parse(name).expect("good"),
        node,
        protected: false,
    };
    let shop_keys = shop.keys.node.as_ref().expect("the owner holds N");
    let cases: Vec<(&str, &str, &str, ScopeId, StoredChild)> = vec![
        ("signed: a scope below itself", "shop/ring", "integrity", shop.id(), {
            let content = content("ring", node(&shop.keys.node));
            seal_child(shop_keys, &shop.parent_place(), shop.id(), 1, &content, &mut world.rng)
        }),
        (
            "signed: a child entry grafted from another scope",
            "lab/production",
            "integrity",
            lab.id(),
            {
                let keys = lab.keys.node.as_ref().expect("the owner holds N");
                let index = keys.child_index(&Segment::parse("production").expect("good"));
                let mut moved =
                    child_at(&mut book.vault.clone(), shop.id(), production.id()).clone();
                moved.child_index = index;
                moved
            },
        ),
        ("signed: another name's key", "shop/twin", "integrity", shop.id(), {
            let content = content("twin", node(&lab.keys.node));
            let id = world.id("shop/staging");
            let mut entry =
                seal_child(shop_keys, &shop.parent_place(), id, 1, &content, &mut world.rng);
            entry.child = ScopeId([0xee; 16]);
            entry
        }),
        ("signed: a child id twice in one list", "shop/twin", "integrity", shop.id(), {
            let content = content("twin", node(&production.keys.node));
            let at = shop.parent_place();
            seal_child(shop_keys, &at, production.id(), 1, &content, &mut world.rng)
        }),
        ("signed: a child without a head", "shop/born", "integrity", shop.id(), {
            let content = content("born", Key::from_bytes(&[7; 32]));
            let at = shop.parent_place();
            seal_child(shop_keys, &at, ScopeId([0xdd; 16]), 1, &content, &mut world.rng)
        }),
    ];
    for (title, at, class, parent, entry) in cases {
        let mut vault = book.vault.clone();
        vault.scope_mut(parent).children.push(entry);
        vault.sign_head(parent, &cast.world.owner.principal, |_| {});
        let ask = book.ask(title, &cast.world.owner, at);
        book.reject(&ask, &vault, class);
    }
}

/// A record as only who holds the keys can seal it: any name under any index, of any epoch.
fn hand_sealed(world: &mut World, name: &str, indexed: &str, epoch: u32) -> StoredRecord {
    let open = world.scope(API);
    let (name_index, rev_from) =
        (open.keys.data.name_index(&secret(indexed, b"").name), open.head.revision + 1);
    let payload = pairs(&[(1, chars(name)), (2, bytes(b"x")), (3, uint(1)), (5, uint(0))]);
    let aad = Parts::tagged("zms/v1/aad/record")
        .bytes(world.vault.id.expect("a vault").as_bytes())
        .bytes(open.id().as_bytes())
        .u32(epoch)
        .bytes(name_index.as_bytes())
        .u64(rev_from)
        .finish();
    let sealed = seal_box(open.keys.data.record(), &aad, &payload, &mut world.rng);
    StoredRecord { name_index, rev_from, epoch, envelope: Envelope::Whole(sealed) }
}

/// A child entry with one name sealed under another's index.
fn misnamed_child(world: &mut World) -> StoredChild {
    let (shop, child, child_epoch) = (world.scope("shop"), ScopeId([0xcc; 16]), 1);
    let keys = shop.keys.node.as_ref().expect("the owner holds N");
    let child_index = keys.child_index(&Segment::parse("twin").expect("good"));
    let aad = Parts::tagged("zms/v1/aad/child")
        .bytes(world.vault.id.expect("a vault").as_bytes())
        .bytes(shop.id().as_bytes())
        .u32(shop.head.epoch)
        .bytes(child_index.as_bytes())
        .bytes(child.as_bytes())
        .u32(child_epoch)
        .finish();
    let node = world.scope("shop/staging").keys.node.expect("the owner holds N");
    let content = pairs(&[(1, chars("other")), (2, bytes(node.node().expose()))]);
    let envelope = seal_box(keys.child(), &aad, &content, &mut world.rng);
    StoredChild { child_index, child, child_epoch, envelope }
}

/// What opens with the right keys and still may not be taken.
fn sealed_by_hand(book: &mut Book, cast: &mut Cast) {
    let api = cast.world.id(API);
    for (title, name, indexed, epoch) in [
        ("signed: a name twice, both open", "DATABASE_URL", "DATABASE_URL", 1),
        ("signed: a record sealed for another epoch", "NEW", "NEW", 2),
        ("signed: a name sealed under another's index", "OTHER", "NEW", 1),
    ] {
        let record = hand_sealed(&mut cast.world, name, indexed, epoch);
        let vault = signed_by_writer(book, cast, api, |vault| {
            vault.scope_mut(api).records.push(record);
        });
        book.reject(&book.ask(title, &cast.reader, API), &vault, "integrity");
    }
    let shop = cast.world.scope("shop");
    let keys = shop.keys.node.as_ref().expect("the owner holds N");
    let mut entry = |name: &str, id: ScopeId| {
        let content = ChildContent {
            name: Segment::parse(name).expect("good"),
            node: Key::from_bytes(&[7; 32]),
            protected: false,
        };
        seal_child(keys, &shop.parent_place(), id, 1, &content, &mut cast.world.rng)
    };
    let (again, ring) = (entry("staging", ScopeId([0xdd; 16])), entry("ring", shop.id()));
    let misnamed = misnamed_child(&mut cast.world);
    let owner = &cast.world.owner;
    for (title, at, entry) in [
        ("signed: a child's name twice", "shop/staging", again),
        ("signed: a scope below itself, not gone down to", "shop", ring),
        ("signed: a child's name sealed under another's index", "shop/twin", misnamed),
    ] {
        let mut vault = book.vault.clone();
        // The one that is found first is the right one.
        vault.scope_mut(shop.id()).children.push(entry);
        let staging = cast.world.scope("shop/staging");
        let head = vault.scopes[&staging.id()].clone();
        vault.scopes.entry(ScopeId([0xcc; 16])).or_insert(head);
        vault.sign_head(shop.id(), &owner.principal, |_| {});
        book.reject(&book.ask(title, owner, at), &vault, "integrity");
    }
    references_down(book, cast);
}

/// A scope above may not refer to one below, although it is opened too.
fn references_down(book: &mut Book, cast: &mut Cast) {
    let production = cast.world.id("shop/production");
    let down = reference("DOWN", API, "DATABASE_URL");
    let record = sealed_next(&mut cast.world, "shop/production", &down);
    let mut vault = book.vault.clone();
    vault.scope_mut(production).records.push(record);
    vault.sign_head(production, &cast.world.owner.principal, |_| {});
    let ask = book.ask("a reference to a scope below", &cast.reader, API);
    book.accept(&ask, &vault, SEEN, &[("DOWN", "reference")]);
}

fn make(rng: &mut rand_chacha::ChaCha20Rng) -> Json {
    let mut cast = Cast::new(rng);
    let mut book = Book::new(&cast.world);
    accepts(&mut book, &mut cast);
    let (reader, agent) = (&cast.reader, &cast.agent);
    for (title, holder, at, class) in [
        ("a segment that a proven list lacks", agent, "shop/testing", "not-found"),
        ("a segment below a leaf", reader, "shop/production/api/deeper", "not-found"),
        ("case counts", agent, "shop/Production", "not-found"),
        ("another project", reader, "lab/development", "out-of-scope"),
        ("below an ancestor that is held exactly", reader, "shop/staging", "out-of-scope"),
        ("the root", reader, "", "out-of-scope"),
        ("an ancestor without inheritance", &cast.alone, "shop/production", "out-of-scope"),
    ] {
        book.spoilt(title, holder, at, class, |_| {});
    }
    spoilt_records(&mut book, &cast);
    signed_junk(&mut book, &mut cast);
    spoilt_children(&mut book, &cast);
    signed_children(&mut book, &mut cast);
    sealed_by_hand(&mut book, &mut cast);
    book.finish("What tokens see, and rows that are not as signed: spec/bundle.md, spec/merge.md")
}

#[test]
fn rows() {
    check("bundle-read.json", make);
}
