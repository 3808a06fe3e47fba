//! One verified scope.

use zms_crypto::envelope::Unopened;

use super::{Chain, OpenError, Opening, Place, hash_of};
use crate::{
    about::About,
    bundle::Wanted,
    child::{ChildContent, ParentPlace, StoredChild, children_root, open_child},
    id::{ScopeId, VaultId},
    path::{ScopePath, SecretName, Segment},
    pin::HeadPin,
    record::{Envelope, Payload, StoredRecord, ValueKind, open_record, records_root},
    revision::{Revision, SignedMessage},
    scope::{Lineage, ScopeKeys},
};

/// A scope whose head, records and children were proven; its records open on demand.
pub struct OpenScope {
    vault: VaultId,
    /// Names below the root.
    pub path: ScopePath,
    /// Ids from the root.
    pub lineage: Lineage,
    /// Keys of the current epoch.
    pub keys: ScopeKeys,
    /// The proven head.
    pub head: Revision,
    /// Hash of the head's message.
    pub head_hash: [u8; 32],
    /// Whether people are asked before they change it: it, or a scope above it, is protected, as
    /// far as the way led through child entries.
    pub protected: bool,
    records: Option<Vec<StoredRecord>>,
    children: Vec<StoredChild>,
}

/// Where a scope stands and what opens it, as a keyring or a child entry gave it.
pub(super) struct Found {
    pub(super) path: ScopePath,
    pub(super) lineage: Lineage,
    pub(super) epoch: u32,
    pub(super) keys: ScopeKeys,
    pub(super) protected: bool,
}

/// What of a scope's records to ask for.
pub(super) enum Records<'n> {
    All,
    Named(&'n [SecretName]),
    /// None: the scope is only passed through, and nothing is said of its records.
    None,
}

impl OpenScope {
    /// Step 6 for one scope.
    pub(super) fn prove(
        opening: &Opening<'_>,
        found: Found,
        records: &Records<'_>,
    ) -> Result<Self, OpenError> {
        let broken = || OpenError::Integrity(Place::Scope(found.path.clone()));
        let id = *found.lineage.last().expect("a lineage starts with the root");
        opening.place_once(id, &found.lineage).ok_or_else(broken)?;
        let signed = opening.bundle.head(id)?.ok_or_else(broken)?;
        let head = opening.prove_head(&signed, id, &found.lineage).ok_or_else(broken)??;
        if head.closes() {
            return Err(OpenError::Removed(found.path));
        }
        if head.epoch != found.epoch || head.key_commitment != found.keys.data.commitment() {
            return Err(broken());
        }
        let wanted = match records {
            Records::All => Some(Wanted::All),
            Records::None => None,
            Records::Named(names) => {
                let index = |name| found.keys.data.name_index(name);
                Some(Wanted::Only(names.iter().map(index).collect()))
            }
        };
        let mut records = None;
        if let Some(wanted) = wanted {
            let given = opening.bundle.records(id, &wanted)?;
            let proven = records_root(&given) == head.records_root
                && given.iter().all(|record| came_as_wanted(record, &wanted))
                && all_differ(given.iter().map(|record| record.name_index))
                && given.iter().all(|record| record.epoch == head.epoch)
                && (found.lineage.len() > 1 || given.is_empty());
            if !proven {
                return Err(broken());
            }
            records = Some(given);
        }
        let mut children = Vec::new();
        if found.keys.node.is_some() {
            children = opening.bundle.children(id)?;
            let proven = children_root(&children) == head.children_root
                && all_differ(children.iter().map(|child| child.child_index))
                && all_differ(children.iter().map(|child| child.child))
                && children.iter().all(|child| !found.lineage.contains(&child.child));
            if !proven {
                return Err(broken());
            }
        }
        let head_hash = hash_of(&signed);
        opening.check_head_pin(&found, &head, head_hash)?;
        let Found { path, lineage, keys, protected, .. } = found;
        let vault = opening.vault;
        Ok(Self { vault, path, lineage, keys, head, head_hash, protected, records, children })
    }

    /// The scope's id.
    pub fn id(&self) -> ScopeId {
        self.head.scope
    }

    /// The live records, as proven; empty where none were asked for.
    pub fn stored_records(&self) -> &[StoredRecord] {
        self.records.as_deref().unwrap_or_default()
    }

    /// Whether the records were asked for, and so are proven complete.
    pub const fn records_proven(&self) -> bool {
        self.records.is_some()
    }

    /// The child entries, as proven; empty where the subtree is not held.
    pub fn stored_children(&self) -> &[StoredChild] {
        &self.children
    }

    /// Step 8 for every secret that came whole.
    ///
    /// # Errors
    /// Integrity, where one does not open.
    pub fn open_records(&self) -> Result<Vec<(u64, Payload)>, OpenError> {
        let mut opened = self.open_all()?;
        opened.retain(|(_, payload)| payload.kind != ValueKind::About);
        Ok(opened)
    }

    /// The same for every record, [about the scope](Self::about) too.
    fn open_all(&self) -> Result<Vec<(u64, Payload)>, OpenError> {
        let whole = |record: &&StoredRecord| matches!(record.envelope, Envelope::Whole(_));
        let records = self.stored_records().iter().filter(whole);
        records.map(|record| self.open_one(record).map_err(|_| self.broken_record())).collect()
    }

