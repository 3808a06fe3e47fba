//! What comes from outside is parsed without panicking, whatever it holds; and what parses is the
//! one encoding of what it says. The bodies are those of the fuzz targets.

#[path = "../../../../fuzz/bodies/bundles.rs"]
mod bundles;
#[path = "../../../../fuzz/bodies/messages.rs"]
mod messages;
#[path = "../../../../fuzz/bodies/requests.rs"]
mod requests;
#[path = "../../../../fuzz/bodies/texts.rs"]
mod texts;

use proptest::prelude::*;
use zms_core::{
    id::{PrincipalId, ScopeId, VaultId},
    revision::Revision,
    roster::{Line, Right, Rights, Roster},
};
use zms_crypto::parts::Parts;

/// LP messages that begin like ours and go on in any way.
fn tagged() -> impl Strategy<Value = Vec<u8>> {
    let tags = ["zms/v1/line", "zms/v1/roster", "zms/v1/revision", "zms/v1/backup"];
    let sizes = prop::sample::select(vec![0, 1, 4, 8, 16, 17, 32, 64]);
    let part = sizes.prop_flat_map(|size: usize| prop::collection::vec(any::<u8>(), size));
    (prop::sample::select(tags.to_vec()), prop::collection::vec(part, 0..14))
        .prop_map(|(tag, parts)| Parts::tagged(tag).each(parts.iter().map(Vec::as_slice)).finish())
}

/// CBOR that begins like a bundle and goes on in any way.
fn cbor() -> impl Strategy<Value = Vec<u8>> {
    let head = prop::sample::select(vec![0xa1, 0xa3, 0xa5, 0xa6, 0x81, 0x9f, 0xbf, 0x80]);
    let item = prop_oneof![
        (0_u8..8).prop_map(|key| vec![key]),
        prop::sample::select(vec![0x80_u8, 0x81, 0x82, 0xa1, 0xa2, 0xa4, 0x9f, 0xff, 0xf6, 0x5f])
            .prop_map(|byte| vec![byte]),
        prop::sample::select(vec![16_u8, 32, 33, 64, 100, 172]).prop_map(|size| [
            vec![0x58, size],
            vec![7; size.into()]
        ]
        .concat()),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|tail| [vec![0x9b], tail].concat()),
    ];
    (head, prop::collection::vec(item, 0..40))
        .prop_map(|(head, items)| [vec![head], items.concat()].concat())
}

/// Queries and headers that begin like ours and go on in any way.
fn asked() -> impl Strategy<Value = String> {
    let words = [
        "at=",
        "last=",
        "scopes=",
        "records=none",
        "of=own",
        "past=1",
        "everyone=1",
        "&",
        ",",
        "0",
        "1",
        "action=",
        "after=",
        "wait=",
        "chain=",
        "limit=",
        "00112233445566778899aabbccddeeff",
        "\n",
        "sha-256=:",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        ":",
        "zms=",
        ";created=",
        ";keyid=\"",
        "\";alg=\"hmac-sha256\"",
        ";expires=",
        ";nonce=\"",
        "\";tag=\"zms-v1\"",
        "1800000000",
        "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\")",
    ];
    let words = prop::collection::vec(prop::sample::select(words.to_vec()), 0..12);
    words.prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn messages_of_any_shape_are_read_or_refused(bytes in prop_oneof![tagged(), cbor(), any::<Vec<u8>>()]) {
        messages::fuzz_messages(&bytes);
    }

    #[test]
    fn texts_of_any_shape_are_read_or_refused(text: String, body in "[A-Za-z0-9+/=\n ]{0,400}") {
        texts::fuzz_texts(text.as_bytes());
        texts::fuzz_texts(body.as_bytes());
    }

    #[test]
    fn bundles_of_any_shape_are_read_or_refused(body in cbor(), file in "[A-Za-z0-9+/=\n ]{0,400}") {
        bundles::fuzz_bundles(&body);
        bundles::fuzz_bundles(file.as_bytes());
    }

    #[test]
    fn requests_of_any_shape_are_read_or_refused(text in prop_oneof![asked(), any::<String>()]) {
        requests::fuzz_requests(text.as_bytes());
    }

    #[test]
    fn rights_read_as_written(ids: Vec<([u8; 16], u8)>) {
        let mut rights = Rights::default();
        for (id, right) in ids {
            rights.add(ScopeId(id), Right::from_number(right % 3 + 1).expect("1 to 3"));
        }
        prop_assert_eq!(Rights::parse(&rights.encode()), Ok(rights));
    }
}

#[test]
fn a_message_of_one_kind_is_no_other_kind() {
    let revision = Revision {
        vault: VaultId([1; 16]),
        scope: ScopeId([2; 16]),
        generation: 1,
        epoch: 1,
        revision: 1,
        prev_hash: [0; 32],
        key_commitment: [3; 32],
        records_root: [4; 32],
        children_root: [5; 32],
        author: PrincipalId([6; 16]),
        created_at: 7,
    }
    .encode();
    assert!(Revision::parse(&revision).is_ok());
    assert!(Roster::parse(&revision).is_err() && Line::parse(&revision).is_err());
}
