//! XAES-256-GCM as C2SP publishes it, and the envelope built from it by hand.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use serde::Deserialize;
use shake::{
    Shake128,
    digest::{ExtendableOutput, Update, XofReader},
};
use xaes_256_gcm::{
    Xaes256Gcm,
    aead::{Aead, KeyInit, Payload},
    aes_gcm::Aes256Gcm,
};
use zms_crypto::{
    Key,
    envelope::{HEADER, OVERHEAD, open, open_box, padded_len, seal, seal_box},
};

use crate::{Hex, array, counting_key, external, unhex};

#[derive(Deserialize)]
struct Published {
    vectors: Vec<Vector>,
    accumulated: Vec<Accumulated>,
}

#[derive(Deserialize)]
struct Vector {
    key: Hex,
    nonce: Hex,
    derived_key: Hex,
    plaintext: Hex,
    aad: Hex,
    ciphertext: Hex,
}

#[derive(Deserialize)]
struct Accumulated {
    iterations: u32,
    hash: Hex,
}

fn published() -> Published {
    external!("xaes-256-gcm.json")
}

fn xaes_seal(key: &[u8; 32], nonce: &[u8; 24], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    Xaes256Gcm::new(key.into())
        .encrypt(nonce.into(), Payload { msg: plaintext, aad })
        .expect("the message is short")
}

fn xaes_open(key: &[u8; 32], nonce: &[u8; 24], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    Xaes256Gcm::new(key.into()).decrypt(nonce.into(), Payload { msg: sealed, aad }).ok()
}

/// An envelope by the letter of the specification, under any header.
fn by_hand(header: [u8; 4], key: &Key, nonce: &[u8; 24], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let sealed = xaes_seal(key.expose(), nonce, &[&header[..], aad].concat(), plaintext);
    [&header[..], nonce, &sealed].concat()
}

/// One message of the accumulated tests, drawn as the specification lays it out.
struct Drawn {
    key: [u8; 32],
    nonce: [u8; 24],
    plaintext: Vec<u8>,
    aad: Vec<u8>,
}

impl Drawn {
    fn from(stream: &mut impl XofReader) -> Self {
        Self {
            key: draw(stream),
            nonce: draw(stream),
            plaintext: draw_short(stream),
            aad: draw_short(stream),
        }
    }
}

fn draw<const N: usize>(stream: &mut impl XofReader) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read(&mut bytes);
    bytes
}

fn draw_short(stream: &mut impl XofReader) -> Vec<u8> {
    let [len] = draw::<1>(stream);
    let mut bytes = vec![0; len.into()];
    stream.read(&mut bytes);
    bytes
}

fn accumulate(iterations: u32) -> [u8; 32] {
    let mut stream = Shake128::default().finalize_xof();
    let mut hash = Shake128::default();
    for iteration in 0..iterations {
        let Drawn { key, nonce, plaintext, aad } = Drawn::from(&mut stream);
        let sealed = xaes_seal(&key, &nonce, &aad, &plaintext);
        hash.update(&sealed);
        let opened = xaes_open(&key, &nonce, &aad, &sealed);
        assert_eq!(opened, Some(plaintext), "iteration {iteration}");
    }
    draw(&mut hash.finalize_xof())
}

#[test]
fn the_published_messages_seal_and_open() {
    let vectors = published().vectors;
    assert_eq!(vectors.len(), 2);
    for vector in &vectors {
        let (key, nonce) = (vector.key.array(), vector.nonce.array());
        let sealed = xaes_seal(&key, &nonce, &vector.aad.0, &vector.plaintext.0);
        assert_eq!(sealed, vector.ciphertext.0);
        let opened = xaes_open(&key, &nonce, &vector.aad.0, &sealed);
        assert_eq!(opened.as_ref(), Some(&vector.plaintext.0));
        assert_eq!(xaes_open(&key, &nonce, b"other", &sealed), None);
    }
}

#[test]
fn a_published_message_is_gcm_under_its_published_derived_key() {
    for vector in published().vectors {
        let derived: [u8; 32] = vector.derived_key.array();
        let nonce: [u8; 12] = array(&vector.nonce.0[12..]);
        let opened = Aes256Gcm::new(&derived.into()).decrypt(
            &nonce.into(),
            Payload { msg: &vector.ciphertext.0[..], aad: &vector.aad.0[..] },
        );
        assert_eq!(opened.ok(), Some(vector.plaintext.0));
    }
}

#[test]
fn the_deterministic_stream_starts_as_published() {
    let start: [u8; 16] = draw(&mut Shake128::default().finalize_xof());
    assert_eq!(hex::encode(start), "7f9c2ba4e88f827d616045507605853e");
}

#[test]
fn ten_thousand_random_messages_accumulate_to_the_published_hash() {
    let [small, _] = &published().accumulated[..] else { panic!("two accumulated tests") };
    assert_eq!(small.iterations, 10_000);
    assert_eq!(accumulate(small.iterations), small.hash.array::<32>());
}

/// Runs when `ZMS_TEST_FULL` is set.
#[test]
fn a_million_random_messages_accumulate_to_the_published_hash() {
    if std::env::var_os("ZMS_TEST_FULL").is_none() {
        return;
    }
    let [_, large] = &published().accumulated[..] else { panic!("two accumulated tests") };
    assert_eq!(large.iterations, 1_000_000);
    assert_eq!(accumulate(large.iterations), large.hash.array::<32>());
}

