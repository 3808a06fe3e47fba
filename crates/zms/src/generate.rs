//! Makes values nobody has to think of, every one as likely as every other.

mod words;

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;
use zms_crypto::{CryptoRng, SecretBytes};

/// Marks a password may hold: those that need no quoting in URLs (RFC 3986, unreserved), in
/// dotenv files and, behind a first letter, in shells.
const MARKS: &[u8] = b"-._~";
const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &[u8] = b"0123456789";

/// Passwords of this length or more hold a character of every class.
const ALL_CLASSES: usize = 12;

/// What is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// So many random bytes, as lower-case hexadecimal digits.
    Hex(usize),
    /// So many random bytes, in base64 with padding.
    Base64(usize),
    /// A random UUID (RFC 9562, version 4).
    Uuid,
    /// So many letters, digits and marks.
    Password(usize),
    /// So many words, joined by dashes.
    Words(usize),
}

impl Recipe {
    /// Reads `hex:32`, or `hex` for its usual size.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, size) = text.split_once(':').map_or((text, None), |(k, s)| (k, Some(s)));
        let sized = |usual: usize, least: usize, most: usize, what: &str| {
            let Some(size) = size else { return Ok(usual) };
            let digits = size.bytes().all(|byte| byte.is_ascii_digit());
            let size = size.parse().ok().filter(|size| digits && (least..=most).contains(size));
            size.ok_or_else(|| format!("{kind} takes {least} to {most} {what}"))
        };
        match kind {
            "hex" => sized(32, 8, 1024, "bytes").map(Self::Hex),
            "base64" => sized(32, 8, 1024, "bytes").map(Self::Base64),
            "password" => sized(24, 8, 1024, "characters").map(Self::Password),
            "words" => sized(6, 4, 64, "words").map(Self::Words),
            "uuid" if size.is_none() => Ok(Self::Uuid),
            "uuid" => Err("uuid takes no size".to_owned()),
            _ => Err("is none of hex:32, base64:32, uuid, password:24 and words:6".to_owned()),
        }
    }

    /// Makes a value.
    pub fn make(self, rng: &mut dyn CryptoRng) -> SecretBytes {
        SecretBytes::new(match self {
            Self::Hex(size) => hex::encode(&*random(size, rng)).into_bytes(),
            Self::Base64(size) => STANDARD.encode(&*random(size, rng)).into_bytes(),
            Self::Uuid => uuid(rng),
            Self::Password(length) => password(length, rng),
            Self::Words(count) => words(count, rng),
        })
    }
}

fn random(size: usize, rng: &mut dyn CryptoRng) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0; size]);
    rng.fill_bytes(&mut bytes);
    bytes
}

/// A number below `end`, each as likely: what would favour the lower ones is drawn again.
fn below(end: usize, rng: &mut dyn CryptoRng) -> usize {
    let end = u32::try_from(end).expect("alphabets and lists are short");
    let fair = u32::MAX - u32::MAX % end;
    loop {
        let drawn = rng.next_u32();
        if drawn < fair {
            return (drawn % end) as usize;
        }
    }
}

fn uuid(rng: &mut dyn CryptoRng) -> Vec<u8> {
    let mut bytes = random(16, rng);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        write!(text, "{byte:02x}").expect("text can be added to");
    }
    text.into_bytes()
}

/// Draws whole passwords until one fits, so that all that fit are as likely.
fn password(length: usize, rng: &mut dyn CryptoRng) -> Vec<u8> {
    let alphabet = [LOWER, UPPER, DIGITS, MARKS].concat();
    let mut password = vec![0; length];
    loop {
        password.fill_with(|| alphabet[below(alphabet.len(), rng)]);
        if fits(&password) {
            return password;
        }
    }
}

/// A mark in front could be taken for an option, or for a home folder.
fn fits(password: &[u8]) -> bool {
    let holds = |class: &[u8]| password.iter().any(|byte| class.contains(byte));
    let complete = [LOWER, UPPER, DIGITS, MARKS].into_iter().all(holds);
    !MARKS.contains(&password[0]) && (complete || password.len() < ALL_CLASSES)
}

