//! What a store said of one state of a vault, kept for as long as that is the state: sealed and
//! unproven, as it came. Every request proves and opens it anew.

use std::{
    cell::OnceCell,
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex},
};

use zms_core::{
    bundle::{Bundle, Standing, Trouble, TroubleClass, Wanted},
    child::StoredChild,
    id::{PrincipalId, ScopeId, VaultId},
    record::{EndedRecord, Envelope, StoredRecord},
    revision::SignedMessage,
    roster::MemberPart,
};
use zms_crypto::sign::Signature;
use zms_store::Mark;

use crate::{
    held::held,
    vaults::{File, Handle},
};

/// About how many bytes of one state are kept at most; then all of it is asked for anew.
const MOST: usize = 4 << 20;
/// Of how many vaults a state is kept at most.
const MOST_VAULTS: usize = 16;

/// States of vaults, by the files that they are in.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<(VaultId, File), Marked>>);

/// What is known of the state that a mark tells of.
type Marked = (Mark, Arc<State>);

/// What is known of one state.
#[derive(Default)]
pub(super) struct State(Mutex<Answers>);

#[derive(Default)]
struct Answers {
    /// About how many.
    bytes: usize,
    /// Whether there was more than is kept.
    is_large: bool,
    /// Members, by the codes of their request keys.
    own: HashMap<(PrincipalId, [u8; 32]), ()>,
    members: HashMap<PrincipalId, Standing>,
    keyrings: HashMap<PrincipalId, Vec<u8>>,
    roster: HashMap<(), SignedMessage>,
    heads: HashMap<ScopeId, SignedMessage>,
    messages: HashMap<(ScopeId, u64), Vec<Vec<u8>>>,
    records: HashMap<ScopeId, Vec<StoredRecord>>,
    children: HashMap<ScopeId, Vec<StoredChild>>,
}

impl Known {
    /// Whether all that was read of a vault in its state is kept, and that is so many bytes at most.
    pub(super) fn is_little(&self, vault: (VaultId, File), most: usize) -> bool {
        let little = |answers: &Answers| !answers.is_large && answers.bytes <= most;
        held(&self.0).get(&vault).is_some_and(|(_, state)| little(&held(&state.0)))
    }

    /// What is known of a vault in a state.
    pub(super) fn of(&self, vault: (VaultId, File), mark: &Mark) -> Arc<State> {
        let mut vaults = held(&self.0);
        if vaults.len() >= MOST_VAULTS && !vaults.contains_key(&vault) {
            let any = vaults.keys().next().copied();
            any.and_then(|any| vaults.remove(&any));
        }
        let (at, state) = vaults.entry(vault).or_insert_with(|| (*mark, Arc::default()));
        if at != mark {
            (*at, *state) = (*mark, Arc::default());
        }
        Arc::clone(state)
    }
}

/// One of the lists of answers.
type List<K, V> = for<'a> fn(&'a mut Answers) -> &'a mut HashMap<K, V>;

impl State {
    /// The answer that is known, or what `ask` answers. That there is none is not kept: of what is
    /// not there is no end.
    fn answer<K: Eq + Hash, V: Clone>(
        &self,
        list: List<K, V>,
        key: K,
        ask: impl FnOnce() -> Result<Option<V>, Trouble>,
        bytes: impl FnOnce(&V) -> usize,
    ) -> Result<Option<V>, Trouble> {
        if let Some(known) = list(&mut held(&self.0)).get(&key) {
            return Ok(Some(known.clone()));
        }
        let Some(answer) = ask()? else { return Ok(None) };
        // Beside its own: the key, and what a map and vectors take.
        let bytes = bytes(&answer) + 200;
        let mut answers = held(&self.0);
        if answers.bytes + bytes > MOST {
            *answers = Answers { is_large: true, ..Answers::default() };
        }
        if bytes <= MOST {
            answers.bytes += bytes;
            list(&mut answers).insert(key, answer.clone());
        }
        Ok(Some(answer))
    }

