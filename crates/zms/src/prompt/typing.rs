//! A share as it is typed, word by word: a few letters are enough where only one word begins so.

use zeroize::Zeroizing;
use zms_crypto::share::complete;

/// Words of a share of a key.
pub(super) const WORDS: usize = 33;
/// Letters of the longest word.
const LETTERS: usize = 8;
/// How many words are named where several begin so.
const NAMED: usize = 6;

/// What a key did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Nothing that is to be seen.
    Nothing,
    /// The word, or which one it is, changed.
    Changed,
    /// The word is none, or not one only: it stays to be changed.
    Refused(String),
    /// All words are there.
    Complete,
    /// Nothing more comes.
    End,
}

/// How far into a sequence that a terminal sends for a key without a letter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    No,
    Begun,
    Within,
}

/// The words so far.
pub(super) struct Typing {
    words: Vec<Zeroizing<String>>,
    at: usize,
    /// The word was there before: the first letter replaces it.
    fresh: bool,
    escape: Escape,
}

impl Typing {
    pub(super) fn new() -> Self {
        let word = || Zeroizing::new(String::with_capacity(LETTERS));
        let words = (0..WORDS).map(|_| word()).collect();
        Self { words, at: 0, fresh: false, escape: Escape::No }
    }

    /// Goes through the same words once more, from the first.
    pub(super) const fn again(&mut self) {
        self.at = 0;
        self.fresh = true;
    }

    /// Which word is typed now, from 1.
    pub(super) const fn position(&self) -> usize {
        self.at + 1
    }

    /// What there is of it.
    pub(super) fn word(&self) -> &str {
        self.words.get(self.at).map_or("", |word| word)
    }

