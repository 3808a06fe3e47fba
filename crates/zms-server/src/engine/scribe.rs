//! Audit entries of many requests in one transaction: waiting for others costs less than a
//! transaction each. spec/audit.md
//!
//! Where notes are quick, what the requests of a thread hand in lies on a tray until none is about to add
//! to it, and is carried to the vault's desk as one; the carrier tells all of them, so that nobody is
//! woken from another thread. Whoever finds nobody writing at the desk writes, for all who come meanwhile.

use std::{
    collections::{HashMap, HashSet},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, ThreadId},
};

use tokio::{sync::oneshot, task::yield_now};
use zms_core::{
    audit::Event,
    bundle::{Trouble, TroubleClass},
    id::VaultId,
};
use zms_store::{Mark, Slip};

use crate::{held::held, problem::Problem, state::Engine, vaults::Handle};

/// How it ended: the state in which it was noted, where somebody had named one, or trouble by its
/// class and words, since it concerns many.
type Noted = Result<Option<Mark>, (TroubleClass, String)>;

/// Trouble as it is told to many.
#[expect(clippy::needless_pass_by_value, reason = "an error is mapped")]
pub(crate) fn told(trouble: Trouble) -> (TroubleClass, String) {
    (trouble.class, trouble.source.to_string())
}

/// What requests of one thread hand in to one vault.
#[derive(Default)]
struct Tray {
    slips: Vec<Slip>,
    /// Who waits for which of them, in the same order.
    waiting: Vec<oneshot::Sender<Noted>>,
}

/// What was carried to a desk at once.
struct Pile {
    slips: Vec<Slip>,
    done: oneshot::Sender<Noted>,
}

/// Each how many times that something was written it is looked whether there is something to tidy.
const LOOKS: u32 = 64;

/// What somebody has taken from a desk to write it.
struct Taken {
    slips: Vec<Slip>,
    waiting: Vec<oneshot::Sender<Noted>>,
}

impl Taken {
    fn of(piles: Vec<Pile>) -> Self {
        let (mut slips, mut waiting) = (Vec::new(), Vec::with_capacity(piles.len()));
        for pile in piles {
            if slips.is_empty() {
                slips = pile.slips;
            } else {
                slips.extend(pile.slips);
            }
            waiting.push(pile.done);
        }
        Self { slips, waiting }
    }

    fn tell(self, noted: Result<Option<Mark>, Trouble>) {
        tell(self.waiting, &noted.map_err(told));
    }
}

fn tell(waiting: Vec<oneshot::Sender<Noted>>, noted: &Noted) {
    for waiting in waiting {
        // Who gave up waiting was answered nothing.
        let _ = waiting.send(noted.clone());
    }
}

/// What is to be noted, and whether somebody sees to it.
#[derive(Default)]
pub(crate) struct Scribes {
    /// Those that somebody carries.
    trays: Mutex<HashMap<(VaultId, ThreadId), Tray>>,
    /// Those at which somebody writes: what was put there meanwhile.
    desks: Mutex<HashMap<VaultId, Vec<Pile>>>,
    /// How often something was written, in whatever vault.
    written: AtomicU32,
    /// Vaults that somebody tidies.
    tidied: Mutex<HashSet<VaultId>>,
}

impl Scribes {
    /// Puts a slip on the tray of this thread; whether nobody carries it yet.
    fn lay(&self, tray: (VaultId, ThreadId), slip: Slip, done: oneshot::Sender<Noted>) -> bool {
        let mut trays = held(&self.trays);
        let begins = !trays.contains_key(&tray);
        let tray = trays.entry(tray).or_default();
        tray.slips.push(slip);
        tray.waiting.push(done);
        begins
    }

    /// How many slips lie on a tray.
    fn lie(&self, tray: (VaultId, ThreadId)) -> usize {
        held(&self.trays).get(&tray).map_or(0, |tray| tray.slips.len())
    }

    /// Takes all that lies on a tray; `None` where nothing does, and then nobody carries it any more.
    fn clear(&self, tray: (VaultId, ThreadId)) -> Option<Tray> {
        let mut trays = held(&self.trays);
        let lies = mem::take(trays.get_mut(&tray)?);
        if lies.slips.is_empty() {
            trays.remove(&tray);
            return None;
        }
        Some(lies)
    }

