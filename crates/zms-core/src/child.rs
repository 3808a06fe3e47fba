//! Child entries: where a scope's children and their keys are kept. spec/scope.md#child-entries

use minicbor::{Decode, Encode, bytes::ByteSlice};
use zms_crypto::{
    CryptoRng, Key,
    digest::sha256,
    envelope::{Unopened, open_box, seal_box},
    parts::Parts,
};

use crate::{
    cbor,
    id::{ChildIndex, ScopeId, VaultId},
    path::Segment,
    scope::NodeKeys,
};

/// A child entry as a store shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredChild {
    /// Blind index of the child's name.
    pub child_index: ChildIndex,
    /// The child's id.
    pub child: ScopeId,
    /// Epoch of the child's scope key.
    pub child_epoch: u32,
    /// Name and scope key, sealed by the parent's.
    pub envelope: Vec<u8>,
}

impl StoredChild {
    /// `child_index || child id || child epoch || SHA-256(envelope)`.
    pub fn part(&self) -> [u8; 68] {
        let mut part = [0; 68];
        part[..16].copy_from_slice(self.child_index.as_bytes());
        part[16..32].copy_from_slice(self.child.as_bytes());
        part[32..36].copy_from_slice(&self.child_epoch.to_be_bytes());
        part[36..].copy_from_slice(&sha256(&[&self.envelope]));
        part
    }
}

/// `SHA-256(LP("zms/v1/children", part, ..))` over sorted parts.
pub fn children_root<'a>(children: impl IntoIterator<Item = &'a StoredChild>) -> [u8; 32] {
    let mut parts: Vec<[u8; 68]> = children.into_iter().map(StoredChild::part).collect();
    parts.sort_unstable();
    sha256(&[&Parts::tagged("zms/v1/children").each(parts.iter().map(|p| &p[..])).finish()])
}

/// What is sealed in a child entry.
pub struct ChildContent {
    /// The child's name.
    pub name: Segment,
    /// N of the child.
    pub node: Key,
    /// Whether people are asked before they change the child or what lies below it.
    pub protected: bool,
}

/// The scope that holds a child entry: what the entry is bound to.
#[derive(Clone, Copy)]
pub struct ParentPlace {
    /// The vault.
    pub vault: VaultId,
    /// The parent's id.
    pub scope: ScopeId,
    /// The parent's epoch.
    pub epoch: u32,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct ContentWire<'b> {
    #[b(1)]
    name: &'b str,
    #[b(2)]
    node: &'b ByteSlice,
    /// 1, or absent.
    #[n(3)]
    protected: Option<u8>,
}

fn associated_data(at: &ParentPlace, index: ChildIndex, child: ScopeId, epoch: u32) -> Vec<u8> {
    Parts::tagged("zms/v1/aad/child")
        .bytes(at.vault.as_bytes())
        .bytes(at.scope.as_bytes())
        .u32(at.epoch)
        .bytes(index.as_bytes())
        .bytes(child.as_bytes())
        .u32(epoch)
        .finish()
}

/// Seals a child entry under its parent's keys.
pub fn seal_child(
    parent: &NodeKeys,
    at: &ParentPlace,
    child: ScopeId,
    child_epoch: u32,
    content: &ChildContent,
    rng: &mut dyn CryptoRng,
) -> StoredChild {
    let child_index = parent.child_index(&content.name);
    // EXPOSE: the child's key is about to be sealed.
    let node = content.node.expose();
    let protected = content.protected.then_some(1);
    let wire = ContentWire { name: content.name.as_str(), node: node[..].into(), protected };
    let encoded = cbor::encode(&wire, 256);
    let aad = associated_data(at, child_index, child, child_epoch);
    let envelope = seal_box(parent.child(), &aad, &encoded, rng);
    StoredChild { child_index, child, child_epoch, envelope }
}

/// Opens a child entry and checks that its name belongs to its index.
///
/// # Errors
/// [`Unopened`], whichever check fails.
pub fn open_child(
    parent: &NodeKeys,
    at: &ParentPlace,
    stored: &StoredChild,
) -> Result<ChildContent, Unopened> {
    let aad = associated_data(at, stored.child_index, stored.child, stored.child_epoch);
    let opened = open_box(parent.child(), &aad, &stored.envelope)?;
    // EXPOSE: parsed in place; the key is copied into custody of its own.
    let wire: ContentWire<'_> = cbor::decode(opened.expose()).map_err(|_| Unopened)?;
    let name = Segment::parse(wire.name).map_err(|_| Unopened)?;
    let node: &[u8; 32] = wire.node[..].try_into().map_err(|_| Unopened)?;
    let unknown = wire.protected.is_some_and(|protected| protected != 1);
    if unknown || parent.child_index(&name) != stored.child_index {
        return Err(Unopened);
    }
    Ok(ChildContent { name, node: Key::from_bytes(node), protected: wire.protected.is_some() })
}
