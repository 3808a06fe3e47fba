//! The audit chain of this replica, in each vault.
//!
//! A place in a chain is taken once, whoever appends to it, so two replicas that append to one
//! chain hinder each other and break nothing. Each has a chain of its own, so they do not.

mod group;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex as Lock, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

pub(crate) use group::{Group, Job, told};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::timeout,
};
use tokio_postgres::{Row, types::ToSql};
use zms_core::{
    audit::{Action, Entry, Event, Outcome},
    bundle::{Trouble, TroubleClass},
    id::{PrincipalId, ScopeId, VaultId},
};

use crate::{
    connection::{Kind, Link},
    database::Core,
    refusal::Refusal,
    retry::Retry,
    row::{bound, fixed, number, small},
    trouble::{Fault, trouble},
};

/// How many vaults' places are kept in mind before those that nobody holds are let go.
const IN_MIND: usize = 100_000;

/// The last entry of a chain; of an empty one, place 0 and zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    seq: u64,
    hash: [u8; 32],
}

/// Where a vault's chain has got to.
pub(crate) struct Place {
    /// Which chain.
    pub(crate) chain: i64,
    /// Its last entry; `None` where it has to be read.
    pub(crate) head: Option<Head>,
}

/// The places of this replica. Who holds one is the only one here who appends to it.
pub(crate) struct Chains {
    /// The chain of this replica.
    number: AtomicI64,
    places: Lock<HashMap<VaultId, Arc<Mutex<Place>>>>,
}

impl Chains {
    pub(crate) fn new(number: i64) -> Self {
        Self { number: AtomicI64::new(number), places: Lock::default() }
    }

    pub(crate) fn number(&self) -> i64 {
        self.number.load(Ordering::Acquire)
    }

    /// Goes on with another chain.
    pub(crate) fn switch(&self, number: i64) {
        self.number.store(number, Ordering::Release);
    }

    fn place(&self, vault: VaultId) -> Arc<Mutex<Place>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() > IN_MIND {
            places.retain(|_, place| Arc::strong_count(place) > 1);
        }
        let new = || Arc::new(Mutex::new(Place { chain: self.number(), head: None }));
        Arc::clone(places.entry(vault).or_insert_with(new))
    }

    fn current(&self, mut place: OwnedMutexGuard<Place>) -> OwnedMutexGuard<Place> {
        if place.chain != self.number() {
            *place = Place { chain: self.number(), head: None };
        }
        place
    }

    /// Waits for a place.
    pub(crate) fn hold(
        &self,
        core: &Core,
        vault: VaultId,
    ) -> Result<OwnedMutexGuard<Place>, Trouble> {
        let patience = core.work.limits.statement;
        let place = self.place(vault).lock_owned();
        let held = core.work.runtime.block_on(async { timeout(patience, place).await });
        held.map(|place| self.current(place)).map_err(|_| trouble(Fault::Crowded))
    }
}

const LAST: &str =
    "SELECT seq, hash FROM audit WHERE vault = $1 AND chain = $2 ORDER BY seq DESC LIMIT 1";
