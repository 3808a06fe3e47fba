//! `cbor.json`: everything that is sealed as CBOR, and references.

use zms_core::{
    about::{About, Mark},
    child::{ParentPlace, StoredChild, open_child},
    id::{ChildIndex, NameIndex, PrincipalId, ScopeId, VaultId},
    keyring::Keyring,
    path::{SecretName, Segment},
    record::{Envelope, Reference, StoredRecord, open_record},
    roster::Escrow,
    scope::{DataKeys, NodeKeys},
};
use zms_crypto::{Key, Purpose, derive::derive_key, envelope::seal_box, parts::Parts};

use crate::{
    cases,
    json::{Json, hex, list, map, text},
    name,
};

const VAULT: VaultId = VaultId([0x11; 16]);
const SCOPE: ScopeId = ScopeId([0x22; 16]);
const CHILD: ScopeId = ScopeId([0x44; 16]);
const PRINCIPAL: PrincipalId = PrincipalId([0x33; 16]);
/// The sealing seed of every case: W, R, N or D.
const KEY: [u8; 32] = [0x55; 32];
/// Epochs, and the revision of the record.
const EPOCH: u32 = 3;
const CHILD_EPOCH: u32 = 2;
const REVISION: u64 = 7;

/// The shortest head of an item.
fn head(major: u8, number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let (low, from) = match number {
        0..24 => (bytes[7], 8),
        24..0x100 => (24, 7),
        0x100..0x1_0000 => (25, 6),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 0),
    };
    [&[major << 5 | low], &bytes[from..]].concat()
}

pub(crate) fn uint(number: u64) -> Vec<u8> {
    head(0, number)
}

pub(crate) fn bytes(content: &[u8]) -> Vec<u8> {
    [&head(2, content.len() as u64), content].concat()
}

pub(crate) fn chars(content: &str) -> Vec<u8> {
    [&head(3, content.len() as u64), content.as_bytes()].concat()
}

pub(crate) fn array(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len() as u64), items.concat()].concat()
}

pub(crate) type Pairs = Vec<(u64, Vec<u8>)>;

pub(crate) fn pairs(pairs: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let items = pairs.iter().flat_map(|(key, value)| [uint(*key), value.clone()]);
    [head(5, pairs.len() as u64), items.collect::<Vec<_>>().concat()].concat()
}

