//! A vault to attack: its owner, a store that can be told to lie, and sessions on it.

use std::{cell::Cell, collections::BTreeMap, path::PathBuf};

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tempfile::TempDir;
use zms_client::{Session, SessionError, TokenRequest, TokenScope, pins::PinFolder};
use zms_core::{
    bundle::{
        armour,
        collect::{Wish, collect},
    },
    change::{plant::Seedling, rekey::Spoiled, write::Edit},
    id::{ScopeId, VaultId},
    open::{OpenScope, Opening, Place, Reading},
    path::{ScopePath, SecretName, Segment},
    pin::Pins,
    principal::{Kind, Principal},
    record::{Payload, ValueKind},
    roster::{Limits, Right},
};
use zms_crypto::{Key, SecretBytes};
use zms_store::{Store, copy::Copy};

use crate::{class::Class, malicious::Malicious, real, state::State};

pub(crate) const NOW: u64 = 1_800_000_000;

thread_local! {
    static CLOCK: Cell<u64> = const { Cell::new(NOW) };
    static DRAWN: Cell<u64> = const { Cell::new(0) };
}

/// The clock of every session of this test.
pub(crate) fn now() -> u64 {
    CLOCK.get()
}

pub(crate) fn set_clock(to: u64) {
    CLOCK.set(to);
}

/// Randomness that differs with every call and is the same in every run.
pub(crate) fn rng() -> ChaCha20Rng {
    DRAWN.set(DRAWN.get() + 1);
    ChaCha20Rng::seed_from_u64(DRAWN.get())
}

/// A token that is to reach these scopes, and inherit where that is said.
pub(crate) fn request(label: &str, scopes: &[(&str, Right, bool)]) -> TokenRequest {
    let scope = |(at, right, inherit): &(&str, Right, bool)| TokenScope {
        path: path(at),
        write: *right == Right::Write,
        inherit: *inherit,
    };
    TokenRequest {
        label: segment(label),
        scopes: scopes.iter().map(scope).collect(),
        expires: None,
        limits: Limits::default(),
        administers: false,
    }
}

/// What a path sees: name and value.
pub(crate) type Values = BTreeMap<String, Vec<u8>>;

/// Name, path below the root, and the scopes of the vault that every attack starts from.
pub(crate) const SCOPES: [&str; 6] = [
    "shop",
    "shop/production",
    "shop/production/api",
    "shop/production/web",
    "shop/staging",
    "lab",
];

pub(crate) struct World {
    pub(crate) store: Malicious,
    pub(crate) owner: Principal,
    pub(crate) vault: VaultId,
    home: TempDir,
    folders: Cell<u32>,
}

pub(crate) fn path(text: &str) -> ScopePath {
    ScopePath::parse(text).expect("the test's paths are good")
}

pub(crate) fn segment(text: &str) -> Segment {
    Segment::parse(text).expect("the test's names are good")
}

pub(crate) fn name(text: &str) -> SecretName {
    SecretName::parse(text).expect("the test's names are good")
}

pub(crate) fn seedling(name: &str, children: Vec<Seedling>) -> Seedling {
    Seedling::bare(segment(name), children)
}

pub(crate) fn payload(secret: &str, value: &[u8]) -> Payload {
    Payload {
        name: name(secret),
        value: SecretBytes::from(value),
        kind: ValueKind::Secret,
        note: String::new(),
        created_at: NOW,
        expires_at: None,
    }
}

/// A second custody of the same seed: whoever knows a token.
pub(crate) fn twin(principal: &Principal) -> Principal {
    Principal::from_seed(principal.kind(), principal.seed().duplicate())
}

pub(crate) fn scope_place(at: &str) -> Place {
    Place::Scope(path(at))
}

/// The way to a path as somebody opens it in a state, with all keys.
pub(crate) fn way(state: &State, who: &Principal, at: &str) -> Vec<OpenScope> {
    let pins = Pins::default();
    let opening = Opening::begin(who, state, &pins, now()).expect("the state opens");
    opening.way(&path(at), Reading::Everything).expect("the way opens")
}

