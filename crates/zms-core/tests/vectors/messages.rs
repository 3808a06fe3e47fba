//! `messages.json` and `signatures.json`: LP messages and what signs them.

use zms_core::{
    id::{PrincipalId, ScopeId, VaultId},
    principal::{Kind, Principal},
    revision::{LAST_REVISION, Revision},
    roster::{Limits, Line, Right, Rights, Roster},
};
use zms_crypto::{
    Key,
    parts::Parts,
    sign::{SIGNATURE_LEN, VerifyingKey},
};

use crate::{
    cases,
    json::{Json, hex, list, map, text},
    name,
};

fn rights_to_json(rights: &Rights) -> Json {
    let pair = |(scope, right): (ScopeId, Right)| {
        list([hex(scope.as_bytes()), Json::Number(right as u64)])
    };
    list(rights.iter().map(pair))
}

fn line_to_json(line: &Line) -> Json {
    map([
        ("principal", hex(line.principal.as_bytes())),
        ("vk", hex(&line.vk.0)),
        ("kind", Json::Number(line.kind as u64)),
        ("not_before", Json::Number(line.not_before)),
        ("expires", Json::Number(line.expires.unwrap_or(0))),
        ("rights", rights_to_json(&line.rights)),
        ("addresses", list(line.limits.addresses.iter().map(|cidr| text(cidr)))),
        ("uses", Json::Number(u64::from(line.limits.uses))),
    ])
}

fn roster_to_json(roster: &Roster) -> Json {
    map([
        ("vault", hex(roster.vault.as_bytes())),
        ("generation", Json::Number(roster.generation)),
        ("version", Json::Number(roster.version)),
        ("prev_hash", hex(&roster.prev_hash)),
        ("issued_at", Json::Number(roster.issued_at)),
        ("members_root", hex(&roster.members_root)),
        ("pending", rights_to_json(&roster.pending)),
    ])
}

fn revision_to_json(revision: &Revision) -> Json {
    map([
        ("vault", hex(revision.vault.as_bytes())),
        ("scope", hex(revision.scope.as_bytes())),
        ("generation", Json::Number(revision.generation)),
        ("epoch", Json::Number(u64::from(revision.epoch))),
        ("revision", Json::Number(revision.revision)),
        ("prev_hash", hex(&revision.prev_hash)),
        ("key_commitment", hex(&revision.key_commitment)),
        ("records_root", hex(&revision.records_root)),
        ("children_root", hex(&revision.children_root)),
        ("author", hex(revision.author.as_bytes())),
        ("created_at", Json::Number(revision.created_at)),
    ])
}

/// The fields of a message, and its encoding anew; `None` where it is malformed.
fn read(form: &str, bytes: &[u8]) -> Option<(Json, Vec<u8>)> {
    match form {
        "line" => Line::parse(bytes).ok().map(|line| (line_to_json(&line), line.encode())),
        "roster" => {
            Roster::parse(bytes).ok().map(|roster| (roster_to_json(&roster), roster.encode()))
        }
        "revision" => {
            let revision = Revision::parse(bytes).ok();
            revision.map(|revision| (revision_to_json(&revision), revision.encode()))
        }
        other => panic!("unknown message {other}"),
    }
}

fn accept(title: &str, form: &str, bytes: &[u8]) -> Json {
    let (fields, _) = read(form, bytes).expect("to be accepted");
    reject(title, form, bytes).with("valid", Json::Bool(true)).with("fields", fields)
}

fn reject(title: &str, form: &str, bytes: &[u8]) -> Json {
    map([
        ("name", text(&format!("{form}: {title}"))),
        ("form", text(form)),
        ("bytes", hex(bytes)),
        ("valid", Json::Bool(false)),
    ])
}

fn right(scope: u8, number: u8) -> [u8; 17] {
    let mut part = [scope; 17];
    part[16] = number;
    part
}

fn rights(parts: &[[u8; 17]]) -> Vec<u8> {
    Parts::default().each(parts.iter().map(|part| &part[..])).finish()
}

/// What every message must not be.
fn broken(form: &str, good: &[u8]) -> Vec<Json> {
    let tag_len = good[3];
    let mut other_tag = good.to_vec();
    other_tag[4 + usize::from(tag_len) - 1] ^= 1;
    let mut version = good.to_vec();
    version[9] = b'2';
    let long_part = [&[0, 0, 1, 0][..], &good[4..]].concat();
    vec![
        reject("wrong tag", form, &other_tag),
        reject("another version in the tag", form, &version),
        reject("a byte behind the last part", form, &[good, &[0]].concat()),
        reject("an empty part behind the last", form, &[good, &[0; 4]].concat()),
        reject("a byte less", form, &good[..good.len() - 1]),
        reject("a part that claims more bytes than follow", form, &long_part),
        reject("the tag alone", form, &good[..4 + usize::from(tag_len)]),
        reject("nothing", form, &[]),
    ]
}

