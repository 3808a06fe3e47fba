//! A vault to test with: its owner's seed, and the changes the owner makes.
//!
//! Everything is the same at every run: the owner, the vault's id, and what follows from them.

use std::collections::BTreeSet;

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use zms_core::{
    audit::{Action, Event, Outcome},
    batch::{Batch, MemberPut, ScopePut},
    change::{
        init::init,
        plant::{Seedling, plant},
        rekey::{self, Spoiled},
        renew::{Renewal, Renewing, renew},
        revoke::revoke,
        token::{Grant, NewToken, TokenKind, create},
        write::{Edit, write, write_all},
    },
    id::{PrincipalId, ScopeId, VaultId},
    open::{OpenScope, Opening, Reading},
    path::{ScopePath, SecretName, Segment},
    pin::Pins,
    principal::{Kind, Principal},
    record::{Payload, ValueKind, records_root},
    revision::{CLOSED, Revision, SignedMessage, message_hash},
    roster::Limits,
};
use zms_crypto::{Key, SecretBytes};

use super::seen::{Seen, see, told_of};
use crate::{CommitError, Store};

/// Unix seconds at which everything happens.
pub const NOW: u64 = 1_800_000_000;

/// What the owner holds, and every id there ever was: where to look for what changed.
pub struct Vault {
    /// Its id.
    pub id: VaultId,
    /// Holds every right.
    pub owner: Principal,
    pub(super) rng: ChaCha20Rng,
    pub(super) principals: BTreeSet<PrincipalId>,
    pub(super) scopes: BTreeSet<ScopeId>,
}

pub(super) fn segment(name: &str) -> Segment {
    Segment::parse(name).expect("the test's names are good")
}

pub(super) fn path(text: &str) -> ScopePath {
    ScopePath::parse(text).expect("the test's paths are good")
}

pub(super) fn secret(name: &str) -> SecretName {
    SecretName::parse(name).expect("the test's names are good")
}

fn seedling(name: &str, children: Vec<Seedling>) -> Seedling {
    Seedling::bare(segment(name), children)
}

/// Sets a secret.
pub fn put(name: &str, value: &[u8]) -> Edit {
    Edit::Put(Payload {
        name: secret(name),
        value: SecretBytes::from(value),
        kind: ValueKind::Secret,
        note: String::new(),
        created_at: NOW,
        expires_at: None,
    })
}

/// Removes a secret.
pub fn remove(name: &str) -> Edit {
    Edit::Remove(secret(name))
}

impl Vault {
    /// An owner without a vault.
    pub fn unmade() -> Self {
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        Self {
            id: VaultId::generate(&mut rng),
            owner: Principal::from_seed(Kind::Administrator, Key::generate(&mut rng)),
            rng,
            principals: BTreeSet::new(),
            scopes: BTreeSet::new(),
        }
    }

    /// Makes a vault with `shop/production/api` and `shop/staging`.
    pub fn made<S: Store>(store: &mut S) -> Self {
        let mut vault = Self::unmade();
        let batch = vault.init();
        vault.commit(store, &batch);
        vault
    }

    /// Makes a vault in which `shop/production` holds `A`, `B` and `C`.
    pub fn written<S: Store>(store: &mut S) -> Self {
        let mut vault = Self::made(store);
        let edits = [put("A", b"one"), put("B", b"two"), put("C", b"three")];
        let batch = vault.write(store, "shop/production", &edits);
        vault.commit(store, &batch);
        vault
    }

    /// The first batch.
    pub fn init(&mut self) -> Batch {
        let production = seedling("production", vec![seedling("api", vec![])]);
        let shop = seedling("shop", vec![production, seedling("staging", vec![])]);
        init(&self.owner, self.id, vec![shop], NOW, &mut self.rng).expect("the tree is small")
    }