fn words(count: usize, rng: &mut dyn CryptoRng) -> Vec<u8> {
    let mut text = Vec::with_capacity(count * (words::LONGEST + 1));
    for _ in 0..count {
        if !text.is_empty() {
            text.push(b'-');
        }
        text.extend_from_slice(words::word(below(words::COUNT, rng)));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;

    fn made(recipe: &str, rng: &mut ChaCha20Rng) -> String {
        let value = Recipe::parse(recipe).expect("a good recipe").make(rng);
        String::from_utf8(value.expose().clone()).expect("what is made is text")
    }

    #[test]
    fn sizes_are_bounded() {
        for good in ["hex:8", "hex:1024", "base64", "uuid", "password:8", "words:4", "words:64"] {
            assert!(Recipe::parse(good).is_ok(), "{good}");
        }
        assert_eq!(Recipe::parse("words"), Recipe::parse("words:6"));
        for bad in [
            "",
            "hex:",
            "hex:7",
            "hex:1025",
            "hex:+9",
            "hex: 9",
            "HEX",
            "uuid:4",
            "password:7",
            "password:99999999999999999999",
            "words:3",
            "words:65",
            "diceware",
        ] {
            assert!(Recipe::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bytes_come_in_full_length() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for size in [8, 9, 10, 32, 1024] {
            let text = made(&format!("hex:{size}"), &mut rng);
            assert_eq!(hex::decode(&text).expect("hexadecimal").len(), size);
            let text = made(&format!("base64:{size}"), &mut rng);
            assert_eq!(STANDARD.decode(&text).expect("base64").len(), size);
        }
        assert_ne!(made("hex:8", &mut rng), made("hex:8", &mut rng));
    }

    #[test]
    fn a_uuid_says_that_it_is_random() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        for _ in 0..200 {
            let text = made("uuid", &mut rng);
            let lengths: Vec<usize> = text.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{text}");
            assert_eq!(&text[14..15], "4", "{text}");
            assert!("89ab".contains(&text[19..20]), "{text}");
            assert!(text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()), "{text}");
        }
    }

    #[test]
    fn a_password_has_its_length_its_classes_and_a_harmless_start() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        for length in [8, 11, 12, 24, 200] {
            for _ in 0..100 {
                let text = made(&format!("password:{length}"), &mut rng);
                assert_eq!(text.len(), length);
                assert!(text.as_bytes()[0].is_ascii_alphanumeric(), "{text}");
                let classes = [LOWER, UPPER, DIGITS, MARKS];
                let holds = |class: &&[u8]| text.bytes().any(|byte| class.contains(&byte));
                assert!(length < ALL_CLASSES || classes.iter().all(holds), "{text}");
                let known = |byte: u8| classes.iter().any(|class| class.contains(&byte));
                assert!(text.bytes().all(known), "{text}");
            }
        }
    }

    /// Chi-squared of counts that should be equal.
    fn chi_squared(counts: &BTreeMap<u64, u64>, cells: usize) -> f64 {
        let total: u64 = counts.values().sum();
        let expected = total as f64 / cells as f64;
        let seen: f64 = counts.values().map(|n| (*n as f64 - expected).powi(2) / expected).sum();
        seen + (cells - counts.len()) as f64 * expected
    }

    #[test]
    fn every_character_and_word_is_as_likely() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let mut inner = BTreeMap::new();
        for _ in 0..200 {
            // Without the first, which is never a mark.
            for byte in made("password:1000", &mut rng).bytes().skip(1) {
                *inner.entry(u64::from(byte)).or_insert(0) += 1;
            }
        }
        // 65 degrees of freedom: past 112 once in 10,000 times.
        assert!(chi_squared(&inner, 66) < 112.0, "{inner:?}");
        let mut drawn = BTreeMap::new();
        for _ in 0..20 * words::COUNT {
            *drawn.entry(below(words::COUNT, &mut rng) as u64).or_insert(0) += 1;
        }
        // 7771 degrees of freedom, nearly normal with deviation 125: four of them.
        let spread = chi_squared(&drawn, words::COUNT);
        assert!((7271.0..8271.0).contains(&spread), "{spread}");
    }

    #[test]
    fn what_would_favour_lower_numbers_is_drawn_again() {
        /// Counts down from the largest number.
        struct Down(u32);
        impl rand_core::TryRng for Down {
            type Error = std::convert::Infallible;
            fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
                self.0 -= 1;
                Ok(self.0 + 1)
            }
            fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
                self.try_next_u32().map(u64::from)
            }
            fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
                bytes.fill(self.try_next_u32()? as u8);
                Ok(())
            }
        }
        impl rand_core::TryCryptoRng for Down {}
        let mut rng = Down(u32::MAX);
        // 2^32 - 1 = 66 * 65,075,262 + 3: the four numbers from there on are one round's start.
        assert_eq!(below(66, &mut rng), 65);
        assert_eq!(rng.0, u32::MAX - 5);
    }

    #[test]
    fn words_are_those_of_the_list_and_their_number_can_be_told() {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        for count in [4, 6, 64] {
            let text = made(&format!("words:{count}"), &mut rng);
            assert_eq!(text.split('-').count(), count, "{text}");
            for word in text.split('-') {
                assert!(diceware_wordlists::EFF_LONG_WORDLIST.contains(&word), "{word}");
            }
        }
    }
}
