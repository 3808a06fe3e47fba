//! `bundle-encoded.json`: bundles as bytes and as files, the one way to spell them and many that
//! are refused.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand_chacha::ChaCha20Rng;
use zms_core::{
    bundle::{
        Bundle, Packed, Standing, Wanted, armour,
        check::check,
        collect::{Since, Wish, collect},
    },
    child::StoredChild,
    id::{PrincipalId, ScopeId},
    open::{Opening, Reading},
    pin::Pins,
    record::{Envelope, StoredRecord},
    revision::{Revision, SignedMessage},
    roster::Right,
    tree_head::Step,
};
use zms_crypto::text::SeedKind;

use super::{cast::Cast, outcome};
use crate::{
    cases,
    cbor::{Pairs, array, bytes, pairs, uint},
    json::{Json, hex, map, text},
    name,
    world::{Holder, World, path},
};

/// A bundle written by another hand than the code's, and open to be misspelt.
#[derive(Clone)]
struct Pieces {
    magic: Vec<u8>,
    top: Pairs,
    rosters: Vec<Vec<u8>>,
    members: Vec<Pairs>,
    scopes: Vec<ScopePieces>,
}

#[derive(Clone)]
struct ScopePieces {
    top: Pairs,
    messages: Vec<Vec<u8>>,
    records: Vec<Pairs>,
    children: Option<Vec<Pairs>>,
}

fn signed(signed: &SignedMessage) -> Vec<u8> {
    pairs(&[(1, bytes(&signed.message)), (2, bytes(&signed.signature))])
}

fn step(step: &Step) -> Vec<u8> {
    [&[u8::from(step.left)], &step.hash[..]].concat()
}

fn record(record: &StoredRecord) -> Pairs {
    let envelope = match &record.envelope {
        Envelope::Whole(sealed) => bytes(sealed),
        Envelope::Bare(hash) => bytes(hash),
    };
    let index = bytes(record.name_index.as_bytes());
    vec![(1, index), (2, uint(record.rev_from)), (3, uint(record.epoch.into())), (4, envelope)]
}

impl Pieces {
    fn of(packed: &Packed) -> Self {
        let shown = "an encoded bundle has no trouble";
        let roster = packed.roster().expect(shown).expect("a roster");
        let vault = packed.vault().expect(shown).expect("a vault");
        let scopes: Vec<_> = packed.scopes().collect();
        let heads = scopes.iter().map(|id| packed.head(*id).expect(shown).expect("a head"));
        let authors = heads.map(|head| Revision::parse(&head.message).expect("a good head").author);
        let members: BTreeSet<PrincipalId> = packed.readers().chain(authors).collect();
        let member = |id: &PrincipalId| {
            let standing = packed.standing(*id).expect(shown);
            let Standing::Member(witness) = standing else { panic!("a member is missing") };
            let keyring = packed.keyring(*id).expect(shown).unwrap_or(witness.keyring.to_vec());
            let escrow = packed.escrow(*id).expect(shown).unwrap_or(witness.escrow.to_vec());
            let proof: Vec<u8> = witness.proof.iter().flat_map(step).collect();
            vec![
                (1, bytes(id.as_bytes())),
                (2, bytes(&witness.line)),
                (3, bytes(&proof)),
                (4, bytes(&keyring)),
                (5, bytes(&escrow)),
            ]
        };
        let messages = |messages: Vec<Vec<u8>>| messages.iter().map(|it| bytes(it)).collect();
        let scope = |id: &ScopeId| {
            let child = |child: &StoredChild| {
                vec![
                    (1, bytes(child.child_index.as_bytes())),
                    (2, bytes(child.child.as_bytes())),
                    (3, uint(child.child_epoch.into())),
                    (4, bytes(&child.envelope)),
                ]
            };
            let head = packed.head(*id).expect(shown).expect("a head");
            let records = packed.records(*id, &Wanted::All).expect(shown);
            let children = packed.children(*id).expect(shown);
            ScopePieces {
                top: vec![(1, bytes(id.as_bytes())), (2, signed(&head))],
                messages: messages(packed.revision_messages(*id, 0).expect(shown)),
                records: records.iter().map(record).collect(),
                children: Some(children.iter().map(child).collect()),
            }
        };
        Self {
            magic: b"ZMB\x01".to_vec(),
            top: vec![(1, bytes(vault.as_bytes())), (2, signed(&roster))],
            rosters: messages(packed.roster_messages(0).expect(shown)),
            members: members.iter().map(member).collect(),
            scopes: scopes.iter().map(scope).collect(),
        }
    }

