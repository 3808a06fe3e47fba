//! `derivation.json`: every label, and what is named by a hash or a MAC.

use zms_core::{
    path::{SecretName, Segment},
    principal::{Kind, Principal},
    roster::authority,
    scope::NodeKeys,
};
use zms_crypto::{Key, Purpose, derive::derive_key};

use crate::{
    cases,
    json::{Json, hex, map, text},
    name,
};

const LABELS: [(&str, Purpose); 17] = [
    ("zms/v1/principal/sign", Purpose::PRINCIPAL_SIGN),
    ("zms/v1/principal/wrap", Purpose::PRINCIPAL_WRAP),
    ("zms/v1/principal/request", Purpose::PRINCIPAL_REQUEST),
    ("zms/v1/principal/handover", Purpose::PRINCIPAL_HANDOVER),
    ("zms/v1/principal/personal", Purpose::PRINCIPAL_PERSONAL),
    ("zms/v1/scope/child", Purpose::SCOPE_CHILD),
    ("zms/v1/scope/child-index", Purpose::SCOPE_CHILD_INDEX),
    ("zms/v1/scope/past", Purpose::SCOPE_PAST),
    ("zms/v1/scope/data", Purpose::SCOPE_DATA),
    ("zms/v1/data/record", Purpose::DATA_RECORD),
    ("zms/v1/data/index", Purpose::DATA_INDEX),
    ("zms/v1/data/commit", Purpose::DATA_COMMIT),
    ("zms/v1/vault/authority", Purpose::VAULT_AUTHORITY),
    ("zms/v1/vault/escrow", Purpose::VAULT_ESCROW),
    ("zms/v1/key-file/none", Purpose::KEY_FILE_NONE),
    ("zms/v1/key-file/passphrase", Purpose::KEY_FILE_PASSPHRASE),
    ("zms/v1/backup/key", Purpose::BACKUP_KEY),
];

/// What this code derives, for the question a case asks.
fn answer(case: &Json) -> Vec<u8> {
    let key = Key::from_bytes(&case["key"].array());
    let named = || case["text"].text();
    let node = |key| NodeKeys::new(key);
    match case["form"].text() {
        "label" => {
            let purpose = LABELS.iter().find(|(label, _)| *label == named());
            derive_key(&key, purpose.expect("a label").1).expose().to_vec()
        }
        "verifying-key" => principal(key).verifying_key().0.to_vec(),
        "principal-id" => principal(key).id().as_bytes().to_vec(),
        "authority" => authority(&key).verifying_key().0.to_vec(),
        "commitment" => node(key).data().commitment().to_vec(),
        "name-index" => {
            let name = SecretName::parse(named()).expect("a good name");
            node(key).data().name_index(&name).as_bytes().to_vec()
        }
        "child-index" => {
            let name = Segment::parse(named()).expect("a good name");
            node(key).child_index(&name).as_bytes().to_vec()
        }
        other => panic!("unknown question {other}"),
    }
}

fn principal(seed: Key) -> Principal {
    Principal::from_seed(Kind::Service, seed)
}

fn make(_: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let key: Vec<u8> = (0..32).collect();
    let ask = |form: &str, about: &str| {
        let case = map([
            ("name", text(&format!("{form} {about}"))),
            ("form", text(form)),
            ("key", hex(&key)),
            ("text", text(about)),
        ]);
        let out = answer(&case);
        case.with("out", hex(&out))
    };
    let mut made: Vec<Json> = LABELS.iter().map(|(label, _)| ask("label", label)).collect();
    for form in ["verifying-key", "principal-id", "authority", "commitment"] {
        made.push(ask(form, ""));
    }
    for about in ["DATABASE_URL", "a", "Gr\u{f6}\u{df}e", "shop"] {
        made.push(ask("name-index", about));
        made.push(ask("child-index", about));
    }
    made
}

#[test]
fn derivations() {
    for case in cases("derivation.json", "Derivations: spec/keys.md, spec/principals.md", make) {
        assert_eq!(answer(&case), case["out"].bytes(), "{}", name(&case));
    }
}
