//! A vault in memory to make bundles with: an honest store, and the means to spoil what it holds.

use std::collections::BTreeMap;

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Infallible, TryCryptoRng, TryRng},
};
use zms_core::{
    batch::{Batch, MemberPut},
    bundle::{Bundle, Standing, Trouble, Wanted, Witness},
    change::{init, plant::Seedling, token, write},
    child::{StoredChild, children_root},
    id::{PrincipalId, ScopeId, VaultId},
    keyring::{Depth, Entry, Keyring},
    open::{OpenScope, Opening, Reading},
    path::{ScopePath, SecretName, Segment},
    pin::Pins,
    principal::Principal,
    record::{EndedRecord, Envelope, Payload, StoredRecord, ValueKind, records_root},
    revision::{Revision, SignedMessage, message_hash},
    roster::{Escrow, Line, MemberPart, Right, Rights, Roster, authority},
    tree_head::{Step, Tree, proof_positions},
};
use zms_crypto::{
    Key, SecretBytes,
    digest::sha256,
    sign::Signature,
    text::{SeedKind, encode_seed},
};

/// Gives bytes again that were drawn before.
pub(crate) struct Replay(Vec<u8>);

impl Replay {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(bytes.iter().rev().copied().collect())
    }
}

impl TryRng for Replay {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("only bytes are drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("only bytes are drawn")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            *byte = self.0.pop().expect("no more is drawn than was given");
        }
        Ok(())
    }
}

impl TryCryptoRng for Replay {}

/// What is kept of one member.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) witness: Witness,
    pub(crate) keyring: Option<Vec<u8>>,
    pub(crate) escrow: Option<Vec<u8>>,
}

/// What is kept of one scope.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) head: SignedMessage,
    pub(crate) messages: Vec<(u64, Vec<u8>)>,
    pub(crate) records: Vec<StoredRecord>,
    pub(crate) children: Vec<StoredChild>,
    pub(crate) past: BTreeMap<u32, Vec<u8>>,
}

/// One state of a vault.
#[derive(Clone, Default)]
pub(crate) struct Vault {
    pub(crate) id: Option<VaultId>,
    pub(crate) roster: Option<SignedMessage>,
    pub(crate) rosters: Vec<(u64, Vec<u8>)>,
    pub(crate) members: BTreeMap<PrincipalId, Member>,
    pub(crate) departed: BTreeMap<PrincipalId, u64>,
    pub(crate) scopes: BTreeMap<ScopeId, Scope>,
}

fn between(messages: &[(u64, Vec<u8>)], after: u64) -> Vec<Vec<u8>> {
    let later = messages.iter().filter(|(number, _)| *number > after);
    later.map(|(_, message)| message.clone()).collect()
}

impl Bundle for Vault {
    fn vault(&self) -> Result<Option<VaultId>, Trouble> {
        Ok(self.id)
    }

    fn standing(&self, principal: PrincipalId) -> Result<Standing, Trouble> {
        if let Some(at) = self.departed.get(&principal) {
            return Ok(Standing::Departed { at: *at });
        }
        let member = self.members.get(&principal);
        Ok(member.map_or(Standing::Unknown, |member| Standing::Member(member.witness.clone())))
    }

    fn keyring(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.members.get(&principal).and_then(|member| member.keyring.clone()))
    }

    fn escrow(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.members.get(&principal).and_then(|member| member.escrow.clone()))
    }

    fn members(&self) -> Result<Vec<MemberPart>, Trouble> {
        Ok(self.parts())
    }

    fn roster(&self) -> Result<Option<SignedMessage>, Trouble> {
        Ok(self.roster.clone())
    }

    fn roster_messages(&self, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        Ok(between(&self.rosters, after))
    }

    fn head(&self, scope: ScopeId) -> Result<Option<SignedMessage>, Trouble> {
        Ok(self.scopes.get(&scope).map(|scope| scope.head.clone()))
    }

    fn revision_messages(&self, scope: ScopeId, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        let scope = self.scopes.get(&scope);
        Ok(scope.map(|scope| between(&scope.messages, after)).unwrap_or_default())
    }

    fn records(&self, scope: ScopeId, _: &Wanted) -> Result<Vec<StoredRecord>, Trouble> {
        let scope = self.scopes.get(&scope);
        Ok(scope.map(|scope| scope.records.clone()).unwrap_or_default())
    }

    fn children(&self, scope: ScopeId) -> Result<Vec<StoredChild>, Trouble> {
        let scope = self.scopes.get(&scope);
        Ok(scope.map(|scope| scope.children.clone()).unwrap_or_default())
    }

    // The vectors are about what is current: they carry no past.
    fn signatures(&self, _: ScopeId) -> Result<Vec<(u64, Signature)>, Trouble> {
        Ok(Vec::new())
    }

    fn ended(&self, _: ScopeId, _: &Wanted) -> Result<Vec<EndedRecord>, Trouble> {
        Ok(Vec::new())
    }

    fn past(&self, scope: ScopeId, epoch: u32) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.scopes.get(&scope).and_then(|scope| scope.past.get(&epoch).cloned()))
    }
}