    fn write(&self) -> Vec<u8> {
        let all = |maps: &[Pairs]| array(&maps.iter().map(|map| pairs(map)).collect::<Vec<_>>());
        let scope = |scope: &ScopePieces| {
            let mut top = scope.top.clone();
            top.push((3, array(&scope.messages)));
            top.push((4, all(&scope.records)));
            top.extend(scope.children.as_ref().map(|children| (5, all(children))));
            pairs(&top)
        };
        let mut top = self.top.clone();
        if !top.iter().any(|(key, _)| *key == 3) {
            top.push((3, array(&self.rosters)));
        }
        top.push((4, all(&self.members)));
        top.push((5, array(&self.scopes.iter().map(scope).collect::<Vec<_>>())));
        [&self.magic[..], &pairs(&top)].concat()
    }
}

struct Tale<'w> {
    world: &'w World,
    now: u64,
    made: Vec<Json>,
}

impl Tale<'_> {
    fn collected(&self, readers: &[&Holder], wish: &Wish<'_>) -> Packed {
        let readers: Vec<PrincipalId> = readers.iter().map(|holder| holder.id()).collect();
        collect(&self.world.vault, &readers, wish).expect("the vault is whole")
    }

    /// A good encoding, and what a token sees in it.
    fn good(&mut self, title: &str, packed: &Packed, holder: &Holder, at: &str) {
        let expect = outcome(&holder.text, packed, &Pins::default(), at, self.now);
        self.made.push(map([
            ("name", text(title)),
            ("encoding", hex(&packed.encode())),
            ("valid", Json::Bool(true)),
            ("token", text(&holder.text)),
            ("path", text(at)),
            ("now", Json::Number(self.now)),
            ("expect", expect),
        ]));
    }

    fn bad(&mut self, title: &str, encoding: &[u8]) {
        let case = [("encoding", hex(encoding)), ("valid", Json::Bool(false))];
        self.made.push(map([("name", text(title)), case[0].clone(), case[1].clone()]));
    }

    fn file(&mut self, title: &str, file: &str, valid: bool) {
        let case = [("file", text(file)), ("valid", Json::Bool(valid))];
        self.made.push(map([("name", text(title)), case[0].clone(), case[1].clone()]));
    }
}

fn make(rng: &mut ChaCha20Rng) -> Vec<Json> {
    let mut cast = Cast::new(rng);
    let grant = [("lab/development", Right::Read, false)];
    let small = cast.world.token(SeedKind::Service, "small", &grant, None);
    let now = cast.world.now + 100;
    let mut tale = Tale { world: &cast.world, now, made: Vec::new() };
    let all = Wish::EVERYTHING;
    let api = super::cast::API;
    let one = tale.collected(&[&small], &all);
    tale.good("one token", &one, &small, "lab/development");
    let two = tale.collected(&[&cast.reader, &small], &all);
    tale.good("two tokens, the first", &two, &cast.reader, api);
    tale.good("two tokens, the second", &two, &small, "lab/development");
    let since = Wish { since: Since::Last(1), ..Wish::EVERYTHING };
    let short = tale.collected(&[&small], &since);
    tale.good("the last message of each chain", &short, &small, "lab/development");
    let structure = Wish { records: None, ..Wish::EVERYTHING };
    let bare = Wish { records: Some(Wanted::Only(Vec::new())), ..Wish::EVERYTHING };
    let structure = tale.collected(&[&small], &structure);
    tale.good("no records, which a reader of them misses", &structure, &small, "lab/development");
    let bare = tale.collected(&[&small], &bare);
    tale.good("bare records, which a reader of them misses", &bare, &small, "lab/development");
    let more = Wish { past: true, everyone: true, ..Wish::EVERYTHING };
    let more = tale.collected(&[&small], &more);
    tale.good("the past and all members", &more, &small, "lab/development");
    tale.good("a token that it was not made for", &one, &cast.agent, "shop");
    let pieces = Pieces::of(&one);
    assert_eq!(::hex::encode(pieces.write()), ::hex::encode(one.encode()), "two hands write alike");
    misspelt(&mut tale, &pieces);
    files(&mut tale, &armour::write(&one));
    tale.made
}

