//! A share as words: fields, value and checksum in steps of ten bits. spec/shares.md#words

use zeroize::Zeroizing;

use super::{
    IterationExponent, LONGEST, Parameters, SHORTEST, Share,
    checksum::{self, CHECKSUM_WORDS},
    wiped, words,
};
use crate::secret::{SecretBytes, SecretText};

/// Words of the fields in front of the value.
const FIELD_WORDS: usize = 4;

/// The words are no share. No variant tells any of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// A word is not in the list.
    #[error("word {position} is not in the list of words")]
    UnknownWord {
        /// Which one, from 1.
        position: usize,
    },
    /// No share has so many words.
    #[error("a share of a key has 33 words, not {count}")]
    WordCount {
        /// How many there are.
        count: usize,
    },
    /// Words are wrong, or not in their order.
    #[error("a word is wrong or not in its place; the checksum can not tell which")]
    Checksum,
    /// Bits that must be zero are not: another program wrote the share wrongly.
    #[error("the share is not written as SLIP-0039 says: its padding is not zero")]
    Padding,
    /// More groups are needed than there are, or its own group is not among them.
    #[error("the share contradicts itself: its groups do not exist")]
    Groups,
}

impl Share {
    /// Reads a share: whole words in any case, with any white space between them.
    ///
    /// # Errors
    /// [`ShareError`] by the first of these checks that fails: each word, how many there are, the
    /// checksum, the padding, the groups.
    pub fn parse(text: &str) -> Result<Self, ShareError> {
        let numbers = numbers(text)?;
        let secret_len = secret_len(numbers.len())?;
        let extendable = numbers[1] & 0x10 != 0;
        if !checksum::is_sound(extendable, &numbers) {
            return Err(ShareError::Checksum);
        }
        let (fields, rest) = numbers.split_at(FIELD_WORDS);
        let value = read_value(&rest[..rest.len() - CHECKSUM_WORDS], secret_len)?;
        let place = u32::from(fields[2]) << 10 | u32::from(fields[3]);
        let nibble = |shift: u32| (place >> shift & 0xf) as u8;
        let share = Self {
            parameters: Parameters {
                identifier: fields[0] << 5 | fields[1] >> 5,
                extendable,
                iteration_exponent: IterationExponent::new((fields[1] & 0xf) as u8)
                    .expect("four bits"),
                group_threshold: nibble(12) + 1,
                group_count: nibble(8) + 1,
                secret_len,
            },
            group_index: nibble(16),
            member_index: nibble(4),
            member_threshold: nibble(0) + 1,
            value,
        };
        let Parameters { group_threshold, group_count, .. } = share.parameters;
        if group_threshold > group_count || share.group_index >= group_count {
            return Err(ShareError::Groups);
        }
        Ok(share)
    }

    /// Writes the share as words with a space between them.
    pub fn to_words(&self) -> SecretText {
        let Parameters { identifier, extendable, .. } = self.parameters;
        let exponent = u16::from(self.parameters.iteration_exponent.exponent());
        let place = u32::from(self.group_index) << 16
            | u32::from(self.parameters.group_threshold - 1) << 12
            | u32::from(self.parameters.group_count - 1) << 8
            | u32::from(self.member_index) << 4
            | u32::from(self.member_threshold - 1);
        let value_words = value_words(self.parameters.secret_len);
        let len = FIELD_WORDS + value_words + CHECKSUM_WORDS;
        let mut numbers = Zeroizing::new(Vec::with_capacity(len));
        numbers.push(identifier >> 5);
        numbers.push((identifier & 0x1f) << 5 | u16::from(extendable) << 4 | exponent);
        numbers.push((place >> 10) as u16);
        numbers.push((place & 0x3ff) as u16);
        // EXPOSE: the words are the share; they are shown once, to who keeps it.
        write_value(self.value.expose(), &mut numbers);
        numbers.extend([0; CHECKSUM_WORDS]);
        checksum::fill(extendable, &mut numbers);
        let mut text = SecretText::new(String::with_capacity(len * (words::LONGEST + 1)));
        for (at, &number) in numbers.iter().enumerate() {
            if at > 0 {
                text.expose_mut().push(' ');
            }
            words::push(number, text.expose_mut());
        }
        text
    }
}

/// The number of each word.
fn numbers(text: &str) -> Result<Zeroizing<Vec<u16>>, ShareError> {
    let count = text.split_whitespace().count();
    let mut numbers = Zeroizing::new(Vec::with_capacity(count));
    for (position, word) in (1..).zip(text.split_whitespace()) {
        numbers.push(words::number(word).ok_or(ShareError::UnknownWord { position })?);
    }
    Ok(numbers)
}

/// Words that hold the value of a secret.
const fn value_words(secret_len: usize) -> usize {
    (secret_len * 8).div_ceil(10)
}