#[test]
fn an_envelope_built_by_hand_opens() {
    let mut stream = Shake128::default().finalize_xof();
    for _ in 0..200 {
        let Drawn { key, nonce, plaintext, aad } = Drawn::from(&mut stream);
        let key = Key::from_bytes(&key);
        let sealed = by_hand(*b"ZM\x01\x01", &key, &nonce, &aad, &plaintext);
        let opened = open(&key, &aad, &sealed);
        assert!(opened.is_ok_and(|opened| *opened.expose() == plaintext));
    }
}

#[test]
fn sealing_makes_the_envelope_that_one_builds_by_hand() {
    let (key, aad, plaintext) = (counting_key(), b"shop/production", b"DATABASE_URL");
    let mut nonce = [0; 24];
    ChaCha20Rng::from_seed([7; 32]).fill_bytes(&mut nonce);
    let sealed = seal(&key, aad, plaintext, &mut ChaCha20Rng::from_seed([7; 32]));
    assert_eq!(sealed, by_hand(*b"ZM\x01\x01", &key, &nonce, aad, plaintext));
    assert_eq!(sealed.len(), plaintext.len() + OVERHEAD);
}

#[test]
fn each_sealing_draws_another_nonce() {
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let mut nonce = || array::<24>(&seal(&counting_key(), b"", b"", &mut rng)[4..28]);
    assert_ne!(nonce(), nonce());
}

/// The header is authenticated, but an envelope that is sound under another one is refused too:
/// a later version is another format, not this one with a different number.
#[test]
fn no_other_header_opens() {
    let (key, nonce) = (counting_key(), [9; 24]);
    assert!(open(&key, b"aad", &by_hand(HEADER, &key, &nonce, b"aad", b"value")).is_ok());
    for header in [*b"ZM\x01\x00", *b"ZM\x01\x02", *b"ZM\x00\x01", *b"ZM\x02\x01", *b"zm\x01\x01"] {
        let sealed = by_hand(header, &key, &nonce, b"aad", b"value");
        assert!(open(&key, b"aad", &sealed).is_err(), "{header:?}");
        let mut relabelled = by_hand(HEADER, &key, &nonce, b"aad", b"value");
        relabelled[..4].copy_from_slice(&header);
        assert!(open(&key, b"aad", &relabelled).is_err(), "{header:?}");
    }
}

#[test]
fn an_envelope_that_leaves_its_header_unauthenticated_does_not_open() {
    let (key, nonce) = (counting_key(), [9; 24]);
    let sealed = [&HEADER[..], &nonce, &xaes_seal(key.expose(), &nonce, b"aad", b"value")].concat();
    assert!(open(&key, b"aad", &sealed).is_err());
}

#[test]
fn bytes_do_not_move_between_header_and_associated_data() {
    let key = counting_key();
    let sealed = by_hand(HEADER, &key, &[9; 24], b"aad", b"value");
    for aad in [&b"ZM\x01\x01aad"[..], b"aad\0", b"aa", b""] {
        assert!(open(&key, aad, &sealed).is_err(), "{aad:?}");
    }
}

#[test]
fn what_is_shorter_than_an_empty_envelope_does_not_open() {
    let key = counting_key();
    let empty = by_hand(HEADER, &key, &[9; 24], b"", b"");
    assert_eq!(empty.len(), OVERHEAD);
    assert!(open(&key, b"", &empty).is_ok_and(|opened| opened.expose().is_empty()));
    for len in 0..OVERHEAD {
        assert!(open(&key, b"", &empty[..len]).is_err(), "{len} bytes");
    }
}

/// Computed with OpenSSL's AES and AES-GCM: another implementation writes what this one reads.
#[test]
fn envelopes_of_another_implementation_open() {
    let key = counting_key();
    let sealed = unhex(
        "5a4d0101404142434445464748494a4b4c4d4e4f50515253545556573a801292a2b2363c66f371c1cc47e0e9\
         fce3086f8b215e0fbeccb018",
    );
    let opened = open(&key, b"shop/production", &sealed);
    assert!(opened.is_ok_and(|opened| *opened.expose() == b"DATABASE_URL"));

    let boxed = unhex(
        "5a4d0101404142434445464748494a4b4c4d4e4f50515253545556577ec146ca909c160d5ed446fe8415c782\
         5f7aadbb5ee4a53a9a823608010d50576a6a8dca04a94bc85d688a7a976fdf2f16d95c30f3bc6308b2cd5df5\
         dec5bf197a9ecca5f4c6e692fa6872f37cf44a6191c387be6ab32b73446997241f1dfb82b7e70ff8a1bab02b\
         d52820d19ad0a0af561f0bd0286f5c6d87a9d0130f8a277ccfb901e6478863ff6df40ea92f44bdcd",
    );
    let opened = open_box(&key, b"shop/production", &boxed);
    assert!(opened.is_ok_and(|opened| *opened.expose() == b"postgres://localhost/shop"));
}

/// The lengths are worked out from the formula on paper: L = 4 + len, E = floor(log2 L),
/// S = floor(log2 E) + 1, rounded up to a multiple of 2^(E - S), and 128 at least.
#[test]
fn a_box_has_the_length_of_the_formula() {
    for (len, padded) in [
        (0, 128),
        (124, 128),
        (125, 144),
        (140, 144),
        (141, 160),
        (252, 256),
        (253, 272),
        (1020, 1024),
        (1021, 1088),
        (65_532, 65_536),
        (65_533, 67_584),
        (1_048_572, 1_048_576),
        (1_048_573, 1_081_344),
    ] {
        assert_eq!(padded_len(len), padded, "{len}");
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        let boxed = seal_box(&counting_key(), b"", &vec![1; len], &mut rng);
        assert_eq!(boxed.len(), padded + OVERHEAD, "{len}");
    }
}