impl World {
    /// A vault without scopes.
    pub(crate) fn bare(tree: Vec<Seedling>) -> Self {
        set_clock(NOW);
        let mut rng = rng();
        let home = tempfile::tempdir().expect("a scratch folder");
        let world = Self {
            store: Malicious::over(real::store(home.path())),
            owner: Principal::from_seed(Kind::Administrator, Key::generate(&mut rng)),
            vault: VaultId::generate(&mut rng),
            home,
            folders: Cell::new(0),
        };
        world.pinned(&world.owner).init(world.vault, tree).expect("a new vault");
        world
    }

    /// [`SCOPES`], in each of which `WHERE` holds its own path and `ONLY_n` exists.
    pub(crate) fn new() -> Self {
        let leaf = |name| seedling(name, vec![]);
        let production = seedling("production", vec![leaf("api"), leaf("web")]);
        let shop = seedling("shop", vec![production, leaf("staging")]);
        let world = Self::bare(vec![shop, leaf("lab")]);
        for (number, at) in SCOPES.iter().enumerate() {
            world.set(&world.owner, at, "WHERE", at.as_bytes()).expect("the owner may write");
            let only = format!("ONLY_{number}");
            world.set(&world.owner, at, &only, at.as_bytes()).expect("the owner may write");
        }
        world
    }

    fn session(&self, who: &Principal, folder: PathBuf) -> Session {
        self.over(Box::new(self.store.clone()), who, folder)
    }

    fn over(&self, store: Box<dyn Store>, who: &Principal, folder: PathBuf) -> Session {
        Session::new(store, twin(who), PinFolder::new(folder), now, Box::new(rng()))
    }

    /// What is read from a bundle file of what the store shows, by who has never seen anything; and
    /// the file's text.
    pub(crate) fn read_file(&self, who: &Principal, at: &str) -> (Result<Values, Class>, String) {
        let wish = Wish::EVERYTHING;
        let packed = collect(&self.store.shown(), &[who.id()], &wish).expect("it is collected");
        let text = armour::write(&packed);
        let store = Copy::new(armour::read(text.as_bytes()).expect("it is whole"), None);
        let folder = tempfile::tempdir().expect("a scratch folder");
        let mut session = self.over(Box::new(store), who, folder.path().to_owned());
        (values(&mut session, at), text)
    }

    /// Where pins are kept.
    pub(crate) fn pin_folder(&self) -> PathBuf {
        self.home.path().join("pins")
    }

    /// A session that remembers what this principal has seen.
    pub(crate) fn pinned(&self, who: &Principal) -> Session {
        self.session(who, self.pin_folder())
    }

    /// A session that has never seen anything.
    pub(crate) fn fresh(&self, who: &Principal) -> Session {
        self.folders.set(self.folders.get() + 1);
        self.session(who, self.home.path().join(format!("fresh-{}", self.folders.get())))
    }

    pub(crate) fn set(
        &self,
        who: &Principal,
        at: &str,
        name: &str,
        value: &[u8],
    ) -> Result<(), Class> {
        write(&mut self.pinned(who), at, name, value)
    }

    pub(crate) fn read(&self, who: &Principal, at: &str) -> Result<Values, Class> {
        values(&mut self.pinned(who), at)
    }

    pub(crate) fn read_fresh(&self, who: &Principal, at: &str) -> Result<Values, Class> {
        values(&mut self.fresh(who), at)
    }

    /// A token for some scopes: path, right, and whether it reads what lies above.
    pub(crate) fn token(&self, label: &str, scopes: &[(&str, Right, bool)]) -> Principal {
        self.token_until(label, scopes, None)
    }

    pub(crate) fn token_until(
        &self,
        label: &str,
        scopes: &[(&str, Right, bool)],
        expires: Option<u64>,
    ) -> Principal {
        let request = TokenRequest { expires, ..request(label, scopes) };
        self.pinned(&self.owner).create_token(&request).expect("the owner may mint tokens")
    }

    pub(crate) fn revoke(&self, who: &Principal) -> Result<(), Class> {
        self.pinned(&self.owner).revoke(&[who.id()]).map_err(Class::from)
    }

