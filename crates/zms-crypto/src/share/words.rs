//! The 1024 words of SLIP-0039, each told by its first four letters.
//!
//! `wordlist.txt` is that of SLIP-0039 as python-shamir-mnemonic publishes it (MIT,
//! `wordlist.LICENSE`).

use std::hint::black_box;

use zeroize::Zeroizing;

const TEXT: &str = include_str!("wordlist.txt");

/// Letters of the longest word.
pub(super) const LONGEST: usize = 8;

/// Each word as a number: its letters are the bytes, the last one lowest.
static PACKED: [u64; 1024] = packed();

const fn packed() -> [u64; 1024] {
    let (text, mut words) = (TEXT.as_bytes(), [0; 1024]);
    let (mut at, mut word) = (0, 0);
    while at < text.len() {
        if text[at] == b'\n' {
            word += 1;
        } else {
            words[word] = words[word] << 8 | text[at] as u64;
        }
        at += 1;
    }
    assert!(word == words.len(), "as many lines as words");
    words
}

/// The number of a word in any case. All words are looked at, so that the time does not tell which
/// it was.
pub(super) fn number(word: &str) -> Option<u16> {
    if word.len() > LONGEST || !word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let mut packed = Zeroizing::new(0_u64);
    for letter in word.bytes() {
        *packed = *packed << 8 | u64::from(letter.to_ascii_lowercase());
    }
    let (mut number, mut found) = (0, 0);
    for (at, &known) in (0_u16..).zip(&PACKED) {
        let same = same(known, *packed);
        number |= at & (same & 0xffff) as u16;
        found |= same;
    }
    (found != 0).then_some(number)
}

/// Appends the word of a number below 1024, again looking at all.
pub(super) fn push(number: u16, text: &mut String) {
    let mut packed = Zeroizing::new(0_u64);
    for (at, &known) in (0..).zip(&PACKED) {
        *packed |= known & same(at, number.into());
    }
    let letters = Zeroizing::new(packed.to_be_bytes());
    text.extend(letters.iter().filter(|&&letter| letter != 0).map(|&letter| char::from(letter)));
}

/// All ones where both are the same, without a branch.
fn same(one: u64, other: u64) -> u64 {
    let differ = one ^ other;
    black_box(((differ | differ.wrapping_neg()) >> 63).wrapping_sub(1))
}

/// The words that start so, in any case, in alphabetical order. Four letters leave at most one.
///
/// For a terminal that completes what is typed. Reading a share takes whole words only, because a
/// slip in four letters is more often another word.
pub fn complete(prefix: &str) -> impl Iterator<Item = &'static str> {
    TEXT.lines().filter(move |word| {
        word.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_has_its_number_and_each_number_its_word() {
        assert_eq!(TEXT.lines().count(), 1024);
        for (at, word) in (0..).zip(TEXT.lines()) {
            assert_eq!(number(word), Some(at), "{word}");
            assert_eq!(number(&word.to_uppercase()), Some(at), "{word}");
            let mut text = String::new();
            push(at, &mut text);
            assert_eq!(text, word);
        }
    }

    #[test]
    fn what_is_not_in_the_list_has_no_number() {
        for word in ["", "a", "acad", "academics", "cademic", "academi", "zoo", "caf\u{e9}", "\0"] {
            assert_eq!(number(word), None, "{word:?}");
        }
        assert_eq!(number("\0\0acid"), None);
        assert_eq!(number(&"academic".repeat(3)), None);
    }

    #[test]
    fn four_letters_complete_to_one_word() {
        for word in TEXT.lines() {
            assert_eq!(complete(&word[..4].to_uppercase()).collect::<Vec<_>>(), [word]);
        }
        assert_eq!(
            complete("ac").collect::<Vec<_>>(),
            ["academic", "acid", "acne", "acquire", "acrobat", "activity", "actress"]
        );
        assert_eq!(complete("").count(), 1024);
        for none in ["academics", "zz", "\u{e9}", " acid"] {
            assert_eq!(complete(none).count(), 0, "{none}");
        }
    }
}
