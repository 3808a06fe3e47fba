//! `key-file.json`: the master key at rest.

use base64::{Engine, engine::general_purpose::STANDARD};
use zms_core::{
    id::VaultId,
    key_file::{KeyFile, KeyFileError, Opener, Protection},
    principal::{Kind, Principal},
};
use zms_crypto::{Key, passphrase::Cost};

use crate::{
    cases,
    json::{Json, hex, map, text},
    name,
};

const CHEAP: Cost = Cost { memory_kib: 19 * 1024, passes: 1, lanes: 1 };
/// Where the fields of a file start.
const KIND: usize = 4;
const MEMORY: usize = 5;
const PRINCIPAL: usize = 17;
const VAULT: usize = 33;
const SALT: usize = 49;
const SEALED: usize = 65;

fn armour(body: &[u8]) -> String {
    let body = STANDARD.encode(body);
    let mut text = "-----BEGIN ZMS MASTER KEY-----\n".to_owned();
    for line in body.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text + "-----END ZMS MASTER KEY-----\n"
}

fn body(text: &str) -> Vec<u8> {
    let lines = text.lines().filter(|line| !line.starts_with('-'));
    STANDARD.decode(lines.collect::<String>()).expect("base64")
}

fn outcome(case: &Json) -> Result<Principal, KeyFileError> {
    let given = |name: &str| Some(&case[name]).filter(|given| given.is_some());
    let key = given("key").map(|key| Key::from_bytes(&key.bytes().try_into().expect("32 bytes")));
    let passphrase = given("passphrase").map(|text| Opener::Passphrase(text.text()));
    KeyFile::parse(case["text"].text())?.open(key.as_ref().map(Opener::Key).or(passphrase))
}

fn class(error: &KeyFileError) -> &'static str {
    match error {
        KeyFileError::Malformed => "malformed",
        KeyFileError::Cost(_) => "cost",
        KeyFileError::Locked => "locked",
        KeyFileError::Unopened => "unopened",
        _ => panic!("a class without a name"),
    }
}

fn reject(title: &str, passphrase: Option<&str>, file: &str, class: &str) -> Json {
    map([
        ("name", text(title)),
        ("text", text(file)),
        ("passphrase", passphrase.map_or(Json::Null, text)),
        ("class", text(class)),
    ])
}

/// Files under a key that lies elsewhere, and what must not open them.
fn keyed(rng: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let owner = Principal::from_seed(Kind::Administrator, Key::generate(rng));
    let vault = VaultId::generate(rng);
    let (key, other) = (Key::generate(rng), Key::generate(rng));
    let mut cases = Vec::new();
    for (title, protection) in
        [("a keychain", Protection::Keychain), ("a credential", Protection::Systemd)]
    {
        let file = KeyFile::write(&owner, vault, protection, Some(Opener::Key(&key)), rng);
        let file = file.expect("can be written");
        let with = |title: &str, key: &Key, file: &str, class: &str| {
            reject(title, None, file, class).with("key", hex(key.expose()))
        };
        let changed = |at: usize, byte: u8| {
            let mut body = body(&file);
            body[at] = byte;
            armour(&body)
        };
        let accepted = with(&format!("a key of {title}"), &key, &file, "");
        let (seed, vault) = (hex(owner.seed().expose()), hex(vault.as_bytes()));
        cases.push(accepted.with("seed", seed).with("vault", vault));
        let another = match protection {
            Protection::Keychain => 3,
            _ => 2,
        };
        let salt = changed(SALT, body(&file)[SALT] ^ 1);
        cases.extend([
            with(&format!("another key of {title}"), &other, &file, "unopened"),
            with(&format!("{title}, as the other kind"), &key, &changed(KIND, another), "unopened"),
            with(&format!("{title}, another salt"), &key, &salt, "unopened"),
            with(&format!("{title}, parameters"), &key, &changed(MEMORY + 3, 1), "malformed"),
            reject(&format!("{title}, no key"), None, &file, "locked"),
            reject(&format!("{title}, a passphrase"), Some("horse"), &file, "locked"),
        ]);
    }
    cases
}