    /// What is said of the scope as a whole, and when, where anything is. Its record must have
    /// been asked for.
    ///
    /// # Errors
    /// Integrity, where it does not open.
    pub fn about(&self) -> Result<Option<(About, u64)>, OpenError> {
        let Some(record) = self.stored(&SecretName::about()) else { return Ok(None) };
        let (_, payload) = self.open_one(record).map_err(|_| self.broken_record())?;
        // EXPOSE: what is said of a scope is read by who holds it.
        let about = About::decode(payload.value.expose()).ok_or_else(|| self.broken_record())?;
        Ok(Some((about, payload.created_at)))
    }

    fn broken_record(&self) -> OpenError {
        OpenError::Integrity(Place::Record(self.path.clone()))
    }

    /// Opens one stored record.
    ///
    /// # Errors
    /// [`Unopened`], whichever check fails.
    pub fn open_one(&self, record: &StoredRecord) -> Result<(u64, Payload), Unopened> {
        let payload = open_record(&self.keys.data, self.vault, self.id(), record)?;
        Ok((record.rev_from, payload))
    }

    /// The live record of a name, as stored.
    pub fn stored(&self, name: &SecretName) -> Option<&StoredRecord> {
        let index = self.keys.data.name_index(name);
        self.stored_records().iter().find(|record| record.name_index == index)
    }

    /// Opens one child entry. Needs N.
    ///
    /// # Errors
    /// [`Unopened`], whichever check fails.
    pub fn open_child(&self, stored: &StoredChild) -> Result<ChildContent, Unopened> {
        let node = self.keys.node.as_ref().ok_or(Unopened)?;
        open_child(node, &self.parent_place(), stored)
    }

    /// What child entries of this scope are bound to.
    pub fn parent_place(&self) -> ParentPlace {
        ParentPlace { vault: self.vault, scope: self.id(), epoch: self.head.epoch }
    }

    /// The entry of a child by name; `None` is proven absence.
    pub fn stored_child(&self, name: &Segment) -> Option<&StoredChild> {
        let index = self.keys.node.as_ref()?.child_index(name);
        self.children.iter().find(|child| child.child_index == index)
    }

    /// Names of all children, sorted.
    ///
    /// # Errors
    /// Integrity, where an entry does not open.
    pub fn child_names(&self) -> Result<Vec<Segment>, OpenError> {
        let broken = |_| OpenError::Integrity(Place::Child(self.path.clone()));
        let open = |child| self.open_child(child).map(|content| content.name).map_err(broken);
        let mut names = self.children.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        names.sort_unstable();
        Ok(names)
    }
}

/// What was asked for came whole: a bare part proves a record, but one that is passed over in the
/// merge would let an ancestor's value win.
fn came_as_wanted(record: &StoredRecord, wanted: &Wanted) -> bool {
    !wanted.includes(record.name_index) || matches!(record.envelope, Envelope::Whole(_))
}

fn all_differ<T: Ord>(items: impl Iterator<Item = T>) -> bool {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items.windows(2).all(|pair| pair[0] != pair[1])
}

impl Opening<'_> {
    /// Notes where an id stands; `None` where it already stands elsewhere.
    fn place_once(&self, id: ScopeId, lineage: &Lineage) -> Option<()> {
        let mut places = self.places.borrow_mut();
        let held = places.entry(id).or_insert_with(|| lineage.clone());
        (held == lineage).then_some(())
    }

    /// A head whose author could and may have signed it; the lineage is ours, never the store's.
    /// `None` is an integrity failure; an inner error is trouble or the author's line.
    fn prove_head(
        &self,
        signed: &SignedMessage,
        id: ScopeId,
        lineage: &Lineage,
    ) -> Option<Result<Revision, OpenError>> {
        let head = Revision::parse(&signed.message).ok()?;
        let ours = head.vault == self.vault
            && head.scope == id
            && head.generation == self.roster.generation;
        if !ours {
            return None;
        }
        let author = match self.author(head.author) {
            Ok(author) => author,
            Err(OpenError::Integrity(_)) => return None,
            Err(trouble) => return Some(Err(trouble)),
        };
        self.verify(&author.vk, &signed.message, &signed.signature).ok()?;
        (author.covers(head.created_at) && author.writes(lineage)).then_some(Ok(head))
    }

    /// The proven head of a scope that was closed, and its hash; `None` for any other.
    pub(crate) fn closed_head(
        &self,
        lineage: &Lineage,
    ) -> Result<Option<(Revision, [u8; 32])>, OpenError> {
        let id = *lineage.last().expect("a lineage starts with the root");
        let Some(signed) = self.bundle.head(id)? else { return Ok(None) };
        let Some(head) = self.prove_head(&signed, id, lineage) else { return Ok(None) };
        let head = head?;
        Ok(head.closes().then(|| (head, hash_of(&signed))))
    }

    fn check_head_pin(
        &self,
        found: &Found,
        head: &Revision,
        hash: [u8; 32],
    ) -> Result<(), OpenError> {
        let pins = [Some(self.pins).filter(|_| !self.pins_void), self.demanded];
        let pinned = pins.into_iter().flatten().filter_map(|pins| pins.head(&found.lineage));
        for pin in pinned {
            let chain = Chain { number: head.revision, hash, prev_hash: head.prev_hash };
            let reached = chain.reaches(
                pin.revision,
                pin.hash,
                || self.bundle.revision_messages(head.scope, pin.revision),
                |message| Revision::parse(message).ok().map(|r| (r.revision, r.prev_hash)),
            )?;
            if !reached {
                return Err(OpenError::RolledBack(Place::Scope(found.path.clone())));
            }
        }
        let pin = HeadPin { revision: head.revision, hash };
        self.seen.borrow_mut().heads.insert(found.lineage.clone(), pin);
        Ok(())
    }
}