/// Every way to misspell a map whose first value is text or bytes.
fn misspelt(good: &[(u64, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let whole = pairs(good);
    let with = |edit: &dyn Fn(&mut Pairs)| {
        let mut changed = good.to_vec();
        edit(&mut changed);
        pairs(&changed)
    };
    let (count, first) = (good.len() as u8, &good[0].1);
    let content = if first[0] & 0x1f < 24 { &first[1..] } else { &first[2..] };
    let major = first[0] & 0xe0;
    let chunk = [&[major | 0x1f][..], first, &[0xff]].concat();
    let wide = [&[major | 25, 0, content.len() as u8][..], content].concat();
    let named = |title: &str, bytes: Vec<u8>| (title.to_owned(), bytes);
    vec![
        named("a long number for a key", [&[0xa0 | count, 0x18, 1], &whole[2..]].concat()),
        named("a long number for the count", [&[0xb8, count], &whole[1..]].concat()),
        named("a long number for a length", with(&|p| p[0].1.clone_from(&wide))),
        named("an unknown key", with(&|p| p.push((9, uint(0))))),
        named("a key twice", with(&|p| p.insert(1, p[0].clone()))),
        named("keys out of order", with(&|p| p.swap(0, 1))),
        named("a map without an end", [&[0xbf], &whole[1..], &[0xff]].concat()),
        named("a string in chunks", with(&|p| p[0].1.clone_from(&chunk))),
        named("a byte behind the map", [&whole[..], &[0]].concat()),
        named("a byte less", whole[..whole.len() - 1].to_vec()),
        named("a tag", [&[0xc6], &whole[..]].concat()),
        named("a tag on a value", with(&|p| p[0].1.insert(0, 0xc6))),
        named("a key less", with(&|p| drop(p.remove(0)))),
        named("a number for a string", with(&|p| p[0].1 = uint(1))),
        named("null for a string", with(&|p| p[0].1 = vec![0xf6])),
        named("a text for a key", [&[0xa0 | count, 0x61, b'1'], &whole[2..]].concat()),
        named("a list for the map", [&[0x80 | (2 * count)], &whole[1..]].concat()),
        named("nothing", vec![]),
    ]
}

/// How a form is sealed and what it is bound to.
fn seal(form: &str, about: &str, cbor: &[u8], rng: &mut rand_chacha::ChaCha20Rng) -> Json {
    let key = Key::from_bytes(&KEY);
    let node = NodeKeys::new(key.duplicate());
    let data = DataKeys::new(key.duplicate());
    let who = [("vault", hex(VAULT.as_bytes())), ("principal", hex(PRINCIPAL.as_bytes()))];
    let tag = format!("zms/v1/aad/{}", if form == "payload" { "record" } else { form });
    let aad = Parts::tagged(&tag).bytes(VAULT.as_bytes());
    let (key, aad, bound) = match form {
        "keyring" => (key, aad.bytes(PRINCIPAL.as_bytes()), map(who)),
        "escrow" => {
            let key = derive_key(&key, Purpose::VAULT_ESCROW);
            (key, aad.bytes(PRINCIPAL.as_bytes()), map(who))
        }
        "payload" => {
            let name = match about {
                "=" => SecretName::about(),
                about => SecretName::parse(about).expect("a good name"),
            };
            let index = data.name_index(&name);
            let aad = aad.bytes(SCOPE.as_bytes()).u32(EPOCH).bytes(index.as_bytes());
            let bound = map([
                ("vault", hex(VAULT.as_bytes())),
                ("scope", hex(SCOPE.as_bytes())),
                ("epoch", Json::Number(EPOCH.into())),
                ("name_index", hex(index.as_bytes())),
                ("rev_from", Json::Number(REVISION)),
            ]);
            (data.record().duplicate(), aad.u64(REVISION), bound)
        }
        "child" => {
            let index = node.child_index(&Segment::parse(about).expect("a good name"));
            let aad = aad.bytes(SCOPE.as_bytes()).u32(EPOCH).bytes(index.as_bytes());
            let bound = map([
                ("vault", hex(VAULT.as_bytes())),
                ("scope", hex(SCOPE.as_bytes())),
                ("epoch", Json::Number(EPOCH.into())),
                ("child_index", hex(index.as_bytes())),
                ("child", hex(CHILD.as_bytes())),
                ("child_epoch", Json::Number(CHILD_EPOCH.into())),
            ]);
            let aad = aad.bytes(CHILD.as_bytes()).u32(CHILD_EPOCH);
            (node.child().duplicate(), aad, bound)
        }
        other => panic!("unknown form {other}"),
    };
    let sealed = seal_box(&key, &aad.finish(), cbor, rng);
    bound.with("key", hex(&KEY)).with("sealed", hex(&sealed))
}

fn number32(bound: &Json, key: &str) -> u32 {
    u32::try_from(bound[key].number()).expect("an epoch")
}

/// The fields of what a case holds; `None` where it does not open.
fn open(case: &Json) -> Option<Json> {
    let bound = &case["sealed"];
    if case["form"].text() == "reference" {
        return Reference::decode(&case["cbor"].bytes())
            .map(|reference| reference_to_json(&reference));
    }
    if case["form"].text() == "about" {
        return About::decode(&case["cbor"].bytes()).map(|about| about_to_json(&about));
    }
    let (key, sealed) = (Key::from_bytes(&bound["key"].array()), bound["sealed"].bytes());
    let vault = VaultId(bound["vault"].array());
    match case["form"].text() {
        "keyring" => {
            let keyring =
                Keyring::open(&key, vault, PrincipalId(bound["principal"].array()), &sealed);
            keyring.ok().map(|keyring| keyring_to_json(&keyring))
        }
        "escrow" => {
            let escrow =
                Escrow::open(&key, vault, PrincipalId(bound["principal"].array()), &sealed);
            let fields = |escrow: Escrow| {
                map([("wrap", hex(escrow.wrap.expose())), ("label", text(&escrow.label))])
            };
            escrow.ok().map(fields)
        }
        "payload" => {
            let record = StoredRecord {
                name_index: NameIndex(bound["name_index"].array()),
                rev_from: bound["rev_from"].number(),
                epoch: number32(bound, "epoch"),
                envelope: Envelope::Whole(sealed),
            };
            let scope = ScopeId(bound["scope"].array());
            let payload = open_record(&DataKeys::new(key), vault, scope, &record).ok()?;
            let fields = map([
                ("name", text(payload.name.as_str())),
                ("value", hex(payload.value.expose())),
                ("kind", text(payload.kind.as_str())),
                ("note", text(&payload.note)),
                ("created_at", Json::Number(payload.created_at)),
                ("expires_at", payload.expires_at.map_or(Json::Null, Json::Number)),
            ]);
            Some(fields)
        }
        "child" => {
            let place = ParentPlace {
                vault,
                scope: ScopeId(bound["scope"].array()),
                epoch: number32(bound, "epoch"),
            };
            let stored = StoredChild {
                child_index: ChildIndex(bound["child_index"].array()),
                child: ScopeId(bound["child"].array()),
                child_epoch: number32(bound, "child_epoch"),
                envelope: sealed,
            };
            let content = open_child(&NodeKeys::new(key), &place, &stored).ok()?;
            let name = text(content.name.as_str());
            let protected = if content.protected { Json::Number(1) } else { Json::Null };
            let node = hex(content.node.expose());
            Some(map([("name", name), ("node", node), ("protected", protected)]))
        }
        other => panic!("unknown form {other}"),
    }
}

fn reference_to_json(reference: &Reference) -> Json {
    let path = reference.path.segments().iter().map(|segment| text(segment.as_str()));
    map([("path", list(path)), ("name", text(reference.name.as_str()))])
}

fn about_to_json(about: &About) -> Json {
    let pair = |one: u64, other: u64| list([Json::Number(one), Json::Number(other)]);
    let mark = |(version, mark): (&u64, &Mark)| match mark {
        Mark::Deleted(at) => pair(*version, *at),
        Mark::Destroyed => pair(*version, 0),
    };
    let some = |number: u64| if number == 0 { Json::Null } else { Json::Number(number) };
    let description = Some(&about.description).filter(|it| !it.is_empty());
    map([
        ("quiet", list(about.quiet.iter().map(|(revision, version)| pair(*revision, *version)))),
        ("marks", list(about.marks.iter().map(mark))),
        ("custom", list(about.custom.iter().map(|(key, value)| list([text(key), text(value)])))),
        ("max_versions", some(about.max_versions.into())),
        ("cas_required", some(about.cas_required.into())),
        ("delete_after", some(about.delete_after)),
        ("forgotten", some(about.forgotten)),
        ("description", description.map_or(Json::Null, |it| text(it))),
    ])
}

fn keyring_to_json(keyring: &Keyring) -> Json {
    let entry = |entry: &zms_core::keyring::Entry| {
        map([
            ("lineage", list(entry.lineage.iter().map(|id| hex(id.as_bytes())))),
            ("path", list(entry.path.segments().iter().map(|segment| text(segment.as_str())))),
            ("epoch", Json::Number(entry.epoch.into())),
            ("depth", Json::Number(entry.depth as u64)),
            ("key", hex(entry.key.expose())),
        ])
    };
    let vault_key = keyring.vault_key.as_ref();
    map([
        ("authority", hex(&keyring.authority.0)),
        ("vault_key", vault_key.map_or(Json::Null, |key| hex(key.expose()))),
        ("entries", list(keyring.entries.iter().map(entry))),
    ])
}

struct Maker<'r> {
    rng: &'r mut rand_chacha::ChaCha20Rng,
    form: &'static str,
    about: &'static str,
    made: Vec<Json>,
}

impl Maker<'_> {
    fn add(&mut self, title: &str, cbor: &[u8], valid: bool) {
        let case = map([
            ("name", text(&format!("{}: {title}", self.form))),
            ("form", text(self.form)),
            ("cbor", hex(cbor)),
            ("valid", Json::Bool(valid)),
        ]);
        let case = match self.form {
            "reference" | "about" => case,
            form => case.with("sealed", seal(form, self.about, cbor, self.rng)),
        };
        let fields = open(&case);
        assert_eq!(fields.is_some(), valid, "{}: {title}", self.form);
        self.made.push(match fields {
            Some(fields) => case.with("fields", fields),
            None => case,
        });
    }

    fn reject_misspelt(&mut self, good: &[(u64, Vec<u8>)]) {
        for (title, cbor) in misspelt(good) {
            self.add(&title, &cbor, false);
        }
    }
}