    /// What would complete it, where that is clear.
    pub(super) fn rest(&self) -> &'static str {
        let typed = self.word();
        let mut fits = complete(typed);
        match (fits.next(), fits.next()) {
            (Some(only), None) if !typed.is_empty() => &only[typed.len()..],
            _ => "",
        }
    }

    /// All words, with a space between them.
    pub(super) fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(WORDS * (LETTERS + 1)));
        for word in &self.words {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        text
    }

    /// Takes a byte from the terminal. Numbers, as they stand beside the words of a sheet, are
    /// passed over.
    pub(super) fn feed(&mut self, byte: u8) -> Event {
        match (self.escape, byte) {
            (Escape::Begun, b'[' | b'O') => self.escape = Escape::Within,
            (Escape::Within, b' '..=b'?') => {}
            (Escape::Begun | Escape::Within, _) => self.escape = Escape::No,
            (Escape::No, b'\x1b') => self.escape = Escape::Begun,
            (Escape::No, byte) => return self.key(byte),
        }
        Event::Nothing
    }

    fn key(&mut self, byte: u8) -> Event {
        let Some(word) = self.words.get_mut(self.at) else { return Event::Complete };
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {
                if std::mem::take(&mut self.fresh) {
                    word.clear();
                }
                if word.len() == LETTERS {
                    return Event::Refused(self.unknown());
                }
                word.push(byte.to_ascii_lowercase().into());
            }
            b' ' | b'\n' | b'\r' | b'\t' if word.is_empty() => return Event::Nothing,
            b' ' | b'\n' | b'\r' | b'\t' => return self.resolve(),
            // Backspace
            0x7f | 0x08 if word.is_empty() && self.at > 0 => {
                self.at -= 1;
                self.fresh = true;
            }
            0x7f | 0x08 => {
                self.fresh = false;
                word.pop();
            }
            // Ctrl-U, Ctrl-W
            0x15 | 0x17 => word.clear(),
            // Ctrl-D
            0x04 if word.is_empty() && self.at == 0 => return Event::End,
            _ => return Event::Nothing,
        }
        Event::Changed
    }

    fn unknown(&self) -> String {
        format!("word {} is not in the list of words", self.position())
    }

    fn resolve(&mut self) -> Event {
        let typed = self.word();
        let fits: Vec<&'static str> = complete(typed).take(NAMED + 1).collect();
        let whole = fits.iter().find(|word| **word == typed);
        let found = match (&fits[..], whole) {
            (_, Some(whole)) => whole,
            ([only], None) => only,
            ([], None) => return Event::Refused(self.unknown()),
            (several, None) => {
                let more = if several.len() > NAMED { ", .." } else { "" };
                let named = several[..several.len().min(NAMED)].join(", ");
                return Event::Refused(format!("go on: {named}{more}"));
            }
        };
        let word = &mut self.words[self.at];
        word.clear();
        word.push_str(found);
        self.at += 1;
        self.fresh = self.words.get(self.at).is_some_and(|next| !next.is_empty());
        if self.at == WORDS { Event::Complete } else { Event::Changed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(typing: &mut Typing, keys: &str) -> Event {
        keys.bytes().map(|byte| typing.feed(byte)).last().unwrap_or(Event::Nothing)
    }

    #[test]
    fn a_few_letters_are_enough_where_one_word_begins_so() {
        let mut typing = Typing::new();
        assert_eq!(typed(&mut typing, "aca"), Event::Changed);
        assert_eq!((typing.word(), typing.rest()), ("aca", "demic"));
        assert_eq!(typed(&mut typing, " ac"), Event::Changed);
        assert_eq!(typing.rest(), "");
        let Event::Refused(why) = typed(&mut typing, " ") else { panic!("several begin so") };
        assert_eq!(why, "go on: academic, acid, acne, acquire, acrobat, activity, ..");
        assert_eq!(typed(&mut typing, "i\t"), Event::Changed);
        assert_eq!(typing.position(), 3);
        assert!(typing.text().starts_with("academic acid"));
    }

    #[test]
    fn a_mistyped_word_is_named_with_its_position_and_stays_to_be_changed() {
        let mut typing = Typing::new();
        typed(&mut typing, "academic acxd");
        let named = Event::Refused("word 2 is not in the list of words".to_owned());
        assert_eq!(typed(&mut typing, " "), named);
        assert_eq!(typed(&mut typing, "\x7f\x7fid "), Event::Changed);
        assert_eq!(typing.position(), 3);
        assert_eq!(
            typed(&mut typing, "academica"),
            Event::Refused("word 3 is not in the list of words".to_owned())
        );
    }

    #[test]
    fn a_pasted_sheet_with_its_numbers_is_taken() {
        let mut typing = Typing::new();
        let sheet: String = (1..=33).map(|at| format!("{at:>2}. Academic\r\n")).collect();
        let mut last = Event::Nothing;
        for byte in sheet.bytes() {
            last = typing.feed(byte);
        }
        assert_eq!(last, Event::Complete);
        assert_eq!(*typing.text(), ["academic"; 33].join(" "));
    }

    #[test]
    fn words_can_be_gone_through_again_and_one_of_them_changed() {
        let mut typing = Typing::new();
        typed(&mut typing, &"acid ".repeat(33));
        typing.again();
        assert_eq!((typing.position(), typing.word()), (1, "acid"));
        typed(&mut typing, "\nzero\n");
        assert_eq!(typed(&mut typing, &"\n".repeat(31)), Event::Complete);
        assert!(typing.text().starts_with("acid zero acid"));
    }

    #[test]
    fn backspace_leads_back_over_words_and_arrows_do_nothing() {
        let mut typing = Typing::new();
        typed(&mut typing, "acid acne \x7f");
        assert_eq!((typing.position(), typing.word()), (2, "acne"));
        assert_eq!(typed(&mut typing, "\x1b[A\x1bOB\x1b[1;5C"), Event::Nothing);
        typed(&mut typing, "\x7f");
        assert_eq!(typing.word(), "acn");
        assert_eq!(typed(&mut typing, "\x15\x7f\x15\x04"), Event::End);
    }
}
