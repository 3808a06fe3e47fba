//! The body of the fuzz target on stable: the corpus as it is, and random changes of it.

#[path = "../../../../fuzz/bodies/import.rs"]
mod body;

use std::fs;

use crate::export_corpus::folder;
use crate::random::{PIECES, Random, case_count};

/// Words that importers look for.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "\"data\":", "\"metadata\":", "\"lease_id\":", "\"request_id\":", "\"key\":", "\"value\":", "\"_id\":",
    "\"fields\":", "\"category\":", "\"label\":", "\"section\":", "\"secrets\":", "\"projects\":", "\"sops\":",
    "\"mac\":", "\"version\":", "\"computed\":", "\"organizationId\":", "null", "{}", "[]", "{", "}", "[", "]",
    ",", "DOPPLER_PROJECT=", "sops_mac=", "sops_version=", "DOTENV_PUBLIC_KEY=", "ENC[AES256_GCM,data:", "encrypted:",
    "Key,Value\n", "---\n", "PK\u{3}\u{4}", "\u{feff}", "<<: *a\n", "&a ", "*a", "!!binary ", "0", "-1", "1e999",
];

fn corpus() -> Vec<Vec<u8>> {
    let mut files: Vec<_> =
        fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn every_text_of_the_corpus_is_answered_whatever_it_is_taken_for() {
    for text in corpus() {
        for choice in 0..16 {
            body::fuzz_import(&[&[choice], &text[..]].concat());
        }
    }
}

#[test]
fn random_changes_of_the_corpus_are_answered() {
    let corpus = corpus();
    let mut random = Random::seeded();
    for _ in 0..case_count() * 4 {
        let mut text = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(6) {
            change(&mut random, &corpus, &mut text);
        }
        text.insert(0, random.next() as u8);
        body::fuzz_import(&text);
    }
}

/// Cuts, repeats, exchanges or puts in something that means something to a reader.
fn change(random: &mut Random, corpus: &[Vec<u8>], text: &mut Vec<u8>) {
    let at = random.below(text.len() + 1);
    let end = (at + random.below(40)).min(text.len());
    match random.below(7) {
        0 => drop(text.drain(at..end)),
        1 => {
            let part = text[at..end].to_vec();
            text.splice(at..at, part.repeat(1 + random.below(20)));
        }
        2 => {
            let other = &corpus[random.below(corpus.len())];
            let from = random.below(other.len());
            let part = other[from..(from + random.below(200)).min(other.len())].to_vec();
            text.splice(at..end, part);
        }
        3 if at < text.len() => text[at] = random.next() as u8,
        4 => drop(text.splice(at..at, random.pick(PIECES).bytes())),
        _ => drop(text.splice(at..at, random.pick(WORDS).bytes())),
    }
}
