//! The first version of a file of pins, which is only read any more. spec/pins.md#version-1
//!
//! Who has seen ten thousand scopes has a file of some megabytes, so hex is read in place, not by
//! way of a text for each id.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use zms_core::{
    id::{ScopeId, VaultId},
    pin::{HeadPin, Pins, RosterPin},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    version: u32,
    vault: Hex<16>,
    roster: RosterForm,
    heads: Vec<HeadForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RosterForm {
    generation: u64,
    version: u64,
    hash: Hex<32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadForm {
    lineage: Vec<Hex<16>>,
    revision: u64,
    hash: Hex<32>,
}

/// Bytes that are a text of twice as many hex digits.
#[derive(Clone, Copy)]
struct Hex<const N: usize>([u8; N]);

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits<const N: usize>;

        impl<const N: usize> Visitor<'_> for Digits<N> {
            type Value = Hex<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} hex digits", 2 * N)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let mut bytes = [0; N];
                hex::decode_to_slice(text, &mut bytes).map_err(E::custom)?;
                Ok(Hex(bytes))
            }
        }

        deserializer.deserialize_str(Digits)
    }
}

/// Reads a file; `None` for one that can not be understood, or is of another vault.
pub(super) fn parse(text: &[u8], vault: VaultId) -> Option<Pins> {
    let form: FileForm = serde_json::from_slice(text).ok()?;
    if form.version != 1 || form.vault.0 != vault.0 {
        return None;
    }
    let RosterForm { generation, version, hash } = form.roster;
    let heads = form.heads.into_iter().map(|HeadForm { lineage, revision, hash }| {
        let lineage = lineage.into_iter().map(|id| ScopeId(id.0)).collect();
        (lineage, HeadPin { revision, hash: hash.0 })
    });
    let roster = RosterPin { generation, version, hash: hash.0 };
    Some(Pins { roster: Some(roster), heads: heads.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_reads_as_what_it_says_and_nothing_else_does() {
        let vault = VaultId([7; 16]);
        let head = HeadPin { revision: 9, hash: [0xab; 32] };
        let lineage = vec![ScopeId([7; 16]), ScopeId([0x1c; 16])];
        let roster = RosterPin { generation: 1, version: 2, hash: [3; 32] };
        let pins = Pins { roster: Some(roster), heads: [(lineage, head)].into() };
        let (seven, hash) = ("07".repeat(16), "03".repeat(32));
        let text = format!(
            "{{\"version\":1,\"vault\":\"{seven}\",\"roster\":{{\"generation\":1,\"version\":2,\
             \"hash\":\"{hash}\"}},\"heads\":[{{\"lineage\":[\"{seven}\",\"{}\"],\"revision\":9,\
             \"hash\":\"{}\"}}]}}",
            "1c".repeat(16),
            "ab".repeat(32)
        );
        assert_eq!(parse(text.as_bytes(), vault), Some(pins));
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("1c1c", "1c"),
            ("abab", "xbab"),
            ("\"heads\"", "\"more\":1,\"heads\""),
            ("0707", "0707\",\"0707"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_eq!(parse(changed.as_bytes(), vault), None, "{from} as {to}");
        }
        assert_eq!(parse(&text.as_bytes()[..text.len() - 1], vault), None);
    }
}
