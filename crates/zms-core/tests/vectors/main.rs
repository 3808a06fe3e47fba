//! The golden vectors of `spec/vectors`, checked against this code.
//!
//! `ZMS_BLESS=1 cargo test -p zms-core --test vectors` writes them anew, always the same; a plain
//! run only checks what is written. Every file says what must be accepted and what must not. Whole
//! bundles of older versions lie in `tests/frozen/vectors-*`, and are checked like today's.

#![expect(
    clippy::disallowed_methods,
    reason = "the vectors are files, and ZMS_BLESS asks for them anew"
)]

mod audit;
mod backup;
mod bundles;
mod cbor;
mod checkpoint;
mod citations;
mod derivation;
mod envelope;
mod handover;
mod json;
mod key_file;
mod messages;
mod names;
mod parsers;
mod personal;
mod shown;
mod text;
mod tree;
mod world;
mod wrapped;

use std::{fs, path::PathBuf};

use json::{Json, list, map, text as json_text};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

fn spec() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../spec")
}

/// The cases of a file; with `ZMS_BLESS`, written first.
fn cases(file: &str, about: &str, make: impl FnOnce(&mut ChaCha20Rng) -> Vec<Json>) -> Vec<Json> {
    let whole =
        fixture(file, |rng| map([("about", json_text(about)), ("vectors", list(make(rng)))]));
    whole["vectors"].list().to_vec()
}

/// A whole file; with `ZMS_BLESS`, written first. Each file has a random stream of its own.
fn fixture(file: &str, make: impl FnOnce(&mut ChaCha20Rng) -> Json) -> Json {
    let path = spec().join("vectors").join(file);
    if std::env::var_os("ZMS_BLESS").is_some() {
        let seed = zms_crypto::digest::sha256(&[b"zms vectors/", file.as_bytes()]);
        let made = make(&mut ChaCha20Rng::from_seed(seed)).write();
        fs::write(&path, made).expect("spec/vectors can be written");
    }
    let written = fs::read_to_string(&path);
    Json::read(&written.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// A file as older versions had it, where that is not what it is today.
fn frozen(file: &str) -> Vec<Json> {
    let root = spec().join("../tests/frozen");
    let entries = fs::read_dir(&root).expect("tests/frozen is there");
    let folders = entries.map(|entry| entry.expect("it can be listed").path());
    let vectors = |path: &PathBuf| path.to_string_lossy().contains("/vectors-");
    let folders: Vec<_> = folders.filter(vectors).collect();
    assert!(!folders.is_empty(), "{} holds no vectors", root.display());
    let today = fs::read(spec().join("vectors").join(file)).expect("it was read before");
    let texts = folders.iter().filter_map(|folder| fs::read_to_string(folder.join(file)).ok());
    texts.filter(|text| text.as_bytes() != today).map(|text| Json::read(&text)).collect()
}

/// A case's name, for messages.
fn name(case: &Json) -> &str {
    case["name"].text()
}