impl Vault {
    fn parts(&self) -> Vec<MemberPart> {
        let part = |(id, member): (&PrincipalId, &Member)| MemberPart {
            principal: *id,
            line: sha256(&[&member.witness.line]),
            escrow: member.witness.escrow,
            keyring: member.witness.keyring,
        };
        self.members.iter().map(part).collect()
    }

    /// Makes every member's proof anew; the tree head that they lead to.
    fn prove_members(&mut self) -> [u8; 32] {
        let parts: Vec<_> = self.parts().iter().map(MemberPart::encode).collect();
        let tree = Tree::new(parts.iter().map(|part| &part[..]));
        let nodes: Vec<_> = tree.nodes().copied().collect();
        for (at, member) in self.members.values_mut().enumerate() {
            let steps = proof_positions(parts.len(), at).into_iter();
            let step = |(left, index): (bool, usize)| Step { left, hash: nodes[index] };
            member.witness.proof = steps.map(step).collect();
        }
        tree.root()
    }

    /// Commits as an honest store does.
    pub(crate) fn apply(&mut self, batch: &Batch) {
        self.id = Some(batch.vault);
        for put in &batch.members {
            match put {
                MemberPut::Joins { principal, line, escrow, keyring, .. } => {
                    self.put_member(*principal, line.clone(), escrow.clone(), keyring.clone());
                }
                MemberPut::Keyring { principal, keyring } => {
                    let member = self.members.get_mut(principal).expect("a member");
                    member.witness.keyring = sha256(&[keyring]);
                    member.keyring = Some(keyring.clone());
                }
            }
        }
        for id in &batch.departed {
            self.members.remove(id);
            self.departed.insert(*id, batch.at);
        }
        if let Some(put) = &batch.roster {
            let root = self.prove_members();
            assert_eq!(root, put.roster.members_root, "the batch lists its members");
            self.put_roster(put.signed.clone());
        }
        for put in &batch.scopes {
            let id = put.revision.scope;
            self.put_head(id, put.signed.clone());
            let scope = self.scopes.get_mut(&id).expect("just put");
            scope.records.retain(|record| !put.records_gone.contains(&record.name_index));
            scope.records.extend(put.records.iter().cloned());
            scope.children.retain(|child| !put.children_gone.contains(&child.child_index));
            scope.children.extend(put.children.iter().cloned());
            if put.revision.closes() {
                (scope.records, scope.children) = (Vec::new(), Vec::new());
            }
            if let Some(past) = &put.past {
                scope.past.insert(put.revision.epoch, past.clone());
            }
            assert_eq!(records_root(&scope.records), put.revision.records_root);
            assert_eq!(children_root(&scope.children), put.revision.children_root);
        }
    }

    fn put_member(&mut self, id: PrincipalId, line: Vec<u8>, escrow: Vec<u8>, keyring: Vec<u8>) {
        let witness = Witness {
            line,
            escrow: sha256(&[&escrow]),
            keyring: sha256(&[&keyring]),
            proof: Vec::new(),
        };
        let (keyring, escrow) = (Some(keyring), Some(escrow));
        self.members.insert(id, Member { witness, keyring, escrow });
    }

    fn put_roster(&mut self, signed: SignedMessage) {
        if let Some(old) = self.roster.replace(signed) {
            let version = Roster::parse(&old.message).expect("ours").version;
            self.rosters.push((version, old.message));
        }
    }

    fn put_head(&mut self, id: ScopeId, head: SignedMessage) {
        let empty = || Scope {
            head: head.clone(),
            messages: Vec::new(),
            records: Vec::new(),
            children: Vec::new(),
            past: BTreeMap::new(),
        };
        let scope = self.scopes.entry(id).or_insert_with(empty);
        if scope.head != head {
            let old = std::mem::replace(&mut scope.head, head);
            let number = Revision::parse(&old.message).expect("ours").revision;
            scope.messages.push((number, old.message));
        }
    }

    /// What the head of a scope says.
    pub(crate) fn head_of(&self, scope: ScopeId) -> Revision {
        Revision::parse(&self.scopes[&scope].head.message).expect("ours")
    }

