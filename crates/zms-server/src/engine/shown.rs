//! What was made of a state and is good until its mark moves: members' cards, bundles ready to be
//! sent. Nothing here is needed by another process, and all of it can be dropped at any time.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{body::Bytes, http::HeaderValue};
use zms_core::{
    bundle::Standing,
    engine::path::Named,
    id::{PrincipalId, ScopeId, VaultId},
    roster::{Line, Range},
};
use zms_crypto::Key;
use zms_store::{Keeper, Mark};

use crate::problem::Problem;

/// What an engine knows of a member.
pub(crate) struct Card {
    pub(crate) request_key: Key,
    pub(crate) line: Line,
    /// Where it may come from; `None` is anywhere. A range that can not be read lets nobody in.
    ranges: Option<Vec<Range>>,
}

impl Card {
    /// Looks a member up; `None` where it is none.
    pub(super) fn read(
        keeper: &(dyn Keeper + Send),
        principal: PrincipalId,
    ) -> Result<Option<Self>, Problem> {
        let Some(request_key) = keeper.request_key(principal)? else { return Ok(None) };
        let standing = keeper.bundle()?.standing(principal)?;
        let Standing::Member(witness) = standing else { return Ok(None) };
        let line = Line::parse(&witness.line)
            .map_err(|_| Problem::failed().because("a member's line is malformed"))?;
        let listed = &line.limits.addresses;
        let ranges = listed.iter().filter_map(|text| Range::parse(text)).collect();
        Ok(Some(Self { request_key, ranges: (!listed.is_empty()).then_some(ranges), line }))
    }

    /// Whether it may come from there.
    pub(super) fn is_from(&self, address: Option<IpAddr>) -> bool {
        self.ranges.as_ref().is_none_or(|ranges| {
            address.is_some_and(|address| ranges.iter().any(|range| range.holds(address)))
        })
    }
}

/// A bundle that can be sent.
pub(super) struct Ready {
    pub(super) bytes: Bytes,
    /// What sending it is to be noted as: scopes, their revisions, and whether also their past.
    pub(super) reads: Vec<(ScopeId, u64, bool)>,
    pub(super) etag: HeaderValue,
    /// The number of commits of its state, as it is told.
    pub(super) commits: HeaderValue,
    pub(super) mark: Mark,
}

/// What is kept of one vault, all of one state.
struct State {
    mark: Mark,
    cards: HashMap<PrincipalId, Arc<Card>>,
    bundles: HashMap<(PrincipalId, String), Arc<Ready>>,
}

#[derive(Default)]
struct Kept {
    vaults: HashMap<VaultId, State>,
    /// Where each principal was shown a bundle last: who asks for its own need not be looked for.
    last: HashMap<PrincipalId, VaultId>,
    /// About how many bytes.
    bytes: usize,
}

/// Of how many principals it is known where they were shown a bundle last; then of none.
const MOST_LAST: usize = 65_536;
/// About how many bytes a card takes.
const CARD: usize = 1024;
/// About how many bytes a bundle takes beside its own.
const AROUND: usize = 512;

/// What was made of the states of all vaults.
pub(crate) struct Shown {
    kept: Mutex<Kept>,
    most: usize,
}

impl Kept {
    fn state(&mut self, vault: VaultId, mark: &Mark) -> &mut State {
        let state = self.vaults.entry(vault).or_insert_with(|| State::of(*mark));
        if state.mark != *mark {
            self.bytes = self.bytes.saturating_sub(state.bytes());
            *state = State::of(*mark);
        }
        state
    }
}

impl State {
    fn of(mark: Mark) -> Self {
        Self { mark, cards: HashMap::new(), bundles: HashMap::new() }
    }

    fn bytes(&self) -> usize {
        let bundles = self.bundles.values().map(|ready| ready.bytes.len() + AROUND);
        self.cards.len() * CARD + bundles.sum::<usize>()
    }
}

impl Shown {
    /// Keeps about so many bytes at most.
    pub(crate) fn new(most: usize) -> Self {
        Self { kept: Mutex::default(), most }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for so many bytes; `false` where they are more than is ever kept.
    fn makes_room(&self, kept: &mut Kept, bytes: usize) -> bool {
        if bytes > self.most / 2 {
            return false;
        }
        if kept.bytes + bytes > self.most {
            *kept = Kept::default();
        }
        kept.bytes += bytes;
        true
    }

    pub(super) fn card(
        &self,
        vault: VaultId,
        mark: &Mark,
        principal: PrincipalId,
    ) -> Option<Arc<Card>> {
        let kept = self.kept();
        let state = kept.vaults.get(&vault).filter(|state| state.mark == *mark)?;
        state.cards.get(&principal).cloned()
    }

    pub(super) fn keep_card(
        &self,
        vault: VaultId,
        mark: &Mark,
        principal: PrincipalId,
        card: Arc<Card>,
    ) {
        let mut kept = self.kept();
        if self.makes_room(&mut kept, CARD) {
            kept.state(vault, mark).cards.insert(principal, card);
        }
    }

    pub(super) fn bundle(
        &self,
        vault: VaultId,
        mark: &Mark,
        asked: &(PrincipalId, String),
    ) -> Option<Arc<Ready>> {
        let kept = self.kept();
        let state = kept.vaults.get(&vault).filter(|state| state.mark == *mark)?;
        state.bundles.get(asked).cloned()
    }

    pub(super) fn keep_bundle(
        &self,
        vault: VaultId,
        asked: (PrincipalId, String),
        ready: Arc<Ready>,
    ) {
        let mut kept = self.kept();
        if self.makes_room(&mut kept, ready.bytes.len() + AROUND) {
            if kept.last.len() >= MOST_LAST {
                kept.last.clear();
            }
            kept.last.insert(asked.0, vault);
            kept.state(vault, &ready.mark.clone()).bundles.insert(asked, ready);
        }
    }

    /// What a principal was shown of the newest state that is known here, which need not be the
    /// present one.
    pub(super) fn before(
        &self,
        named: Named,
        asked: &(PrincipalId, String),
    ) -> Option<(VaultId, Arc<Card>, Arc<Ready>)> {
        let kept = self.kept();
        let vault = match named {
            Named::Vault(vault) => vault,
            Named::Own => *kept.last.get(&asked.0)?,
        };
        let state = kept.vaults.get(&vault)?;
        let (card, ready) = (state.cards.get(&asked.0)?, state.bundles.get(asked)?);
        Some((vault, Arc::clone(card), Arc::clone(ready)))
    }
}
