//! Checkpoints: heads of all chains at one time, as a note that an administrator signed.
//! spec/audit.md#checkpoint

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zms_crypto::{
    digest::sha256,
    parts::Malformed,
    sign::{SIGNATURE_LEN, Signature, VerifyingKey},
};

use super::Head;
use crate::{
    id::{PrincipalId, VaultId},
    principal::{Principal, principal_id},
};

/// Longest note that is read, in bytes.
pub const MAX_NOTE: usize = 64 * 1024;

/// First line, before the vault's id.
const ORIGIN: &str = "zms/audit/";
/// A signature's name, before the principal's id.
const SIGNER: &str = "zms/principal/";
/// Ed25519 in a signed note.
const ED25519: u8 = 1;
/// Bytes of a signature line that stand for the key.
const KEY_HASH_LEN: usize = 4;

/// What an administrator saw of the audit at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The vault.
    pub vault: VaultId,
    /// The roster's generation: a restore raises it, and voids checkpoints of lower ones.
    pub generation: u64,
    /// Unix seconds.
    pub time: u64,
    /// One entry per chain, ascending by chain; what comes before it is covered with it.
    pub heads: Vec<Head>,
}

impl Checkpoint {
    /// The head of a chain.
    pub fn head(&self, chain: u64) -> Option<&Head> {
        self.heads.iter().find(|head| head.chain == chain)
    }

    /// The text that is signed.
    fn text(&self) -> String {
        let Self { vault, generation, time, .. } = self;
        let mut text = format!("{ORIGIN}{vault}\ngeneration {generation}\ntime {time}\n");
        for Head { chain, seq, hash } in &self.heads {
            let hash = STANDARD.encode(hash);
            writeln!(text, "chain {chain} {seq} {hash}").expect("text takes all");
        }
        text
    }

    /// Signs as an administrator: the note, ready to be kept.
    pub fn sign(&self, principal: &Principal) -> String {
        let text = self.text();
        let signature = principal.sign(text.as_bytes());
        written(&text, principal.id(), key_hash(&principal.verifying_key()), &signature)
    }
}

/// A checkpoint that was read and not verified.
pub struct Note {
    checkpoint: Checkpoint,
    signer: PrincipalId,
    key_hash: [u8; KEY_HASH_LEN],
    signature: Signature,
}

impl Note {
    /// Reads a note. Says nothing about its signature.
    ///
    /// # Errors
    /// [`Malformed`] for anything but exactly one encoding of a checkpoint and one signature.
    pub fn parse(note: &[u8]) -> Result<Self, Malformed> {
        if note.len() > MAX_NOTE {
            return Err(Malformed);
        }
        let text = std::str::from_utf8(note).map_err(|_| Malformed)?;
        let read = Self::read(text).ok_or(Malformed)?;
        let again = written(&read.checkpoint.text(), read.signer, read.key_hash, &read.signature);
        if again == text { Ok(read) } else { Err(Malformed) }
    }

    /// Reads what a good note says, and more: spelling is left to the comparison.
    fn read(note: &str) -> Option<Self> {
        let mut lines = note.lines();
        let vault = VaultId(id(lines.next()?.strip_prefix(ORIGIN)?)?);
        let generation = lines.next()?.strip_prefix("generation ")?.parse().ok()?;
        let time = lines.next()?.strip_prefix("time ")?.parse().ok()?;
        let mut heads: Vec<Head> = Vec::new();
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            let mut words = line.strip_prefix("chain ")?.split(' ');
            let (chain, seq) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            let hash = STANDARD.decode(words.next()?).ok()?.try_into().ok()?;
            if seq == 0 || heads.last().is_some_and(|last| last.chain >= chain) {
                return None;
            }
            heads.push(Head { chain, seq, hash });
        }
        if generation == 0 || heads.is_empty() {
            return None;
        }
        let mut words = lines.next()?.strip_prefix("\u{2014} ")?.split(' ');
        let signer = PrincipalId(id(words.next()?.strip_prefix(SIGNER)?)?);
        let signed: [u8; KEY_HASH_LEN + SIGNATURE_LEN] =
            STANDARD.decode(words.next()?).ok()?.try_into().ok()?;
        let (key_hash, signature) = signed.split_at(KEY_HASH_LEN);
        Some(Self {
            checkpoint: Checkpoint { vault, generation, time, heads },
            signer,
            key_hash: key_hash.try_into().ok()?,
            signature: signature.try_into().ok()?,
        })
    }

    /// Who claims to have signed it.
    pub const fn signer(&self) -> PrincipalId {
        self.signer
    }

    /// The checkpoint, where the signer's key signed it.
    ///
    /// # Errors
    /// [`Malformed`] for another key or signature.
    pub fn verify(self, vk: &VerifyingKey) -> Result<Checkpoint, Malformed> {
        let text = self.checkpoint.text();
        let verified = principal_id(vk) == self.signer
            && key_hash(vk) == self.key_hash
            && vk.verify(text.as_bytes(), &self.signature).is_ok();
        if verified { Ok(self.checkpoint) } else { Err(Malformed) }
    }
}