fn payloads(make: &mut Maker<'_>) {
    (make.form, make.about) = ("payload", "DATABASE_URL");
    let base = vec![
        (1, chars("DATABASE_URL")),
        (2, bytes(b"postgres://db")),
        (3, uint(1)),
        (5, uint(1_700_000_000)),
    ];
    let with = |key: u64, value: Vec<u8>| {
        let mut changed: Pairs = base.iter().filter(|(held, _)| *held != key).cloned().collect();
        changed.push((key, value));
        changed.sort_by_key(|(key, _)| *key);
        pairs(&changed)
    };
    make.add("without note and end", &pairs(&base), true);
    make.add("with a note", &with(4, chars("the main one")), true);
    make.add("with an end", &with(6, uint(u64::MAX)), true);
    make.add("an empty value", &with(2, bytes(b"")), true);
    make.add("a value of any bytes", &with(2, bytes(&(0..=255).collect::<Vec<u8>>())), true);
    make.add("time 0", &with(5, uint(0)), true);
    for kind in 1..=5 {
        make.add(&format!("kind {kind}"), &with(3, uint(kind)), true);
    }
    make.add("a note of 4096 bytes", &with(4, chars(&"n".repeat(4096))), true);
    make.reject_misspelt(&base);
    make.add("a note of 4097 bytes", &with(4, chars(&"n".repeat(4097))), false);
    make.add("an empty note", &with(4, chars("")), false);
    make.add("null for the note", &with(4, vec![0xf6]), false);
    make.add("null for the end", &with(6, vec![0xf6]), false);
    make.add("kind 0", &with(3, uint(0)), false);
    make.add("kind 6", &with(3, uint(6)), false);
    make.add("kind 257", &with(3, uint(257)), false);
    make.add("a float for a time", &with(5, vec![0xfa, 0x4e, 0xca, 0xa7, 0xe2]), false);
    make.add("a negative time", &with(5, vec![0x20]), false);
    make.add("a big number for a time", &with(5, vec![0xc2, 0x41, 1]), false);
    make.add("another name than the index is for", &with(1, chars("DATABASE_URI")), false);
    make.add("a name with an equals sign", &with(1, chars("A=B")), false);
    make.add("a name that is no text", &with(1, [&[0x61][..], &[0xff]].concat()), false);
    make.add("text for the value", &with(2, chars("value")), false);
    make.add("key 0", &with(0, uint(0)), false);
    make.about = "Gr\u{f6}\u{df}e";
    make.add("a name beyond ASCII", &with(1, chars("Gr\u{f6}\u{df}e")), true);
    make.add("a name in another normal form", &with(1, chars("Gro\u{308}\u{df}e")), false);
}

