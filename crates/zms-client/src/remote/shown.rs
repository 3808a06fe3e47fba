//! A state of a vault at an engine, as far as it was sent; the rest is asked for when it is needed,
//! and only while the state is the same.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use zms_core::{
    bundle::{Bundle, Packed, Standing, Trouble, TroubleClass, Wanted},
    child::StoredChild,
    engine::{BundleQuery, Records, Whose},
    id::{PrincipalId, ScopeId, VaultId},
    path::MAX_DEPTH,
    record::{EndedRecord, StoredRecord},
    revision::{Revision, SignedMessage},
    roster::{MemberPart, Roster},
};
use zms_crypto::sign::Signature;

use super::{ask::Caller, cache::Kept};

/// Most names of secrets that are asked for one by one: a query has an end.
const MOST_NAMES: usize = 500;

/// What an engine showed of one state.
pub(super) struct Shown<'c> {
    caller: &'c Caller,
    base: Packed,
    commits: u64,
    administers: bool,
    /// The scope that holds each one's entry.
    above: BTreeMap<ScopeId, ScopeId>,
    more: RefCell<More>,
}

/// What was asked for since.
#[derive(Default)]
struct More {
    records: BTreeMap<ScopeId, (Wanted, Packed)>,
    past: BTreeMap<ScopeId, (Wanted, Packed)>,
    messages: BTreeMap<ScopeId, Packed>,
    rosters: Option<Packed>,
    everyone: Option<Packed>,
}

impl<'c> Shown<'c> {
    pub(super) fn new(caller: &'c Caller, kept: Kept, administers: bool) -> Self {
        let Kept { packed: base, commits, .. } = kept;
        let mut above = BTreeMap::new();
        for scope in base.scopes() {
            for child in base.children(scope).unwrap_or_default() {
                above.insert(child.child, scope);
            }
        }
        Self { caller, base, commits, administers, above, more: RefCell::default() }
    }

    fn ask(&self, query: BundleQuery) -> Result<Packed, Trouble> {
        let query = BundleQuery { at: Some(self.commits), ..query };
        let answer = self.caller.bundle(&query.encode(), None)?;
        // It said that nothing has moved, and tells of another state all the same.
        let same = |kept: &Kept| kept.commits == self.commits;
        let moved = || Trouble::new(TroubleClass::Moved, "it is no longer as it was");
        answer.filter(same).map(|kept| kept.packed).ok_or_else(moved)
    }

    /// Those above a scope and itself: a scope is reached through them alone. What they are is the
    /// engine's word, so it is not followed without end.
    fn way(&self, scope: ScopeId) -> BTreeSet<ScopeId> {
        let up = |id: &ScopeId| self.above.get(id).copied();
        std::iter::successors(Some(scope), up).take(MAX_DEPTH + 2).collect()
    }

    /// More of one scope, as `query` words it.
    fn of(&self, scope: ScopeId, query: BundleQuery) -> Result<Packed, Trouble> {
        let scopes = Some(self.way(scope));
        self.ask(BundleQuery { scopes, of: Whose::These([scope].into()), ..query })
    }

    fn everyone(&self) -> Result<Option<Packed>, Trouble> {
        if !self.administers {
            return Ok(None);
        }
        if let Some(held) = &self.more.borrow().everyone {
            return Ok(Some(held.clone()));
        }
        let nothing = BundleQuery { scopes: Some([].into()), records: Records::None, ..LEAST };
        let packed = self.ask(BundleQuery { everyone: true, ..nothing })?;
        self.more.borrow_mut().everyone = Some(packed.clone());
        Ok(Some(packed))
    }

    /// A scope with its past, and in it what is wanted.
    fn past_of(&self, scope: ScopeId, wanted: &Wanted) -> Result<Packed, Trouble> {
        if let Some(held) = found(&self.more.borrow().past, scope, wanted) {
            return Ok(held);
        }
        let (wanted, records) = asked(wanted);
        let query = BundleQuery { records, past: true, ..BundleQuery::default() };
        let packed = self.of(scope, query)?;
        self.more.borrow_mut().past.insert(scope, (wanted, packed.clone()));
        Ok(packed)
    }
}

/// As little as can be asked for.
const LEAST: BundleQuery = BundleQuery {
    at: None,
    last: Some(0),
    scopes: None,
    records: Records::All,
    of: Whose::All,
    past: false,
    everyone: false,
};

fn asked(wanted: &Wanted) -> (Wanted, Records) {
    match wanted {
        Wanted::Only(names) if names.len() <= MOST_NAMES => {
            (wanted.clone(), Records::Only(names.iter().copied().collect()))
        }
        _ => (Wanted::All, Records::All),
    }
}

fn found(
    held: &BTreeMap<ScopeId, (Wanted, Packed)>,
    scope: ScopeId,
    wanted: &Wanted,
) -> Option<Packed> {
    let (has, packed) = held.get(&scope)?;
    let enough = match (has, wanted) {
        (Wanted::All, _) => true,
        (has, Wanted::Only(names)) => names.iter().all(|name| has.includes(*name)),
        (Wanted::Only(_), Wanted::All) => false,
    };
    enough.then(|| packed.clone())
}

