//! RS1024: three words of a Reed-Solomon code over GF(1024). spec/shares.md#words

use std::hint::black_box;

/// Words of the checksum.
pub(super) const CHECKSUM_WORDS: usize = 3;

/// x^3, x^4, .. x^12 modulo the code's generator, as SLIP-0039 lists them.
const GENERATOR: [u32; 10] = [
    0x00e0_e040,
    0x01c1_c080,
    0x0383_8100,
    0x0707_0200,
    0x0e0e_0009,
    0x1c0c_2412,
    0x3808_6c24,
    0x3090_fc48,
    0x21b1_f890,
    0x03f3_f120,
];

/// Whether the words end in their checksum.
pub(super) fn is_sound(extendable: bool, words: &[u16]) -> bool {
    remainder(extendable, words) == 1
}

/// Writes the checksum of all that stands in front of them into the last three words.
pub(super) fn fill(extendable: bool, words: &mut [u16]) {
    let (data, checksum) = words.split_at_mut(words.len() - CHECKSUM_WORDS);
    checksum.fill(0);
    let zeros: &[u16] = checksum;
    let rest = remainder_of(extendable, data.iter().chain(zeros)) ^ 1;
    for (word, shift) in checksum.iter_mut().zip([20, 10, 0]) {
        *word = u16::try_from(rest >> shift & 0x3ff).expect("ten bits");
    }
}

fn remainder(extendable: bool, words: &[u16]) -> u32 {
    remainder_of(extendable, words.iter())
}

/// Takes the same steps whatever the words are: they are a share.
fn remainder_of<'a>(extendable: bool, words: impl Iterator<Item = &'a u16>) -> u32 {
    let customization: &[u8] = if extendable { b"shamir_extendable" } else { b"shamir" };
    let front = customization.iter().map(|&byte| u32::from(byte));
    front.chain(words.map(|&word| u32::from(word))).fold(1, |rest, word| {
        let top = rest >> 20;
        GENERATOR.iter().enumerate().fold((rest & 0xf_ffff) << 10 ^ word, |rest, (bit, row)| {
            rest ^ (row & black_box((top >> bit & 1).wrapping_neg()))
        })
    })
}

#[cfg(test)]
mod tests {
    use rand_chacha::{
        ChaCha20Rng,
        rand_core::{Rng, SeedableRng},
    };

    use super::*;

    /// Of a whole share every word, into every other; so also those that change what the checksum
    /// is customized with.
    #[test]
    fn every_change_of_one_word_is_detected() {
        let mut rng = ChaCha20Rng::seed_from_u64(6);
        for extendable in [false, true] {
            let mut words: Vec<u16> = (0..33).map(|_| (rng.next_u32() & 0x3ff) as u16).collect();
            words[1] = words[1] & !0x10 | u16::from(extendable) << 4;
            fill(extendable, &mut words);
            assert!(is_sound(extendable, &words) && !is_sound(!extendable, &words));
            for at in 0..words.len() {
                let right = words[at];
                for wrong in (0..1024).filter(|wrong| *wrong != right) {
                    words[at] = wrong;
                    assert!(!is_sound(words[1] & 0x10 != 0, &words), "word {at}");
                }
                words[at] = right;
            }
            for at in 1..words.len() {
                if words[at] != words[at - 1] && at != 1 && at != 2 {
                    words.swap(at, at - 1);
                    assert!(!is_sound(extendable, &words), "words {at} and before it swapped");
                    words.swap(at, at - 1);
                }
            }
            assert!(is_sound(extendable, &words));
        }
    }
}