    /// Whether a principal is a member by this code of its request key.
    pub(super) fn is_own(
        &self,
        principal: PrincipalId,
        code: [u8; 32],
        ask: impl FnOnce() -> Result<bool, Trouble>,
    ) -> Result<bool, Trouble> {
        let ask = || Ok(ask()?.then_some(()));
        let known = self.answer(|it| &mut it.own, (principal, code), ask, |()| 0)?;
        Ok(known.is_some())
    }
}

/// A state as far as it is known; the rest is read where it is needed.
pub(super) struct Shown<'h> {
    vault: VaultId,
    mark: Mark,
    known: Arc<State>,
    handle: &'h Handle,
    read: OnceCell<Box<dyn Bundle + 'h>>,
}

impl<'h> Shown<'h> {
    /// A vault in the state that `mark` tells of.
    pub(super) fn new(vault: VaultId, mark: Mark, known: Arc<State>, handle: &'h Handle) -> Self {
        Self { vault, mark, known, handle, read: OnceCell::new() }
    }

    /// The store's own bundle, while it is of the same state.
    fn read(&self) -> Result<&dyn Bundle, Trouble> {
        if let Some(read) = self.read.get() {
            return Ok(&**read);
        }
        let (bundle, mark) = self.handle.marked()?;
        if mark != self.mark {
            return Err(Trouble::new(TroubleClass::Moved, "somebody has committed meanwhile"));
        }
        Ok(&**self.read.get_or_init(|| bundle))
    }
}