fn children(make: &mut Maker<'_>) {
    (make.form, make.about) = ("child", "production");
    let base = vec![(1, chars("production")), (2, bytes(&[0x66; 32]))];
    make.add("as sealed", &pairs(&base), true);
    make.reject_misspelt(&base);
    let with = |last| pairs(&[&base[..], &[last]].concat());
    make.add("protected", &with((3, uint(1))), true);
    make.add("protected by 0", &with((3, uint(0))), false);
    make.add("protected by 2", &with((3, uint(2))), false);
    make.add("protected by 257", &with((3, uint(257))), false);
    make.add("protected by a boolean", &with((3, vec![0xf5])), false);
    make.add("protected by null", &with((3, vec![0xf6])), false);
    make.add("key 4", &with((4, uint(1))), false);
    make.add("a short key", &pairs(&[base[0].clone(), (2, bytes(&[0x66; 31]))]), false);
    make.add("a long key", &pairs(&[base[0].clone(), (2, bytes(&[0x66; 33]))]), false);
    make.add(
        "another name than the index is for",
        &pairs(&[(1, chars("staging")), base[1].clone()]),
        false,
    );
}

fn escrows(make: &mut Maker<'_>) {
    make.form = "escrow";
    let base = vec![(1, bytes(&[0x77; 32])), (2, chars("ci"))];
    make.add("as sealed", &pairs(&base), true);
    make.reject_misspelt(&base);
    make.add("a short key", &pairs(&[(1, bytes(&[0x77; 31])), base[1].clone()]), false);
}

