//! `envelope.json`: Seal, Box and the padding.

use zms_crypto::{
    Key,
    envelope::{HEADER, NONCE_LEN, open, open_box, padded_len, seal, seal_box},
};

use crate::{
    cases,
    json::{Json, hex, map, text},
    name,
    world::Replay,
};

fn case(
    title: &str,
    form: &str,
    key: &Key,
    aad: &[u8],
    sealed: &[u8],
    plain: Option<&[u8]>,
) -> Json {
    let made = map([
        ("name", text(title)),
        ("form", text(form)),
        ("key", hex(key.expose())),
        ("aad", hex(aad)),
        ("sealed", hex(sealed)),
        ("valid", Json::Bool(plain.is_some())),
    ]);
    match plain {
        Some(plain) => made.with("plain", hex(plain)),
        None => made,
    }
}

fn make(rng: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let key = Key::generate(rng);
    let aad: &[u8] = b"associated data";
    let mut made = Vec::new();
    for (title, aad, plain) in [
        ("seal: empty, no associated data", &b""[..], &b""[..]),
        ("seal: 32 bytes", aad, &[7; 32]),
        ("seal: 100 bytes", aad, &[9; 100]),
    ] {
        let sealed = seal(&key, aad, plain, rng);
        made.push(case(title, "seal", &key, aad, &sealed, Some(plain)));
    }
    for len in [0, 1, 124, 125, 200, 1000, 5000] {
        let plain = vec![0x61; len];
        let sealed = seal_box(&key, aad, &plain, rng);
        made.push(case(&format!("box: {len} bytes"), "box", &key, aad, &sealed, Some(&plain)));
    }
    let good = seal_box(&key, aad, b"value", rng);
    let flip = |at: usize, bit: u8| {
        let mut changed = good.clone();
        changed[at] ^= bit;
        changed
    };
    let end = good.len();
    for (title, sealed) in [
        ("magic", flip(0, 1)),
        ("version", flip(2, 3)),
        ("suite", flip(3, 3)),
        ("first byte of the nonce", flip(4, 1)),
        ("last byte of the nonce", flip(27, 0x80)),
        ("ciphertext", flip(30, 1)),
        ("tag", flip(end - 1, 1)),
        ("one byte less", good[..end - 1].to_vec()),
        ("one byte more", [&good[..], &[0]].concat()),
        ("header and nonce alone", good[..28].to_vec()),
        ("nothing", Vec::new()),
    ] {
        made.push(case(&format!("changed: {title}"), "box", &key, aad, &sealed, None));
    }
    made.push(case("other associated data", "box", &key, b"other", &good, None));
    made.push(case("other key", "box", &Key::generate(rng), aad, &good, None));
    for (title, plain) in [
        ("not padded", [&[0, 0, 0, 1, b'a'][..]].concat()),
        ("padding is not zero", [&[0, 0, 0, 1, b'a'][..], &[0; 122], &[1]].concat()),
        ("length past the end", [&[0, 0, 0, 200][..], &[0; 124]].concat()),
        ("length past four GiB", [&[255; 4][..], &[0; 124]].concat()),
        ("padded too far", [&[0, 0, 0, 1][..], &[0; 252]].concat()),
        ("shorter than a length", vec![0; 3]),
        ("empty", vec![]),
    ] {
        let sealed = seal(&key, aad, &plain, rng);
        made.push(case(&format!("padding: {title}"), "box", &key, aad, &sealed, None));
    }
    made
}

#[test]
fn envelopes() {
    for case in cases("envelope.json", "Seal and Box: spec/envelope.md", make) {
        let (key, aad, sealed) =
            (Key::from_bytes(&case["key"].array()), case["aad"].bytes(), case["sealed"].bytes());
        let boxed = case["form"].text() == "box";
        let opened = if boxed { open_box(&key, &aad, &sealed) } else { open(&key, &aad, &sealed) };
        assert_eq!(opened.is_ok(), case["valid"].as_bool(), "{}", name(&case));
        if let Ok(opened) = opened {
            let plain = case["plain"].bytes();
            assert_eq!(*opened.expose(), plain, "{}", name(&case));
            let nonce = &sealed[HEADER.len()..HEADER.len() + NONCE_LEN];
            let again = if boxed { seal_box } else { seal };
            assert_eq!(again(&key, &aad, &plain, &mut Replay::new(nonce)), sealed);
        }
    }
}

#[test]
fn padding() {
    let lengths = [
        0, 1, 124, 125, 128, 129, 252, 253, 508, 1000, 1021, 4092, 5000, 65_532, 65_533, 1_048_576,
    ];
    let make = |_: &mut _| {
        let row = |len: usize| {
            let row = map([("name", text(&format!("{len} bytes")))]);
            let row = row.with("message", Json::Number(len as u64));
            row.with("padded", Json::Number(padded_len(len) as u64))
        };
        lengths.map(row).into()
    };
    for case in cases("padding.json", "Padded lengths of a Box: spec/envelope.md#padding", make) {
        let len = usize::try_from(case["message"].number()).expect("small");
        assert_eq!(padded_len(len) as u64, case["padded"].number());
    }
}