/// Everything that is not the one encoding.
fn misspelt(tale: &mut Tale<'_>, good: &Pieces) {
    let whole = good.write();
    let mut changed = |title: &str, change: &dyn Fn(&mut Pieces)| {
        let mut pieces = good.clone();
        change(&mut pieces);
        assert_ne!(pieces.write(), whole, "{title}");
        tale.bad(title, &pieces.write());
    };
    changed("another version", &|it| it.magic[3] = 2);
    changed("another format", &|it| it.magic[2] = b'K');
    changed("members out of order", &|it| it.members.reverse());
    changed("a member twice", &|it| it.members.push(it.members[0].clone()));
    changed("a scope twice", &|it| it.scopes.push(it.scopes[0].clone()));
    changed("a record twice", &|it| {
        let again = it.scopes[0].records[0].clone();
        it.scopes[0].records.push(again);
    });
    changed("a live record with an end", &|it| it.scopes[0].records[0].push((5, uint(9))));
    changed("an unknown key", &|it| it.top.push((9, uint(0))));
    changed("an unknown key in a record", &|it| it.scopes[0].records[0].push((6, uint(0))));
    changed("null for what is not there", &|it| it.scopes[0].records[0].push((5, vec![0xf6])));
    changed("a key twice", &|it| it.top.push(it.top[0].clone()));
    changed("no vault", &|it| drop(it.top.remove(0)));
    changed("a vault of 15 bytes", &|it| it.top[0].1 = bytes(&[1; 15]));
    changed("an id of 17 bytes", &|it| it.members[0][0].1 = bytes(&[1; 17]));
    changed("a signature of 63 bytes", &|it| {
        it.top[1].1 = pairs(&[(1, bytes(&[0; 200])), (2, bytes(&[0; 63]))]);
    });
    changed("a message of 99 bytes", &|it| it.rosters[0] = bytes(&[0; 99]));
    changed("an envelope of 171 bytes", &|it| it.scopes[0].records[0][3].1 = bytes(&[0; 171]));
    changed("a hash of 31 bytes", &|it| it.scopes[0].records[0][3].1 = bytes(&[0; 31]));
    changed("half a step in a proof", &|it| it.members[0][2].1 = bytes(&[0; 34]));
    changed("a step on neither side", &|it| it.members[0][2].1 = bytes(&[2; 33]));
    changed("a proof of 41 steps", &|it| it.members[0][2].1 = bytes(&[0; 33 * 41]));
    changed("an epoch of 2^32", &|it| it.scopes[0].records[0][2].1 = uint(1 << 32));
    changed("a long number for a number", &|it| it.scopes[0].records[0][2].1 = vec![0x18, 1]);
    changed("a tag", &|it| it.scopes[0].records[0][2].1.insert(0, 0xc6));
    changed("a list without an end", &|it| {
        it.top.push((3, [&[0x9f][..], &it.rosters.concat(), &[0xff]].concat()));
    });
    changed("an unknown key in a scope", &|it| it.scopes[0].top.insert(2, (9, uint(0))));
    let deep = [&whole[..4], &[0x81; 4000][..]].concat();
    tale.bad("lists in lists without end", &deep);
    tale.bad(
        "a list that claims 2^64 - 1 items",
        &[b"ZMB\x01\xa1\x03\x9b".as_slice(), &[0xff; 8]].concat(),
    );
    tale.bad(
        "bytes that claim 2^64 - 1",
        &[b"ZMB\x01\xa1\x01\x5b".as_slice(), &[0xff; 8]].concat(),
    );
    tale.bad("nothing", &[]);
    tale.bad("the magic alone", b"ZMB\x01");
    tale.bad("a byte less", &whole[..whole.len() - 1]);
    tale.bad("half of it", &whole[..whole.len() / 2]);
    tale.bad("a byte more", &[&whole[..], &[0]].concat());
}