/// A keyring entry for the scope `at` levels below the root.
fn entry(depth: u64, at: usize) -> Pairs {
    let ids =
        (0..=at).map(|level| bytes(&[if level == 0 { 0x11 } else { 0xa0 + level as u8 }; 16]));
    let names = (0..at).map(|level| chars(["shop", "production", "api"][level % 3]));
    vec![
        (1, array(&ids.collect::<Vec<_>>())),
        (2, array(&names.collect::<Vec<_>>())),
        (3, uint(1)),
        (4, uint(depth)),
        (5, bytes(&[0x88; 32])),
    ]
}

fn keyrings(make: &mut Maker<'_>) {
    make.form = "keyring";
    let base =
        vec![(1, bytes(&[0x99; 32])), (3, array(&[pairs(&entry(2, 2)), pairs(&entry(1, 1))]))];
    let holding = |entries: &[Pairs]| {
        let entries: Vec<_> = entries.iter().map(|entry| pairs(entry)).collect();
        pairs(&[base[0].clone(), (3, array(&entries))])
    };
    let changed = |key: u64, value: Vec<u8>| {
        let mut entry = entry(2, 2);
        entry
            .iter_mut()
            .filter(|(held, _)| *held == key)
            .for_each(|pair| pair.1.clone_from(&value));
        holding(&[entry])
    };
    make.add("two entries", &pairs(&base), true);
    make.add("no entries", &holding(&[]), true);
    let administrator =
        vec![base[0].clone(), (2, bytes(&[0xaa; 32])), (3, array(&[pairs(&entry(2, 0))]))];
    make.add("an administrator's", &pairs(&administrator), true);
    make.add("16 segments", &holding(&[entry(1, 16)]), true);
    make.reject_misspelt(&base);
    make.add("17 segments", &holding(&[entry(1, 17)]), false);
    make.add("a short authority", &pairs(&[(1, bytes(&[9; 31])), base[1].clone()]), false);
    make.add("a short R", &pairs(&[base[0].clone(), (2, bytes(&[9; 31])), base[1].clone()]), false);
    make.add("null for R", &pairs(&[base[0].clone(), (2, vec![0xf6]), base[1].clone()]), false);
    make.add("one scope twice", &holding(&[entry(2, 1), entry(1, 1)]), false);
    make.add("depth 0", &changed(4, uint(0)), false);
    make.add("depth 3", &changed(4, uint(3)), false);
    make.add("epoch 0", &changed(3, uint(0)), false);
    make.add("an epoch of more than 32 bits", &changed(3, uint(1 << 32)), false);
    make.add("a short key", &changed(5, bytes(&[0x88; 31])), false);
    make.add("a name less", &changed(2, array(&[chars("shop")])), false);
    make.add("a name that is refused", &changed(2, array(&[chars("shop"), chars("..")])), false);
    make.add("no lineage", &changed(1, array(&[])), false);
    make.add(
        "a short id",
        &changed(1, array(&[bytes(&[0x11; 16]), bytes(&[1; 16]), bytes(&[2; 15])])),
        false,
    );
    make.add(
        "another vault's root",
        &changed(1, array(&[bytes(&[0x12; 16]), bytes(&[1; 16]), bytes(&[2; 16])])),
        false,
    );
    let list = [&[0x9f][..], &pairs(&entry(2, 1)), &[0xff]].concat();
    make.add("a list without an end", &pairs(&[base[0].clone(), (3, list)]), false);
    let mut unknown = entry(2, 1);
    unknown.push((6, uint(0)));
    make.add("an unknown key in an entry", &holding(&[unknown]), false);
}

