//! `checkpoint.json`: notes that administrators sign over the audit.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zms_core::{
    audit::{Checkpoint, Head, Note},
    id::VaultId,
    principal::{Kind, Principal},
};
use zms_crypto::{
    Key,
    sign::{SIGNATURE_LEN, VerifyingKey},
};

use crate::{
    cases,
    json::{Json, hex, list, map, text},
    name,
};

const VAULT: VaultId = VaultId([0x11; 16]);

fn fields(checkpoint: &Checkpoint) -> Json {
    let heads = checkpoint.heads.iter().map(|head| {
        map([
            ("chain", Json::Number(head.chain)),
            ("seq", Json::Number(head.seq)),
            ("hash", hex(&head.hash)),
        ])
    });
    map([
        ("vault", hex(checkpoint.vault.as_bytes())),
        ("generation", Json::Number(checkpoint.generation)),
        ("time", Json::Number(checkpoint.time)),
        ("heads", list(heads)),
    ])
}

/// A note over any text, signed as a real one is.
fn note(text: &str, signer: &Principal) -> String {
    let name = format!("zms/principal/{}", signer.id());
    let vk = signer.verifying_key();
    let key = zms_crypto::digest::sha256(&[name.as_bytes(), b"\n\x01", &vk.0]);
    let signature = [&key[..4], &signer.sign(text.as_bytes())].concat();
    format!("{text}\n\u{2014} {name} {}\n", STANDARD.encode(signature))
}

fn make(rng: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let signer = Principal::from_seed(Kind::Administrator, Key::generate(rng));
    let other = Principal::from_seed(Kind::Administrator, Key::generate(rng));
    let head = |chain, seq, byte| Head { chain, seq, hash: [byte; 32] };
    let checkpoint = |heads| Checkpoint { vault: VAULT, generation: 1, time: 1_700_000_000, heads };
    let one = checkpoint(vec![head(0, 57, 0xab)]);
    let several = checkpoint(vec![head(0, 1, 1), head(3, u64::MAX, 0xff), head(1 << 40, 9, 0)]);
    let restored = Checkpoint { generation: u64::MAX, time: 0, ..one.clone() };
    let case = |title: &str, note: &str, vk: &VerifyingKey, read: Option<&Checkpoint>| {
        map([
            ("name", text(title)),
            ("note", text(note)),
            ("vk", hex(&vk.0)),
            ("valid", Json::Bool(read.is_some())),
        ])
        .with("fields", read.map_or(Json::Null, fields))
    };
    let vk = signer.verifying_key();
    let mut made = vec![
        case("one chain", &one.sign(&signer), &vk, Some(&one)),
        case("several chains", &several.sign(&signer), &vk, Some(&several)),
        case("a later generation, time zero", &restored.sign(&signer), &vk, Some(&restored)),
        case("another's key", &one.sign(&signer), &other.verifying_key(), None),
    ];
    let good = one.sign(&signer);
    let body = good.split("\n\n").next().expect("a text and a signature").to_owned() + "\n";
    assert_eq!(note(&body, &signer), good, "the two ways of writing agree");
    let chain = body.lines().last().expect("a chain").to_owned() + "\n";
    // Signed as they stand: it is the form alone that is wrong.
    let signed = [
        ("another origin", body.replace("zms/audit/", "zms/notes/")),
        ("an id in capitals", body.replacen("11111111", "1111111A", 1)),
        ("an id too short", body.replacen("11", "", 1)),
        ("no generation", body.replace("generation 1\n", "")),
        ("generation zero", body.replace("generation 1", "generation 0")),
        (
            "time before generation",
            body.replace("generation 1\ntime 1700000000", "time 1700000000\ngeneration 1"),
        ),
        ("a number with a leading zero", body.replace("time 1", "time 01")),
        ("a number with a sign", body.replace("time 1", "time +1")),
        ("a number of 65 bits", body.replace("time 1700000000", "time 18446744073709551616")),
        ("no chain", body.replace(&chain, "")),
        ("a chain twice", format!("{body}{chain}")),
        (
            "chains in another order",
            body.replace(&chain, &format!("{}{chain}", chain.replace("n 0", "n 1"))),
        ),
        ("an entry of number zero", body.replace("chain 0 57", "chain 0 0")),
        ("a hash without padding", body.replace("=\n", "\n")),
        ("a hash whose spare bits are set", body.replace("s=\n", "t=\n")),
        (
            "a hash of 31 bytes",
            body.replace(&STANDARD.encode([0xab; 32]), &STANDARD.encode([0xab; 31])),
        ),
        ("two spaces", body.replace("chain 0 57", "chain 0  57")),
        ("a space at the end", body.replace("time 1700000000", "time 1700000000 ")),
        ("a line more", format!("{body}more\n")),
        ("carriage returns", body.replace('\n', "\r\n")),
    ];
    for (title, text) in signed {
        assert_ne!(text, body, "{title}");
        made.push(case(title, &note(&text, &signer), &vk, None));
    }
    let raw = |signature: &[u8]| {
        let line =
            format!("\u{2014} zms/principal/{} {}\n", signer.id(), STANDARD.encode(signature));
        format!("{body}\n{line}")
    };
    let signature = {
        let line = good.lines().last().expect("a signature");
        STANDARD.decode(line.rsplit(' ').next().expect("a word")).expect("base64")
    };
    assert_eq!(signature.len(), 4 + SIGNATURE_LEN);
    assert_eq!(raw(&signature), good);
    let changed = |at: usize| {
        let mut bytes = signature.clone();
        bytes[at] ^= 1;
        raw(&bytes)
    };
    let line = good.lines().last().expect("a signature").to_owned() + "\n";
    let theirs = one.sign(&other);
    let theirs = theirs.lines().last().expect("a signature").to_owned() + "\n";
    let unsigned = [
        ("a time changed", good.replace("time 17", "time 18")),
        ("an entry changed", good.replace("chain 0 57", "chain 0 56")),
        ("a vault changed", good.replacen("11", "12", 1)),
        ("another key hash", changed(0)),
        ("another signature", changed(40)),
        ("a signature too long", raw(&[&signature[..], &[0]].concat())),
        ("another signer's name", good.replace(&signer.id().to_string(), &other.id().to_string())),
        ("no signature", format!("{body}\n")),
        ("no empty line", good.replace("\n\n", "\n")),
        ("two empty lines", good.replace("\n\n", "\n\n\n")),
        ("a hyphen for the dash", good.replace('\u{2014}', "-")),
        ("two signatures", format!("{good}{theirs}")),
        ("the signature twice", format!("{good}{line}")),
        ("no final line break", good.trim_end().to_owned()),
        ("a line break more", format!("{good}\n")),
        ("text in front", format!("\n{good}")),
        ("nothing", String::new()),
    ];
    for (title, note) in unsigned {
        assert_ne!(note, good, "{title}");
        made.push(case(title, &note, &vk, None));
    }
    made
}

#[test]
fn checkpoints() {
    let about = "Signed notes over the audit: spec/audit.md#checkpoint";
    for case in cases("checkpoint.json", about, make) {
        let read = Note::parse(case["note"].text().as_bytes());
        let verified = read.and_then(|note| note.verify(&VerifyingKey(case["vk"].array())));
        assert_eq!(verified.is_ok(), case["valid"].as_bool(), "{}", name(&case));
        if let Ok(checkpoint) = verified {
            assert_eq!(fields(&checkpoint), case["fields"], "{}", name(&case));
        }
    }
}