/// The file of a bundle, and what is not exactly it.
fn files(tale: &mut Tale<'_>, good: &str) {
    tale.file("a file", good, true);
    let lines: Vec<&str> = good.lines().collect();
    let mut changed = |title: &str, file: &str| {
        assert_ne!(file, good, "{title}");
        tale.file(title, file, false);
    };
    changed("no line at its end", good.trim_end());
    changed("a line more", &format!("{good}\n"));
    changed("a byte before it", &format!(" {good}"));
    changed("other line ends", &good.replace('\n', "\r\n"));
    changed("another heading", &good.replace("BUNDLE", "MASTER KEY"));
    changed("no end", &good.replace("-----END ZMS BUNDLE-----\n", ""));
    changed("two lines joined", &good.replacen(&format!("{}\n", lines[2]), lines[2], 1));
    changed("an empty line", &good.replacen(lines[2], &format!("{}\n", lines[2]), 1));
    changed("a space at a line's end", &good.replacen(lines[2], &format!("{} ", lines[2]), 1));
    changed("a line less", &good.replacen(&format!("{}\n", lines[3]), "", 1));
    changed("another letter of the same bits", &{
        let line = lines.iter().find(|line| line.ends_with("==")).expect("a padded line");
        let at = line.len() - 3;
        let letter = line.as_bytes()[at];
        let other = if letter == b'w' { 'x' } else { char::from(letter + 1) };
        let spoilt = format!("{}{other}==", &line[..at]);
        good.replacen(line, &spoilt, 1)
    });
    let sum = lines[lines.len() - 2];
    changed("no sum", &good.replacen(&format!("{sum}\n"), "", 1));
    changed("the sum of something else", &good.replacen(sum, &STANDARD.encode([7; 32]), 1));
    changed("nothing", "");
    changed("the two headings alone", "-----BEGIN ZMS BUNDLE-----\n-----END ZMS BUNDLE-----\n");
}

/// Whether a case comes out as stated.
fn holds(case: &Json) -> bool {
    let valid = case["valid"].as_bool();
    if case["file"].is_some() {
        let file = case["file"].text();
        let read = armour::read(file.as_bytes());
        return read.is_ok() == valid && read.is_ok_and(|it| armour::write(&it) == file) == valid;
    }
    let encoding = case["encoding"].bytes();
    match Packed::decode(&encoding) {
        Err(_) => !valid,
        Ok(packed) => {
            let (token, at) = (case["token"].text(), case["path"].text());
            let seen = outcome(token, &packed, &Pins::default(), at, case["now"].number());
            valid && packed.encode() == encoding && seen == case["expect"]
        }
    }
}

