//! What comes from outside is parsed without panicking, whatever it holds; and what parses is the
//! one encoding of what it says.

use proptest::prelude::*;
use zms_crypto::{parts::Parts, text::parse_seed};

use crate::{
    backup::Head,
    bundle::{Packed, armour},
    id::PrincipalId,
    key_file::KeyFile,
    path::{ScopePath, SecretName},
    record::Reference,
    revision::Revision,
    roster::{Line, Right, Rights, Roster},
};

/// LP messages that begin like ours and go on in any way.
fn tagged() -> impl Strategy<Value = Vec<u8>> {
    let tags = ["zms/v1/line", "zms/v1/roster", "zms/v1/revision", "zms/v1/backup"];
    let sizes = prop::sample::select(vec![0, 1, 4, 8, 16, 17, 32, 64]);
    let part = sizes.prop_flat_map(|size: usize| prop::collection::vec(any::<u8>(), size));
    (prop::sample::select(tags.to_vec()), prop::collection::vec(part, 0..14))
        .prop_map(|(tag, parts)| Parts::tagged(tag).each(parts.iter().map(Vec::as_slice)).finish())
}

/// CBOR that begins like a bundle and goes on in any way.
fn bundles() -> impl Strategy<Value = Vec<u8>> {
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

proptest! {
    #[test]
    fn messages_of_any_shape_are_read_or_refused(bytes in prop_oneof![tagged(), any::<Vec<u8>>()]) {
        let length = u32::try_from(bytes.len()).expect("it is short").to_be_bytes();
        let start = [&b"ZMS-BACKUP\x01\x01"[..], &length, &bytes].concat();
        if let Ok(head) = Head::parse(&start) {
            prop_assert_eq!(head.encode(), start);
        }
        if let Ok(revision) = Revision::parse(&bytes) {
            prop_assert_eq!(revision.encode(), bytes.clone());
        }
        if let Ok(roster) = Roster::parse(&bytes) {
            prop_assert_eq!(roster.encode(), bytes.clone());
        }
        if let Ok(line) = Line::parse(&bytes) {
            prop_assert_eq!(line.encode(), bytes.clone());
        }
        if let Ok(rights) = Rights::parse(&bytes) {
            prop_assert_eq!(rights.encode(), bytes.clone());
        }
        if let Some(reference) = Reference::decode(&bytes) {
            prop_assert_eq!(reference.encode(), bytes);
        }
    }

    #[test]
    fn texts_of_any_shape_are_read_or_refused(text: String, body in "[A-Za-z0-9+/=\n ]{0,400}") {
        let _ = parse_seed(&text);
        let _ = parse_seed(&format!("zms_st_1{text}"));
        let _ = ScopePath::parse(&text);
        let _ = SecretName::parse(&text);
        let armour = "-----BEGIN ZMS MASTER KEY-----";
        let _ = KeyFile::parse(&format!("{armour}\n{body}\n{}\n", armour.replace("BEGIN", "END")));
    }

    #[test]
    fn bundles_of_any_shape_are_read_or_refused(body in bundles(), file in "[A-Za-z0-9+/=\n ]{0,400}") {
        let bytes = [&b"ZMB\x01"[..], &body].concat();
        if let Ok(packed) = Packed::decode(&bytes) {
            prop_assert_eq!(packed.encode(), bytes);
        }
        let rule = "-----BEGIN ZMS BUNDLE-----";
        let file = format!("{rule}\n{file}\n{}\n", rule.replace("BEGIN", "END"));
        let _ = armour::read(file.as_bytes());
    }

    #[test]
    fn rights_read_as_written(ids: Vec<([u8; 16], u8)>) {
        let mut rights = Rights::default();
        for (id, right) in ids {
            rights.add(crate::id::ScopeId(id), Right::from_number(right % 3 + 1).expect("1 to 3"));
        }
        prop_assert_eq!(Rights::parse(&rights.encode()), Ok(rights));
    }
}

#[test]
fn a_message_of_one_kind_is_no_other_kind() {
    let revision = Revision {
        vault: crate::id::VaultId([1; 16]),
        scope: crate::id::ScopeId([2; 16]),
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
