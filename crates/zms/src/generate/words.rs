//! The large wordlist of the Electronic Frontier Foundation (CC BY 3.0 US), without its four words
//! that hold a dash: <https://www.eff.org/dice>.
//!
//! It is packed into one text when zms is built. A table of 7,776 texts would have to be relocated
//! whenever zms starts, also where no word is wanted.

use diceware_wordlists::EFF_LONG_WORDLIST as LIST;

/// How many words there are.
pub(super) const COUNT: usize = measure().0;
/// Bytes of the longest word.
pub(super) const LONGEST: usize = 9;

/// Every word, each with a line break behind it.
static PACKED: [u8; measure().1] = pack();

/// The word of a number below [`COUNT`].
pub(super) fn word(number: usize) -> &'static [u8] {
    PACKED.split(|byte| *byte == b'\n').nth(number).expect("the number is below the count")
}

const fn dashed(word: &[u8]) -> bool {
    let mut at = 0;
    while at < word.len() {
        if word[at] == b'-' {
            return true;
        }
        at += 1;
    }
    false
}

/// How many words are without a dash, and how many bytes they take with their line breaks.
const fn measure() -> (usize, usize) {
    let (mut count, mut bytes, mut at) = (0, 0, 0);
    while at < LIST.len() {
        if !dashed(LIST[at].as_bytes()) {
            count += 1;
            bytes += LIST[at].len() + 1;
        }
        at += 1;
    }
    (count, bytes)
}

const fn pack<const BYTES: usize>() -> [u8; BYTES] {
    let mut packed = [b'\n'; BYTES];
    let (mut end, mut at) = (0, 0);
    while at < LIST.len() {
        let word = LIST[at].as_bytes();
        if !dashed(word) {
            let (_, rest) = packed.split_at_mut(end);
            let (place, _) = rest.split_at_mut(word.len());
            place.copy_from_slice(word);
            end += word.len() + 1;
        }
        at += 1;
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole() {
        let kept: Vec<&str> = LIST.iter().copied().filter(|word| !word.contains('-')).collect();
        assert_eq!((LIST.len(), kept.len(), COUNT), (7776, 7772, 7772));
        for (number, kept) in kept.iter().enumerate() {
            assert_eq!(word(number), kept.as_bytes());
        }
        assert_eq!(kept.iter().map(|word| word.len()).max(), Some(LONGEST));
    }
}
