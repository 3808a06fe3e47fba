//! Shares out of a file: our sheets, or words as anybody wrote them down. spec/shares.md#files

use std::path::Path;

use zeroize::Zeroizing;
use zms_core::id::{PrincipalId, VaultId};
use zms_crypto::share::Share;

use super::Claim;
use crate::{
    exit::{Exit, Failure, Outcome},
    files,
};

/// Fewest words of any share of SLIP-0039: a line with so many is one.
const FEWEST: usize = 20;
/// Around the words of a sheet.
const WORDS: (&str, &str) = ("<ol class=\"share\">", "</ol>");

/// A share out of a file.
pub struct Found {
    /// The share.
    pub share: Share,
    /// Where it stood, for people.
    pub source: String,
    /// What its sheet says of the key.
    pub claim: Option<Claim>,
}

/// Reads all shares of a file, or of stdin for `-`. Nothing is taken where one of them is wrong.
pub fn read(path: &Path) -> Outcome<Vec<Found>> {
    let shown = if path == Path::new("-") { "stdin".into() } else { path.display().to_string() };
    let bytes = files::read(path)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::new(Exit::Denied, format!("{shown} is not text")))?;
    let texts = if text.contains(WORDS.0) { sheets(text) } else { written(text) };
    if texts.is_empty() {
        return Err(Failure::new(Exit::Denied, format!("there is no share in {shown}"))
            .hint("a share is 33 words, with or without their numbers"));
    }
    let several = texts.len() > 1;
    let each = (1..).zip(texts).map(|(at, (words, claim))| {
        let source = if several { format!("{shown}, share {at}") } else { shown.clone() };
        match Share::parse(&words) {
            Ok(share) => Ok(Found { share, source, claim }),
            Err(why) => Err(Failure::new(Exit::Denied, format!("{source}: {why}"))
                .hint("compare it with the sheet, word by word; nothing was changed")),
        }
    });
    each.collect()
}

type Text = (Zeroizing<String>, Option<Claim>);

/// The words of each sheet. What a sheet says stands in front of its words.
fn sheets(text: &str) -> Vec<Text> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some((before, behind)) = rest.split_once(WORDS.0) {
        let (list, after) = behind.split_once(WORDS.1).unwrap_or((behind, ""));
        found.push((without_tags(list), claim(before)));
        rest = after;
    }
    found
}

fn without_tags(list: &str) -> Zeroizing<String> {
    let mut words = Zeroizing::new(String::with_capacity(list.len()));
    for piece in list.split('<') {
        words.push_str(piece.split_once('>').map_or(piece, |(_, behind)| behind));
        words.push(' ');
    }
    words
}

/// The vault and the key that a sheet names, the last before its words.
fn claim(before: &str) -> Option<Claim> {
    let id = |name: &str| {
        let (_, behind) = before.rsplit_once(&format!("data-{name}=\""))?;
        id(behind.split_once('"')?.0)
    };
    Some(Claim { vault: VaultId(id("vault")?), key: PrincipalId(id("key")?) })
}

/// An id as it is shown.
pub(super) fn id(text: &str) -> Option<[u8; 16]> {
    hex::decode(text).ok()?.try_into().ok()
}

/// Shares as they were written down: one a line where lines are long enough, else one a paragraph.
/// Numbers beside the words, and lines that start with `#`, are passed over.
fn written(text: &str) -> Vec<Text> {
    let mut found: Vec<Text> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() {
            open = false;
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let words = || line.split_whitespace().filter(|word| !is_number(word));
        let whole = words().count() >= FEWEST;
        if whole || !open {
            found.push((Zeroizing::new(String::with_capacity(text.len())), None));
        }
        open = !whole;
        let (share, _) = found.last_mut().expect("one was pushed");
        for word in words() {
            share.push_str(word);
            share.push(' ');
        }
    }
    found.retain(|(words, _)| !words.is_empty());
    found
}

fn is_number(word: &str) -> bool {
    let digits = word.trim_end_matches(['.', ')', ':']);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        written(text).iter().map(|(words, _)| words.trim_end().to_owned()).collect()
    }

    #[test]
    fn a_share_is_a_line_or_a_paragraph_with_or_without_numbers() {
        let long = ["acid"; 33].join(" ");
        assert_eq!(texts(&format!("{long}\n{long}\r\n")), [long.clone(), long.clone()]);
        let wrapped = long.replacen("acid acid", "1. acid\n2) acid", 9);
        assert_eq!(texts(&format!("# mine\n{wrapped}\n\n\n{wrapped}")), [long.clone(), long]);
        assert!(texts("\n# nothing\n 12 \n").is_empty());
    }

    #[test]
    fn what_a_sheet_says_is_read_with_its_words() {
        let id = "00112233445566778899aabbccddeeff";
        let sheet = format!(
            "<section data-vault=\"{id}\" data-key=\"{id}\"><p>keep acid</p><ol class=\"share\">\n\
             <li>acid</li><li>zero</li></ol><p>acne</p></section>"
        );
        let found = sheets(&sheet.repeat(2));
        assert_eq!(found.len(), 2);
        for (words, claim) in found {
            assert_eq!(words.split_whitespace().collect::<Vec<_>>(), ["acid", "zero"]);
            assert_eq!(claim.map(|claim| claim.key.to_string()).as_deref(), Some(id));
        }
        assert!(sheets("<ol class=\"share\"><li>acid").len() == 1);
    }
}