    /// Puts a pile on the desk of a vault; whether nobody writes there yet.
    fn put(&self, vault: VaultId, pile: Pile) -> bool {
        let mut desks = held(&self.desks);
        let begins = !desks.contains_key(&vault);
        desks.entry(vault).or_default().push(pile);
        begins
    }

    /// Takes all that lies on a desk; `None` where nothing does, and then nobody writes there any more.
    fn take(&self, vault: VaultId) -> Option<Taken> {
        let mut desks = held(&self.desks);
        let piles = mem::take(desks.get_mut(&vault)?);
        if piles.is_empty() {
            desks.remove(&vault);
            return None;
        }
        Some(Taken::of(piles))
    }

    /// Leaves a desk where nothing lies; `false` where something does.
    fn leave(&self, vault: VaultId) -> bool {
        let mut desks = held(&self.desks);
        let leaves = desks.get(&vault).is_none_or(Vec::is_empty);
        if leaves {
            desks.remove(&vault);
        }
        leaves
    }
}

impl Engine {
    /// Stores entries. Where it can not, what they tell of must not happen.
    pub(crate) async fn note(
        self: &Arc<Self>,
        vault: VaultId,
        events: Vec<Event>,
    ) -> Result<(), Problem> {
        if events.is_empty() {
            return Ok(());
        }
        self.hand_in(vault, Slip { of: None, events }).await.map(|_| ())
    }

    /// Stores entries of an answer that was made from a state, where that is still the present one;
    /// `false` where it is not, and nothing is noted.
    pub(crate) async fn note_of(
        self: &Arc<Self>,
        vault: VaultId,
        mark: Mark,
        events: Vec<Event>,
    ) -> Result<bool, Problem> {
        let noted = self.hand_in(vault, Slip { of: Some(mark), events }).await?;
        Ok(noted == Some(mark))
    }

    async fn hand_in(
        self: &Arc<Self>,
        vault: VaultId,
        slip: Slip,
    ) -> Result<Option<Mark>, Problem> {
        let noted = if self.vaults.is_quick() {
            let (done, noted) = oneshot::channel();
            let tray = (vault, thread::current().id());
            if self.scribes.lay(tray, slip, done) {
                // Whoever asked may go away; what is handed in is written all the same.
                tokio::spawn(Arc::clone(self).carry(tray, self.sees_to(Task::Tray(tray))));
            }
            noted
        } else {
            self.put(vault, vec![slip])
        };
        let noted = noted.await.unwrap_or_else(|_| Err(told(unwritten())));
        noted.map_err(|(class, words)| Problem::audit(&Trouble::new(class, words)))
    }

    /// Carries a tray to its desk, until nothing lies on it.
    async fn carry(self: Arc<Self>, tray: (VaultId, ThreadId), carried: Sees) {
        loop {
            // All who are about to hand something in do so first, for as long as some do.
            let mut lay = 0;
            loop {
                yield_now().await;
                match self.scribes.lie(tray) {
                    lie if lie > lay => lay = lie,
                    _ => break,
                }
            }
            let Some(Tray { slips, waiting }) = self.scribes.clear(tray) else {
                return carried.left();
            };
            let noted = self.put(tray.0, slips).await.unwrap_or_else(|_| Err(told(unwritten())));
            tell(waiting, &noted);
        }
    }

    /// Puts slips on the desk of a vault, and writes them where nobody does.
    fn put(self: &Arc<Self>, vault: VaultId, slips: Vec<Slip>) -> oneshot::Receiver<Noted> {
        let (done, noted) = oneshot::channel();
        if self.scribes.put(vault, Pile { slips, done }) {
            self.write(vault);
        }
        noted
    }

    /// Writes what lies on a desk: in turn with the requests of this thread, which costs no change of
    /// threads, where nothing is to be opened or waited for. What came meanwhile is written after who
    /// waited for this has heard of it.
    fn write(self: &Arc<Self>, vault: VaultId) {
        let desk = self.sees_to(Task::Desk(vault));
        if !self.vaults.is_open(vault) {
            return self.write_aside(desk, vault, None);
        }
        let Some(taken) = self.scribes.take(vault) else { return desk.left() };
        let noted = self.lent(vault, |keeper| keeper.note_at_once(&taken.slips));
        if noted.as_ref().is_err_and(|trouble| trouble.class == TroubleClass::Busy) {
            return self.write_aside(desk, vault, Some(taken));
        }
        taken.tell(noted);
        if self.scribes.leave(vault) {
            desk.left();
        } else {
            let engine = Arc::clone(self);
            tokio::spawn(async move {
                desk.left();
                engine.write(vault);
            });
        }
        self.keep_tidy(vault);
    }