fn lines(rng: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let holder =
        |kind, rng: &mut rand_chacha::ChaCha20Rng| Principal::from_seed(kind, Key::generate(rng));
    let (service, agent, owner) =
        (holder(Kind::Service, rng), holder(Kind::Agent, rng), holder(Kind::Administrator, rng));
    let held = Rights::parse(&rights(&[right(1, 1), right(2, 2), right(3, 3)])).expect("sorted");
    let plain = Line::new(&service, 1_700_000_000, Some(1_800_000_000), held.clone());
    let limits = |addresses: &[&str], uses| Limits {
        addresses: addresses.iter().map(|cidr| (*cidr).to_owned()).collect(),
        uses,
    };
    let limited = |limits| Line { limits, ..plain.clone() }.encode();
    let good = plain.encode();
    let mut made = vec![
        accept("service", "line", &good),
        accept("agent, no rights", "line", &Line::new(&agent, 0, None, Rights::default()).encode()),
        accept("administrator", "line", &Line::new(&owner, 5, None, held).encode()),
        accept("uses", "line", &limited(limits(&[], 3))),
        accept("addresses", "line", &limited(limits(&["10.0.0.0/8", "2001:db8::/32"], 0))),
        accept("both limits", "line", &limited(limits(&["192.0.2.1/32"], 1))),
    ];
    made.extend(broken("line", &good));
    let encode =
        |id: &[u8], vk: &[u8], kind: &[u8], expires: &[u8], rights: &[u8], limits: &[u8]| {
            Parts::tagged("zms/v1/line")
                .each([id, vk, kind, &7_u64.to_be_bytes()[..], expires, rights, limits])
                .finish()
        };
    let (id, vk) = (service.id(), service.verifying_key().0);
    let (id, none) = (id.as_bytes(), 0_u64.to_be_bytes());
    let with_rights = |rights: &[u8]| encode(id, &vk, &[1], &none, rights, &[]);
    let with_limits = |limits: &[u8]| encode(id, &vk, &[1], &none, &[], limits);
    let no_limits = Parts::default().bytes(&[]).u32(0).finish();
    let extra = Parts::default().bytes(&[]).u32(1).bytes(&[]).finish();
    let not_text =
        Parts::default().bytes(&Parts::default().bytes(&[0xff]).finish()).u32(0).finish();
    let wide = Parts::default().bytes(&[]).u64(1).finish();
    for (title, bytes) in [
        ("another key than the id's", encode(id, &agent.verifying_key().0, &[1], &none, &[], &[])),
        ("another id than the key's", encode(agent.id().as_bytes(), &vk, &[1], &none, &[], &[])),
        ("a short id", encode(&id[..15], &vk, &[1], &none, &[], &[])),
        ("a short key", encode(id, &vk[..31], &[1], &none, &[], &[])),
        ("kind 0", encode(id, &vk, &[0], &none, &[], &[])),
        ("kind 4", encode(id, &vk, &[4], &none, &[], &[])),
        ("a kind of two bytes", encode(id, &vk, &[0, 1], &none, &[], &[])),
        ("a time of four bytes", encode(id, &vk, &[1], &none[..4], &[], &[])),
        ("rights out of order", with_rights(&rights(&[right(2, 1), right(1, 1)]))),
        ("a scope named twice", with_rights(&rights(&[right(1, 1), right(1, 2)]))),
        ("right 0", with_rights(&rights(&[right(1, 0)]))),
        ("right 4", with_rights(&rights(&[right(1, 4)]))),
        ("a short right", with_rights(&Parts::default().bytes(&[1; 16]).finish())),
        ("a byte behind the rights", with_rights(&[&rights(&[right(1, 1)])[..], &[0]].concat())),
        ("no limits, spelled out", with_limits(&no_limits)),
        ("a part behind the limits", with_limits(&extra)),
        ("an address that is no text", with_limits(&not_text)),
        ("uses of eight bytes", with_limits(&wide)),
    ] {
        made.push(reject(title, "line", &bytes));
    }
    made
}

fn rosters() -> Vec<Json> {
    let pending = Rights::parse(&rights(&[right(1, 3), right(9, 1)])).expect("sorted");
    let first = Roster {
        vault: VaultId([0x11; 16]),
        generation: 1,
        version: 1,
        prev_hash: [0; 32],
        issued_at: 1_700_000_000,
        members_root: [0x44; 32],
        pending: Rights::default(),
    };
    let later = Roster { generation: 3, version: 9, prev_hash: [5; 32], pending, ..first };
    let mut made = vec![
        accept("the first", "roster", &first.encode()),
        accept("a later one, with pending scopes", "roster", &later.encode()),
    ];
    made.extend(broken("roster", &later.encode()));
    let zero_generation = Roster { generation: 0, ..first.clone() }.encode();
    let zero_version = Roster { version: 0, ..first }.encode();
    let encode = |pending: &[u8]| {
        let parts = Parts::tagged("zms/v1/roster").bytes(&[0x11; 16]).u64(1).u64(1);
        parts.bytes(&[0; 32]).u64(0).bytes(&[4; 32]).bytes(pending).finish()
    };
    let unsorted = encode(&rights(&[right(2, 1), right(1, 1)]));
    let twice = encode(&rights(&[right(2, 1), right(2, 3)]));
    for (title, bytes) in [
        ("generation 0", zero_generation),
        ("version 0", zero_version),
        ("pending out of order", unsorted),
        ("a scope pending twice", twice),
        ("an unknown right pending", encode(&rights(&[right(2, 9)]))),
    ] {
        made.push(reject(title, "roster", &bytes));
    }
    made
}

