//! Asks that changes of a scope be confirmed, or no more. spec/scope.md#changing-an-entry

use zms_crypto::CryptoRng;

use super::{
    Author, ChangeError,
    entry::{entry_of, exchange},
};
use crate::{
    batch::Batch,
    child::{ChildContent, seal_child},
    open::{OpenScope, Opening},
};

/// Protects the last scope of a way, or lifts that. `None` where it is so already.
///
/// # Errors
/// [`ChangeError::Root`], [`ChangeError::MayNotWrite`].
pub fn protect(
    opening: &Opening<'_>,
    way: &[OpenScope],
    protected: bool,
    rng: &mut dyn CryptoRng,
) -> Result<Option<Batch>, ChangeError> {
    let [.., parent, scope] = way else { return Err(ChangeError::Root) };
    let node = parent.keys.node.as_ref().filter(|_| opening.line().writes(&parent.lineage));
    let node = node.ok_or_else(|| ChangeError::MayNotWrite(parent.path.clone()))?;
    let (stored, content) = entry_of(parent, scope)?;
    if content.protected == protected {
        return Ok(None);
    }
    let content = ChildContent { protected, ..content };
    let (id, epoch) = (stored.child, stored.child_epoch);
    let entry = seal_child(node, &parent.parent_place(), id, epoch, &content, rng);
    let put = exchange(&Author::of(opening), parent, entry)?;
    Ok(Some(Batch { scopes: vec![put], ..Batch::after(opening) }))
}