fn references(make: &mut Maker<'_>) {
    make.form = "reference";
    let to = |segments: &[&str], name: &str| {
        let segments: Vec<_> = segments.iter().map(|segment| chars(segment)).collect();
        array(&[array(&segments), chars(name)])
    };
    let good = to(&["shop", "production"], "DATABASE_URL");
    make.add("two segments", &good, true);
    make.add("the root", &to(&[], "A"), true);
    make.add("17 segments", &to(&["a"; 17], "A"), false);
    make.add("a segment that is refused", &to(&["..", "a"], "A"), false);
    make.add("a name that is refused", &to(&["a"], "A=B"), false);
    make.add("no name", &array(&[array(&[])]), false);
    make.add("a third item", &array(&[array(&[]), chars("A"), uint(1)]), false);
    make.add("a byte behind", &[&good[..], &[0]].concat(), false);
    make.add("a list without an end", &[&[0x9f], &good[1..], &[0xff]].concat(), false);
    make.add("a long count", &[&[0x98, 2], &good[1..]].concat(), false);
    make.add("a tag", &[&[0xc6], &good[..]].concat(), false);
    make.add("bytes for the name", &array(&[array(&[]), bytes(b"A")]), false);
    make.add("text", b"shop/production/DATABASE_URL", false);
    make.add("nothing", &[], false);
}

fn abouts(make: &mut Maker<'_>) {
    (make.form, make.about) = ("payload", "=");
    let record = |name: &str, kind: u64| {
        pairs(&[(1, chars(name)), (2, bytes(&[0xa0])), (3, uint(kind)), (5, uint(1_700_000_000))])
    };
    make.add("about a scope", &record("=", 6), true);
    make.add("a secret by the name of what is said about a scope", &record("=", 1), false);
    make.add("about a scope by another name", &record("A", 6), false);
    make.form = "about";
    let pair = |one: Vec<u8>, other: Vec<u8>| array(&[one, other]);
    let full = vec![
        (1, array(&[pair(uint(3), uint(2)), pair(uint(5), uint(0))])),
        (2, array(&[pair(uint(1), uint(0)), pair(uint(2), uint(1_700_000_000))])),
        (3, array(&[pair(chars("owner"), chars("")), pair(chars("team"), chars("a"))])),
        (4, uint(u32::MAX.into())),
        (5, uint(1)),
        (6, uint(u64::MAX)),
        (7, uint(1)),
        (8, chars("what it is for")),
    ];
    make.add("all there is to say", &pairs(&full), true);
    make.add("nothing to say", &pairs(&[]), true);
    make.add("nothing at all", &[], false);
    make.add("an unknown key", &pairs(&[(9, uint(1))]), false);
    make.add("a byte behind", &[&pairs(&full)[..], &[0]].concat(), false);
    make.add("keys out of order", &pairs(&[full[4].clone(), full[3].clone()]), false);
    make.add(
        "a revision twice",
        &pairs(&[(1, array(&[pair(uint(3), uint(2)), pair(uint(3), uint(2))]))]),
        false,
    );
    make.add(
        "versions out of order",
        &pairs(&[(2, array(&[pair(uint(3), uint(2)), pair(uint(1), uint(2))]))]),
        false,
    );
    make.add("an empty list", &pairs(&[(2, array(&[]))]), false);
    make.add(
        "three in a pair",
        &pairs(&[(2, array(&[array(&[uint(1), uint(2), uint(3)])]))]),
        false,
    );
    make.add("a text for a version", &pairs(&[(2, array(&[pair(chars("1"), uint(2))]))]), false);
    make.add("a number for a text", &pairs(&[(3, array(&[pair(chars("a"), uint(2))]))]), false);
    for (key, what) in [(4, "shown"), (5, "required"), (6, "seconds"), (7, "forgotten")] {
        make.add(&format!("{what}: 0"), &pairs(&[(key, uint(0))]), false);
    }
    make.add("required: 2", &pairs(&[(5, uint(2))]), false);
    make.add("shown: more than 32 bits", &pairs(&[(4, uint(1 << 32))]), false);
    make.add("no text", &pairs(&[(8, chars(""))]), false);
}

#[test]
fn sealed_messages() {
    let make = |rng: &mut _| {
        let mut make = Maker { rng, form: "", about: "", made: Vec::new() };
        payloads(&mut make);
        children(&mut make);
        escrows(&mut make);
        keyrings(&mut make);
        references(&mut make);
        abouts(&mut make);
        make.made
    };
    for case in cases("cbor.json", "Deterministic CBOR: spec/encoding.md#cbor", make) {
        let fields = open(&case);
        assert_eq!(fields.is_some(), case["valid"].as_bool(), "{}", name(&case));
        if let Some(fields) = fields {
            assert_eq!(fields, case["fields"], "{}", name(&case));
        }
    }
}