/// Whether messages are all that lie between `after` and the newest one.
fn whole(messages: &[Vec<u8>], newest: Option<u64>, after: u64) -> bool {
    newest.is_none_or(|newest| after.saturating_add(messages.len() as u64 + 1) >= newest)
}

impl Bundle for Shown<'_> {
    fn vault(&self) -> Result<Option<VaultId>, Trouble> {
        self.base.vault()
    }

    fn standing(&self, principal: PrincipalId) -> Result<Standing, Trouble> {
        let unknown = |standing: &Standing| *standing == Standing::Unknown;
        let standing = self.base.standing(principal)?;
        if !unknown(&standing) {
            return Ok(standing);
        }
        for (_, packed) in self.more.borrow().past.values() {
            let standing = packed.standing(principal)?;
            if !unknown(&standing) {
                return Ok(standing);
            }
        }
        self.everyone()?.map_or(Ok(Standing::Unknown), |all| all.standing(principal))
    }

    fn keyring(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        match self.base.keyring(principal)? {
            Some(sealed) => Ok(Some(sealed)),
            None => self.everyone()?.map_or(Ok(None), |all| all.keyring(principal)),
        }
    }

    fn escrow(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, Trouble> {
        self.everyone()?.map_or(Ok(None), |all| all.escrow(principal))
    }

    fn members(&self) -> Result<Vec<MemberPart>, Trouble> {
        self.everyone()?.map_or(Ok(Vec::new()), |all| all.members())
    }

    fn roster(&self) -> Result<Option<SignedMessage>, Trouble> {
        self.base.roster()
    }

    fn roster_messages(&self, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        let messages = self.base.roster_messages(after)?;
        let newest = self.base.roster()?.and_then(|roster| Roster::parse(&roster.message).ok());
        if whole(&messages, newest.map(|roster| roster.version), after) {
            return Ok(messages);
        }
        if self.more.borrow().rosters.is_none() {
            let (scopes, records) = (Some([].into()), Records::None);
            let packed = self.ask(BundleQuery { last: None, scopes, records, ..LEAST })?;
            self.more.borrow_mut().rosters = Some(packed);
        }
        let more = self.more.borrow();
        more.rosters.as_ref().map_or(Ok(messages), |all| all.roster_messages(after))
    }

    fn head(&self, scope: ScopeId) -> Result<Option<SignedMessage>, Trouble> {
        self.base.head(scope)
    }

    fn revision_messages(&self, scope: ScopeId, after: u64) -> Result<Vec<Vec<u8>>, Trouble> {
        let messages = self.base.revision_messages(scope, after)?;
        let newest = self.base.head(scope)?.and_then(|head| Revision::parse(&head.message).ok());
        if whole(&messages, newest.map(|head| head.revision), after) {
            return Ok(messages);
        }
        let mut more = self.more.borrow_mut();
        if let Some((_, past)) = more.past.get(&scope) {
            return past.revision_messages(scope, after);
        }
        if let Some(all) = more.messages.get(&scope) {
            return all.revision_messages(scope, after);
        }
        let query = BundleQuery { last: None, records: Records::None, ..LEAST };
        let all = self.of(scope, query)?;
        more.messages.insert(scope, all.clone());
        all.revision_messages(scope, after)
    }

    fn records(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<StoredRecord>, Trouble> {
        // The root holds none; where its head says otherwise it does not verify.
        let root = self.base.vault()?.is_some_and(|vault| vault.root() == scope);
        if root || self.base.shows_records(scope) {
            return self.base.records(scope, wanted);
        }
        let held = found(&self.more.borrow().records, scope, wanted);
        let packed = match held {
            Some(packed) => packed,
            None => {
                let (has, records) = asked(wanted);
                let packed = self.of(scope, BundleQuery { records, ..LEAST })?;
                self.more.borrow_mut().records.insert(scope, (has, packed.clone()));
                packed
            }
        };
        packed.records(scope, wanted)
    }

    fn children(&self, scope: ScopeId) -> Result<Vec<StoredChild>, Trouble> {
        self.base.children(scope)
    }

    fn signatures(&self, scope: ScopeId) -> Result<Vec<(u64, Signature)>, Trouble> {
        self.past_of(scope, &Wanted::Only(Vec::new()))?.signatures(scope)
    }

    fn ended(&self, scope: ScopeId, wanted: &Wanted) -> Result<Vec<EndedRecord>, Trouble> {
        self.past_of(scope, wanted)?.ended(scope, wanted)
    }

    fn past(&self, scope: ScopeId, epoch: u32) -> Result<Option<Vec<u8>>, Trouble> {
        self.past_of(scope, &Wanted::Only(Vec::new()))?.past(scope, epoch)
    }
}
