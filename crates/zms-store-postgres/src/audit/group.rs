//! Entries of reads, in groups: whoever comes while a group is on its way to the disk is in the
//! next one. Nobody is answered before its entries are committed.

use std::{collections::HashMap, sync::Arc};

use tokio::{
    sync::{OwnedMutexGuard, mpsc, oneshot},
    time::timeout,
};
use zms_core::{
    audit::Event,
    bundle::{Trouble, TroubleClass},
    id::VaultId,
};

use super::{Columns, Head, INSERT, LAST, Place, last, no_vault};
use crate::{
    database::Core,
    trouble::{Fault, trouble},
};

/// The most requests of one group.
const MOST: usize = 512;
/// How often a group is tried where somebody else has appended to its chains.
const ATTEMPTS: u32 = 4;

/// What became of entries, for each that waits.
pub(crate) type Told = Result<(), (TroubleClass, String)>;

/// As who waits for it has it.
pub(crate) fn told(told: Told) -> Result<(), Trouble> {
    told.map_err(|(class, why)| Trouble::new(class, why))
}

fn share(trouble: &Trouble) -> (TroubleClass, String) {
    (trouble.class, trouble.source.to_string())
}

/// Entries that wait for their place.
pub(crate) struct Job {
    pub(crate) vault: VaultId,
    pub(crate) events: Vec<Event>,
    pub(crate) done: oneshot::Sender<Told>,
}

/// A vault's share of a group.
pub(crate) struct Group {
    vault: VaultId,
    place: OwnedMutexGuard<Place>,
    jobs: Vec<Job>,
}

impl Group {
    /// Appends what comes, until nobody is left to send anything.
    pub(crate) async fn serve(core: Arc<Core>, mut jobs: mpsc::Receiver<Job>) {
        let mut come = Vec::new();
        while jobs.recv_many(&mut come, MOST).await > 0 {
            let mut vaults: HashMap<VaultId, Vec<Job>> = HashMap::new();
            for job in come.drain(..) {
                vaults.entry(job.vault).or_default().push(job);
            }
            let mut ready = Vec::new();
            for (vault, jobs) in vaults {
                match core.chains.place(vault).try_lock_owned() {
                    Ok(place) => {
                        ready.push(Self { vault, place: core.chains.current(place), jobs });
                    }
                    // A commit holds it. The others do not wait for that.
                    Err(_) => drop(tokio::spawn(Self::later(Arc::clone(&core), vault, jobs))),
                }
            }
            append(&core, ready).await;
        }
    }

    async fn later(core: Arc<Core>, vault: VaultId, jobs: Vec<Job>) {
        let place = core.chains.place(vault).lock_owned();
        match timeout(core.notes.limits.statement, place).await {
            Ok(place) => {
                append(&core, vec![Self { vault, place: core.chains.current(place), jobs }]).await;
            }
            Err(_) => tell(jobs, &Err(share(&trouble(Fault::Crowded)))),
        }
    }
}

fn tell(jobs: Vec<Job>, told: &Told) {
    for job in jobs {
        // Who has gone away waits no longer.
        let _ = job.done.send(told.clone());
    }
}

/// All or nothing, save what is for vaults that there are none of.
async fn append(core: &Core, mut groups: Vec<Group>) {
    let mut failed = Fault::Crowded;
    for _ in 0..ATTEMPTS {
        let heads = match load(core, &mut groups).await {
            Ok(heads) => heads,
            Err(fault) => {
                failed = fault;
                break;
            }
        };
        match insert(core, &groups, &heads).await {
            Ok(next) => {
                for (mut group, head) in groups.into_iter().zip(next) {
                    group.place.head = Some(head);
                    drop(group.place);
                    tell(group.jobs, &Ok(()));
                }
                return;
            }
            Err(fault) => {
                for group in &mut groups {
                    group.place.head = None;
                }
                let again = fault.is_taken() || fault.is_lost_race();
                failed = fault;
                if !again {
                    break;
                }
            }
        }
    }
    let trouble = trouble(failed);
    core.unstored.met(trouble.class);
    let told = Err(share(&trouble));
    for group in groups {
        drop(group.place);
        tell(group.jobs, &told);
    }
}

/// The last entries, read where they are not in mind.
async fn load(core: &Core, groups: &mut Vec<Group>) -> Result<Vec<Head>, Fault> {
    let mut heads = Vec::new();
    let (mut kept, mut strangers) = (Vec::new(), Vec::new());
    let mut failed = None;
    for mut group in groups.drain(..) {
        if group.place.head.is_none() && failed.is_none() {
            match read_last(core, group.vault, group.place.chain).await {
                Ok(Some(head)) => group.place.head = Some(head),
                Ok(None) => {
                    strangers.push(group);
                    continue;
                }
                Err(fault) => failed = Some(fault),
            }
        }
        heads.extend(group.place.head);
        kept.push(group);
    }
    for group in strangers {
        drop(group.place);
        tell(group.jobs, &Err(share(&no_vault())));
    }
    *groups = kept;
    failed.map_or(Ok(heads), Err)
}

/// The last entry of a chain; `None` where there is no vault.
async fn read_last(core: &Core, vault: VaultId, chain: i64) -> Result<Option<Head>, Fault> {
    core.notes
        .ask(async |client| {
            let vault = vault.as_bytes();
            let there = client.prepare_cached("SELECT 1 FROM vault WHERE id = $1").await?;
            if client.query_opt(&there, &[&vault]).await?.is_none() {
                return Ok(None);
            }
            let statement = client.prepare_cached(LAST).await?;
            let found = client.query_opt(&statement, &[&vault, &chain]).await?;
            let empty = Head { seq: 0, hash: [0; 32] };
            Ok(Some(found.map(|row| last(&row)).transpose()?.unwrap_or(empty)))
        })
        .await
}

/// One statement, and so one transaction and one wait for the disk.
async fn insert(core: &Core, groups: &[Group], heads: &[Head]) -> Result<Vec<Head>, Fault> {
    let mut columns = Columns::default();
    let mut next = Vec::new();
    for (group, head) in groups.iter().zip(heads) {
        let mut head = *head;
        for job in &group.jobs {
            head = columns.chain(group.vault, group.place.chain, head, &job.events)?;
        }
        next.push(head);
    }
    if !next.is_empty() {
        core.notes
            .ask(async |client| {
                let statement = client.prepare_cached(INSERT).await?;
                Ok(client.execute(&statement, &columns.params()).await?)
            })
            .await?;
    }
    Ok(next)
}