fn make(rng: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let owner = Principal::from_seed(Kind::Administrator, Key::generate(rng));
    let other = Principal::from_seed(Kind::Administrator, Key::generate(rng));
    let vault = VaultId::generate(rng);
    let mut write = |protection, passphrase: Option<&str>| {
        let with = passphrase.map(Opener::Passphrase);
        KeyFile::write(&owner, vault, protection, with, rng).expect("can be written")
    };
    let plain = write(Protection::None, None);
    let strong = write(Protection::Passphrase(CHEAP), Some("correct horse"));
    let lanes = Cost { memory_kib: 20 * 1024, passes: 2, lanes: 4 };
    let other_cost = write(Protection::Passphrase(lanes), Some("Gr\u{f6}\u{df}e"));
    let accept = |title: &str, passphrase, file: &str| {
        let seed = hex(owner.seed().expose());
        reject(title, passphrase, file, "").with("seed", seed).with("vault", hex(vault.as_bytes()))
    };
    let changed = |file: &str, at: usize, bytes: &[u8]| {
        let mut body = body(file);
        body[at..at + bytes.len()].copy_from_slice(bytes);
        armour(&body)
    };
    let flip = |file: &str, at: usize| changed(file, at, &[body(file)[at] ^ 1]);
    let memory = |kib: u32| changed(&strong, MEMORY, &kib.to_be_bytes());
    let count = |at: usize, number: u32| changed(&strong, at, &number.to_be_bytes());
    let mut foreign = body(&plain);
    foreign[PRINCIPAL..VAULT].copy_from_slice(other.id().as_bytes());
    let resealed = {
        let salt: [u8; 16] = foreign[SALT..SEALED].try_into().expect("16 bytes");
        let doubled: [u8; 32] = [salt, salt].concat().try_into().expect("32 bytes");
        let purpose = zms_crypto::Purpose::KEY_FILE_NONE;
        let key = zms_crypto::derive::derive_key(&Key::from_bytes(&doubled), purpose);
        let (head, seed) = (&foreign[..SEALED], owner.seed().expose());
        let sealed = zms_crypto::envelope::seal(&key, head, seed, rng);
        armour(&[head, &sealed].concat())
    };
    let end = body(&plain).len();
    let pass = Some("correct horse");
    let mut cases = vec![
        accept("no passphrase", None, &plain),
        accept("no passphrase, one given", pass, &plain),
        accept("a passphrase", pass, &strong),
        accept("other parameters", Some("Gr\u{f6}\u{df}e"), &other_cost),
        accept("a passphrase in another normal form", Some("Gro\u{308}\u{df}e"), &other_cost),
        accept("no line feed at the end", None, plain.trim_end()),
        reject("no passphrase given", None, &strong, "locked"),
        reject("a wrong passphrase", Some("correct horsf"), &strong, "unopened"),
        reject("an empty passphrase", Some(""), &strong, "unopened"),
        reject("another magic", None, &flip(&plain, 0), "malformed"),
        reject("another version", None, &flip(&plain, 3), "malformed"),
        reject("an unknown kind", None, &changed(&plain, KIND, &[4]), "malformed"),
        reject("parameters without a passphrase", None, &flip(&plain, 8), "malformed"),
        reject("the kind lowered", None, &changed(&strong, KIND, &[0]), "malformed"),
        reject("the kind raised", pass, &changed(&plain, KIND, &[1]), "cost"),
        reject("too little memory", pass, &memory(19 * 1024 - 1), "cost"),
        reject("too much memory", pass, &memory(2048 * 1024 + 1), "cost"),
        reject("no passes", pass, &count(MEMORY + 4, 0), "cost"),
        reject("too many passes", pass, &count(MEMORY + 4, 17), "cost"),
        reject("no lanes", pass, &count(MEMORY + 8, 0), "cost"),
        reject("too many lanes", pass, &count(MEMORY + 8, 17), "cost"),
        reject(
            "memory times passes",
            pass,
            &{
                let body = body(&memory(1024 * 1024));
                changed(&armour(&body), MEMORY + 4, &9_u32.to_be_bytes())
            },
            "cost",
        ),
        reject("other parameters than sealed under", pass, &memory(19 * 1024 + 1), "unopened"),
        reject("another principal", None, &flip(&plain, PRINCIPAL), "unopened"),
        reject("another vault", None, &flip(&plain, VAULT), "unopened"),
        reject("another salt", None, &flip(&plain, SALT), "unopened"),
        reject("another header", None, &flip(&plain, SEALED + 2), "unopened"),
        reject("another nonce", None, &flip(&plain, SEALED + 4), "unopened"),
        reject("another ciphertext", None, &flip(&plain, SEALED + 28), "unopened"),
        reject("another tag", None, &flip(&plain, end - 1), "unopened"),
        reject("another principal, sealed anew", None, &resealed, "unopened"),
        reject("a byte less", None, &armour(&body(&plain)[..end - 1]), "unopened"),
        reject("a byte more", None, &armour(&[&body(&plain)[..], &[0]].concat()), "unopened"),
        reject("the head alone", None, &armour(&body(&plain)[..SEALED]), "unopened"),
        reject("less than the head", None, &armour(&body(&plain)[..SEALED - 1]), "malformed"),
        reject("no begin line", None, &plain[1..], "malformed"),
        reject("no end line", None, plain.trim_end().trim_end_matches('-'), "malformed"),
        reject("text behind the end line", None, &format!("{plain}x"), "malformed"),
        reject("no base64", None, &plain.replacen('\n', "\n!", 1), "malformed"),
        reject("empty", None, "", "malformed"),
    ];
    cases.extend(keyed(rng));
    cases
}

#[test]
fn key_files() {
    for case in cases("key-file.json", "The master key at rest: spec/key-file.md", make) {
        match outcome(&case) {
            Ok(owner) => {
                assert_eq!(owner.seed().expose()[..], case["seed"].bytes(), "{}", name(&case));
                let file = KeyFile::parse(case["text"].text()).expect("just opened");
                assert_eq!(file.vault().as_bytes(), case["vault"].bytes());
            }
            Err(error) => assert_eq!(class(&error), case["class"].text(), "{}", name(&case)),
        }
    }
}
