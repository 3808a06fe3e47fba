//! New seeds that were made and not yet shown, as they wait in a file: sealed under the seed of
//! who made them. spec/key-file.md#new-tokens

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;
use zms_crypto::{
    CryptoRng, Key, Purpose,
    derive::derive_key,
    envelope::{open, seal},
    parts::{Malformed, Parts, PartsReader},
};

use crate::{
    change::renew::Heir,
    id::{PrincipalId, VaultId},
    path::Segment,
    principal::{Kind, Principal},
};

const BEGIN: &str = "-----BEGIN ZMS NEW TOKENS-----";
const END: &str = "-----END ZMS NEW TOKENS-----";
const MAGIC: [u8; 4] = *b"ZMT\x01";
const COLUMNS: usize = 64;
/// Bytes in front of what is sealed.
const HEAD: usize = 4 + 16 + 16;

/// A file of new tokens, read but not opened.
pub struct Handover {
    head: [u8; HEAD],
    sealed: Vec<u8>,
}

impl Handover {
    /// Reads the armour and the visible fields.
    ///
    /// # Errors
    /// [`Malformed`] for anything but a file of this version.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let body = text.trim_end().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let lines: String = body.ok_or(Malformed)?.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(lines).map_err(|_| Malformed)?;
        let (head, sealed) = bytes.split_first_chunk::<HEAD>().ok_or(Malformed)?;
        if head[..4] != MAGIC {
            return Err(Malformed);
        }
        Ok(Self { head: *head, sealed: sealed.to_vec() })
    }

    /// Whose seed opens it.
    pub fn principal(&self) -> PrincipalId {
        PrincipalId(*self.head[4..].first_chunk().expect("the head has fixed offsets"))
    }

    /// The vault that they are for.
    pub fn vault(&self) -> VaultId {
        VaultId(*self.head[20..].first_chunk().expect("the head has fixed offsets"))
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`Malformed`], whichever check fails.
    pub fn open(&self, who: &Principal) -> Result<Vec<Heir>, Malformed> {
        if self.principal() != who.id() {
            return Err(Malformed);
        }
        let key = derive_key(who.seed(), Purpose::PRINCIPAL_HANDOVER);
        let opened = open(&key, &self.head, &self.sealed).map_err(|_| Malformed)?;
        // EXPOSE: parsed in place; each seed moves into custody of its own.
        let mut parts = PartsReader::new(opened.expose());
        let mut heirs = Vec::new();
        while !parts.is_empty() {
            heirs.push(read(parts.bytes()?)?);
        }
        Ok(heirs)
    }

    /// Writes the text of such a file, for whoever holds the seed of `who` afterwards.
    pub fn write<'h>(
        who: &Principal,
        vault: VaultId,
        heirs: impl IntoIterator<Item = &'h Heir>,
        rng: &mut dyn CryptoRng,
    ) -> Zeroizing<String> {
        let head = [&MAGIC[..], who.id().as_bytes(), vault.as_bytes()].concat();
        let each: Vec<_> = heirs.into_iter().map(part).collect();
        // In its full size from the start: what grows leaves copies behind.
        let size = each.iter().map(|part| 4 + part.len()).sum();
        let mut content = Zeroizing::new(Vec::with_capacity(size));
        for part in &each {
            let length = u32::try_from(part.len()).expect("a part is short");
            content.extend_from_slice(&length.to_be_bytes());
            content.extend_from_slice(part);
        }
        let key = derive_key(who.seed(), Purpose::PRINCIPAL_HANDOVER);
        let sealed = seal(&key, &head, &content, rng);
        let body = STANDARD.encode([head, sealed].concat());
        let lines = body.as_bytes().chunks(COLUMNS);
        let lines = lines.map(|line| std::str::from_utf8(line).expect("base64 is ASCII"));
        let text: Vec<&str> = [BEGIN].into_iter().chain(lines).chain([END]).collect();
        Zeroizing::new(text.join("\n") + "\n")
    }
}

fn part(heir: &Heir) -> Zeroizing<Vec<u8>> {
    let parts = Parts::default()
        .bytes(heir.replaces.as_bytes())
        .bytes(heir.label.as_str().as_bytes())
        .u8(heir.principal.kind() as u8)
        .u64(heir.expires.unwrap_or(0))
        // EXPOSE: the seed is about to be sealed. It comes last, so that nothing grows after it.
        .bytes(heir.principal.seed().expose());
    Zeroizing::new(parts.finish())
}

fn read(part: &[u8]) -> Result<Heir, Malformed> {
    let mut parts = PartsReader::new(part);
    let replaces = PrincipalId(parts.array()?);
    let label = std::str::from_utf8(parts.bytes()?).map_err(|_| Malformed)?;
    let label = Segment::parse(label).map_err(|_| Malformed)?;
    let kind = Kind::from_number(parts.u8()?).ok_or(Malformed)?;
    let expires = Some(parts.u64()?).filter(|at| *at != 0);
    let seed: &[u8; 32] = parts.bytes()?.try_into().map_err(|_| Malformed)?;
    let principal = Principal::from_seed(kind, Key::from_bytes(seed));
    parts.end()?;
    Ok(Heir { replaces, label, principal, expires })
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;

    fn made() -> (Principal, VaultId, Vec<Heir>, ChaCha20Rng) {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let owner = Principal::from_seed(Kind::Administrator, Key::generate(&mut rng));
        let vault = VaultId::generate(&mut rng);
        let kinds = [(Kind::Service, None), (Kind::Agent, Some(7)), (Kind::Administrator, None)];
        let heir = |(kind, expires)| Heir {
            replaces: PrincipalId([kind as u8; 16]),
            label: Segment::parse(&format!("deploy-{}", kind as u8)).expect("a good name"),
            principal: Principal::from_seed(kind, Key::generate(&mut rng)),
            expires,
        };
        let heirs = kinds.map(heir).into();
        (owner, vault, heirs, rng)
    }

    #[test]
    fn what_was_written_opens_for_who_wrote_it_only() {
        let (owner, vault, heirs, mut rng) = made();
        let text = Handover::write(&owner, vault, &heirs, &mut rng);
        let file = Handover::parse(&text).expect("parses");
        assert_eq!((file.principal(), file.vault()), (owner.id(), vault));
        let read = file.open(&owner).expect("opens");
        let shown = |heirs: &[Heir]| {
            let each = heirs.iter().map(|it| {
                (it.replaces, it.label.clone(), it.principal.id(), it.principal.kind(), it.expires)
            });
            each.collect::<Vec<_>>()
        };
        assert_eq!(shown(&read), shown(&heirs));
        assert!(file.open(&heirs[0].principal).is_err());
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let bytes = STANDARD.decode(body).expect("base64");
        assert!(!bytes.windows(6).any(|window| window == b"deploy"), "names are sealed");
        let none = Handover::write(&owner, vault, &[], &mut rng);
        assert!(Handover::parse(&none).expect("parses").open(&owner).expect("opens").is_empty());
    }

    #[test]
    fn a_changed_file_yields_no_token() {
        let (owner, vault, heirs, mut rng) = made();
        let text = Handover::write(&owner, vault, &heirs, &mut rng);
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let bytes = STANDARD.decode(body).expect("base64");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let armoured = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(changed));
            let opened = Handover::parse(&armoured).and_then(|file| file.open(&owner));
            assert!(opened.is_err(), "byte {at}");
        }
        assert!(Handover::parse(&text[..text.len() - 10]).is_err());
        assert!(Handover::parse("").is_err());
    }
}
