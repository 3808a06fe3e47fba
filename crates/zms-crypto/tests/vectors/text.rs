//! Bech32m: BIP-350 through the reader that we use, and our own text forms.

use bech32::{
    Bech32, Bech32m, Checksum, Fe32, Hrp,
    primitives::{
        decode::CheckedHrpstring,
        iter::{ByteIterExt, Fe32IterExt},
    },
};
use serde::Deserialize;
use zms_crypto::text::{SeedKind, encode_seed, parse_seed};

use crate::{counting_key, external};

#[derive(Deserialize)]
struct Published {
    valid: Vec<String>,
    invalid: Vec<Invalid>,
}

#[derive(Deserialize)]
struct Invalid {
    text: String,
    reason: String,
}

/// The counting key in each form, computed with the reference code's algorithm in another
/// language.
const KNOWN: [(SeedKind, &str); 4] = [
    (SeedKind::Service, "zms_st_1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0sgw73ae"),
    (SeedKind::Agent, "zms_mcp_1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0saqap52"),
    (SeedKind::Administrator, "zms_at_1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0s6ntre8"),
    (
        SeedKind::Master,
        "ZMS-MASTER-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SV7L2EX",
    ),
];

/// The 52 data characters of the counting key.
fn data() -> Vec<Fe32> {
    counting_key().expose().iter().copied().bytes_to_fes().collect()
}

/// Any data under any prefix with a sound checksum, in the case that the prefix has.
fn checked_text<Ck: Checksum>(prefix: &str, data: &[Fe32]) -> String {
    let hrp = Hrp::parse(prefix).expect("a valid human-readable part");
    let text: String = data.iter().copied().with_checksum::<Ck>(&hrp).chars().collect();
    if prefix.bytes().any(|byte| byte.is_ascii_uppercase()) { text.to_uppercase() } else { text }
}

fn hrp(kind: SeedKind) -> &'static str {
    let prefix = kind.prefix();
    &prefix[..prefix.len() - 1]
}

/// Whether the text is bech32m; of what it holds nothing is asked.
fn is_bech32m(text: &str) -> bool {
    CheckedHrpstring::new::<Bech32m>(text).is_ok()
}

#[test]
fn bip_350() {
    let published: Published = external!("bech32m-bip350.json");
    assert_eq!((published.valid.len(), published.invalid.len()), (7, 14));
    for text in &published.valid {
        assert!(is_bech32m(text), "{text}");
        assert!(CheckedHrpstring::new::<Bech32>(text).is_err(), "{text}");
        assert!(parse_seed(text).is_err(), "{text}");
    }
    for Invalid { text, reason } in &published.invalid {
        assert!(!is_bech32m(text), "{text:?}: {reason}");
        assert!(parse_seed(text).is_err(), "{text:?}: {reason}");
    }
}

#[test]
fn the_texts_of_another_implementation_are_read_and_written() {
    for (kind, known) in KNOWN {
        assert!(encode_seed(kind, &counting_key()).expose() == known, "{kind:?}");
        let (read, seed) = parse_seed(known).expect("a known text");
        assert!(read == kind && seed.expose() == counting_key().expose(), "{kind:?}");
        assert_eq!(checked_text::<Bech32m>(hrp(kind), &data()), known);
    }
}

/// Four bits are left over behind 32 bytes. Were they free, each seed had sixteen texts.
#[test]
fn padding_bits_that_are_not_zero_are_refused() {
    for (kind, known) in KNOWN {
        let mut data = data();
        let last = data.pop().expect("52 characters").to_u8();
        for padding in 0..16 {
            let mut padded = data.clone();
            padded.push(Fe32::try_from(last | padding).expect("five bits"));
            let text = checked_text::<Bech32m>(hrp(kind), &padded);
            assert!(is_bech32m(&text));
            assert_eq!(parse_seed(&text).is_ok(), padding == 0, "{kind:?} {padding}");
            assert_eq!(text == known, padding == 0);
        }
    }
}

#[test]
fn another_length_is_refused() {
    for (kind, _) in KNOWN {
        for len in (0..80).filter(|len| *len != 52) {
            let longer: Vec<_> = data().into_iter().chain([Fe32::Q; 28]).take(len).collect();
            let text = checked_text::<Bech32m>(hrp(kind), &longer);
            assert!(is_bech32m(&text));
            assert!(parse_seed(&text).is_err(), "{kind:?} {len}");
        }
    }
}

#[test]
fn the_data_of_one_kind_is_refused_under_the_prefix_of_another() {
    for (kind, known) in KNOWN {
        for (other, _) in KNOWN.iter().filter(|(other, _)| *other != kind) {
            let mut data = known[kind.prefix().len()..].to_lowercase();
            if *other == SeedKind::Master {
                data = data.to_uppercase();
            }
            assert!(
                parse_seed(&format!("{}{data}", other.prefix())).is_err(),
                "{kind:?} {other:?}"
            );
        }
    }
}

#[test]
fn a_prefix_that_is_none_of_ours_is_refused() {
    for prefix in [
        "zms_xt_",
        "zms_st",
        "zms_st_1",
        "zms-st-",
        "zms_",
        "azms_st_",
        "bc",
        "ZMS-MASTER-KEY",
        "AGE-SECRET-KEY-",
    ] {
        let text = checked_text::<Bech32m>(prefix, &data());
        assert!(is_bech32m(&text));
        assert!(parse_seed(&text).is_err(), "{prefix}");
    }
}

/// BIP-350 lets a text be wholly in the other case; here each kind has one, so that one search
/// finds every text that leaked.
#[test]
fn the_other_case_and_mixed_case_are_refused() {
    for (kind, known) in KNOWN {
        let swap = |from: usize, to: usize| -> String {
            known
                .bytes()
                .enumerate()
                .map(|(at, byte)| if (from..to).contains(&at) { byte ^ 0x20 } else { byte })
                .zip(known.bytes())
                .map(|(swapped, byte)| if byte.is_ascii_alphabetic() { swapped } else { byte })
                .map(char::from)
                .collect()
        };
        let other = swap(0, known.len());
        assert!(is_bech32m(&other) && parse_seed(&other).is_err(), "{kind:?}");
        let boundary = kind.prefix().len();
        for (from, to) in
            [(0, boundary), (boundary, known.len()), (0, 1), (known.len() - 3, known.len())]
        {
            let mixed = swap(from, to);
            assert!(mixed != known && !is_bech32m(&mixed));
            assert!(parse_seed(&mixed).is_err(), "{kind:?} {from}..{to}");
        }
    }
}

#[test]
fn the_checksum_of_bech32_is_refused() {
    for (kind, _) in KNOWN {
        let text = checked_text::<Bech32>(hrp(kind), &data());
        assert!(CheckedHrpstring::new::<Bech32>(&text).is_ok());
        assert!(parse_seed(&text).is_err(), "{kind:?}");
    }
}

#[test]
fn text_beyond_ascii_is_refused() {
    for (kind, known) in KNOWN {
        let last = known.len() - 2;
        for strange in ["\u{e9}", "\u{ff51}", "\u{0}\u{301}"] {
            for at in [0, kind.prefix().len(), last] {
                let mut text = known.to_owned();
                text.replace_range(at..at + 1, strange);
                assert!(parse_seed(&text).is_err(), "{kind:?} {strange:?} at {at}");
                text.truncate(text.floor_char_boundary(known.len()));
                assert!(parse_seed(&text).is_err(), "{kind:?} {strange:?} at {at}");
            }
        }
    }
}
