//! Text forms of seeds: bech32m of exactly 32 bytes (BIP-350; spec/text.md).

use bech32::{
    Bech32m, Hrp,
    primitives::{
        decode::CheckedHrpstring,
        iter::{ByteIterExt, Fe32IterExt},
    },
};

use crate::{keys::Key, secret::SecretText};

/// What a text form says it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedKind {
    /// `zms_st_1…`: a service token.
    Service,
    /// `zms_mcp_1…`: an agent's token.
    Agent,
    /// `zms_at_1…`: an administrator's token.
    Administrator,
    /// `ZMS-MASTER-KEY-1…`: the owner's seed, exported by hand.
    Master,
}

/// The text is no seed of a known kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed token")]
pub struct MalformedText;

/// Characters behind the prefix and its `1`: 52 of data and 6 of checksum.
const DATA_LEN: usize = 58;

/// What a wrapping token begins with, separator included.
const WRAPPING_PREFIX: &str = "zms_wt1";
/// Its length: 77 characters of data behind the prefix, and 6 of checksum.
const WRAPPING_LEN: usize = 90;

impl SeedKind {
    const ALL: [Self; 4] = [Self::Service, Self::Agent, Self::Administrator, Self::Master];

    /// The text in front of the 58 characters, separator included.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Service => "zms_st_1",
            Self::Agent => "zms_mcp_1",
            Self::Administrator => "zms_at_1",
            Self::Master => "ZMS-MASTER-KEY-1",
        }
    }

    fn hrp(self) -> Hrp {
        let prefix = self.prefix();
        Hrp::parse(&prefix[..prefix.len() - 1]).expect("each prefix is a valid human-readable part")
    }
}

/// Reads a seed and its kind; the checksum is verified, nothing is corrected.
///
/// # Errors
/// [`MalformedText`] for another prefix, length, case, character, checksum or padding.
pub fn parse_seed(text: &str) -> Result<(SeedKind, Key), MalformedText> {
    let kind = SeedKind::ALL
        .into_iter()
        .find(|kind| text.starts_with(kind.prefix()))
        .filter(|kind| text.len() == kind.prefix().len() + DATA_LEN)
        .ok_or(MalformedText)?;
    let wrong_case: fn(&u8) -> bool = match kind {
        SeedKind::Master => u8::is_ascii_lowercase,
        _ => u8::is_ascii_uppercase,
    };
    if text.as_bytes().iter().any(wrong_case) {
        return Err(MalformedText);
    }
    let mut read = Err(MalformedText);
    let seed = Key::fill(|seed| read = decode(text, [seed]));
    read.map(|()| (kind, seed))
}

/// Fills parts with the bytes of a text, which holds no more and no less.
fn decode<const N: usize>(text: &str, parts: [&mut [u8]; N]) -> Result<(), MalformedText> {
    let checked = CheckedHrpstring::new::<Bech32m>(text).map_err(|_| MalformedText)?;
    checked.validate_segwit_padding().map_err(|_| MalformedText)?;
    let mut bytes = checked.byte_iter();
    for to in parts.into_iter().flatten() {
        *to = bytes.next().ok_or(MalformedText)?;
    }
    bytes.next().map_or(Ok(()), |_| Err(MalformedText))
}

/// Reads a wrapping token: the id of a vault and a seed.
///
/// # Errors
/// [`MalformedText`] as for [`parse_seed`].
pub fn parse_wrapping(text: &str) -> Result<([u8; 16], Key), MalformedText> {
    if text.len() != WRAPPING_LEN || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(MalformedText);
    }
    if !text.starts_with(WRAPPING_PREFIX) {
        return Err(MalformedText);
    }
    let mut vault = [0; 16];
    let mut read = Err(MalformedText);
    let seed = Key::fill(|seed| read = decode(text, [&mut vault, seed]));
    read.map(|()| (vault, seed))
}

/// Writes a wrapping token as text.
pub fn encode_wrapping(vault: &[u8; 16], seed: &Key) -> SecretText {
    let hrp = &WRAPPING_PREFIX[..WRAPPING_PREFIX.len() - 1];
    let hrp = Hrp::parse(hrp).expect("the prefix is a valid human-readable part");
    let mut text = SecretText::new(String::with_capacity(WRAPPING_LEN));
    // EXPOSE: the token is handed to whoever is to have the answer.
    let bytes = vault.iter().chain(seed.expose()).copied();
    text.expose_mut().extend(bytes.bytes_to_fes().with_checksum::<Bech32m>(&hrp).chars());
    text
}

/// Writes a seed as text.
pub fn encode_seed(kind: SeedKind, seed: &Key) -> SecretText {
    let hrp = kind.hrp();
    let mut text = SecretText::new(String::with_capacity(kind.prefix().len() + DATA_LEN));
    // EXPOSE: a token is the seed in text form; it is shown once, to who asked for it.
    let chars = seed.expose().iter().copied().bytes_to_fes().with_checksum::<Bech32m>(&hrp).chars();
    for char in chars {
        let char = if kind == SeedKind::Master { char.to_ascii_uppercase() } else { char };
        text.expose_mut().push(char);
    }
    text
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;

    #[test]
    fn every_kind_reads_what_it_writes_and_no_single_error() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        for kind in SeedKind::ALL {
            let seed = Key::generate(&mut rng);
            let text = encode_seed(kind, &seed);
            let text = text.expose();
            assert_eq!(text.len(), kind.prefix().len() + DATA_LEN);
            let (read, same) = parse_seed(text).expect("just written");
            assert!(read == kind && same.expose() == seed.expose());
            for at in 0..text.len() {
                for other in ['q', 'p', 'Q', '1', ' ', '\0'] {
                    let mut changed = text.clone();
                    changed.replace_range(at..=at, &other.to_string());
                    assert!(changed == *text || parse_seed(&changed).is_err(), "{at} {other:?}");
                }
            }
            for wrong in [
                format!(" {text}"),
                format!("{text}\n"),
                text.to_uppercase(),
                text.to_lowercase(),
                text[..text.len() - 1].to_owned(),
                format!("{text}q"),
            ] {
                assert!(wrong == *text || parse_seed(&wrong).is_err(), "{wrong:?}");
            }
        }
    }

    #[test]
    fn a_wrapping_token_reads_what_it_writes_and_no_single_error() {
        let seed = Key::generate(&mut ChaCha20Rng::seed_from_u64(3));
        let text = encode_wrapping(&[7; 16], &seed);
        let text = text.expose();
        let (vault, same) = parse_wrapping(text).expect("just written");
        assert!(vault == [7; 16] && same.expose() == seed.expose() && text.len() == WRAPPING_LEN);
        for at in 0..text.len() {
            for other in ['q', 'p', 'Q', '1', ' ', '\0'] {
                let mut changed = text.clone();
                changed.replace_range(at..=at, &other.to_string());
                assert!(changed == *text || parse_wrapping(&changed).is_err(), "{at} {other:?}");
            }
        }
        for wrong in [format!("{text}q"), text.to_uppercase(), text[..89].to_owned()] {
            assert!(parse_wrapping(&wrong).is_err() && parse_seed(&wrong).is_err(), "{wrong:?}");
        }
        let service = encode_seed(SeedKind::Service, &seed);
        assert!(parse_wrapping(service.expose()).is_err() && parse_seed(text).is_err());
    }
}
