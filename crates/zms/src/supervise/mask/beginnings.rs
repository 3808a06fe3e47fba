//! Where in a text one of many words may begin: most of the text is passed over two bytes at a time.

use zeroize::Zeroizing;

use super::words::SHORTEST;

/// So many bytes are looked up at once.
const GRAM: usize = 4;
/// So many bits there are for each that is known, so that few others meet one of them.
const BITS_EACH: usize = 128;
/// Fewest and most bits, as a power of two.
const BITS: [u32; 2] = [12, 22];

/// The first bytes of all words.
pub(super) struct Beginnings {
    /// One bit for each hash of the four bytes at the start of a word, and of those one further on:
    /// so every word is met though only every other place is looked at.
    grams: Zeroizing<Vec<u64>>,
    shift: u32,
    /// The first five bytes of each word as a number: ascending, each once.
    firsts: Zeroizing<Vec<u64>>,
}

impl Beginnings {
    /// Of words, none of which is shorter than [`SHORTEST`].
    pub(super) fn of<'w>(words: impl Iterator<Item = &'w [u8]>) -> Self {
        let mut firsts: Zeroizing<Vec<u64>> = Zeroizing::new(words.filter_map(first).collect());
        firsts.sort_unstable();
        firsts.dedup();
        let bits = (firsts.len() * 2 * BITS_EACH).max(1).ilog2() + 1;
        let bits = bits.clamp(BITS[0], BITS[1]);
        let grams = Zeroizing::new(vec![0; 1 << (bits - 6)]);
        let mut beginnings = Self { grams, shift: 32 - bits, firsts };
        for at in 0..beginnings.firsts.len() {
            let bytes = beginnings.firsts[at].to_be_bytes();
            for from in [8 - SHORTEST, 8 - GRAM] {
                let (place, bit) = beginnings.place(&bytes[from..]);
                beginnings.grams[place] |= 1 << bit;
            }
        }
        beginnings
    }

    /// The first place from one on where a word may begin, five bytes of which are there already.
    pub(super) fn next(&self, text: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        // Four looks for each decision.
        while let Some(bytes) = text.get(at..at + 6 + GRAM) {
            let seen = [0, 2, 4, 6].map(|to| self.knows(&bytes[to..]));
            if seen[0] | seen[1] | seen[2] | seen[3] != 0 {
                let hits = [0, 2, 4, 6].into_iter().zip(seen).filter(|(_, seen)| *seen != 0);
                let mut places = hits.flat_map(|(to, _)| self.around(text, from, at + to));
                if let Some(place) = places.next() {
                    return Some(place);
                }
            }
            at += 8;
        }
        let rest = (at..text.len()).step_by(2);
        rest.flat_map(|at| self.around(text, from, at)).next()
    }

    /// Where a word begins at a place or one before.
    fn around(&self, text: &[u8], from: usize, at: usize) -> impl Iterator<Item = usize> {
        let places = [at.checked_sub(1).filter(|place| *place >= from), Some(at)];
        let begins = |place: &usize| {
            let first = text.get(*place..).and_then(first);
            first.is_some_and(|first| self.firsts.binary_search(&first).is_ok())
        };
        places.map(|place| place.filter(begins)).into_iter().flatten()
    }

    /// How many of the last bytes, less than five, a word begins with.
    pub(super) fn last(&self, text: &[u8]) -> usize {
        let begun = |length: &usize| {
            let mut bytes = [0; SHORTEST];
            bytes[..*length].copy_from_slice(&text[text.len() - length..]);
            let lowest = number(bytes);
            let next = self.firsts.partition_point(|first| *first < lowest);
            let rest = 8 * (SHORTEST - length);
            self.firsts.get(next).is_some_and(|first| first >> rest == lowest >> rest)
        };
        (1..SHORTEST.min(text.len() + 1)).rev().find(begun).unwrap_or(0)
    }

    #[inline]
    fn knows(&self, bytes: &[u8]) -> u64 {
        let (place, bit) = self.place(bytes);
        self.grams[place] >> bit & 1
    }

    #[inline]
    fn place(&self, bytes: &[u8]) -> (usize, u32) {
        let gram = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let hash = gram.wrapping_mul(0x9e37_79b1) >> self.shift;
        ((hash >> 6) as usize, hash & 63)
    }
}

fn first(word: &[u8]) -> Option<u64> {
    word.first_chunk().copied().map(number)
}

fn number(bytes: [u8; SHORTEST]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_beginning_is_met_wherever_it_stands() {
        let words = [&b"first"[..], b"second", b"fi\0\xff\x7f"];
        let beginnings = Beginnings::of(words.into_iter());
        for word in words {
            for before in 0..30 {
                for after in 0..20 {
                    let text = [&b"fisec"[..].repeat(6)[..before], word, &vec![b'x'; after]];
                    for from in 0..=before {
                        assert_eq!(beginnings.next(&text.concat(), from), Some(before));
                    }
                    assert_eq!(beginnings.next(&text.concat(), before + 1), None);
                }
            }
        }
    }

    #[test]
    fn a_beginning_that_is_not_all_there_is_told_by_its_length() {
        let beginnings = Beginnings::of([&b"first"[..], b"second", b"stfi\0"].into_iter());
        for (text, length) in [
            ("", 0),
            ("f", 1),
            ("xf", 1),
            ("fir", 3),
            ("xfirs", 4),
            ("first", 2),
            ("st", 2),
            ("s", 1),
            ("secon", 0),
            ("fis", 1),
            ("x", 0),
        ] {
            assert_eq!(beginnings.last(text.as_bytes()), length, "{text}");
        }
        assert_eq!(Beginnings::of(std::iter::empty()).last(b"\0\0"), 0);
        assert_eq!(Beginnings::of(std::iter::empty()).next(&[0; 100], 0), None);
    }
}
