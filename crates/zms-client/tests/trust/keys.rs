//! All that a seed opens: its keyrings, and from there every envelope of every state, until
//! nothing new opens.

use std::collections::{BTreeMap, BTreeSet};

use zms_core::{
    child::{ParentPlace, open_child},
    id::{PrincipalId, ScopeId},
    keyring::{Depth, Keyring},
    principal::Principal,
    record::{Envelope, StoredRecord, open_record},
    roster::Escrow,
    scope::{DataKeys, NodeKeys},
};
use zms_crypto::{Key, envelope::open, parts::Parts};

use crate::state::State;

type Bytes = [u8; 32];

/// Keys by what they are; where each came from does not matter.
#[derive(Default)]
pub(crate) struct Keys {
    nodes: BTreeSet<Bytes>,
    data: BTreeSet<Bytes>,
    past: BTreeSet<Bytes>,
}

/// Everything sealed that was ever stored, each once.
#[derive(Default)]
pub(crate) struct Sealed {
    keyrings: BTreeSet<(PrincipalId, Vec<u8>)>,
    escrows: BTreeSet<(PrincipalId, Vec<u8>)>,
    children: Vec<(ParentPlace, zms_core::child::StoredChild)>,
    past: BTreeSet<(ScopeId, u32, Vec<u8>)>,
    pub(crate) records: Vec<(ScopeId, StoredRecord)>,
}

impl Sealed {
    /// Gathers all that these states hold.
    pub(crate) fn of(states: &[State]) -> Self {
        let (mut sealed, mut seen) = (Self::default(), BTreeSet::new());
        for state in states {
            for (id, member) in &state.members {
                sealed.keyrings.insert((*id, member.keyring.clone()));
                sealed.escrows.insert((*id, member.escrow.clone()));
            }
            for (id, scope) in &state.scopes {
                let place =
                    ParentPlace { vault: state.vault, scope: *id, epoch: state.head(*id).epoch };
                for child in &scope.children {
                    if seen.insert(child.envelope.clone()) {
                        sealed.children.push((place, child.clone()));
                    }
                }
                for record in &scope.records {
                    if let Envelope::Whole(bytes) = &record.envelope
                        && seen.insert(bytes.clone())
                    {
                        sealed.records.push((*id, record.clone()));
                    }
                }
                let past = scope.past.iter();
                sealed.past.extend(past.map(|(epoch, bytes)| (*id, *epoch, bytes.clone())));
            }
        }
        sealed
    }
}

impl Keys {
    /// Everything that can be derived from a seed and from what is stored.
    pub(crate) fn of(who: &Principal, vault: zms_core::id::VaultId, sealed: &Sealed) -> Self {
        let mut keys = Self::default();
        let (mut wraps, mut tried) = (vec![*who.wrap_key().expose()], BTreeSet::new());
        while let Some(wrap) = wraps.pop() {
            if !tried.insert(wrap) {
                continue;
            }
            let wrap = Key::from_bytes(&wrap);
            for (id, keyring) in &sealed.keyrings {
                let Ok(keyring) = Keyring::open(&wrap, vault, *id, keyring) else { continue };
                for entry in keyring.entries {
                    match entry.depth {
                        Depth::Subtree => keys.nodes.insert(*entry.key.expose()),
                        Depth::Exact => keys.data.insert(*entry.key.expose()),
                    };
                }
                let Some(vault_key) = keyring.vault_key else { continue };
                // Who holds R has every W that lies in escrow under it.
                let held = sealed.escrows.iter();
                let opened =
                    held.filter_map(|(id, it)| Escrow::open(&vault_key, vault, *id, it).ok());
                wraps.extend(opened.map(|escrow| *escrow.wrap.expose()));
            }
        }
        while keys.grow(vault, sealed) {}
        keys
    }

    fn grow(&mut self, vault: zms_core::id::VaultId, sealed: &Sealed) -> bool {
        let before = (self.nodes.len(), self.data.len(), self.past.len());
        for node in self.nodes.clone() {
            let node = NodeKeys::new(Key::from_bytes(&node));
            self.data.insert(*node.data().data().expose());
            self.past.insert(*node.past().expose());
            for (place, child) in &sealed.children {
                if let Ok(content) = open_child(&node, place, child) {
                    self.nodes.insert(*content.node.expose());
                }
            }
        }
        for past in self.past.clone() {
            let past = Key::from_bytes(&past);
            for (scope, epoch, bytes) in &sealed.past {
                let aad = Parts::tagged("zms/v1/aad/past")
                    .bytes(vault.as_bytes())
                    .bytes(scope.as_bytes())
                    .u32(epoch - 1)
                    .finish();
                if let Ok(opened) = open(&past, &aad, bytes) {
                    let opened: &[u8; 64] = opened.expose()[..].try_into().expect("two keys");
                    let (data, past) = opened.split_at(32);
                    self.data.insert(data.try_into().expect("half of it"));
                    self.past.insert(past.try_into().expect("half of it"));
                }
            }
        }
        before != (self.nodes.len(), self.data.len(), self.past.len())
    }

    /// The records that open, by scope: each name with all its values, under whichever key.
    pub(crate) fn opened(
        &self,
        vault: zms_core::id::VaultId,
        sealed: &Sealed,
    ) -> BTreeMap<ScopeId, BTreeSet<(String, Vec<u8>)>> {
        let mut opened: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for data in &self.data {
            let data = DataKeys::new(Key::from_bytes(data));
            for (scope, record) in &sealed.records {
                if let Ok(payload) = open_record(&data, vault, *scope, record) {
                    let value = payload.value.expose().clone();
                    opened.entry(*scope).or_default().insert((payload.name.to_string(), value));
                }
            }
        }
        opened
    }
}
