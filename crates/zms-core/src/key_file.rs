//! The master key at rest: an armoured text that holds the owner's sealed seed.
//! spec/key-file.md

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;
use zms_crypto::{
    CryptoRng, Key, Purpose,
    derive::derive_key,
    envelope::{open, seal},
    passphrase::{Cost, CostRefused, derive_from_passphrase},
};

use crate::{
    id::{PrincipalId, VaultId},
    principal::{Kind, Principal},
};

const BEGIN: &str = "-----BEGIN ZMS MASTER KEY-----";
const END: &str = "-----END ZMS MASTER KEY-----";
const MAGIC: [u8; 4] = *b"ZMK\x01";
const COLUMNS: usize = 64;
/// Bytes in front of the sealed seed.
const HEAD: usize = 4 + 1 + 12 + 16 + 16 + 16;

/// How the seed is protected within the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// By the file's mode alone.
    None,
    /// By a passphrase, at these parameters.
    Passphrase(Cost),
    /// By a random key that the session's keychain holds.
    Keychain,
    /// By a random key that the credential directory of a service holds.
    Systemd,
}

/// What opens a key file that is protected.
#[derive(Clone, Copy)]
pub enum Opener<'o> {
    /// Its passphrase.
    Passphrase(&'o str),
    /// The key that lies elsewhere.
    Key(&'o Key),
}

/// Why a key file does not yield a seed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The text is no key file of a known version.
    #[error("is not a ZMS master key file")]
    Malformed,
    /// Its parameters are out of range.
    #[error(transparent)]
    Cost(#[from] CostRefused),
    /// It is protected, and what opens it was not given.
    #[error("is locked")]
    Locked,
    /// The passphrase or key is wrong, or the file was changed.
    #[error("does not open: the passphrase is wrong or the file was changed")]
    Unopened,
}

/// A key file, read but not opened.
pub struct KeyFile {
    protection: Protection,
    principal: PrincipalId,
    vault: VaultId,
    salt: [u8; 16],
    head: [u8; HEAD],
    sealed: Vec<u8>,
}

impl KeyFile {
    /// Reads the armour and the visible fields.
    ///
    /// # Errors
    /// [`KeyFileError::Malformed`], [`KeyFileError::Cost`].
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let malformed = || KeyFileError::Malformed;
        let body = text.trim_end().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let lines: String = body.ok_or_else(malformed)?.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(lines).map_err(|_| malformed())?;
        let (head, sealed) = bytes.split_first_chunk::<HEAD>().ok_or_else(malformed)?;
        let number = |at: usize| {
            u32::from_be_bytes(*head[at..].first_chunk().expect("the head has fixed offsets"))
        };
        let id = |at: usize| *head[at..].first_chunk().expect("the head has fixed offsets");
        let cost = Cost { memory_kib: number(5), passes: number(9), lanes: number(13) };
        let protection = match head[4] {
            1 => {
                cost.check()?;
                Protection::Passphrase(cost)
            }
            _ if head[5..17] != [0; 12] => return Err(malformed()),
            0 => Protection::None,
            2 => Protection::Keychain,
            3 => Protection::Systemd,
            _ => return Err(malformed()),
        };
        if head[..4] != MAGIC {
            return Err(malformed());
        }
        Ok(Self {
            protection,
            principal: PrincipalId(id(17)),
            vault: VaultId(id(33)),
            salt: id(49),
            head: *head,
            sealed: sealed.to_vec(),
        })
    }

    /// How the seed is protected.
    pub const fn protection(&self) -> Protection {
        self.protection
    }

    /// The vault that the key is for.
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    /// The owner whose key it is.
    pub const fn principal(&self) -> PrincipalId {
        self.principal
    }

    /// Random bytes of this very file.
    pub const fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// Opens the seed, and checks that it is the owner's: a wrong key can not pass.
    ///
    /// # Errors
    /// [`KeyFileError::Locked`] where a passphrase or key is needed, [`KeyFileError::Unopened`].
    pub fn open(&self, with: Option<Opener<'_>>) -> Result<Principal, KeyFileError> {
        let key = sealing_key(self.protection, &self.salt, with)?;
        let opened = open(&key, &self.head, &self.sealed).map_err(|_| KeyFileError::Unopened)?;
        // EXPOSE: the seed moves into its own custody.
        let seed: &[u8; 32] = opened.expose()[..].try_into().map_err(|_| KeyFileError::Unopened)?;
        let owner = Principal::from_seed(Kind::Administrator, Key::from_bytes(seed));
        if owner.id() == self.principal { Ok(owner) } else { Err(KeyFileError::Unopened) }
    }

    /// Writes a key file's text for an owner.
    ///
    /// # Errors
    /// [`KeyFileError::Locked`] for a protection without what it takes.
    pub fn write(
        owner: &Principal,
        vault: VaultId,
        protection: Protection,
        with: Option<Opener<'_>>,
        rng: &mut dyn CryptoRng,
    ) -> Result<String, KeyFileError> {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        const NO_COST: Cost = Cost { memory_kib: 0, passes: 0, lanes: 0 };
        let (kind, cost) = match protection {
            Protection::None => (0, NO_COST),
            Protection::Passphrase(cost) => (1, cost),
            Protection::Keychain => (2, NO_COST),
            Protection::Systemd => (3, NO_COST),
        };
        let head = [
            &MAGIC[..],
            &[kind],
            &cost.memory_kib.to_be_bytes(),
            &cost.passes.to_be_bytes(),
            &cost.lanes.to_be_bytes(),
            owner.id().as_bytes(),
            vault.as_bytes(),
            &salt,
        ]
        .concat();
        let key = sealing_key(protection, &salt, with)?;
        // EXPOSE: the seed is about to be sealed.
        let sealed = seal(&key, &head, owner.seed().expose(), rng);
        let body = STANDARD.encode([head, sealed].concat());
        let lines = body.as_bytes().chunks(COLUMNS);
        let lines = lines.map(|line| std::str::from_utf8(line).expect("base64 is ASCII"));
        let text: Vec<&str> = [BEGIN].into_iter().chain(lines).chain([END]).collect();
        Ok(text.join("\n") + "\n")
    }
}