    /// What the roster says.
    pub(crate) fn roster_now(&self) -> Roster {
        Roster::parse(&self.roster.as_ref().expect("a vault").message).expect("ours")
    }

    pub(crate) fn scope_mut(&mut self, scope: ScopeId) -> &mut Scope {
        self.scopes.get_mut(&scope).expect("a scope")
    }

    pub(crate) fn member_mut(&mut self, member: PrincipalId) -> &mut Member {
        self.members.get_mut(&member).expect("a member")
    }

    /// Signs the next revision over whatever rows a scope now has, honest or not.
    pub(crate) fn sign_head(
        &mut self,
        scope: ScopeId,
        author: &Principal,
        edit: impl FnOnce(&mut Revision),
    ) {
        let (mut next, kept) = (self.head_of(scope), &self.scopes[&scope]);
        next.revision += 1;
        next.prev_hash = message_hash(&kept.head.message);
        next.records_root = records_root(&kept.records);
        next.children_root = children_root(&kept.children);
        next.author = author.id();
        edit(&mut next);
        let message = next.encode();
        let signature = author.sign(&message);
        self.put_head(scope, SignedMessage { message, signature });
    }

    /// Signs the next roster over whatever members there now are, as who holds R can.
    pub(crate) fn sign_roster(&mut self, vault_key: &Key, edit: impl FnOnce(&mut Roster)) {
        let mut next = self.roster_now();
        next.version += 1;
        next.prev_hash = message_hash(&self.roster.as_ref().expect("a vault").message);
        next.members_root = self.prove_members();
        edit(&mut next);
        self.put_roster(next.sign(&authority(vault_key)));
    }
}

/// A principal and the text of its seed.
pub(crate) struct Holder {
    pub(crate) principal: Principal,
    pub(crate) text: String,
}

impl Holder {
    fn new(kind: SeedKind, principal: Principal) -> Self {
        let text = encode_seed(kind, principal.seed()).expose().clone();
        Self { principal, text }
    }

    /// A random principal.
    pub(crate) fn random(kind: SeedKind, rng: &mut ChaCha20Rng) -> Self {
        Self::new(kind, Principal::from_seed(kind.into(), Key::generate(rng)))
    }

    pub(crate) fn id(&self) -> PrincipalId {
        self.principal.id()
    }
}

/// An honest vault, its owner, a clock and a random stream.
pub(crate) struct World {
    pub(crate) vault: Vault,
    pub(crate) owner: Holder,
    pub(crate) now: u64,
    pub(crate) rng: ChaCha20Rng,
}

/// The clock of all vectors starts here.
pub(crate) const START: u64 = 1_700_000_000;

pub(crate) fn path(text: &str) -> ScopePath {
    ScopePath::parse(text).expect("a good path")
}

/// An ordinary secret, made at the start.
pub(crate) fn secret(name: &str, value: &[u8]) -> Payload {
    Payload {
        name: SecretName::parse(name).expect("a good name"),
        value: SecretBytes::from(value),
        kind: ValueKind::Secret,
        note: String::new(),
        created_at: START,
        expires_at: None,
    }
}

fn seedling(name: &str, children: Vec<Seedling>) -> Seedling {
    let name = Segment::parse(name).expect("a good name");
    Seedling::bare(name, children)
}

impl World {
    /// `shop/production/api`, `shop/staging` and `lab/development`, without records.
    pub(crate) fn new(rng: &mut ChaCha20Rng) -> Self {
        let mut rng = rng.clone();
        let owner = Holder::random(SeedKind::Master, &mut rng);
        let tree = vec![
            seedling(
                "shop",
                vec![
                    seedling("production", vec![seedling("api", vec![])]),
                    seedling("staging", vec![]),
                ],
            ),
            seedling("lab", vec![seedling("development", vec![])]),
        ];
        let id = VaultId::generate(&mut rng);
        let batch = init::init(&owner.principal, id, tree, START, &mut rng).expect("a new vault");
        let mut vault = Vault::default();
        vault.apply(&batch);
        Self { vault, owner, now: START, rng }
    }

    /// R, as the owner's keyring holds it.
    pub(crate) fn vault_key(&self) -> Key {
        let (owner, vault) = (&self.owner.principal, self.vault.id.expect("a vault"));
        let sealed = self.vault.members[&owner.id()].keyring.clone().expect("kept");
        let keyring = Keyring::open(&owner.wrap_key(), vault, owner.id(), &sealed);
        keyring.ok().and_then(|keyring| keyring.vault_key).expect("the owner holds R")
    }

