//! `backup.json`: whole backup files, small ones.

use zms_core::{
    backup::{BackupError, Chunks, Head, PREFIX_LEN},
    id::VaultId,
    principal::{Kind, Principal},
};
use zms_crypto::{Key, envelope::OVERHEAD};

use crate::{
    cases,
    json::{Json, hex, map, text},
    name,
};

const MADE_AT: u64 = 1_767_225_600;
/// Plain bytes of a chunk: so few that a short file has several.
const CHUNK: usize = 16;

fn open(file: &[u8], principal: &Principal) -> Result<(Head, Vec<u8>), BackupError> {
    let length = Head::length(&file[..file.len().min(PREFIX_LEN)])?;
    let start = file.get(..PREFIX_LEN + length).ok_or(BackupError::Damaged)?;
    let (head, mut chunks) = Chunks::open(start, principal)?;
    let (mut plain, mut rest) = (Vec::new(), &file[start.len()..]);
    loop {
        let (chunk, behind) = rest.split_at(rest.len().min(head.sealed_chunk()));
        let part = chunks.open_next(chunk, behind.is_empty())?;
        if part.expose().is_empty() {
            return Err(BackupError::Damaged);
        }
        plain.extend_from_slice(part.expose());
        if behind.is_empty() {
            return Ok((head, plain));
        }
        rest = behind;
    }
}

fn class(error: BackupError) -> &'static str {
    match error {
        BackupError::NoBackup => "no-backup",
        BackupError::Newer => "newer",
        BackupError::Damaged => "integrity",
        BackupError::NotHolder => "denied",
        _ => panic!("a class without a name"),
    }
}

fn make(rng: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let mut principal = || Principal::from_seed(Kind::Administrator, Key::generate(rng));
    let (owner, second, stranger) = (principal(), principal(), principal());
    let vault = VaultId::generate(rng);
    let holders = || [&owner, &second].map(|holder| (holder.id(), holder.wrap_key()));
    let mut file = |plain: &[u8]| {
        let (mut file, mut chunks) = Chunks::begin(vault, MADE_AT, CHUNK as u32, &holders(), rng);
        let parts: Vec<&[u8]> = plain.chunks(CHUNK).collect();
        for (at, part) in parts.iter().enumerate() {
            file.extend(chunks.seal_next(part, at + 1 == parts.len(), rng));
        }
        file
    };
    let (short, plain) = (file(b"x"), b"forty bytes of what a database would be.");
    let (whole, exact, other) = (file(plain), file(&plain[..32]), file(plain));
    let start = whole.len() - plain.len() - 3 * OVERHEAD;
    let chunk = CHUNK + OVERHEAD;
    let case = |title: &str, seed: &Principal, file: &[u8], plain: Option<&[u8]>, class: &str| {
        map([
            ("name", text(title)),
            // EXPOSE: seeds of vectors are public.
            ("seed", hex(seed.seed().expose())),
            ("file", hex(file)),
            ("class", text(class)),
            ("vault", hex(vault.as_bytes())),
            ("plain", plain.map_or(Json::Null, hex)),
        ])
    };
    let changed = |at: usize| {
        let mut file = whole.clone();
        file[at] ^= 1;
        file
    };
    let (first, rest) = (&whole[start..start + chunk], &whole[start + chunk..]);
    let swapped = [&whole[..start], &rest[..chunk], first, &rest[chunk..]].concat();
    let twice = [&whole[..start], first, first, rest].concat();
    let mixed = [&whole[..start + chunk], &other[start + chunk..]].concat();
    let refused = |title: &str, file: &[u8], class: &str| case(title, &owner, file, None, class);
    let id = whole.windows(16).position(|at| at == owner.id().as_bytes()).expect("it is there");
    vec![
        case("one byte", &owner, &short, Some(b"x"), ""),
        case("three chunks", &owner, &whole, Some(plain), ""),
        case("by another holder", &second, &whole, Some(plain), ""),
        case("a last chunk that is full", &owner, &exact, Some(&plain[..32]), ""),
        case("a key that it is not for", &stranger, &whole, None, "denied"),
        refused("no byte", b"", "no-backup"),
        refused("another file", b"SQLite format 3\0", "no-backup"),
        refused("another version", &[&whole[..10], &[2], &whole[11..]].concat(), "newer"),
        refused("another suite", &[&whole[..11], &[2], &whole[12..]].concat(), "newer"),
        refused("cut in the prefix", &whole[..13], "integrity"),
        refused("cut in the head", &whole[..start - 1], "integrity"),
        refused("no chunk", &whole[..start], "integrity"),
        refused("cut in a chunk", &whole[..whole.len() - 1], "integrity"),
        refused("without the last chunk", &whole[..start + 2 * chunk], "integrity"),
        refused("one byte more", &[&whole[..], &[0]].concat(), "integrity"),
        refused("another vault", &changed(40), "integrity"),
        refused("the holder's id", &changed(id), "denied"),
        refused("the holder's sealed key", &changed(id + 30), "integrity"),
        refused("a byte of a chunk", &changed(start + 40), "integrity"),
        refused("chunks in another order", &swapped, "integrity"),
        refused("a chunk twice", &twice, "integrity"),
        refused("without the first chunk", &[&whole[..start], rest].concat(), "integrity"),
        refused("chunks of another file", &mixed, "integrity"),
    ]
}

#[test]
fn backups_open_as_stated() {
    let cases = cases("backup.json", "Whole backup files: spec/backup.md", make);
    for case in &cases {
        let seed = case["seed"].bytes().try_into().expect("a seed has 32 bytes");
        let principal = Principal::from_seed(Kind::Administrator, Key::from_bytes(&seed));
        match open(&case["file"].bytes(), &principal) {
            Ok((head, plain)) => {
                assert_eq!(case["class"].text(), "", "{}", name(case));
                assert_eq!(plain, case["plain"].bytes(), "{}", name(case));
                assert_eq!(head.vault.as_bytes()[..], case["vault"].bytes()[..], "{}", name(case));
            }
            Err(error) => assert_eq!(class(error), case["class"].text(), "{}", name(case)),
        }
    }
    // Whatever byte of a file is changed, it does not open.
    let whole = cases.iter().find(|case| name(case) == "three chunks").expect("it is there");
    let seed = whole["seed"].bytes().try_into().expect("a seed has 32 bytes");
    let principal = Principal::from_seed(Kind::Administrator, Key::from_bytes(&seed));
    let file = whole["file"].bytes();
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 0x40;
        assert!(open(&changed, &principal).is_err(), "byte {at}");
        assert!(open(&file[..at], &principal).is_err(), "cut at {at}");
    }
}
