//! The keys of one scope and what derives from them. spec/keys.md#scope-keys

use zms_crypto::{
    Key, Purpose,
    derive::{derive_key, key_commitment},
    digest::hmac_sha256,
    parts::Parts,
};

use crate::{
    id::{ChildIndex, NameIndex, ScopeId},
    path::{SecretName, Segment},
};

/// Ids from the root to a scope, both included. Never changes.
pub type Lineage = Vec<ScopeId>;

fn blind(key: &Key, name: &str) -> [u8; 16] {
    let mac = hmac_sha256(key, &Parts::tagged("zms/v1/index").bytes(name.as_bytes()).finish());
    *mac.first_chunk().expect("a MAC has 32 bytes")
}

/// D and what derives from it: the scope's own secrets.
pub struct DataKeys {
    data: Key,
    record: Key,
    index: Key,
    commitment: [u8; 32],
}

impl DataKeys {
    /// From D itself, as an `exact` keyring entry holds it.
    pub fn new(data: Key) -> Self {
        Self {
            record: derive_key(&data, Purpose::DATA_RECORD),
            index: derive_key(&data, Purpose::DATA_INDEX),
            commitment: key_commitment(&data),
            data,
        }
    }

    /// D.
    pub const fn data(&self) -> &Key {
        &self.data
    }

    /// Seals records.
    pub const fn record(&self) -> &Key {
        &self.record
    }

    /// Public commitment to D, and through it to N.
    pub const fn commitment(&self) -> [u8; 32] {
        self.commitment
    }

    /// Blind index of a secret's name.
    pub fn name_index(&self, name: &SecretName) -> NameIndex {
        NameIndex(blind(&self.index, name.as_str()))
    }
}

/// N and what derives from it: the scope and everything below.
pub struct NodeKeys {
    node: Key,
    child: Key,
    child_index: Key,
}

impl NodeKeys {
    /// From N itself.
    pub fn new(node: Key) -> Self {
        Self {
            child: derive_key(&node, Purpose::SCOPE_CHILD),
            child_index: derive_key(&node, Purpose::SCOPE_CHILD_INDEX),
            node,
        }
    }

    /// N.
    pub const fn node(&self) -> &Key {
        &self.node
    }

    /// Seals child entries.
    pub const fn child(&self) -> &Key {
        &self.child
    }

    /// Blind index of a child's name.
    pub fn child_index(&self, name: &Segment) -> ChildIndex {
        ChildIndex(blind(&self.child_index, name.as_str()))
    }

    /// P, which seals the way back to older epochs.
    pub fn past(&self) -> Key {
        derive_key(&self.node, Purpose::SCOPE_PAST)
    }

    /// D of the same epoch.
    pub fn data(&self) -> DataKeys {
        DataKeys::new(derive_key(&self.node, Purpose::SCOPE_DATA))
    }
}

/// What a principal holds of a scope.
pub struct ScopeKeys {
    /// Present where the subtree is held.
    pub node: Option<NodeKeys>,
    /// Always present.
    pub data: DataKeys,
}

impl ScopeKeys {
    /// Holds N: the scope and all below.
    pub fn subtree(node: Key) -> Self {
        let node = NodeKeys::new(node);
        Self { data: node.data(), node: Some(node) }
    }

    /// Holds D: the scope's own secrets.
    pub fn exact(data: Key) -> Self {
        Self { node: None, data: DataKeys::new(data) }
    }
}