/// The length of the one secret whose share has so many words.
fn secret_len(count: usize) -> Result<usize, ShareError> {
    (SHORTEST..=LONGEST)
        .step_by(2)
        .find(|len| FIELD_WORDS + value_words(*len) + CHECKSUM_WORDS == count)
        .ok_or(ShareError::WordCount { count })
}

/// Zero bits in front of the value make it whole words.
const fn padding_bits(secret_len: usize) -> usize {
    value_words(secret_len) * 10 - secret_len * 8
}

fn read_value(numbers: &[u16], secret_len: usize) -> Result<SecretBytes, ShareError> {
    let padding = padding_bits(secret_len);
    if numbers[0] >> (10 - padding) != 0 {
        return Err(ShareError::Padding);
    }
    let mut value = wiped(secret_len);
    // EXPOSE: the value is filled in place.
    let mut bytes = value.expose_mut().iter_mut();
    let (mut held, mut bits) = (Zeroizing::new(0_u32), 0);
    for (at, &number) in numbers.iter().enumerate() {
        *held = *held << 10 | u32::from(number);
        bits += if at == 0 { 10 - padding } else { 10 };
        while bits >= 8 {
            bits -= 8;
            *bytes.next().expect("as many bytes as the words hold") = (*held >> bits) as u8;
        }
    }
    Ok(value)
}

fn write_value(value: &[u8], numbers: &mut Vec<u16>) {
    let (mut held, mut bits) = (Zeroizing::new(0_u32), padding_bits(value.len()));
    for &byte in value {
        *held = *held << 8 | u32::from(byte);
        bits += 8;
        if bits >= 10 {
            bits -= 10;
            numbers.push((*held >> bits & 0x3ff) as u16);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::{
        ChaCha20Rng,
        rand_core::{Rng, SeedableRng},
    };

    use super::*;
    use crate::share::{Combiner, Passphrase};

    /// Whoever writes a share can give it a sound checksum over whatever he likes.
    #[test]
    fn any_numbers_under_a_sound_checksum_are_a_share_or_refused_and_nothing_panics() {
        let mut rng = ChaCha20Rng::seed_from_u64(11);
        let (mut read, mut refused) = (0, 0);
        for _ in 0..10 {
            let mut combiner = Combiner::default();
            for count in 3..40 {
                let mut numbers: Vec<_> =
                    (0..count).map(|_| (rng.next_u32() & 0x3ff) as u16).collect();
                numbers[..2].copy_from_slice(&[7, 0]);
                if let Some(first) = numbers.get_mut(FIELD_WORDS) {
                    *first &= 3;
                }
                checksum::fill(false, &mut numbers);
                let mut text = String::new();
                for number in numbers {
                    words::push(number, &mut text);
                    text.push(' ');
                }
                match Share::parse(&text) {
                    Ok(share) => {
                        assert!(share.to_words().expose() == text.trim_end());
                        let Parameters { group_threshold, group_count, .. } = share.parameters;
                        assert!(share.group_index < group_count && group_threshold <= group_count);
                        let _whatever = combiner.add(share);
                        let _whatever = combiner.finish(Passphrase::EMPTY);
                        read += 1;
                    }
                    Err(error) => {
                        let expected = if secret_len(count).is_ok() {
                            ShareError::Groups
                        } else {
                            ShareError::WordCount { count }
                        };
                        assert_eq!(error, expected);
                        refused += 1;
                    }
                }
            }
        }
        assert!(read > 10 && refused > 10, "{read} {refused}");
    }

    #[test]
    fn every_length_of_a_secret_has_its_number_of_words() {
        let counts: Vec<_> = (0..100).filter(|count| secret_len(*count).is_ok()).collect();
        assert_eq!(counts, [20, 22, 23, 25, 27, 28, 30, 31, 33]);
        for len in (SHORTEST..=LONGEST).step_by(2) {
            assert!(padding_bits(len) <= 8);
            let value: Vec<u8> = (1..).map(|byte: u8| byte.wrapping_mul(0x9d)).take(len).collect();
            let mut numbers = Vec::new();
            write_value(&value, &mut numbers);
            assert_eq!(numbers.len(), value_words(len));
            let read = read_value(&numbers, len);
            assert!(read.is_ok_and(|read| *read.expose() == value), "{len}");
        }
    }

    #[test]
    fn each_padding_bit_must_be_zero() {
        for len in (SHORTEST..=LONGEST).step_by(2) {
            for bit in 0..10 {
                let mut numbers = Vec::new();
                write_value(&vec![0; len], &mut numbers);
                numbers[0] |= 1 << bit;
                let read = read_value(&numbers, len);
                assert_eq!(read.err().is_some(), bit >= 10 - padding_bits(len), "{len} {bit}");
            }
        }
    }
}
