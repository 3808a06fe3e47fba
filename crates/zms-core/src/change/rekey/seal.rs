//! The revisions of a re-key: new keys, handed down, or a last word.

use zeroize::Zeroizing;
use zms_crypto::{CryptoRng, envelope::seal};

use super::salvage::{Content, Orphan};
use crate::{
    batch::ScopePut,
    change::{
        Author, ChangeError,
        entry::{entry_of, exchange},
        sign::Next,
    },
    child::{ChildContent, ParentPlace, StoredChild, children_root, seal_child},
    id::{ScopeId, VaultId},
    open::{OpenScope, past_data},
    record::{RecordPlace, StoredRecord, records_root, seal_record},
    revision::{CLOSED, message_hash},
    scope::NodeKeys,
};

/// The scope's next revision: a new epoch with every live record and child entry sealed anew.
pub(in crate::change) fn reseal(
    author: &Author<'_>,
    scope: &OpenScope,
    old: &NodeKeys,
    new: &NodeKeys,
    content: &Content,
    rng: &mut dyn CryptoRng,
) -> Result<ScopePut, ChangeError> {
    let (vault, data) = (author.vault, new.data());
    let next = Next::after(scope)?;
    let epoch = scope.head.epoch + 1;
    let place = RecordPlace { vault, scope: scope.id(), epoch, rev_from: next.revision };
    let records: Vec<StoredRecord> =
        content.records.iter().map(|payload| seal_record(&data, &place, payload, rng)).collect();
    let at = ParentPlace { epoch, ..scope.parent_place() };
    let reseal_child = |(stored, child): &(StoredChild, ChildContent)| {
        seal_child(new, &at, stored.child, stored.child_epoch, child, rng)
    };
    let children: Vec<StoredChild> = content.children.iter().map(reseal_child).collect();
    let mut put = author.revise(Next {
        epoch,
        key_commitment: data.commitment(),
        records_root: records_root(&records),
        children_root: children_root(&children),
        ..next
    });
    put.records_gone = scope.stored_records().iter().map(|record| record.name_index).collect();
    put.records = records;
    put.children_gone = scope.stored_children().iter().map(|child| child.child_index).collect();
    put.children = children;
    put.past = Some(seal_past(vault, scope.id(), epoch, old, new, rng));
    Ok(put)
}

/// `Seal(P, LP("zms/v1/aad/past", vault, scope, epoch - 1), D || P of epoch - 1)`.
fn seal_past(
    vault: VaultId,
    scope: ScopeId,
    epoch: u32,
    old: &NodeKeys,
    new: &NodeKeys,
    rng: &mut dyn CryptoRng,
) -> Vec<u8> {
    // EXPOSE: the old keys are about to be sealed under the new one.
    let keys = Zeroizing::new([&old.data().data().expose()[..], &old.past().expose()[..]].concat());
    seal(&new.past(), &past_data(vault, scope, epoch - 1), &keys, rng)
}

/// The parent's next revision, whose child entry carries the new key.
pub(super) fn hand_down(
    author: &Author<'_>,
    parent: &OpenScope,
    scope: &OpenScope,
    epoch: u32,
    new: &NodeKeys,
    rng: &mut dyn CryptoRng,
) -> Result<ScopePut, ChangeError> {
    let node = parent.keys.node.as_ref().ok_or(ChangeError::NotAdministrator)?;
    let (_, old) = entry_of(parent, scope)?;
    let content = ChildContent { node: new.node().duplicate(), ..old };
    let entry = seal_child(node, &parent.parent_place(), scope.id(), epoch, &content, rng);
    exchange(author, parent, entry)
}

/// A last revision on top of whatever the store shows as a scope's head.
pub(in crate::change) fn closing(author: &Author<'_>, orphan: &Orphan) -> ScopePut {
    author.revise(Next {
        lineage: orphan.lineage.clone(),
        epoch: orphan.number.epoch,
        revision: orphan.number.revision + 1,
        prev_hash: message_hash(&orphan.signed.message),
        key_commitment: CLOSED,
        records_root: records_root([]),
        children_root: children_root([]),
    })
}