const INSERT: &str = "INSERT INTO audit
    (vault, chain, seq, time, principal, action, scope, revision, outcome, prev_hash, hash)
    SELECT * FROM unnest($1::BYTEA[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::BYTEA[],
        $6::BIGINT[], $7::BYTEA[], $8::BIGINT[], $9::BIGINT[], $10::BYTEA[], $11::BYTEA[])";

fn last(row: &Row) -> Result<Head, Fault> {
    Ok(Head { seq: number(row, 0)?, hash: fixed(row, 1)? })
}

/// Entries as columns, so that one statement inserts them all.
#[derive(Default)]
struct Columns {
    bytes: [Vec<Vec<u8>>; 4],
    scopes: Vec<Option<Vec<u8>>>,
    numbers: [Vec<i64>; 6],
}

impl Columns {
    /// Chains events behind the last entry, and tells the new last one.
    fn chain(
        &mut self,
        vault: VaultId,
        chain: i64,
        mut head: Head,
        events: &[Event],
    ) -> Result<Head, Fault> {
        for event in events {
            let full = Fault::Damaged("an audit chain is full");
            let seq = head.seq.checked_add(1).filter(|seq| i64::try_from(*seq).is_ok());
            let seq = seq.ok_or(full)?;
            let entry = Entry::new(vault, chain.cast_unsigned(), seq, head.hash, event.clone());
            let fixed = [vault.as_bytes(), event.principal.as_bytes(), &head.hash, &entry.hash];
            for (column, bytes) in self.bytes.iter_mut().zip(fixed) {
                column.push(bytes.to_vec());
            }
            self.scopes.push(event.scope.map(|scope| scope.0.to_vec()));
            let numbers = [
                chain,
                seq.cast_signed(),
                event.time.cast_signed(),
                i64::from(event.action as u8),
                event.revision.cast_signed(),
                i64::from(event.outcome as u8),
            ];
            for (column, number) in self.numbers.iter_mut().zip(numbers) {
                column.push(number);
            }
            head = Head { seq, hash: entry.hash };
        }
        Ok(head)
    }

    fn params(&self) -> [&(dyn ToSql + Sync); 11] {
        let [vault, principal, prev_hash, hash] = &self.bytes;
        let [chain, seq, time, action, revision, outcome] = &self.numbers;
        let scope = &self.scopes;
        [vault, chain, seq, time, principal, action, scope, revision, outcome, prev_hash, hash]
    }
}

/// Chains events behind the last entry, within the transaction that is open.
pub(crate) fn append(
    tx: &Link,
    vault: VaultId,
    chain: i64,
    head: Option<Head>,
    events: &[Event],
) -> Result<Option<Head>, Refusal> {
    if events.is_empty() {
        return Ok(head);
    }
    let head = match head {
        Some(head) => head,
        None => {
            let found = tx.one(LAST, &[&vault.as_bytes(), &chain], last)?;
            found.unwrap_or(Head { seq: 0, hash: [0; 32] })
        }
    };
    let mut columns = Columns::default();
    let next = columns.chain(vault, chain, head, events)?;
    match tx.execute(INSERT, &columns.params()) {
        Ok(_) => Ok(Some(next)),
        Err(fault) if fault.is_taken() => Err(Refusal::Stale),
        Err(fault) => Err(fault.into()),
    }
}

/// Notes a use with its entries, unless all are used.
pub(crate) fn spend(
    core: &Core,
    vault: VaultId,
    principal: PrincipalId,
    most: u32,
    events: &[Event],
) -> Result<bool, Trouble> {
    noting(core, vault, events, |tx| use_one(tx, vault, principal, most))
}

/// Takes a use within the transaction that is open, unless all are used.
pub(crate) fn use_one(
    tx: &Link,
    vault: VaultId,
    principal: PrincipalId,
    most: u32,
) -> Result<bool, Fault> {
    let noted = tx.execute(
        "INSERT INTO spent (vault, principal, uses) SELECT $1, $2, 1 WHERE $3::BIGINT > 0
         ON CONFLICT (vault, principal)
         DO UPDATE SET uses = spent.uses + 1 WHERE spent.uses < $3",
        &[&vault.as_bytes(), &principal.as_bytes(), &i64::from(most)],
    )?;
    Ok(noted > 0)
}

/// Does something with its entries, in one transaction; neither where it says `false`.
pub(crate) fn noting(
    core: &Core,
    vault: VaultId,
    events: &[Event],
    mut work: impl FnMut(&Link) -> Result<bool, Fault>,
) -> Result<bool, Trouble> {
    let mut retry = Retry::new();
    loop {
        let mut place = core.chains.hold(core, vault)?;
        let link = core.work.link().map_err(trouble)?;
        match noting_once(&link, vault, &place, events, &mut work) {
            Ok(done) => {
                if let Some(head) = done {
                    place.head = head;
                }
                return Ok(done.is_some());
            }
            Err(refusal) => {
                place.head = None;
                let again = match &refusal {
                    Refusal::Stale => true,
                    Refusal::Driver(fault) => fault.is_lost_race(),
                    Refusal::Commit(_) => false,
                };
                drop((link, place));
                if !again || !retry.pause() {
                    let trouble = Trouble::from(refusal);
                    core.unstored.met(trouble.class);
                    return Err(trouble);
                }
            }
        }
    }
}

fn noting_once(
    tx: &Link,
    vault: VaultId,
    place: &Place,
    events: &[Event],
    work: &mut impl FnMut(&Link) -> Result<bool, Fault>,
) -> Result<Option<Option<Head>>, Refusal> {
    tx.begin(Kind::Writing)?;
    if !work(tx)? {
        return Ok(None);
    }
    let there = tx.one("SELECT 1 FROM vault WHERE id = $1", &[&vault.as_bytes()], |_| Ok(()))?;
    there.ok_or_else(no_vault)?;
    let head = append(tx, vault, place.chain, place.head, events)?;
    tx.commit()?;
    Ok(Some(head))
}

fn no_vault() -> Trouble {
    Trouble::new(TroubleClass::Other, "there is no vault")
}

/// Up to `limit` entries behind `after`.
pub(crate) fn read(
    link: &Link,
    vault: VaultId,
    chain: u64,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>, Fault> {
    let sql =
        "SELECT chain, seq, time, principal, action, scope, revision, outcome, prev_hash, hash
               FROM audit WHERE vault = $1 AND chain = $2 AND seq > $3 ORDER BY seq LIMIT $4";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let params: &[&(dyn ToSql + Sync)] =
        &[&vault.as_bytes(), &chain.cast_signed(), &bound(after), &limit];
    link.all(sql, params, entry)
}

/// Every chain with the place of its last entry: one seek each, from the greatest number down.
pub(crate) fn chains(link: &Link, vault: VaultId) -> Result<Vec<(u64, u64)>, Fault> {
    let sql = "SELECT chain, seq FROM audit WHERE vault = $1 AND chain <= $2
               ORDER BY chain DESC, seq DESC LIMIT 1";
    let (mut chains, mut most) = (Vec::new(), Some(i64::MAX));
    while let Some(at) = most {
        let end = |row: &Row| Ok((row.try_get::<_, i64>(0)?, number(row, 1)?));
        let Some((chain, seq)) = link.one(sql, &[&vault.as_bytes(), &at], end)? else { break };
        chains.push((chain.cast_unsigned(), seq));
        most = chain.checked_sub(1);
    }
    // A greater number than fits an i64 is kept as a negative one.
    chains.sort_unstable();
    Ok(chains)
}

fn entry(row: &Row) -> Result<Entry, Fault> {
    let unknown = || Fault::Damaged("an audit entry tells of nothing that there is");
    let scope: Option<&[u8]> = row.try_get(5)?;
    let scope = scope.map(ScopeId::try_from).transpose().map_err(|_| unknown())?;
    Ok(Entry {
        chain: number(row, 0)?,
        seq: number(row, 1)?,
        event: Event {
            time: number(row, 2)?,
            principal: PrincipalId(fixed(row, 3)?),
            action: Action::from_number(small(row, 4)?).ok_or_else(unknown)?,
            scope,
            revision: number(row, 6)?,
            outcome: Outcome::from_number(small(row, 7)?).ok_or_else(unknown)?,
        },
        prev_hash: fixed(row, 8)?,
        hash: fixed(row, 9)?,
    })
}