    /// Commits what `make` makes of a fresh opening by a member, the owner where none is named.
    pub(crate) fn change(
        &mut self,
        by: Option<&Holder>,
        make: impl FnOnce(&Opening<'_>, &mut ChaCha20Rng) -> Batch,
    ) {
        self.now += 10;
        let (by, pins) = (by.unwrap_or(&self.owner), Pins::default());
        let opening = Opening::begin(&by.principal, &self.vault, &pins, self.now).expect("opens");
        let batch = make(&opening, &mut self.rng);
        self.vault.apply(&batch);
    }

    /// Sets secrets of one scope in one revision.
    pub(crate) fn set(&mut self, by: Option<&Holder>, at: &str, payloads: Vec<Payload>) {
        self.change(by, |opening, rng| {
            let way = opening.way(&path(at), Reading::Last).expect("proves");
            let edits: Vec<_> = payloads.into_iter().map(write::Edit::Put).collect();
            write::write(opening, &way, &edits, rng).expect("may write")
        });
    }

    /// Mints a token for scopes.
    pub(crate) fn token(
        &mut self,
        kind: SeedKind,
        label: &str,
        grants: &[(&str, Right, bool)],
        expires: Option<u64>,
    ) -> Holder {
        let mut minted = None;
        self.change(None, |opening, rng| {
            let way = |at| opening.way(&path(at), Reading::Structure).expect("proves");
            let ways: Vec<_> = grants.iter().map(|(at, ..)| way(at)).collect();
            let grant = |(way, grant): (_, &(&str, Right, bool))| token::Grant {
                way,
                write: grant.1 == Right::Write,
                inherit: grant.2,
            };
            let new = token::NewToken {
                label: Segment::parse(label).expect("a good label"),
                kind: match kind {
                    SeedKind::Agent => token::TokenKind::Agent,
                    _ => token::TokenKind::Service,
                },
                grants: ways.iter().map(Vec::as_slice).zip(grants).map(grant).collect(),
                expires,
                limits: zms_core::roster::Limits::default(),
            };
            let (batch, principal) = token::create(opening, &new, rng).expect("an administrator");
            minted = Some(Holder::new(kind, principal));
            batch
        });
        minted.expect("made by the change")
    }

    /// Makes a second administrator: right 3 on the root, and R.
    pub(crate) fn administrator(&mut self) -> Holder {
        let (holder, vault_key) =
            (Holder::random(SeedKind::Administrator, &mut self.rng), self.vault_key());
        let (vault, root) = (self.vault.id.expect("a vault"), self.scope(""));
        let keyring = Keyring {
            authority: authority(&vault_key).verifying_key(),
            entries: vec![Entry {
                lineage: root.lineage.clone(),
                path: root.path.clone(),
                epoch: root.head.epoch,
                depth: Depth::Subtree,
                key: root.keys.node.as_ref().expect("the owner holds N").node().duplicate(),
            }],
            vault_key: Some(vault_key.duplicate()),
        };
        let (wrap, id) = (holder.principal.wrap_key(), holder.id());
        let keyring = keyring.seal(&wrap, vault, id, &mut self.rng);
        let mut rights = Rights::default();
        rights.add(vault.root(), Right::Write);
        let line = Line::new(&holder.principal, self.now, None, rights).encode();
        let label = "second".to_owned();
        let escrow = Escrow { wrap, label }.seal(&vault_key, vault, id, &mut self.rng);
        self.vault.put_member(id, line, escrow, keyring);
        self.vault.sign_roster(&vault_key, |_| {});
        holder
    }

    /// A scope as the owner opens it.
    pub(crate) fn scope(&self, at: &str) -> OpenScope {
        let pins = Pins::default();
        let opening = Opening::begin(&self.owner.principal, &self.vault, &pins, self.now);
        let opening = opening.expect("opens");
        let way = opening.way(&path(at), Reading::Everything).expect("proves");
        way.into_iter().next_back().expect("a way holds at least its target")
    }

    /// The id of a scope.
    pub(crate) fn id(&self, at: &str) -> ScopeId {
        self.scope(at).id()
    }

    /// All that a member has seen once it has read the way to a path.
    pub(crate) fn seen(&self, by: &Holder, at: &str) -> Pins {
        let pins = Pins::default();
        let opening = Opening::begin(&by.principal, &self.vault, &pins, self.now).expect("opens");
        opening.way(&path(at), Reading::Everything).expect("proves");
        opening.seen().expect("nothing failed")
    }
}

/// The bytes of a record that came whole.
pub(crate) fn whole(record: &StoredRecord) -> &[u8] {
    match &record.envelope {
        Envelope::Whole(bytes) => bytes,
        Envelope::Bare(_) => panic!("the record came bare"),
    }
}