fn sealing_key(
    protection: Protection,
    salt: &[u8; 16],
    with: Option<Opener<'_>>,
) -> Result<Key, KeyFileError> {
    match (protection, with) {
        (Protection::None, _) => {
            let doubled = Zeroizing::new([*salt, *salt].concat());
            let doubled: &[u8; 32] = doubled[..].try_into().expect("two salts are 32 bytes");
            Ok(derive_key(&Key::from_bytes(doubled), Purpose::KEY_FILE_NONE))
        }
        (Protection::Passphrase(cost), Some(Opener::Passphrase(passphrase))) => {
            Ok(derive_from_passphrase(passphrase, salt, cost)?)
        }
        (Protection::Keychain, Some(Opener::Key(key))) => {
            Ok(derive_key(key, Purpose::KEY_FILE_KEYCHAIN))
        }
        (Protection::Systemd, Some(Opener::Key(key))) => {
            Ok(derive_key(key, Purpose::KEY_FILE_SYSTEMD))
        }
        _ => Err(KeyFileError::Locked),
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 19 * 1024, passes: 1, lanes: 1 };

    fn owner(rng: &mut ChaCha20Rng) -> (Principal, VaultId) {
        (Principal::from_seed(Kind::Administrator, Key::generate(rng)), VaultId::generate(rng))
    }

    #[test]
    fn a_key_file_opens_with_its_passphrase_only() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let (owner, vault) = owner(&mut rng);
        let protection = Protection::Passphrase(CHEAP);
        let text =
            KeyFile::write(&owner, vault, protection, Some(Opener::Passphrase("horse")), &mut rng);
        let file = KeyFile::parse(&text.expect("written")).expect("parses");
        assert_eq!((file.vault(), file.principal()), (vault, owner.id()));
        assert_eq!(file.protection(), protection);
        let with = |passphrase| file.open(Some(Opener::Passphrase(passphrase)));
        assert!(with("horse").is_ok_and(|same| same.id() == owner.id()));
        assert_eq!(with("mule").err(), Some(KeyFileError::Unopened));
        assert_eq!(file.open(None).err(), Some(KeyFileError::Locked));
    }

    #[test]
    fn a_key_from_elsewhere_opens_the_kind_it_was_made_for() {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let (owner, vault) = owner(&mut rng);
        let (key, other) = (Key::generate(&mut rng), Key::generate(&mut rng));
        for protection in [Protection::Keychain, Protection::Systemd] {
            let with = Some(Opener::Key(&key));
            let text = KeyFile::write(&owner, vault, protection, with, &mut rng).expect("written");
            let file = KeyFile::parse(&text).expect("parses");
            assert_eq!(file.protection(), protection);
            assert!(file.open(with).is_ok_and(|same| same.id() == owner.id()));
            let wrong = file.open(Some(Opener::Key(&other)));
            assert_eq!(wrong.err(), Some(KeyFileError::Unopened));
            for without in [None, Some(Opener::Passphrase("horse"))] {
                assert_eq!(file.open(without).err(), Some(KeyFileError::Locked));
            }
        }
    }

    #[test]
    fn a_changed_key_file_yields_no_key() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let (owner, vault) = owner(&mut rng);
        let text = KeyFile::write(&owner, vault, Protection::None, None, &mut rng);
        let text = text.expect("written");
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let bytes = STANDARD.decode(body).expect("base64");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let armoured = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(changed));
            let opened =
                KeyFile::parse(&armoured).and_then(|file| file.open(Some(Opener::Passphrase("x"))));
            assert!(opened.is_err(), "byte {at}");
        }
        assert!(KeyFile::parse(&text[..text.len() - 10]).is_err());
        assert!(KeyFile::parse("").is_err());
    }
}
