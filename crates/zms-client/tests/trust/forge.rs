//! Forgeries: what whoever knows some keys can make of a state, with those keys.

use zms_core::{
    child::{StoredChild, children_root},
    id::ScopeId,
    open::Opening,
    pin::Pins,
    principal::Principal,
    record::{RecordPlace, StoredRecord, records_root, seal_record},
    revision::{CLOSED, Revision, SignedMessage, message_hash},
    roster::{Line, Roster, authority, members_root},
    scope::DataKeys,
};
use zms_crypto::Key;

use crate::{
    state::State,
    world::{now, payload, rng},
};

/// A revision in the making, with the rows it will stand for.
pub(crate) struct Draft {
    pub(crate) revision: Revision,
    pub(crate) records: Vec<StoredRecord>,
    pub(crate) children: Vec<StoredChild>,
}

impl Draft {
    /// The same rows once more, as the revision after the head.
    pub(crate) fn after(state: &State, id: ScopeId) -> Self {
        let scope = &state.scopes[&id];
        let head = state.head(id);
        let prev_hash = message_hash(&scope.head.message);
        let revision = Revision { revision: head.revision + 1, prev_hash, ..head };
        Self { revision, records: scope.records.clone(), children: scope.children.clone() }
    }

    /// Seals a value at this revision, in place of what has its name.
    pub(crate) fn put(&mut self, keys: &DataKeys, name: &str, value: &[u8]) {
        let place = self.place();
        let record = seal_record(keys, &place, &payload(name, value), &mut rng());
        self.records.retain(|held| held.name_index != record.name_index);
        self.records.push(record);
    }

    pub(crate) fn place(&self) -> RecordPlace {
        let Revision { vault, scope, epoch, revision, .. } = self.revision;
        RecordPlace { vault, scope, epoch, rev_from: revision }
    }

    /// Ends the scope.
    pub(crate) fn close(mut self) -> Self {
        self.revision.key_commitment = CLOSED;
        self.records.clear();
        self.children.clear();
        self
    }

    /// Makes all of it consistent, signs it, and puts it on top of the scope's chain.
    pub(crate) fn sign(mut self, author: &Principal, state: &mut State) {
        self.revision.author = author.id();
        self.revision.records_root = records_root(&self.records);
        self.revision.children_root = children_root(&self.children);
        self.sign_as_worded(author, state);
    }

    /// Signs without making it consistent.
    pub(crate) fn sign_as_worded(self, author: &Principal, state: &mut State) {
        let Self { revision, records, children } = self;
        let message = revision.encode();
        let signature = author.sign(&message);
        state.revise(revision.scope, SignedMessage { message, signature });
        let scope = state.scope(revision.scope);
        (scope.records, scope.children) = (records, children);
    }
}

/// R, from the owner's keyring.
pub(crate) fn vault_key(state: &State, owner: &Principal) -> Key {
    let pins = Pins::default();
    let opening = Opening::begin(owner, state, &pins, now()).expect("the state opens");
    let key = &opening.keyring().vault_key;
    key.as_ref().expect("an administrator holds R").duplicate()
}

/// The next roster, over the members as they are now, signed with R.
pub(crate) fn roster(state: &mut State, vault_key: &Key, edit: impl FnOnce(&mut Roster)) {
    let before = state.roster();
    let mut next = Roster {
        version: before.version + 1,
        prev_hash: message_hash(&state.roster.message),
        issued_at: now(),
        members_root: members_root(&state.parts()),
        ..before
    };
    edit(&mut next);
    let signed = next.sign(&authority(vault_key));
    let before = std::mem::replace(&mut state.roster, signed);
    state.older.push(before.message);
}

/// Edits a member's line; a roster over it is still to be signed.
pub(crate) fn line(state: &mut State, who: &Principal, edit: impl FnOnce(&mut Line)) {
    let held = state.members.get_mut(&who.id()).expect("a member");
    let mut line = Line::parse(&held.line).expect("the line was made by us");
    edit(&mut line);
    held.line = line.encode();
}
