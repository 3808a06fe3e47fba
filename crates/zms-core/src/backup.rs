//! The form of a backup: a head, and the database in sealed chunks. spec/backup.md#file

use zms_crypto::{
    CryptoRng, Key, Purpose, SecretBytes,
    derive::derive_key,
    digest::sha256,
    envelope::{OVERHEAD, Unopened, open, seal},
    parts::{Malformed, Parts, PartsReader},
};

use crate::{
    id::{PrincipalId, VaultId},
    principal::Principal,
};

const TAG: &str = "zms/v1/backup";
const MAGIC: &[u8; 10] = b"ZMS-BACKUP";
/// Version and suite.
const FORM: [u8; 2] = [1, 1];

/// Bytes before the head: what the file is, and how long the head.
pub const PREFIX_LEN: usize = 16;
/// Longest head, in bytes.
pub const MAX_HEAD: usize = 1 << 20;
/// Plain bytes of a chunk, as they are written.
pub const CHUNK: u32 = 1 << 16;
/// Most plain bytes of a chunk that is read.
const MAX_CHUNK: u32 = 1 << 20;

/// Why a backup does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Something else.
    #[error("is no backup of a vault")]
    NoBackup,
    /// A version or suite that is not known here.
    #[error("was written by a newer version of zms")]
    Newer,
    /// Cut, extended, or changed.
    #[error("is damaged: it was cut short, or is not what was written")]
    Damaged,
    /// The key is none of those that it was made for.
    #[error("does not open with this key")]
    NotHolder,
}

impl From<Unopened> for BackupError {
    fn from(_: Unopened) -> Self {
        Self::Damaged
    }
}

impl From<Malformed> for BackupError {
    fn from(_: Malformed) -> Self {
        Self::Damaged
    }
}

/// What stands in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The vault.
    pub vault: VaultId,
    /// Unix seconds.
    pub made_at: u64,
    /// Plain bytes of a chunk, 1 to 1 MiB.
    pub chunk: u32,
    /// Whose keys open it, with the sealed key of the chunks, ascending.
    pub holders: Vec<(PrincipalId, Vec<u8>)>,
}

impl Head {
    /// How long the head is that follows these first bytes of a file.
    ///
    /// # Errors
    /// [`BackupError::NoBackup`], [`BackupError::Newer`], [`BackupError::Damaged`].
    pub fn length(prefix: &[u8]) -> Result<usize, BackupError> {
        let (magic, rest) = prefix.split_first_chunk().ok_or(BackupError::NoBackup)?;
        if magic != MAGIC {
            return Err(BackupError::NoBackup);
        }
        let (form, rest) = rest.split_first_chunk().ok_or(BackupError::Damaged)?;
        if *form != FORM {
            return Err(BackupError::Newer);
        }
        let length = rest.try_into().map(u32::from_be_bytes).map_err(|_| BackupError::Damaged)?;
        usize::try_from(length).ok().filter(|it| *it <= MAX_HEAD).ok_or(BackupError::Damaged)
    }

    /// The start of a file: everything before the first chunk.
    pub fn encode(&self) -> Vec<u8> {
        let holders = self.holders.iter().fold(Parts::default(), |parts, (id, sealed)| {
            parts.bytes(&Parts::default().bytes(id.as_bytes()).bytes(sealed).finish())
        });
        let head = Parts::tagged(TAG)
            .bytes(self.vault.as_bytes())
            .u64(self.made_at)
            .u32(self.chunk)
            .bytes(&holders.finish())
            .finish();
        let length = u32::try_from(head.len()).expect("a head is under 4 GiB");
        [&MAGIC[..], &FORM, &length.to_be_bytes(), &head].concat()
    }