fn revisions() -> Vec<Json> {
    let first = Revision {
        vault: VaultId([0x11; 16]),
        scope: ScopeId([0x22; 16]),
        generation: 1,
        epoch: 1,
        revision: 1,
        prev_hash: [0; 32],
        key_commitment: [6; 32],
        records_root: [7; 32],
        children_root: [8; 32],
        author: PrincipalId([0x33; 16]),
        created_at: 1_700_000_000,
    };
    let closing = Revision { revision: LAST_REVISION, key_commitment: [0; 32], ..first };
    let mut made = vec![
        accept("the first", "revision", &first.encode()),
        accept("a closing one, the greatest number", "revision", &closing.encode()),
    ];
    made.extend(broken("revision", &first.encode()));
    let encode = |revision: Revision| revision.encode();
    for (title, bytes) in [
        ("generation 0", encode(Revision { generation: 0, ..first })),
        ("epoch 0", encode(Revision { epoch: 0, ..first })),
        ("a number past the last", encode(Revision { revision: LAST_REVISION + 1, ..first })),
        ("revision 0", encode(Revision { revision: 0, ..first })),
        ("epoch of eight bytes", {
            let parts = Parts::tagged("zms/v1/revision").bytes(&[0x11; 16]).bytes(&[0x22; 16]);
            let parts = parts.u64(1).u64(1).u64(1).each([&[0_u8; 32][..]; 4]);
            parts.bytes(&[3; 16]).u64(1).finish()
        }),
    ] {
        made.push(reject(title, "revision", &bytes));
    }
    made
}

#[test]
fn messages() {
    let make = |rng: &mut _| [lines(rng), rosters(), revisions()].concat();
    for case in cases("messages.json", "Signed and listed messages: spec/encoding.md#parts", make) {
        let bytes = case["bytes"].bytes();
        let read = read(case["form"].text(), &bytes);
        assert_eq!(read.is_some(), case["valid"].as_bool(), "{}", name(&case));
        if let Some((fields, again)) = read {
            assert_eq!(fields, case["fields"], "{}", name(&case));
            assert_eq!(again, bytes);
        }
    }
}

/// The order of the group that Ed25519 signs in, little-endian (RFC 8032 section 5.1).
const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

fn signatures(rng: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let signer = Principal::from_seed(Kind::Service, Key::generate(rng));
    let (vk, message) = (signer.verifying_key().0, b"message");
    let good = signer.sign(message);
    let flip = |at: usize| {
        let mut changed = good;
        changed[at] ^= 1;
        changed
    };
    let mut malleable = good;
    let order = hex::decode(ORDER).expect("hex");
    let mut carry = 0;
    for (byte, add) in malleable[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut nothing = [0; SIGNATURE_LEN];
    nothing[0] = 1;
    let case = |title: &str, vk: &[u8; 32], message: &[u8], signature: &[u8; 64], valid| {
        map([
            ("name", text(title)),
            ("vk", hex(vk)),
            ("message", hex(message)),
            ("signature", hex(signature)),
            ("valid", Json::Bool(valid)),
        ])
    };
    vec![
        case("as made", &vk, message, &good, true),
        case("empty message", &vk, b"", &signer.sign(b""), true),
        case("another message", &vk, b"messagf", &good, false),
        case("R changed", &vk, message, &flip(0), false),
        case("S changed", &vk, message, &flip(32), false),
        case("S plus the order of the group", &vk, message, &malleable, false),
        case(
            "a key of small order, which would sign anything",
            &identity,
            message,
            &nothing,
            false,
        ),
        case("a key of order two", &ORDER_TWO, message, &nothing, false),
        case("a key that is no point", &[2; 32], message, &good, false),
    ]
}

/// The point (0, -1).
const ORDER_TWO: [u8; 32] = {
    let mut point = [0xff; 32];
    point[0] = 0xec;
    point[31] = 0x7f;
    point
};

#[test]
fn signatures_verify_strictly() {
    for case in cases("signatures.json", "Ed25519: spec/keys.md#signatures", signatures) {
        let vk = VerifyingKey(case["vk"].array());
        let verified = vk.verify(&case["message"].bytes(), &case["signature"].array());
        assert_eq!(verified.is_ok(), case["valid"].as_bool(), "{}", name(&case));
    }
}
