//! One line of the file. spec/audit.md#file

use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use zms_core::{
    audit::{Action, Entry, Event, Outcome as Ended},
    id::{PrincipalId, ScopeId, VaultId},
};

use crate::exit::utc;

/// No line is longer, in bytes.
pub(super) const MAX_LINE: u64 = 1024;

/// One entry as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    vault: String,
    seq: u64,
    time: String,
    principal: String,
    action: String,
    scope: Option<String>,
    revision: u64,
    outcome: String,
    prev_hash: String,
    hash: String,
}

impl Line {
    pub(super) fn of(vault: VaultId, entry: &Entry) -> Self {
        let event = &entry.event;
        Self {
            vault: vault.to_string(),
            seq: entry.seq,
            time: utc(event.time),
            principal: event.principal.to_string(),
            action: event.action.as_str().to_owned(),
            scope: event.scope.map(|scope| scope.to_string()),
            revision: event.revision,
            outcome: event.outcome.as_str().to_owned(),
            prev_hash: hex::encode(entry.prev_hash),
            hash: hex::encode(entry.hash),
        }
    }

    /// Which vault it is of.
    pub(super) fn vault(&self) -> Option<VaultId> {
        digits(&self.vault).map(VaultId)
    }

    /// The entry, where the line is one of this vault and carries the hash that it must.
    pub(super) fn whole(&self, vault: VaultId) -> Option<Entry> {
        let entry = self.entry().filter(|_| self.vault() == Some(vault))?;
        (entry.hash == entry.computed_hash(vault)).then_some(entry)
    }

    /// What it says, true or not; `None` where that is no entry.
    pub(super) fn entry(&self) -> Option<Entry> {
        let time = humantime::parse_rfc3339(&self.time).ok()?.duration_since(UNIX_EPOCH).ok()?;
        let event = Event {
            time: time.as_secs(),
            principal: PrincipalId(digits(&self.principal)?),
            action: (0..=u8::MAX)
                .filter_map(Action::from_number)
                .find(|it| it.as_str() == self.action)?,
            scope: match &self.scope {
                Some(scope) => Some(ScopeId(digits(scope)?)),
                None => None,
            },
            revision: self.revision,
            outcome: (0..=u8::MAX)
                .filter_map(Ended::from_number)
                .find(|it| it.as_str() == self.outcome)?,
        };
        let (prev_hash, hash) = (digits(&self.prev_hash)?, digits(&self.hash)?);
        Some(Entry { chain: 0, seq: self.seq, event, prev_hash, hash })
    }
}

fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}
