//! Records: one version of one secret each. spec/record.md

use std::collections::BTreeSet;

use minicbor::{Decode, Encode, bytes::ByteSlice};
use zms_crypto::{
    CryptoRng, SecretBytes,
    digest::sha256,
    envelope::{Unopened, open_box, seal_box},
    parts::Parts,
};

use crate::{
    cbor,
    id::{NameIndex, ScopeId, VaultId},
    path::{ScopePath, SecretName, Segment},
    scope::DataKeys,
};

/// Longest value in bytes.
pub const MAX_VALUE: usize = 1024 * 1024;
/// Longest note in bytes.
pub const MAX_NOTE: usize = 4096;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ValueKind {
    /// An ordinary secret.
    Secret = 1,
    /// Configuration that is no secret, and is not masked.
    Config = 2,
    /// The content of a file.
    File = 3,
    /// The address of another secret in the lineage.
    Reference = 4,
    /// JSON source text, exactly as a client sent it.
    Json = 5,
    /// No secret: what is said of the scope as a whole, under the one name that no secret has.
    About = 6,
}

impl ValueKind {
    const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Secret),
            2 => Some(Self::Config),
            3 => Some(Self::File),
            4 => Some(Self::Reference),
            5 => Some(Self::Json),
            6 => Some(Self::About),
            _ => None,
        }
    }

    /// The word users see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Config => "config",
            Self::File => "file",
            Self::Reference => "reference",
            Self::Json => "json",
            Self::About => "about",
        }
    }
}

/// What is sealed in a record.
pub struct Payload {
    /// The secret's name.
    pub name: SecretName,
    /// Any bytes, at most [`MAX_VALUE`]; empty is a value.
    pub value: SecretBytes,
    /// What the value is.
    pub kind: ValueKind,
    /// Free text, at most [`MAX_NOTE`] bytes; empty is none.
    pub note: String,
    /// Unix seconds at which this value was set.
    pub created_at: u64,
    /// Unix seconds past which reading is an error.
    pub expires_at: Option<u64>,
}

impl Payload {
    /// Whether both hold the same value, kind, note and end, whenever they were set.
    pub fn says_the_same(&self, other: &Self) -> bool {
        // EXPOSE: compared within one caller's custody.
        self.value.expose() == other.value.expose()
            && self.kind == other.kind
            && self.note == other.note
            && self.expires_at == other.expires_at
    }

    /// A second custody of the same payload.
    pub fn duplicate(&self) -> Self {
        Self {
            name: self.name.clone(),
            // EXPOSE: copied into custody of its own.
            value: SecretBytes::from(self.value.expose().as_slice()),
            kind: self.kind,
            note: self.note.clone(),
            created_at: self.created_at,
            expires_at: self.expires_at,
        }
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct PayloadWire<'b> {
    #[b(1)]
    name: &'b str,
    #[b(2)]
    value: &'b ByteSlice,
    #[n(3)]
    kind: u8,
    #[b(4)]
    note: Option<&'b str>,
    #[n(5)]
    created_at: u64,
    #[n(6)]
    expires_at: Option<u64>,
}

/// A live record as a store shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Blind index of its name.
    pub name_index: NameIndex,
    /// Revision that brought this version.
    pub rev_from: u64,
    /// Epoch of the key that seals it.
    pub epoch: u32,
    /// The sealed payload, or only its hash where it was not asked for.
    pub envelope: Envelope,
}

/// A record that is live no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedRecord {
    /// What it was.
    pub record: StoredRecord,
    /// Revision that ended it: greater than the one that brought it.
    pub rev_to: u64,
}

/// A sealed payload, or its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope {
    /// The sealed bytes.
    Whole(Vec<u8>),
    /// SHA-256 of them: enough to prove what else the scope holds.
    Bare([u8; 32]),
}

impl Envelope {
    /// SHA-256 of the sealed bytes.
    pub fn hash(&self) -> [u8; 32] {
        match self {
            Self::Whole(bytes) => sha256(&[bytes]),
            Self::Bare(hash) => *hash,
        }
    }
}

impl StoredRecord {
    /// `name_index || rev_from || SHA-256(envelope)`: the record's part of `records_root`.
    pub fn part(&self) -> [u8; 56] {
        let mut part = [0; 56];
        part[..16].copy_from_slice(self.name_index.as_bytes());
        part[16..24].copy_from_slice(&self.rev_from.to_be_bytes());
        part[24..].copy_from_slice(&self.envelope.hash());
        part
    }
}

/// `SHA-256(LP("zms/v1/records", part, ..))` over sorted parts.
pub fn records_root<'a>(records: impl IntoIterator<Item = &'a StoredRecord>) -> [u8; 32] {
    let mut parts: Vec<[u8; 56]> = records.into_iter().map(StoredRecord::part).collect();
    parts.sort_unstable();
    root_of_sorted(parts.iter())
}

