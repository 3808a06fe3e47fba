//! `text.json`: seeds as text.

use zms_crypto::{
    Key,
    text::{SeedKind, encode_seed, parse_seed},
};

use crate::{
    cases,
    json::{Json, hex, map, text},
    name,
};

const KINDS: [(&str, SeedKind); 4] = [
    ("service", SeedKind::Service),
    ("agent", SeedKind::Agent),
    ("administrator", SeedKind::Administrator),
    ("master", SeedKind::Master),
];

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// BIP-350, from its text: so that wrong payloads get right checksums.
fn bech32m(prefix: &str, data: &[u8], constant: u32) -> String {
    let step = |check: u32, value: u8| {
        const GENERATOR: [u32; 5] =
            [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        let (top, low) = (check >> 25, (check & 0x1ff_ffff) << 5);
        let terms = (0..5).filter(|bit| top >> bit & 1 == 1);
        terms.fold(low ^ u32::from(value), |check, bit| check ^ GENERATOR[bit])
    };
    let lower = prefix.to_ascii_lowercase();
    let high = lower.bytes().map(|byte| byte >> 5);
    let low = lower.bytes().map(|byte| byte & 31);
    let spread = high.chain([0]).chain(low).chain(data.iter().copied()).chain([0; 6]);
    let check = spread.fold(1, step) ^ constant;
    let tail = (0..6).map(|at| (check >> (5 * (5 - at)) & 31) as u8);
    let chars = data.iter().copied().chain(tail);
    let chars = chars.map(|value| char::from(ALPHABET[usize::from(value)]));
    format!("{lower}1{}", chars.collect::<String>())
}

fn accept(title: &str, kind: &str, seed: &Key, spelled: &str) -> Json {
    map([
        ("name", text(title)),
        ("text", text(spelled)),
        ("valid", Json::Bool(true)),
        ("kind", text(kind)),
        ("seed", hex(seed.expose())),
    ])
}

fn reject(title: &str, spelled: &str) -> Json {
    map([("name", text(title)), ("text", text(spelled)), ("valid", Json::Bool(false))])
}

fn make(rng: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let mut made = Vec::new();
    for (word, kind) in KINDS {
        for (title, seed) in [
            ("zeros", Key::from_bytes(&[0; 32])),
            ("ones", Key::from_bytes(&[0xff; 32])),
            ("random", Key::generate(rng)),
        ] {
            let spelled = encode_seed(kind, &seed);
            made.push(accept(&format!("{word}, {title}"), word, &seed, spelled.expose()));
        }
    }
    let (seed, master) = (Key::generate(rng), Key::generate(rng));
    let token = encode_seed(SeedKind::Service, &seed).expose().clone();
    let master = encode_seed(SeedKind::Master, &master).expose().clone();
    let zeros = [0; 52];
    let padded = [&[0; 51][..], &[1]].concat();
    for (title, spelled) in [
        ("empty", String::new()),
        ("a space in front", format!(" {token}")),
        ("a line feed behind", format!("{token}\n")),
        ("a NUL behind", format!("{token}\0")),
        ("upper case", token.to_uppercase()),
        ("one upper-case character", token.replacen("zms_st_1", "zms_sT_1", 1)),
        ("master key in lower case", master.to_lowercase()),
        ("one character less", token[..token.len() - 1].to_owned()),
        ("one character more", format!("{token}q")),
        ("two characters swapped", {
            let at = (10..60).find(|at| token.as_bytes()[*at] != token.as_bytes()[at + 1]);
            let at = at.expect("a random token has two characters that differ");
            format!(
                "{}{}{}{}",
                &token[..at],
                &token[at + 1..at + 2],
                &token[at..=at],
                &token[at + 2..]
            )
        }),
        ("another prefix, same data", token.replacen("zms_st_1", "zms_at_1", 1)),
        ("an unknown prefix", bech32m("zms_xx_", &zeros, 0x2bc8_30a3)),
        ("no prefix", token[8..].to_owned()),
        ("a character outside the alphabet", token.replacen(&token[20..21], "b", 1)),
        ("a character beyond ASCII", format!("{}\u{e9}", &token[..token.len() - 2])),
        ("bech32 instead of bech32m", bech32m("zms_st_", &zeros, 1)),
        ("a padding bit set", bech32m("zms_st_", &padded, 0x2bc8_30a3)),
        ("31 bytes", bech32m("zms_st_", &[0; 50], 0x2bc8_30a3)),
        ("33 bytes", bech32m("zms_st_", &[0; 53], 0x2bc8_30a3)),
        ("with an address, not cut off", format!("{token}@127.0.0.1:3030")),
    ] {
        made.push(reject(title, &spelled));
    }
    made
}

#[test]
fn seeds_as_text() {
    for case in cases("text.json", "Text forms of seeds: spec/text.md", make) {
        let read = parse_seed(case["text"].text());
        assert_eq!(read.is_ok(), case["valid"].as_bool(), "{}", name(&case));
        if let Ok((kind, seed)) = read {
            let word = KINDS.iter().find(|(_, same)| *same == kind).expect("listed").0;
            assert_eq!(word, case["kind"].text());
            assert_eq!(seed.expose(), &case["seed"].array());
            assert_eq!(encode_seed(kind, &seed).expose(), case["text"].text());
        }
    }
}