    /// Reads the start of a file, up to the first chunk.
    ///
    /// # Errors
    /// As for [`Head::length`].
    pub fn parse(start: &[u8]) -> Result<Self, BackupError> {
        let (prefix, head) = start.split_at_checked(PREFIX_LEN).ok_or(BackupError::NoBackup)?;
        if Self::length(prefix)? != head.len() {
            return Err(BackupError::Damaged);
        }
        let mut parts = PartsReader::tagged(head, TAG)?;
        let (vault, made_at) = (VaultId(parts.array()?), parts.u64()?);
        let (chunk, listed) = (parts.u32()?, parts.bytes()?);
        parts.end()?;
        let (mut holders, mut list) =
            (Vec::<(PrincipalId, Vec<u8>)>::new(), PartsReader::new(listed));
        while !list.is_empty() {
            let mut holder = PartsReader::new(list.bytes()?);
            let (id, sealed) = (PrincipalId(holder.array()?), holder.bytes()?.to_vec());
            holder.end()?;
            if holders.last().is_some_and(|(before, _)| *before >= id) {
                return Err(BackupError::Damaged);
            }
            holders.push((id, sealed));
        }
        if !(1..=MAX_CHUNK).contains(&chunk) {
            return Err(BackupError::Damaged);
        }
        Ok(Self { vault, made_at, chunk, holders })
    }

    /// Bytes of a whole chunk in the file.
    pub const fn sealed_chunk(&self) -> usize {
        self.chunk as usize + OVERHEAD
    }

    fn holder_data(&self, id: PrincipalId) -> Vec<u8> {
        Parts::tagged("zms/v1/aad/backup-key")
            .bytes(self.vault.as_bytes())
            .bytes(id.as_bytes())
            .u64(self.made_at)
            .finish()
    }
}

/// The key of a file's chunks, and how many there were so far.
pub struct Chunks {
    key: Key,
    bound: [u8; 32],
    number: u64,
}

impl Chunks {
    /// Begins a new file for those whose W is given: the bytes to write first, and what seals the
    /// chunks behind them.
    pub fn begin(
        vault: VaultId,
        made_at: u64,
        chunk: u32,
        holders: &[(PrincipalId, Key)],
        rng: &mut dyn CryptoRng,
    ) -> (Vec<u8>, Self) {
        let key = Key::generate(rng);
        let mut head = Head { vault, made_at, chunk, holders: Vec::new() };
        for (id, wrap) in holders {
            let wrap = derive_key(wrap, Purpose::BACKUP_KEY);
            // EXPOSE: the file's key is sealed for a holder.
            let sealed = seal(&wrap, &head.holder_data(*id), key.expose(), rng);
            head.holders.push((*id, sealed));
        }
        head.holders.sort_unstable();
        let start = head.encode();
        let bound = sha256(&[&start]);
        (start, Self { key, bound, number: 0 })
    }

    /// Opens a file by its start, as one of its holders.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn open(start: &[u8], principal: &Principal) -> Result<(Head, Self), BackupError> {
        let (head, id) = (Head::parse(start)?, principal.id());
        let held = head.holders.iter().find(|(holder, _)| *holder == id);
        let (_, sealed) = held.ok_or(BackupError::NotHolder)?;
        let wrap = derive_key(&principal.wrap_key(), Purpose::BACKUP_KEY);
        let opened = open(&wrap, &head.holder_data(id), sealed)?;
        // EXPOSE: the file's key, from its sealed form into a key.
        let key = opened.expose().as_slice().try_into().map_err(|_| BackupError::Damaged)?;
        let chunks = Self { key: Key::from_bytes(key), bound: sha256(&[start]), number: 0 };
        Ok((head, chunks))
    }

    /// The data of the next chunk.
    fn next(&mut self, last: bool) -> Vec<u8> {
        let data = Parts::tagged("zms/v1/aad/backup")
            .bytes(&self.bound)
            .u64(self.number)
            .u8(u8::from(last))
            .finish();
        self.number += 1;
        data
    }

    /// Seals the next part.
    pub fn seal_next(&mut self, part: &[u8], last: bool, rng: &mut dyn CryptoRng) -> Vec<u8> {
        let data = self.next(last);
        seal(&self.key, &data, part, rng)
    }

    /// Opens the next chunk.
    ///
    /// # Errors
    /// [`BackupError::Damaged`].
    pub fn open_next(&mut self, chunk: &[u8], last: bool) -> Result<SecretBytes, BackupError> {
        let data = self.next(last);
        Ok(open(&self.key, &data, chunk)?)
    }
}
