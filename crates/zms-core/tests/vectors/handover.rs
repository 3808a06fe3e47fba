//! `new-tokens.json`: seeds that wait to be shown.

use base64::{Engine, engine::general_purpose::STANDARD};
use zms_core::{
    change::renew::Heir,
    handover::Handover,
    id::{PrincipalId, VaultId},
    path::Segment,
    principal::{Kind, Principal},
};
use zms_crypto::{Key, Purpose, derive::derive_key, envelope::seal, parts::Parts};

use crate::{
    cases,
    json::{Json, hex, list, map, text},
    name,
};

/// Where what is sealed starts.
const SEALED: usize = 36;

fn armour(body: &[u8]) -> String {
    let body = STANDARD.encode(body);
    let lines = body.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line));
    let lines: Vec<_> = lines.collect();
    format!("-----BEGIN ZMS NEW TOKENS-----\n{}\n-----END ZMS NEW TOKENS-----\n", lines.join("\n"))
}

fn body(text: &str) -> Vec<u8> {
    let lines = text.lines().filter(|line| !line.starts_with('-'));
    STANDARD.decode(lines.collect::<String>()).expect("base64")
}

fn shown(heir: &Heir) -> Json {
    map([
        ("replaces", hex(heir.replaces.as_bytes())),
        ("name", text(heir.label.as_str())),
        ("kind", Json::Number(heir.principal.kind() as u64)),
        ("expires", Json::Number(heir.expires.unwrap_or(0))),
        ("seed", hex(heir.principal.seed().expose())),
    ])
}

fn make(rng: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let owner = Principal::from_seed(Kind::Administrator, Key::generate(rng));
    let vault = VaultId::generate(rng);
    let members = [("ci", Kind::Service, None), ("z\u{fc}rich", Kind::Agent, Some(1_900_000_000))];
    let heirs: Vec<Heir> = members
        .into_iter()
        .map(|(label, kind, expires)| Heir {
            replaces: PrincipalId([kind as u8; 16]),
            label: Segment::parse(label).expect("a good name"),
            principal: Principal::from_seed(kind, Key::generate(rng)),
            expires,
        })
        .collect();
    let written = Handover::write(&owner, vault, &heirs, rng).to_string();
    let none = Handover::write(&owner, vault, &[], rng).to_string();
    let case = |title: &str, file: &str| {
        map([("name", text(title)), ("seed", hex(owner.seed().expose())), ("text", text(file))])
    };
    let accept = |title: &str, file: &str, heirs: &[Heir]| {
        let heirs = list(heirs.iter().map(shown));
        case(title, file).with("heirs", heirs).with("vault", hex(vault.as_bytes()))
    };
    let flip = |at: usize| {
        let mut body = body(&written);
        body[at] ^= 1;
        armour(&body)
    };
    let head = body(&written)[..SEALED].to_vec();
    let mut resealed = |content: &[u8]| {
        let key = derive_key(owner.seed(), Purpose::PRINCIPAL_HANDOVER);
        armour(&[&head[..], &seal(&key, &head, content, rng)].concat())
    };
    let heir = |kind: u8, label: &str, seed: &[u8]| {
        let parts = Parts::default().bytes(&[1; 16]).bytes(label.as_bytes()).u8(kind);
        parts.u64(0).bytes(seed).finish()
    };
    let one = |heir: &[u8]| Parts::default().bytes(heir).finish();
    let mut sealed = |title: &str, content: &[u8]| case(title, &resealed(content));
    let more = [heir(1, "ci", &[7; 32]), vec![0]].concat();
    vec![
        accept("two tokens", &written, &heirs),
        accept("none", &none, &[]),
        accept("no line feed at the end", written.trim_end(), &heirs),
        sealed("an unknown kind", &one(&heir(4, "ci", &[7; 32]))),
        sealed("a bad name", &one(&heir(1, "a/b", &[7; 32]))),
        sealed("a short seed", &one(&heir(1, "ci", &[7; 31]))),
        sealed("a byte more in a heir", &one(&more)),
        sealed("a byte more behind the last", &[&one(&heir(1, "ci", &[7; 32]))[..], &[0]].concat()),
        case("another magic", &flip(0)),
        case("another version", &flip(3)),
        case("another principal", &flip(4)),
        case("another vault", &flip(20)),
        case("another header", &flip(SEALED + 2)),
        case("another nonce", &flip(SEALED + 4)),
        case("another ciphertext", &flip(SEALED + 28)),
        case("the head alone", &armour(&body(&written)[..SEALED])),
        case("less than the head", &armour(&body(&written)[..SEALED - 1])),
        case("no begin line", &written[1..]),
        case("no base64", &written.replacen('\n', "\n!", 1)),
        case("empty", ""),
    ]
}

#[test]
fn new_tokens() {
    for case in cases("new-tokens.json", "Tokens to be shown: spec/key-file.md#new-tokens", make) {
        let who = Principal::from_seed(Kind::Administrator, Key::from_bytes(&case["seed"].array()));
        let file = Handover::parse(case["text"].text());
        let opened = file.and_then(|file| Ok((file.principal(), file.vault(), file.open(&who)?)));
        match opened {
            Ok((principal, vault, heirs)) => {
                assert_eq!(principal, who.id(), "{}", name(&case));
                assert_eq!(vault.as_bytes(), case["vault"].bytes(), "{}", name(&case));
                let heirs = list(heirs.iter().map(shown));
                assert_eq!(heirs.write(), case["heirs"].write(), "{}", name(&case));
            }
            Err(_) => assert!(!case["heirs"].is_some(), "{}", name(&case)),
        }
    }
}