    pub(crate) fn rekey(&self) -> Result<Vec<String>, Class> {
        self.rekey_with(Spoiled::Report)
    }

    /// Re-keys all that is pending; the paths in their order.
    pub(crate) fn rekey_with(&self, spoiled: Spoiled) -> Result<Vec<String>, Class> {
        let mut paths = Vec::new();
        self.pinned(&self.owner).rekey_pending(spoiled, |step| {
            paths.push(step.path.as_ref().map_or_else(|| "(gone)".to_owned(), ToString::to_string));
        })?;
        Ok(paths)
    }

    /// The id of a scope as the owner proves it in what is really stored.
    pub(crate) fn id(&self, at: &str) -> ScopeId {
        self.id_as(&self.owner, at)
    }

    /// As [`World::id`], as somebody else proves it.
    pub(crate) fn id_as(&self, who: &Principal, at: &str) -> ScopeId {
        way(&self.store.state(), who, at).pop().expect("a way holds its target").id()
    }

    /// Expects a class, with pins and without, and that no door gives out another value than the
    /// real store's.
    pub(crate) fn refuses(&self, who: &Principal, at: &str, class: &Class) {
        let truth = self.store.honestly(|| self.read_fresh(who, at)).unwrap_or_default();
        assert_eq!(values(&mut self.scratch(who), at).as_ref(), Err(class), "with pins");
        self.no_wrong_value(who, at, &truth);
    }

    /// A session that remembers what was seen, and whose own pins nobody sees.
    fn scratch(&self, who: &Principal) -> Session {
        let folder = tempfile::tempdir_in(self.home.path()).expect("a scratch folder").keep();
        let from = PinFolder::new(self.pin_folder()).path(who.id());
        if from.exists() {
            let to = PinFolder::new(folder.clone()).path(who.id());
            std::fs::copy(from, to).expect("pins can be copied");
        }
        self.session(who, folder)
    }

    /// As [`World::refuses`] for who has never seen anything.
    pub(crate) fn refuses_fresh(&self, who: &Principal, at: &str, class: &Class) {
        assert_eq!(self.read_fresh(who, at).as_ref(), Err(class), "without pins");
        self.refuses(who, at, class);
    }

    fn no_wrong_value(&self, who: &Principal, at: &str, truth: &Values) {
        let names = ["WHERE".to_owned()].into_iter().chain((0..6).map(|n| format!("ONLY_{n}")));
        for name in names {
            if let Ok(value) = value(&mut self.scratch(who), at, &name) {
                assert_eq!(value.as_ref(), truth.get(&name), "{name} in {at}");
            }
        }
    }

    /// Every scope of the tree opens for the owner, who has never seen anything.
    pub(crate) fn all_verifies(&self) {
        let names = self.fresh(&self.owner).names(&ScopePath::default(), true);
        names.expect("every head verifies and every record opens");
    }
}

pub(crate) fn write(
    session: &mut Session,
    at: &str,
    name: &str,
    value: &[u8],
) -> Result<(), Class> {
    let edits = |_: &OpenScope| Ok(vec![Edit::Put(payload(name, value))]);
    session.write(&|_| Ok(path(at)), edits).map(drop).map_err(Class::from)
}

/// What a path sees, every reference resolved.
pub(crate) fn values(session: &mut Session, at: &str) -> Result<Values, Class> {
    let view = session.read(&|_| Ok(path(at)))?;
    let mut values = Values::new();
    for winner in view.merged.winners() {
        let payload = view.merged.resolve(winner, view.now).map_err(SessionError::from)?;
        let name = winner.payload.name.to_string();
        values.insert(name, payload.value.expose().clone());
    }
    Ok(values)
}

/// One secret that a path sees.
pub(crate) fn value(
    session: &mut Session,
    at: &str,
    secret: &str,
) -> Result<Option<Vec<u8>>, Class> {
    let view = session.read_one(&|_| Ok(path(at)), &name(secret))?;
    let Some(winner) = view.merged.winner(secret) else { return Ok(None) };
    let payload = view.merged.resolve(winner, view.now).map_err(SessionError::from)?;
    Ok(Some(payload.value.expose().clone()))
}