/// The same over parts, each there once.
pub fn records_root_of(parts: &BTreeSet<[u8; 56]>) -> [u8; 32] {
    root_of_sorted(parts.iter())
}

fn root_of_sorted<'a>(parts: impl Iterator<Item = &'a [u8; 56]>) -> [u8; 32] {
    sha256(&[&Parts::tagged("zms/v1/records").each(parts.map(|part| &part[..])).finish()])
}

/// Where a record stands: what its envelope is bound to.
#[derive(Clone, Copy)]
pub struct RecordPlace {
    /// Its vault.
    pub vault: VaultId,
    /// Its scope.
    pub scope: ScopeId,
    /// The epoch of the sealing key.
    pub epoch: u32,
    /// The revision that brought it.
    pub rev_from: u64,
}

fn associated_data(place: &RecordPlace, name_index: NameIndex) -> Vec<u8> {
    Parts::tagged("zms/v1/aad/record")
        .bytes(place.vault.as_bytes())
        .bytes(place.scope.as_bytes())
        .u32(place.epoch)
        .bytes(name_index.as_bytes())
        .u64(place.rev_from)
        .finish()
}

/// Seals a payload at its place.
pub fn seal_record(
    keys: &DataKeys,
    place: &RecordPlace,
    payload: &Payload,
    rng: &mut dyn CryptoRng,
) -> StoredRecord {
    let name_index = keys.name_index(&payload.name);
    // EXPOSE: the value is about to be sealed.
    let value = payload.value.expose();
    let wire = PayloadWire {
        name: payload.name.as_str(),
        value: value.as_slice().into(),
        kind: payload.kind as u8,
        note: Some(payload.note.as_str()).filter(|note| !note.is_empty()),
        created_at: payload.created_at,
        expires_at: payload.expires_at,
    };
    let capacity = wire.name.len() + value.len() + payload.note.len() + 64;
    let encoded = cbor::encode(&wire, capacity);
    let aad = associated_data(place, name_index);
    StoredRecord {
        name_index,
        rev_from: place.rev_from,
        epoch: place.epoch,
        envelope: Envelope::Whole(seal_box(keys.record(), &aad, &encoded, rng)),
    }
}

/// Opens a record at its place and checks that its name belongs to its index.
///
/// # Errors
/// [`Unopened`], whichever check fails.
pub fn open_record(
    keys: &DataKeys,
    vault: VaultId,
    scope: ScopeId,
    record: &StoredRecord,
) -> Result<Payload, Unopened> {
    let Envelope::Whole(sealed) = &record.envelope else {
        return Err(Unopened);
    };
    let place = RecordPlace { vault, scope, epoch: record.epoch, rev_from: record.rev_from };
    let aad = associated_data(&place, record.name_index);
    let opened = open_box(keys.record(), &aad, sealed)?;
    // EXPOSE: parsed in place; the value is copied into custody of its own.
    let wire: PayloadWire<'_> = cbor::decode(opened.expose()).map_err(|_| Unopened)?;
    let kind = ValueKind::from_number(wire.kind).ok_or(Unopened)?;
    let name = match kind {
        ValueKind::About => Some(SecretName::about()).filter(|name| name.as_str() == wire.name),
        _ => SecretName::parse(wire.name).ok(),
    };
    let name = name.ok_or(Unopened)?;
    let note = wire.note.unwrap_or_default();
    if keys.name_index(&name) != record.name_index
        || wire.value.len() > MAX_VALUE
        || note.len() > MAX_NOTE
        || wire.note.is_some_and(str::is_empty)
    {
        return Err(Unopened);
    }
    Ok(Payload {
        name,
        value: SecretBytes::from(&wire.value[..]),
        kind,
        note: note.to_owned(),
        created_at: wire.created_at,
        expires_at: wire.expires_at,
    })
}

/// The address inside a value of kind [`ValueKind::Reference`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The scope that holds the target: the holder's own or one above it.
    pub path: ScopePath,
    /// The target's name, in exactly that scope.
    pub name: SecretName,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct ReferenceWire<'b>(#[b(0)] Vec<&'b str>, #[b(1)] &'b str);

impl Reference {
    /// The value's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let path: Vec<&str> = self.path.segments().iter().map(Segment::as_str).collect();
        let capacity = path.iter().map(|s| s.len() + 4).sum::<usize>() + 300;
        cbor::encode(&ReferenceWire(path, self.name.as_str()), capacity).to_vec()
    }

    /// Reads the value's bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let ReferenceWire(path, name) = cbor::decode(bytes).ok()?;
        let segments = path.into_iter().map(Segment::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { path: ScopePath::new(segments).ok()?, name: SecretName::parse(name).ok()? })
    }
}
