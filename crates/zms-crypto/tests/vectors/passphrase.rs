//! Argon2id: RFC 9106, and the key that a passphrase yields.

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use serde::Deserialize;
use zms_crypto::passphrase::{Cost, derive_from_passphrase};

use crate::{Hex, array, external, unhex};

#[derive(Deserialize)]
struct Published {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    password: Hex,
    salt: Hex,
    secret: Hex,
    associated_data: Hex,
    tag: Hex,
}

/// The cheapest that OWASP recommends, for tests only.
const CHEAP: Cost = Cost { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

/// 00 01 .. 0f.
fn salt() -> [u8; 16] {
    array(&unhex("000102030405060708090a0b0c0d0e0f"))
}

fn derived(passphrase: &str) -> [u8; 32] {
    let key = derive_from_passphrase(passphrase, &salt(), CHEAP).expect("the cost is in range");
    *key.expose()
}

#[test]
fn rfc_9106() {
    let published: Published = external!("argon2id-rfc9106.json");
    assert_eq!(published.vectors.len(), 1);
    for vector in &published.vectors {
        let data = AssociatedData::new(&vector.associated_data.0).expect("short data");
        let params = ParamsBuilder::new()
            .m_cost(vector.memory_kib)
            .t_cost(vector.passes)
            .p_cost(vector.lanes)
            .data(data)
            .build()
            .expect("valid parameters");
        let argon2 =
            Argon2::new_with_secret(&vector.secret.0, Algorithm::Argon2id, Version::V0x13, params);
        let mut tag = [0; 32];
        argon2
            .expect("a short secret")
            .hash_password_into(&vector.password.0, &vector.salt.0, &mut tag)
            .expect("valid lengths");
        assert_eq!(tag, vector.tag.array::<32>());
    }
}

/// Computed with OpenSSL's Argon2id and HKDF.
#[test]
fn another_implementation_yields_the_same_keys() {
    for (passphrase, known) in [
        (
            "correct horse battery staple",
            "3c0f92faeaa649cb4d0ca51c5fb606765f983b516093f0588ee839bcbd3c7563",
        ),
        ("caf\u{e9}", "d92dc0f2287dc011911fa64b63eb764e625dc3c0e84465051e907930b00e0151"),
    ] {
        assert!(derived(passphrase)[..] == unhex(known), "{passphrase}");
    }
}

#[test]
fn a_composed_and_a_decomposed_accent_are_the_same_passphrase() {
    let known = unhex("d92dc0f2287dc011911fa64b63eb764e625dc3c0e84465051e907930b00e0151");
    assert!(derived("cafe\u{301}")[..] == known);
}

/// NFC joins what is the same text, not what only looks alike; nothing is trimmed or folded.
#[test]
fn nothing_but_composition_is_normalized() {
    let plain = derived("file");
    for other in ["\u{fb01}le", "File", "file ", " file", "\u{ff46}ile", "file\0", ""] {
        assert!(derived(other) != plain, "{other:?}");
    }
}

#[test]
fn salt_and_each_parameter_change_the_key() {
    let with = |salt, cost| {
        let key = derive_from_passphrase("passphrase", &salt, cost).expect("the cost is in range");
        *key.expose()
    };
    let plain = with(salt(), CHEAP);
    assert!(with([0; 16], CHEAP) != plain);
    assert!(with(salt(), Cost { memory_kib: CHEAP.memory_kib + 1024, ..CHEAP }) != plain);
    assert!(with(salt(), Cost { passes: CHEAP.passes + 1, ..CHEAP }) != plain);
    assert!(with(salt(), Cost { lanes: CHEAP.lanes + 1, ..CHEAP }) != plain);
}

#[test]
fn a_cost_out_of_range_yields_no_key() {
    for cost in [
        Cost { memory_kib: 19 * 1024 - 1, ..CHEAP },
        Cost { memory_kib: 2048 * 1024 + 1, ..CHEAP },
        Cost { passes: 0, ..CHEAP },
        Cost { passes: 17, ..CHEAP },
        Cost { lanes: 0, ..CHEAP },
        Cost { lanes: 17, ..CHEAP },
        Cost { memory_kib: u32::MAX, passes: u32::MAX, lanes: u32::MAX },
    ] {
        assert!(derive_from_passphrase("passphrase", &salt(), cost).is_err(), "{cost:?}");
    }
}