    /// Opens the current state as the owner, proving all of it that is used.
    pub fn opened<S: Store, T>(
        &mut self,
        store: &S,
        use_it: impl FnOnce(&Opening<'_>, &mut ChaCha20Rng) -> T,
    ) -> T {
        let bundle = store.bundle().expect("the store is in no trouble");
        let pins = Pins::default();
        let opening = Opening::begin(&self.owner, &*bundle, &pins, NOW).expect("the vault opens");
        use_it(&opening, &mut self.rng)
    }

    /// A scope, proven, with its records.
    pub fn scope<S: Store>(&mut self, store: &S, at: &str) -> OpenScope {
        self.opened(store, |opening, _| {
            way(opening, at).pop().expect("a way holds at least its target")
        })
    }

    /// A scope below another.
    pub fn plant<S: Store>(&mut self, store: &S, at: &str, name: &str) -> Batch {
        self.opened(store, |opening, rng| {
            plant(opening, &way(opening, at), vec![seedling(name, vec![])], rng)
                .expect("the owner may plant")
        })
    }

    /// Sets and removes secrets.
    pub fn write<S: Store>(&mut self, store: &S, at: &str, edits: &[Edit]) -> Batch {
        self.opened(store, |opening, rng| {
            write(opening, &way(opening, at), edits, rng).expect("the owner may write")
        })
    }

    /// Sets and removes secrets of two scopes at once.
    pub fn write_two<S: Store>(
        &mut self,
        store: &S,
        (one, first): (&str, &[Edit]),
        (other, second): (&str, &[Edit]),
    ) -> Batch {
        self.opened(store, |opening, rng| {
            let ways = (way(opening, one), way(opening, other));
            let writes = [(&ways.0[..], first), (&ways.1[..], second)];
            write_all(opening, &writes, rng).expect("the owner may write")
        })
    }

    /// A token with the right to write in `shop/production` and below.
    pub fn token<S: Store>(&mut self, store: &S, label: &str) -> (Batch, Principal) {
        self.opened(store, |opening, rng| {
            let way = way(opening, "shop/production");
            let grant = Grant { way: &way, write: true, inherit: true };
            let new = NewToken {
                label: segment(label),
                kind: TokenKind::Service,
                grants: vec![grant],
                expires: None,
                limits: Limits::default(),
            };
            create(opening, &new, rng).expect("the owner may mint tokens")
        })
    }

    /// New keys for everything, and a new seed for everybody.
    pub fn renew<S: Store>(&mut self, store: &S) -> (Batch, Renewal) {
        self.opened(store, |opening, rng| {
            let renewing = Renewing { leaving: &[], spoiled: Spoiled::Report };
            let heir = Principal::from_seed(Kind::Administrator, Key::generate(rng));
            renew(opening, &heir, renewing, rng, &mut || {}).expect("the owner may renew the vault")
        })
    }

    /// Takes a token out.
    pub fn revoke<S: Store>(&mut self, store: &S, leaving: PrincipalId) -> Batch {
        self.opened(store, |opening, _| {
            revoke(opening, &[leaving]).expect("the owner may revoke tokens")
        })
    }

    /// The next step after a token left, if any.
    pub fn next_rekey<S: Store>(&mut self, store: &S) -> Option<Batch> {
        self.opened(store, |opening, rng| {
            let step = rekey::next(opening, Spoiled::Report, rng);
            step.expect("the owner may re-key").map(|step| step.batch)
        })
    }

    /// An empty batch with one revision on top of a scope, as `edit` words it.
    pub(super) fn revision<S: Store>(
        &mut self,
        store: &S,
        at: &str,
        edit: impl FnOnce(&mut Revision),
    ) -> Batch {
        let mut batch = self.write(store, at, &[]);
        let put = batch.scopes.first_mut().expect("a write revises its scope");
        edit(&mut put.revision);
        reword(put);
        batch
    }

    /// A batch that closes one scope and leaves its parent's entry.
    pub fn closing<S: Store>(&mut self, store: &S, at: &str) -> Batch {
        self.revision(store, at, close)
    }

    /// A revision of a scope that need not open, on top of whatever is there.
    pub(super) fn blind_revision<S: Store>(
        &mut self,
        store: &S,
        scope: ScopeId,
        edit: impl FnOnce(&mut Revision),
    ) -> ScopePut {
        let bundle = store.bundle().expect("the store is in no trouble");
        let head = bundle.head(scope).expect("the head is read").expect("there is a head");
        let mut revision = Revision::parse(&head.message).expect("the head is one of ours");
        revision.revision += 1;
        revision.prev_hash = message_hash(&head.message);
        edit(&mut revision);
        let signed = SignedMessage { message: Vec::new(), signature: [0; 64] };
        let mut put = ScopePut {
            lineage: vec![scope],
            revision,
            signed,
            records_gone: Vec::new(),
            records: Vec::new(),
            children_gone: Vec::new(),
            children: Vec::new(),
            past: None,
        };
        reword(&mut put);
        put
    }

    /// Commits what must be accepted.
    pub fn commit<S: Store>(&mut self, store: &mut S, batch: &Batch) {
        self.note(batch);
        let events = [event(self.owner.id(), Action::Write)];
        store.commit(batch, &events).expect("an honest batch is committed");
    }

    /// Commits what must be refused, and sees that nothing changed.
    pub(super) fn refused<S: Store>(&mut self, store: &mut S, batch: &Batch) {
        self.note(batch);
        let before = (self.seen(store), told_of(store));
        let events = [event(self.owner.id(), Action::Write)];
        let outcome = store.commit(batch, &events);
        assert!(matches!(outcome, Err(CommitError::Conflict)), "{outcome:?} is no conflict");
        let after = (self.seen(store), told_of(store));
        assert!(before == after, "what is refused changes nothing");
    }

    /// All that the store shows of this vault.
    pub(super) fn seen<S: Store>(&self, store: &S) -> Seen {
        see(&*store.bundle().expect("the store is in no trouble"), self)
    }

    /// Remembers every id in a batch.
    pub(super) fn note(&mut self, batch: &Batch) {
        for put in &batch.members {
            let (MemberPut::Joins { principal, .. } | MemberPut::Keyring { principal, .. }) = put;
            self.principals.insert(*principal);
        }
        for put in &batch.scopes {
            self.scopes.insert(put.revision.scope);
            self.scopes.extend(put.children.iter().map(|child| child.child));
        }
    }
}

/// The way to a scope, with the records of the last one.
pub(super) fn way(opening: &Opening<'_>, at: &str) -> Vec<OpenScope> {
    opening.way(&path(at), Reading::Last).expect("the way opens")
}

/// An event that concerns no scope.
pub fn event(principal: PrincipalId, action: Action) -> Event {
    Event { time: NOW, principal, action, scope: None, revision: 0, outcome: Outcome::Done }
}

/// Makes a revision the last one of its scope.
pub(super) fn close(revision: &mut Revision) {
    revision.key_commitment = CLOSED;
    revision.records_root = records_root([]);
}

/// Writes an edited revision into its message. Its signature is left stale: stores verify none.
pub(super) fn reword(put: &mut ScopePut) {
    put.signed.message = put.revision.encode();
}
