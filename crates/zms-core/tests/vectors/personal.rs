//! `personal.json`: values of one person, sealed apart from the vault.

use minicbor::{Encoder, encode::Error};
use rand_chacha::ChaCha20Rng;
use zms_core::{
    id::VaultId,
    path::{ScopePath, SecretName},
    personal::{Personal, PersonalValue},
    principal::{Kind, Principal},
};
use zms_crypto::{Key, SecretBytes, envelope::seal_box, parts::Parts};

use crate::{
    cases,
    json::{Json, hex, list, map, text},
    name,
};

const AT: u64 = 1_900_000_000;

/// One value as it is encoded: path, name, value.
type Held<'a> = (&'a [&'a str], &'a str, &'a [u8]);

fn encoded(held: &[Held<'_>]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    let write = |encoder: &mut Encoder<Vec<u8>>| -> Result<(), Error<std::convert::Infallible>> {
        encoder.map(1)?.u8(1)?.array(held.len() as u64)?;
        for (path, name, value) in held {
            encoder.map(4)?.u8(1)?.array(path.len() as u64)?;
            for segment in *path {
                encoder.str(segment)?;
            }
            encoder.u8(2)?.str(name)?.u8(3)?.bytes(value)?.u8(4)?.u64(AT)?;
        }
        Ok(())
    };
    write(&mut encoder).expect("a vector takes all");
    encoder.into_writer()
}

fn shown(personal: &Personal) -> Json {
    let value = |held: &PersonalValue| {
        map([
            ("path", text(&held.path.to_string())),
            ("name", text(held.name.as_str())),
            ("value", hex(held.value.expose())),
            ("created_at", Json::Number(held.created_at)),
        ])
    };
    list(personal.values().iter().map(value))
}

fn make(rng: &mut ChaCha20Rng) -> Vec<Json> {
    let owner = Principal::from_seed(Kind::Administrator, Key::generate(rng));
    let other = Principal::from_seed(Kind::Administrator, Key::generate(rng));
    let (vault, elsewhere) = (VaultId::generate(rng), VaultId::generate(rng));
    let case = |title: &str, by: &Principal, vault: VaultId, sealed: &[u8]| {
        let of = map([("name", text(title)), ("seed", hex(by.seed().expose()))]);
        of.with("vault", hex(vault.as_bytes())).with("sealed", hex(sealed))
    };
    let mut accept = |title: &str, held: &[(&str, &str, &[u8])]| {
        let mut personal = Personal::default();
        for (path, name, value) in held {
            personal.put(PersonalValue {
                path: ScopePath::parse(path).expect("a good path"),
                name: SecretName::parse(name).expect("a good name"),
                value: SecretBytes::from(*value),
                created_at: AT,
            });
        }
        let sealed = personal.seal(&owner, vault, rng);
        (case(title, &owner, vault, &sealed).with("values", shown(&personal)), sealed)
    };
    let (none, _) = accept("none", &[]);
    let (three, sealed) = accept(
        "three values, of two scopes",
        &[
            ("shop/qa", "A", b"\xff\0"),
            ("shop", "Z\u{fc}RICH", b""),
            ("shop/qa", "B", b"two words"),
        ],
    );
    let (dev, qa): (&[&str], &[&str]) = (&["shop", "dev"], &["shop", "qa"]);
    let deep = ["a"; 17];
    let plain = |plain: &[u8], rng: &mut ChaCha20Rng| {
        let aad = Parts::tagged("zms/v1/aad/personal").bytes(vault.as_bytes());
        let aad = aad.bytes(owner.id().as_bytes()).finish();
        seal_box(&owner.personal_key(), &aad, plain, rng)
    };
    let one = encoded(&[(dev, "A", b"1")]);
    let longer = [one.as_slice(), b"\0"].concat();
    let refused: [(&str, Vec<u8>); 10] = [
        ("names in another order", encoded(&[(dev, "B", b"1"), (dev, "A", b"1")])),
        ("paths in another order", encoded(&[(qa, "A", b"1"), (dev, "B", b"1")])),
        ("one twice", encoded(&[(dev, "A", b"1"), (dev, "A", b"1")])),
        ("a name with a NUL", encoded(&[(dev, "A\0", b"1")])),
        ("a segment with a slash", encoded(&[(&["shop/dev"], "A", b"1")])),
        ("a path of 17 segments", encoded(&[(&deep, "A", b"1")])),
        ("a byte more", longer),
        ("a key that is not known", vec![0xa2, 1, 0x80, 2, 0]),
        ("a length in two bytes", vec![0xa1, 1, 0x98, 0]),
        ("no list", vec![0xa0]),
    ];
    let mut all = vec![none, three];
    for (title, content) in refused {
        let sealed = plain(&content, rng);
        all.push(case(title, &owner, vault, &sealed));
    }
    let flip = |at: usize| {
        let mut sealed = sealed.clone();
        sealed[at] ^= 1;
        sealed
    };
    all.extend([
        case("another owner", &other, vault, &sealed),
        case("another vault", &owner, elsewhere, &sealed),
        case("another header", &owner, vault, &flip(2)),
        case("another nonce", &owner, vault, &flip(4)),
        case("another ciphertext", &owner, vault, &flip(28)),
        case("another tag", &owner, vault, &flip(sealed.len() - 1)),
        case("a byte less", &owner, vault, &sealed[1..]),
    ]);
    all
}

#[test]
fn personal() {
    for case in cases("personal.json", "Personal values: spec/personal.md", make) {
        let seed = case["seed"].bytes().try_into().expect("32 bytes");
        let owner = Principal::from_seed(Kind::Administrator, Key::from_bytes(&seed));
        let vault = VaultId(case["vault"].bytes().try_into().expect("16 bytes"));
        let opened = Personal::open(&owner, vault, &case["sealed"].bytes()).ok();
        let wanted = case["values"].is_some().then(|| case["values"].write());
        assert_eq!(opened.map(|opened| shown(&opened).write()), wanted, "{}", name(&case));
    }
}
