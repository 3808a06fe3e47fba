//! A file of pins: heads by the hash of their lineage, looked up where they lie. spec/pins.md#file

use zms_core::{
    id::{ScopeId, VaultId},
    pin::{HeadPin, Pinned, Pins, RosterPin},
    revision::LAST_REVISION,
};
use zms_crypto::{digest::sha256, parts::Parts};

const MAGIC: &[u8; 4] = b"ZMSP";
const VERSION: u32 = 2;
/// Magic, version, vault, generation and version of the roster and its hash, count.
const HEADER: usize = 4 + 4 + 16 + 8 + 8 + 32 + 8;
/// Key, revision, hash.
const RECORD: usize = 32 + 8 + 32;
/// The hash of all before it.
const SUM: usize = 32;

type Key = [u8; 32];
type Record = [u8; RECORD];

/// What one principal has seen of its vault, as a file holds it. The default is a first use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PinTable {
    roster: Option<RosterPin>,
    /// The whole file; empty at first use.
    bytes: Vec<u8>,
}

impl PinTable {
    /// Takes a file; `None` for one that is not whole, or is of another vault.
    pub(super) fn read(bytes: Vec<u8>, vault: VaultId) -> Option<Self> {
        let (said, sum) = bytes.split_last_chunk::<SUM>()?;
        let (header, records) = said.split_at_checked(HEADER)?;
        let (records, rest) = records.as_chunks::<RECORD>();
        let mut header = Header(header);
        let ours = header.take()? == *MAGIC
            && header.take()? == VERSION.to_be_bytes()
            && header.take()? == vault.0;
        let generation = u64::from_be_bytes(header.take()?);
        let version = u64::from_be_bytes(header.take()?);
        let roster = RosterPin { generation, version, hash: header.take()? };
        let count = u64::from_be_bytes(header.take()?);
        let whole = ours
            && generation > 0
            && version > 0
            && rest.is_empty()
            && usize::try_from(count) == Ok(records.len())
            && records.windows(2).all(|pair| key(&pair[0]) < key(&pair[1]))
            && records.iter().all(|record| (1..=LAST_REVISION).contains(&pin(record).revision))
            && sha256(&[said]) == *sum;
        whole.then_some(Self { roster: Some(roster), bytes })
    }

    /// The file.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// These pins and what was seen since, as [`Pins::advance`] has it: a higher generation voids
    /// all older pins; within one, nothing is lowered.
    pub(super) fn advanced(&self, vault: VaultId, seen: &Pins) -> Self {
        let Some(new) = seen.roster else { return self.clone() };
        let (roster, held) = match self.roster {
            Some(old) if old.generation > new.generation => return self.clone(),
            Some(old) if old.generation == new.generation => {
                (if new.version > old.version { new } else { old }, self.records())
            }
            _ => (new, &[][..]),
        };
        let seen = seen.heads.iter().map(|(lineage, head)| (key_of(lineage), *head));
        let mut seen: Vec<(Key, HeadPin)> = seen.collect();
        seen.sort_unstable_by_key(|(key, _)| *key);
        Self::write(vault, roster, held, &seen)
    }

    /// A table of what two sorted lists hold, of each key the newest.
    fn write(vault: VaultId, roster: RosterPin, held: &[Record], seen: &[(Key, HeadPin)]) -> Self {
        let most = HEADER + RECORD * (held.len() + seen.len()) + SUM;
        let mut bytes = Vec::with_capacity(most);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&vault.0);
        bytes.extend_from_slice(&roster.generation.to_be_bytes());
        bytes.extend_from_slice(&roster.version.to_be_bytes());
        bytes.extend_from_slice(&roster.hash);
        bytes.extend_from_slice(&[0; 8]);
        let mut held = held;
        for (new, head) in seen {
            let before = held.partition_point(|record| key(record) < new);
            bytes.extend_from_slice(held[..before].as_flattened());
            held = &held[before..];
            let old = held.first().filter(|record| key(record) == new);
            held = &held[usize::from(old.is_some())..];
            match old {
                Some(old) if pin(old).revision >= head.revision => bytes.extend_from_slice(old),
                _ => {
                    bytes.extend_from_slice(new);
                    bytes.extend_from_slice(&head.revision.to_be_bytes());
                    bytes.extend_from_slice(&head.hash);
                }
            }
        }
        bytes.extend_from_slice(held.as_flattened());
        let count = ((bytes.len() - HEADER) / RECORD) as u64;
        bytes[HEADER - 8..HEADER].copy_from_slice(&count.to_be_bytes());
        let sum = sha256(&[&bytes]);
        bytes.extend_from_slice(&sum);
        Self { roster: Some(roster), bytes }
    }

    fn records(&self) -> &[Record] {
        let end = self.bytes.len().saturating_sub(SUM);
        self.bytes.get(HEADER..end).unwrap_or_default().as_chunks().0
    }
}

impl Pinned for PinTable {
    fn roster(&self) -> Option<RosterPin> {
        self.roster
    }

    fn head(&self, lineage: &[ScopeId]) -> Option<HeadPin> {
        let (wanted, records) = (key_of(lineage), self.records());
        let found = records.binary_search_by(|record| key(record).cmp(&wanted)).ok()?;
        Some(pin(&records[found]))
    }
}

/// `SHA-256(LP("zms/v1/pin", id, ..))`: one width for ways of every length.
fn key_of(lineage: &[ScopeId]) -> Key {
    let ids = lineage.iter().map(|id| id.0.as_slice());
    sha256(&[&Parts::tagged("zms/v1/pin").each(ids).finish()])
}

fn key(record: &Record) -> &Key {
    record.first_chunk().expect("a record starts with its key")
}

fn pin(record: &Record) -> HeadPin {
    let (revision, hash) = record[32..].split_at(8);
    HeadPin {
        revision: u64::from_be_bytes(revision.try_into().expect("eight bytes")),
        hash: hash.try_into().expect("the rest is the hash"),
    }
}

/// What is left of a header.
struct Header<'b>(&'b [u8]);

impl Header<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }
}

#[cfg(test)]
mod tests;