    /// Now and then has somebody else tidy, where nobody does and there is something to.
    fn keep_tidy(self: &Arc<Self>, vault: VaultId) {
        let looks = self.scribes.written.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOKS);
        let is_untidy = || self.lent(vault, |keeper| Ok(keeper.is_untidy())).unwrap_or(false);
        if looks && is_untidy() && held(&self.scribes.tidied).insert(vault) {
            let (engine, tidied) = (Arc::clone(self), self.sees_to(Task::Tidying(vault)));
            self.aside(move || {
                let _tidied = tidied;
                engine.lent(vault, |keeper| {
                    keeper.tidy();
                    Ok(())
                })
            });
        }
    }

    /// Writes what was taken, and then until nobody waits, where it may be waited.
    fn write_aside(self: &Arc<Self>, desk: Sees, vault: VaultId, mut taken: Option<Taken>) {
        let engine = Arc::clone(self);
        self.aside(move || {
            while let Some(taken) = taken.take().or_else(|| engine.scribes.take(vault)) {
                let noted = engine.lent(vault, |keeper| keeper.note(&taken.slips));
                taken.tell(noted);
            }
            desk.left();
        });
    }

    fn sees_to(self: &Arc<Self>, task: Task) -> Sees {
        Sees { engine: Arc::clone(self), task: Some(task) }
    }

    /// Does something with a handle on a vault, found anew each time: another file may have taken the
    /// place of its own. A panic is trouble of those whom it concerns.
    fn lent<T>(
        &self,
        vault: VaultId,
        act: impl FnOnce(&mut Handle) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let gone = || Trouble::new(TroubleClass::Other, "the vault is gone");
        let work = || act(&mut self.vaults.find(vault)?.ok_or_else(gone)?);
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(unwritten()))
    }
}

/// Nobody has written it, and nobody will.
fn unwritten() -> Trouble {
    Trouble::new(TroubleClass::Other, "who was to write it did not")
}

/// What somebody sees to.
enum Task {
    Tray((VaultId, ThreadId)),
    Desk(VaultId),
    Tidying(VaultId),
}

/// Who sees to something. Where that ends otherwise than by leaving (no thread is to be had, or its
/// runtime ends), who waits is told, and the next one begins anew.
struct Sees {
    engine: Arc<Engine>,
    task: Option<Task>,
}

impl Sees {
    /// All is done, and somebody else may see to it by now.
    fn left(mut self) {
        self.task = None;
    }
}

impl Drop for Sees {
    fn drop(&mut self) {
        let Scribes { trays, desks, tidied, .. } = &self.engine.scribes;
        match self.task {
            Some(Task::Tray(tray)) => drop(held(trays).remove(&tray)),
            Some(Task::Desk(vault)) => drop(held(desks).remove(&vault)),
            Some(Task::Tidying(vault)) => _ = held(tidied).remove(&vault),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::{Path, PathBuf},
        sync::atomic::AtomicBool,
        time::Duration,
    };

    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    use tempfile::TempDir;
    use zms_client::Session;
    use zms_core::{
        audit::{Action, Outcome},
        batch::Batch,
        id::PrincipalId,
        principal::{Kind, Principal},
    };
    use zms_crypto::Key;
    use zms_store::{Check, CommitError, Keeper, Store};
    use zms_store_sqlite::SqliteStore;

    use super::*;
    use crate::{
        Limits, Names, Register, Setup,
        vaults::{OneFile, Ready, Vaults},
    };

    /// A vault in a file, and an engine that keeps it.
    fn made(folder: &TempDir) -> (Arc<Engine>, VaultId, Session) {
        made_in(folder, OneFile::new)
    }

    /// A vault in a file, and an engine that keeps it in its own way.
    fn made_in<V: Vaults + 'static>(
        folder: &TempDir,
        vaults: impl FnOnce(PathBuf) -> V,
    ) -> (Arc<Engine>, VaultId, Session) {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let owner = Principal::from_seed(Kind::Administrator, Key::generate(&mut rng));
        let (vault, path) = (VaultId::generate(&mut rng), folder.path().join("zms.db"));
        let store = SqliteStore::create(&path).unwrap();
        let mut session = Session::forgetful(Box::new(store), owner, || 1000, Box::new(rng));
        session.init(vault, Vec::new()).unwrap();
        let engine = Engine::new(Setup {
            vaults: Arc::new(vaults(path)),
            names: Names::new(["localhost".to_owned()]),
            register: Register::Nobody,
            limits: Limits::default(),
            clock: || 1000,
            blind: Key::from_bytes(&[0; 32]),
        });
        (engine, vault, session)
    }