#[test]
fn encoded_bundles_and_files() {
    let about = "Encoded bundles and bundle files: spec/bundle.md";
    let cases = cases("bundle-encoded.json", about, make);
    let wrong = cases.iter().filter(|case| !holds(case)).map(name).collect::<Vec<_>>();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every token sees in its bundle what it sees in the store, and pins the same.
#[test]
fn a_bundle_shows_each_token_what_the_store_shows() {
    let mut rng = rand_chacha::rand_core::SeedableRng::seed_from_u64(5);
    let cast = Cast::new(&mut rng);
    let vault = &cast.world.vault;
    let now = cast.world.now + 100;
    let holders = [&cast.reader, &cast.alone, &cast.agent, &cast.writer, &cast.timed, &cast.second];
    for holder in holders {
        let packed = collect(vault, &[holder.id()], &Wish::EVERYTHING).expect("it is whole");
        let packed = Packed::decode(&packed.encode()).expect("it is the one encoding");
        assert!(check(&packed).is_ok());
        assert_eq!(armour::read(armour::write(&packed).as_bytes()), Ok(packed.clone()));
        for at in ["", "shop", "shop/production", "shop/production/api", "shop/staging", "lab"] {
            let here = outcome(&holder.text, &packed, &Pins::default(), at, now);
            assert_eq!(here, outcome(&holder.text, vault, &Pins::default(), at, now), "{at}");
        }
    }
}

/// What a server can do that knows a line and no name: show only some scopes, down by their ids.
#[test]
fn only_the_scopes_asked_for_are_collected() {
    let mut rng = rand_chacha::rand_core::SeedableRng::seed_from_u64(5);
    let cast = Cast::new(&mut rng);
    let (shop, staging) = (cast.world.id("shop"), cast.world.id("shop/staging"));
    let api = cast.world.id(super::cast::API);
    let wanted = BTreeSet::from([shop, staging, api]);
    let wish = Wish { scopes: Some(&wanted), ..Wish::EVERYTHING };
    let packed = collect(&cast.world.vault, &[cast.agent.id()], &wish).expect("it is whole");
    // The way to the last one leads through a scope that was not asked for.
    assert_eq!(packed.scopes().collect::<BTreeSet<_>>(), BTreeSet::from([shop, staging]));
    let pins = Pins::default();
    let opening = Opening::begin(&cast.agent.principal, &packed, &pins, cast.world.now + 100);
    let opening = opening.expect("it opens");
    assert!(opening.way(&path("shop/staging"), Reading::Everything).is_ok());
    let elsewhere = collect(&cast.world.vault, &[cast.alone.id()], &wish).expect("it is whole");
    assert_eq!(elsewhere.scopes().collect::<Vec<_>>(), [api]);
}

/// A bit that flips changes no value that anybody sees: it is malformed, or does not open, or lies
/// where this reader does not look. In a file it is always told.
#[test]
fn attack_bit_flips_in_a_bundle() {
    let mut rng = rand_chacha::rand_core::SeedableRng::seed_from_u64(5);
    let cast = Cast::new(&mut rng);
    let now = cast.world.now + 100;
    let packed =
        collect(&cast.world.vault, &[cast.reader.id(), cast.timed.id()], &Wish::EVERYTHING);
    let encoding = packed.expect("it is whole").encode();
    let see = |packed: &Packed| {
        outcome(&cast.reader.text, packed, &Pins::default(), super::cast::API, now)
    };
    let good = see(&Packed::decode(&encoding).expect("it is good"));
    // All of them take a minute.
    let full = std::env::var_os("ZMS_TEST_FULL").is_some_and(|value| value == "1");
    let step = |some: usize| if full { 1 } else { some };
    for at in (0..encoding.len()).step_by(step(11)) {
        let mut spoilt = encoding.clone();
        spoilt[at] ^= 1 << (at % 8);
        if let Ok(packed) = Packed::decode(&spoilt) {
            let seen = see(&packed);
            assert!(seen == good || seen["class"].is_some(), "byte {at}: {seen:?}");
            // Where this reader does not look, anybody can tell.
            assert!(check(&packed).is_err() || seen["class"].is_some(), "byte {at}");
            assert_eq!(packed.encode(), spoilt, "byte {at}");
        }
    }
    let file = armour::write(&Packed::decode(&encoding).expect("it is good"));
    for at in (0..file.len()).step_by(step(97)) {
        let mut spoilt = file.clone().into_bytes();
        spoilt[at] ^= 1;
        assert!(armour::read(&spoilt).is_err(), "byte {at}");
    }
}
