//! The keyring: what one principal opens, replaced as a whole. spec/keyring.md

use minicbor::{Decode, Encode, bytes::ByteSlice};
use zms_crypto::{
    CryptoRng, Key,
    envelope::{Unopened, open_box, seal_box},
    parts::Parts,
    sign::VerifyingKey,
};

use crate::{
    cbor,
    id::{PrincipalId, ScopeId, VaultId},
    path::{ScopePath, Segment},
    scope::Lineage,
};

/// How much of a scope an entry opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Depth {
    /// D: the scope's own secrets.
    Exact = 1,
    /// N: the scope and everything below.
    Subtree = 2,
}

/// One scope that the keyring opens.
pub struct Entry {
    /// Ids from the root to the scope.
    pub lineage: Lineage,
    /// Names below the root; one segment less than the lineage has ids.
    pub path: ScopePath,
    /// Epoch of the key.
    pub epoch: u32,
    /// Which key it is.
    pub depth: Depth,
    /// N or D.
    pub key: Key,
}

impl Entry {
    /// The scope itself: the last id of the lineage.
    pub fn scope(&self) -> ScopeId {
        *self.lineage.last().expect("a lineage starts with the root")
    }

    /// A second custody of the same entry.
    pub fn duplicate(&self) -> Self {
        Self {
            lineage: self.lineage.clone(),
            path: self.path.clone(),
            epoch: self.epoch,
            depth: self.depth,
            key: self.key.duplicate(),
        }
    }
}

/// What a principal holds; its whole trust anchor.
pub struct Keyring {
    /// Verifies the roster.
    pub authority: VerifyingKey,
    /// R, for administrators only.
    pub vault_key: Option<Key>,
    /// One entry per scope.
    pub entries: Vec<Entry>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct EntryWire<'b> {
    #[b(1)]
    lineage: Vec<&'b ByteSlice>,
    #[b(2)]
    path: Vec<&'b str>,
    #[n(3)]
    epoch: u32,
    #[n(4)]
    depth: u8,
    #[b(5)]
    key: &'b ByteSlice,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct KeyringWire<'b> {
    #[b(1)]
    authority: &'b ByteSlice,
    #[b(2)]
    vault_key: Option<&'b ByteSlice>,
    #[b(3)]
    entries: Vec<EntryWire<'b>>,
}

fn associated_data(vault: VaultId, principal: PrincipalId) -> Vec<u8> {
    Parts::tagged("zms/v1/aad/keyring").bytes(vault.as_bytes()).bytes(principal.as_bytes()).finish()
}

impl Keyring {
    /// Adds an entry; where the scope is there already, the greater depth stays.
    pub fn add(&mut self, entry: Entry) {
        match self.entries.iter_mut().find(|held| held.scope() == entry.scope()) {
            Some(held) if held.depth < entry.depth => *held = entry,
            Some(_) => {}
            None => self.entries.push(entry),
        }
    }

    /// Seals the keyring for a principal under its W.
    pub fn seal(
        &self,
        wrap: &Key,
        vault: VaultId,
        principal: PrincipalId,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        let entries = self.entries.iter().map(|entry| EntryWire {
            lineage: entry.lineage.iter().map(|id| id.as_bytes().into()).collect(),
            path: entry.path.segments().iter().map(Segment::as_str).collect(),
            epoch: entry.epoch,
            depth: entry.depth as u8,
            // EXPOSE: the key is about to be sealed.
            key: entry.key.expose()[..].into(),
        });
        let wire = KeyringWire {
            authority: self.authority.0[..].into(),
            // EXPOSE: R is about to be sealed, for an administrator.
            vault_key: self.vault_key.as_ref().map(|key| key.expose()[..].into()),
            entries: entries.collect(),
        };
        let capacity = 128 + wire.entries.len() * (64 + 16 * 17 + 16 * 130);
        let encoded = cbor::encode(&wire, capacity);
        seal_box(wrap, &associated_data(vault, principal), &encoded, rng)
    }

    /// Opens a keyring and checks that its entries are well formed and of this vault.
    ///
    /// # Errors
    /// [`Unopened`], whichever check fails.
    pub fn open(
        wrap: &Key,
        vault: VaultId,
        principal: PrincipalId,
        sealed: &[u8],
    ) -> Result<Self, Unopened> {
        let opened = open_box(wrap, &associated_data(vault, principal), sealed)?;
        // EXPOSE: parsed in place; each key is copied into custody of its own.
        let wire: KeyringWire<'_> = cbor::decode(opened.expose()).map_err(|_| Unopened)?;
        let mut keyring = Self {
            authority: VerifyingKey(wire.authority[..].try_into().map_err(|_| Unopened)?),
            vault_key: wire.vault_key.map(key).transpose()?,
            entries: Vec::with_capacity(wire.entries.len()),
        };
        for entry in wire.entries {
            let entry = read_entry(entry)?;
            let twice = keyring.entries.iter().any(|held| held.scope() == entry.scope());
            if twice || entry.lineage[0] != vault.root() {
                return Err(Unopened);
            }
            keyring.entries.push(entry);
        }
        Ok(keyring)
    }
}

fn key(bytes: &ByteSlice) -> Result<Key, Unopened> {
    let bytes: &[u8; 32] = bytes[..].try_into().map_err(|_| Unopened)?;
    Ok(Key::from_bytes(bytes))
}

fn read_entry(wire: EntryWire<'_>) -> Result<Entry, Unopened> {
    let ids = wire.lineage.iter().map(|id| ScopeId::try_from(&id[..]));
    let lineage = ids.collect::<Result<Lineage, _>>().map_err(|_| Unopened)?;
    let segments = wire.path.into_iter().map(Segment::parse);
    let segments = segments.collect::<Result<_, _>>().map_err(|_| Unopened)?;
    let path = ScopePath::new(segments).map_err(|_| Unopened)?;
    let depth = match wire.depth {
        1 => Depth::Exact,
        2 => Depth::Subtree,
        _ => return Err(Unopened),
    };
    if lineage.len() != path.segments().len() + 1 || wire.epoch == 0 {
        return Err(Unopened);
    }
    Ok(Entry { lineage, path, epoch: wire.epoch, depth, key: key(wire.key)? })
}