    fn event(number: u64) -> Event {
        let (principal, action) = (PrincipalId([1; 16]), Action::Read);
        Event { time: number, principal, action, scope: None, revision: 0, outcome: Outcome::Done }
    }

    /// When what was noted happened, as the events have it.
    fn noted(path: &Path) -> Vec<u64> {
        let store = SqliteStore::open(path).unwrap().unwrap();
        let entries = store.audit_read(0, 0, 1000).unwrap();
        let ours = entries.iter().filter(|entry| entry.event.principal == event(0).principal);
        ours.map(|entry| entry.event.time).collect()
    }

    async fn crowd(engine: &Arc<Engine>, vault: VaultId) {
        let one = |number| {
            let engine = Arc::clone(engine);
            tokio::spawn(async move { engine.note(vault, vec![event(number)]).await.is_ok() })
        };
        for one in (1..=50).map(one).collect::<Vec<_>>() {
            assert!(one.await.unwrap());
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn what_many_hand_in_at_once_is_noted_once_each_and_nothing_is_kept_of_them() {
        let folder = TempDir::new().unwrap();
        let (engine, vault, _owner) = made(&folder);
        crowd(&engine, vault).await;
        let mut all = noted(&folder.path().join("zms.db"));
        all.sort_unstable();
        assert_eq!(all, (1..=50).collect::<Vec<_>>());
        // The last one lets go of the desk after it has told all.
        while !held(&engine.scribes.trays).is_empty() || !held(&engine.scribes.desks).is_empty() {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_holds_the_database_is_waited_for_while_other_requests_go_on() {
        let folder = TempDir::new().unwrap();
        let (engine, vault, _owner) = made(&folder);
        let path = folder.path().join("zms.db");
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let crowd = tokio::spawn({
            let engine = Arc::clone(&engine);
            async move { crowd(&engine, vault).await }
        });
        // This is the only thread that there is for requests.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!crowd.is_finished());
        other.execute_batch("COMMIT").unwrap();
        crowd.await.unwrap();
        assert_eq!(noted(&path).len(), 50);
    }

    #[tokio::test]
    async fn an_answer_of_another_state_is_not_noted_and_its_maker_is_told() {
        let folder = TempDir::new().unwrap();
        let (engine, vault, mut owner) = made(&folder);
        let mark = || engine.vaults.find(vault).unwrap().unwrap().mark().unwrap();
        let old = mark();
        assert!(engine.note_of(vault, old, vec![event(1)]).await.unwrap());
        owner.refresh_roster().unwrap();
        assert!(!engine.note_of(vault, old, vec![event(2)]).await.unwrap());
        assert!(engine.note_of(vault, mark(), vec![event(3)]).await.unwrap());
        assert_eq!(noted(&folder.path().join("zms.db")), [1, 3]);
    }

    #[tokio::test]
    async fn a_log_that_grows_is_folded_beside_those_who_write() {
        let folder = TempDir::new().unwrap();
        let (engine, vault, _owner) = made(&folder);
        let is_untidy = || engine.vaults.find(vault).unwrap().unwrap().is_untidy();
        let mut was_untidy = false;
        // By then nobody who writes has had to fold it.
        for number in 1..2500 {
            engine.note(vault, vec![event(number)]).await.unwrap();
            let untidy = is_untidy();
            if was_untidy && !untidy {
                return;
            }
            was_untidy = untidy;
            if untidy {
                // Who tidies has time to.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        panic!("it is {} long", if was_untidy { "too" } else { "not" });
    }

    /// The writer has not left its desk when the next entry comes: that one is noted in the file that is
    /// there by then.
    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a vault takes the place of another one")]
    async fn another_file_in_its_place_is_found_by_who_goes_on_writing() {
        let (folder, aside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (engine, vault, mut owner) = made(&folder);
        let earlier = aside.path().join("zms.db");
        let mut live = SqliteStore::open(&folder.path().join("zms.db")).unwrap().unwrap();
        live.copy_to(&earlier).unwrap();
        owner.refresh_roster().unwrap();
        let mark = live.mark().unwrap();
        let asks = async move {
            // The first one begins the log, which is done elsewhere.
            for number in 1..=2 {
                assert!(engine.note_of(vault, mark, vec![event(number)]).await.unwrap());
            }
            std::fs::rename(folder.path(), aside.path().join("gone")).unwrap();
            std::fs::create_dir(folder.path()).unwrap();
            std::fs::rename(&earlier, folder.path().join("zms.db")).unwrap();
            assert!(!engine.note_of(vault, mark, vec![event(3)]).await.unwrap());
        };
        tokio::spawn(asks).await.unwrap();
    }

    /// Who looks for a vault here panics the first time.
    struct Explosive {
        file: OneFile,
        gone_off: AtomicBool,
        is_quick: bool,
    }

    impl Vaults for Explosive {
        fn find(&self, vault: VaultId) -> Result<Option<Handle>, Trouble> {
            assert!(self.gone_off.swap(true, Ordering::SeqCst), "the first time");
            self.file.find(vault)
        }

        fn of(&self, principal: PrincipalId) -> Result<Vec<VaultId>, Trouble> {
            self.file.of(principal)
        }

        fn create(
            &self,
            batch: &Batch,
            events: &[Event],
            check: Check<'_>,
        ) -> Result<(), CommitError> {
            self.file.create(batch, events, check)
        }

        fn is_empty(&self) -> Result<bool, Trouble> {
            self.file.is_empty()
        }

        fn ready(&self) -> Result<Ready, Trouble> {
            self.file.ready()
        }

        fn is_open(&self, _: VaultId) -> bool {
            self.is_quick
        }

        fn is_quick(&self) -> bool {
            self.is_quick
        }
    }

    #[tokio::test]
    async fn a_panic_of_who_writes_is_told_to_who_waits_and_stops_nobody_else() {
        for is_quick in [false, true] {
            let folder = TempDir::new().unwrap();
            let (engine, vault, _owner) = made_in(&folder, |path| {
                let (file, gone_off) = (OneFile::new(path), AtomicBool::new(false));
                Explosive { file, gone_off, is_quick }
            });
            assert!(engine.note(vault, vec![event(1)]).await.is_err(), "{is_quick}");
            assert!(engine.note(vault, vec![event(2)]).await.is_ok(), "{is_quick}");
            assert_eq!(noted(&folder.path().join("zms.db")), [2], "{is_quick}");
        }
    }

    /// A runtime that ends drops what it has not begun, without a panic.
    #[test]
    fn what_a_runtime_leaves_behind_keeps_nobody_waiting() {
        let folder = TempDir::new().unwrap();
        let runtime =
            || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (engine, vault, _owner) = made(&folder);
        let first = runtime();
        {
            let _guard = first.enter();
            let mut noted = Box::pin(engine.note(vault, vec![event(1)]));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(noted.as_mut().poll(&mut context).is_pending());
        }
        drop(first);
        runtime().block_on(async {
            assert!(engine.note(vault, vec![event(2)]).await.is_ok());
        });
        assert_eq!(noted(&folder.path().join("zms.db")), [2]);
    }

    #[tokio::test]
    async fn trouble_is_everybodys() {
        let folder = TempDir::new().unwrap();
        let (engine, vault, owner) = made(&folder);
        drop(owner);
        folder.close().unwrap();
        let note = || engine.note(vault, vec![event(1)]);
        let (first, second) = tokio::join!(note(), note());
        assert!(first.is_err() && second.is_err());
        assert!(engine.note(vault, Vec::new()).await.is_ok(), "there is nothing to store");
    }
}
