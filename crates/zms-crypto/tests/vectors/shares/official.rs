//! All vectors that SLIP-0039 names.

use serde::{Deserialize, de::IgnoredAny};
use zms_crypto::share::Share;

use super::combine;
use crate::external;

#[derive(Deserialize)]
struct Published {
    vectors: Vec<Vector>,
}

/// What it is, mnemonics, master secret in hex, BIP-32 key (not ours to compute).
#[derive(Deserialize)]
struct Vector(String, Vec<String>, String, IgnoredAny);

/// Parsing is part of the outcome: some of the vectors are no shares.
fn outcome(mnemonics: &[String]) -> Result<Vec<u8>, String> {
    let shares: Result<Vec<_>, _> = mnemonics.iter().map(|words| Share::parse(words)).collect();
    combine(&shares.map_err(|error| error.to_string())?, "TREZOR")
}

#[test]
fn every_official_vector_gives_its_secret_or_an_error() {
    let published: Published = external!("slip39.json");
    let (mut accepted, mut refused) = (0, 0);
    for Vector(what, mnemonics, secret, _) in &published.vectors {
        match outcome(mnemonics) {
            Ok(found) => {
                assert_eq!(hex::encode(found), *secret, "{what}");
                accepted += 1;
            }
            Err(error) => {
                assert!(secret.is_empty(), "{what}: {error}");
                refused += 1;
            }
        }
    }
    assert_eq!((accepted, refused), (15, 30));
}

/// By their numbers in the vectors' names.
#[test]
fn what_is_wrong_with_a_refused_vector_is_named() {
    let published: Published = external!("slip39.json");
    for (number, expected) in [
        (2, "a word is wrong or not in its place; the checksum can not tell which"),
        (3, "the share is not written as SLIP-0039 says: its padding is not zero"),
        (5, "more shares are needed"),
        (6, "the share is of another set"),
        (7, "the share is of another set"),
        (8, "the share is of another set"),
        (9, "the share is of another set"),
        (10, "the share contradicts itself: its groups do not exist"),
        (11, "share 3 of group 1 was given already, with other words"),
        (12, "the share is of another set"),
        (13, "the shares of group 1 do not fit together: at least one is of another set"),
        (14, "more shares are needed"),
        (16, "more shares are needed"),
        (39, "a share of a key has 33 words, not 19"),
        (40, "a share of a key has 33 words, not 21"),
    ] {
        let Vector(what, mnemonics, ..) = &published.vectors[number - 1];
        assert!(what.starts_with(&format!("{number}. ")));
        assert_eq!(outcome(mnemonics).err().as_deref(), Some(expected), "{what}");
    }
}

#[test]
fn every_published_share_is_written_as_it_was_read() {
    let published: Published = external!("slip39.json");
    let mnemonics = published.vectors.iter().flat_map(|Vector(_, mnemonics, ..)| mnemonics);
    let mut written = 0;
    for words in mnemonics {
        if let Ok(share) = Share::parse(words) {
            assert!(share.to_words().expose() == words);
            written += 1;
        }
    }
    assert!(written > 50, "{written}");
}