/// C2SP signed-note: the text, an empty line, the signature's line.
fn written(
    text: &str,
    signer: PrincipalId,
    key_hash: [u8; KEY_HASH_LEN],
    signature: &Signature,
) -> String {
    let signature = STANDARD.encode([&key_hash[..], signature].concat());
    format!("{text}\n\u{2014} {SIGNER}{signer} {signature}\n")
}

/// `SHA-256(name || 0x0A || 0x01 || vk)[..4]`.
fn key_hash(vk: &VerifyingKey) -> [u8; KEY_HASH_LEN] {
    let name = format!("{SIGNER}{}", principal_id(vk));
    let hash = sha256(&[name.as_bytes(), b"\n", &[ED25519], &vk.0]);
    *hash.first_chunk().expect("a hash has 32 bytes")
}

/// 32 hexadecimal digits; case is left to the comparison.
fn id(text: &str) -> Option<[u8; 16]> {
    let mut id = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    use zms_crypto::Key;

    use super::*;
    use crate::principal::Kind;

    fn signer(seed: u64) -> Principal {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        Principal::from_seed(Kind::Administrator, Key::generate(&mut rng))
    }

    fn checkpoint(heads: Vec<(u64, u64)>) -> Checkpoint {
        let head = |(chain, seq)| Head { chain, seq, hash: [seq as u8; 32] };
        let heads = heads.into_iter().map(head).collect();
        Checkpoint { vault: VaultId([5; 16]), generation: 1, time: 1_700_000_000, heads }
    }

    #[test]
    fn what_was_signed_is_read_and_verified() {
        let (signer, other) = (signer(1), signer(2));
        let checkpoint = checkpoint(vec![(0, 7), (3, u64::MAX)]);
        let note = checkpoint.sign(&signer);
        let read = || Note::parse(note.as_bytes()).expect("just written");
        assert_eq!(read().signer(), signer.id());
        assert_eq!(read().verify(&signer.verifying_key()), Ok(checkpoint));
        assert_eq!(read().verify(&other.verifying_key()), Err(Malformed));
    }

    #[test]
    fn no_byte_can_be_changed() {
        let signer = signer(1);
        let note = checkpoint(vec![(0, 7), (3, 9)]).sign(&signer).into_bytes();
        for at in 0..note.len() {
            for change in [1, 0x20, 0x80] {
                let mut changed = note.clone();
                changed[at] ^= change;
                let read = Note::parse(&changed);
                let verified = read.and_then(|read| read.verify(&signer.verifying_key()));
                assert!(verified.is_err(), "byte {at}");
            }
            assert!(Note::parse(&note[..at]).is_err());
        }
    }

    proptest! {
        #[test]
        fn notes_of_any_shape_are_read_or_refused(
            bytes: Vec<u8>,
            lines in prop::collection::vec("(chain [0-9]{1,3} )?[0-9a-zA-Z+/=]{0,64}", 0..6),
        ) {
            prop_assert!(Note::parse(&bytes).is_err());
            let vault = VaultId([5; 16]);
            let text = format!("{ORIGIN}{vault}\ngeneration 1\ntime 2\n{}\n", lines.join("\n"));
            prop_assert!(Note::parse(text.as_bytes()).is_err(), "nobody signed it");
        }
    }
}
