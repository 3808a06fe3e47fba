//! Whether a new passphrase is worth its name.

use zeroize::Zeroizing;
use zxcvbn::{Score, zxcvbn};

use crate::exit::{Failure, Outcome};

/// Longest part of a passphrase that is judged, in characters: what is strong by then stays so.
const JUDGED: usize = 100;

/// Refuses a passphrase that could be guessed, offline, from a copy of the key file: one that takes
/// less than ten thousand million tries, each of which costs what opening the file does.
pub(super) fn check(passphrase: &str) -> Outcome {
    // What stands between words is what everybody tries.
    let mut judged = Zeroizing::new(String::with_capacity(passphrase.len()));
    let telling = passphrase.chars().filter(|it| !it.is_whitespace() && !"-_.,".contains(*it));
    judged.extend(telling.take(JUDGED));
    let found = zxcvbn(&judged, &["zms", "zexio", "master", "key", "vault", "secret"]);
    if found.score() >= Score::Four {
        return Ok(());
    }
    let tries = match found.guesses_log10() {
        few if few < 6.0 => "a million",
        few if few < 8.0 => "a hundred million",
        _ => "ten thousand million",
    };
    let why = found.feedback().and_then(|feedback| feedback.warning());
    let why = why.map(|why| format!(" ({})", why.to_string().trim_end_matches('.')));
    let why = why.unwrap_or_default();
    Err(Failure::usage(format!("the passphrase is weak: it is found within {tries} tries{why}"))
        .hint("take several unrelated words: `zms generate words:6` makes some"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_people_would_guess_is_refused() {
        for weak in [
            "",
            "password",
            "P4ssw0rd!",
            "zms master key",
            "qwertyuiop",
            "aaaaaaaaaaaaaaaa",
            "19901224",
            "correct-horse",
            "a b c d e f g",
        ] {
            let failure = check(weak).unwrap_err();
            assert!(failure.message.contains("weak"), "{weak}: {failure}");
        }
    }

    #[test]
    fn several_unrelated_words_are_taken() {
        check("correct horse battery staple").unwrap();
        check("siebzehn Störche über Größe").unwrap();
        check("x7$Kq-Vd91!m").unwrap();
        check(&"siebzehn Störche ".repeat(100)).unwrap();
    }
}