impl Bundle for Shown<'_> {
    fn vault(&self) -> Result<Option<VaultId>, Trouble> {
        Ok(Some(self.vault))
    }

    fn standing(&self, principal: PrincipalId) -> Result<Standing, Trouble> {
        let mut other = Standing::Unknown;
        let ask = || match self.read()?.standing(principal)? {
            member @ Standing::Member(_) => Ok(Some(member)),
            no_member => {
                other = no_member;
                Ok(None)
            }
        };
        let bytes = |standing: &Standing| match standing {
            Standing::Member(witness) => witness.line.len() + witness.proof.len() * 40,
            _ => 0,
        };
        let known = self.known.answer(|it| &mut it.members, principal, ask, bytes)?;
        Ok(known.unwrap_or(other))
    }

    fn keyring(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        let ask = || self.read()?.keyring(principal);
        self.known.answer(|it| &mut it.keyrings, principal, ask, Vec::len)
    }

    fn escrow(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        self.read()?.escrow(principal)
    }

    fn members(&self) -> Result<Vec<MemberPart>, Trouble> {
        self.read()?.members()
    }

    fn roster(&self) -> Result<Option<SignedMessage>, Trouble> {
        let ask = || self.read()?.roster();
        self.known.answer(|it| &mut it.roster, (), ask, |signed| signed.message.len())
    }

    fn roster_messages(&self, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        self.read()?.roster_messages(after)
    }

    fn head(&self, scope: ScopeId) -> Result<Option<SignedMessage>, Trouble> {
        let ask = || self.read()?.head(scope);
        self.known.answer(|it| &mut it.heads, scope, ask, |signed| signed.message.len())
    }

    fn revision_messages(&self, scope: ScopeId, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        let ask = || self.read()?.revision_messages(scope, after).map(Some);
        let bytes = |all: &Vec<Vec<u8>>| all.iter().map(|message| message.len() + 24).sum();
        let known = self.known.answer(|it| &mut it.messages, (scope, after), ask, bytes)?;
        Ok(known.unwrap_or_default())
    }

    fn records(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<StoredRecord>, Trouble> {
        if *wanted != Wanted::All {
            return self.read()?.records(scope, wanted);
        }
        let ask = || self.read()?.records(scope, wanted).map(Some);
        let bytes = |all: &Vec<StoredRecord>| {
            let envelope = |record: &StoredRecord| match &record.envelope {
                Envelope::Whole(sealed) => sealed.len(),
                Envelope::Bare(_) => 0,
            };
            all.iter().map(|record| envelope(record) + 80).sum()
        };
        let known = self.known.answer(|it| &mut it.records, scope, ask, bytes)?;
        Ok(known.unwrap_or_default())
    }

    fn children(&self, scope: ScopeId) -> Result<Vec<StoredChild>, Trouble> {
        let ask = || self.read()?.children(scope).map(Some);
        let bytes = |all: &Vec<StoredChild>| all.iter().map(|it| it.envelope.len() + 80).sum();
        let known = self.known.answer(|it| &mut it.children, scope, ask, bytes)?;
        Ok(known.unwrap_or_default())
    }

    fn signatures(&self, scope: ScopeId) -> Result<Vec<(u64, Signature)>, Trouble> {
        self.read()?.signatures(scope)
    }

    fn ended(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<EndedRecord>, Trouble> {
        self.read()?.ended(scope, wanted)
    }

    fn past(&self, scope: ScopeId, epoch: u32) -> Result<Option<Vec<u8>>, Trouble> {
        self.read()?.past(scope, epoch)
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    use tempfile::TempDir;
    use zms_client::Session;
    use zms_core::principal::{Kind, Principal};
    use zms_crypto::Key;
    use zms_store_sqlite::SqliteStore;

    use super::*;

    /// A vault, and its owner at work on it.
    fn made(folder: &TempDir) -> (VaultId, Session) {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let owner = Principal::from_seed(Kind::Administrator, Key::generate(&mut rng));
        let vault = VaultId::generate(&mut rng);
        let store = SqliteStore::create(&folder.path().join("zms.db")).unwrap();
        let mut session = Session::forgetful(Box::new(store), owner, || 1000, Box::new(rng));
        session.init(vault, Vec::new()).unwrap();
        (vault, session)
    }

    #[test]
    fn what_is_known_is_of_one_state_and_what_is_not_is_asked_of_no_other() {
        let folder = TempDir::new().unwrap();
        let (vault, mut owner) = made(&folder);
        let store = SqliteStore::open(&folder.path().join("zms.db")).unwrap();
        let handle = Handle::new(store.expect("it is there"));
        let (known, key) = (Known::default(), (vault, (0, 0)));
        let mark = handle.mark().unwrap();
        let shown = || Shown::new(vault, mark, known.of(key, &mark), &handle);
        let roster = shown().roster().unwrap().expect("there is one");
        owner.refresh_roster().unwrap();
        assert_eq!(shown().roster().unwrap(), Some(roster.clone()), "as it was");
        let moved = shown().head(vault.root()).map_err(|trouble| trouble.class);
        assert_eq!(moved, Err(TroubleClass::Moved), "nothing of the next state is mixed in");
        let mark = handle.mark().unwrap();
        let next = Shown::new(vault, mark, known.of(key, &mark), &handle);
        assert_ne!(next.roster().unwrap(), Some(roster));
        assert!(next.head(vault.root()).unwrap().is_some());
        // In another file nothing is known of it, whatever the mark.
        assert!(held(&known.of((vault, (0, 1)), &mark).0).roster.is_empty());
    }

    #[test]
    fn what_is_kept_has_an_end_and_strangers_are_not_kept() {
        let state = State::default();
        for at in 0..3_u8 {
            let id = PrincipalId([at; 16]);
            let large = || Ok(Some(vec![at; MOST / 2]));
            assert!(state.answer(|it| &mut it.keyrings, id, large, Vec::len).unwrap().is_some());
            assert!(held(&state.0).bytes <= MOST);
            assert!(!state.is_own(id, [at; 32], || Ok(false)).unwrap());
        }
        assert!(held(&state.0).own.is_empty());
        assert!(held(&state.0).is_large, "it was more than is kept");
        let all: Vec<VaultId> = (0..=255).map(|at| VaultId([at; 16])).collect();
        let (known, mark) = (Known::default(), Mark { commits: 0, roster: None });
        all.iter().for_each(|vault| drop(known.of((*vault, (0, 0)), &mark)));
        assert_eq!(held(&known.0).len(), MOST_VAULTS);
    }
}
