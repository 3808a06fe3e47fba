//! Any tree, any tokens, any writes and revocations: every token opens exactly its scopes with
//! exactly the right values, and its keys open nothing else.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use zms_core::{id::ScopeId, principal::Principal, roster::Right};

use crate::{
    class::Class,
    keys::{Keys, Sealed},
    renew::{heir, renew},
    world::{Values, World, path, seedling, twin, way},
};

/// Scopes by number, the root first; each names its parent.
#[derive(Debug, Clone)]
struct Plan {
    parents: Vec<usize>,
    tokens: Vec<Vec<(usize, bool, bool)>>,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    /// By the owner, or a token; where; which name.
    Write(Option<usize>, usize, u8),
    Plant(usize),
    /// Which token, and after how many commits the re-key is interrupted.
    Revoke(usize, Option<usize>),
    /// Goes on with an interrupted re-key.
    Rekey,
    /// Everything anew: keys, and a seed for everybody.
    Renew,
}

fn plans() -> impl Strategy<Value = Plan> {
    let parents = vec(any::<prop::sample::Index>(), 1..8);
    let grant = || (0..9_usize, any::<bool>(), any::<bool>());
    let token = || vec(grant(), 1..4);
    let who = || prop::option::weighted(0.6, 0..4_usize);
    let step = prop_oneof![
        6 => (who(), 0..12_usize, 0..3_u8).prop_map(|(by, at, name)| Step::Write(by, at, name)),
        1 => (0..12_usize).prop_map(Step::Plant),
        2 => (0..4_usize, prop::option::of(0..4_usize)).prop_map(|(w, stop)| Step::Revoke(w, stop)),
        1 => Just(Step::Rekey),
        1 => Just(Step::Renew),
    ];
    (parents, vec(token(), 1..5), vec(step, 1..14)).prop_map(|(parents, tokens, steps)| Plan {
        parents: parents.iter().enumerate().map(|(at, pick)| pick.index(at + 1)).collect(),
        tokens,
        steps,
    })
}

/// What a token holds of one scope.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    Exact,
    Read,
    Write,
}

struct Token {
    principal: Principal,
    held: BTreeMap<String, Held>,
    /// Values up to this number may be known to it for ever.
    knows_until: Option<u32>,
    live: bool,
}

struct Model {
    world: World,
    /// Path and its own secrets; the root is the empty path.
    scopes: BTreeMap<String, Values>,
    order: Vec<String>,
    tokens: Vec<Token>,
    written: u32,
}

fn above(at: &str) -> Vec<String> {
    let mut paths: Vec<String> =
        at.match_indices('/').map(|(cut, _)| at[..cut].to_owned()).collect();
    if !at.is_empty() {
        paths.insert(0, String::new());
        paths.push(at.to_owned());
    } else {
        paths.push(String::new());
    }
    paths
}

fn within(at: &str, top: &str) -> bool {
    above(at).iter().any(|path| path == top)
}

fn shown(at: &str) -> String {
    path(at).to_string()
}

impl Token {
    /// The scopes that a read merges, from the top, or how it fails.
    fn way(&self, at: &str) -> Result<Vec<String>, Class> {
        let paths = above(at);
        let full = |path: &String| self.held.get(path).is_some_and(|held| *held > Held::Exact);
        let last = paths.len() - 1;
        // From the highest scope that is held in full, or the path itself.
        let from = paths.iter().position(full).unwrap_or(last);
        if !self.held.contains_key(&paths[from]) {
            return Err(Class::OutOfScope(shown(at)));
        }
        let held = |(place, path): &(usize, &String)| {
            *place > from || self.held.contains_key(path.as_str())
        };
        Ok(paths.iter().enumerate().filter(held).map(|(_, path)| path.clone()).collect())
    }

    fn may_open(&self, at: &str) -> bool {
        self.held.iter().any(|(top, held)| at == top || *held > Held::Exact && within(at, top))
    }

    fn may_write(&self, at: &str) -> bool {
        self.held.iter().any(|(top, held)| *held == Held::Write && within(at, top))
    }
}

impl Model {
    fn new(plan: &Plan) -> Self {
        let mut model = Self {
            world: World::bare(vec![]),
            scopes: [(String::new(), Values::new())].into(),
            order: vec![String::new()],
            tokens: vec![],
            written: 0,
        };
        for (number, parent) in plan.parents.iter().enumerate() {
            model.plant(*parent, number);
        }
        for (number, grants) in plan.tokens.iter().enumerate() {
            model.mint(number, grants);
        }
        model
    }

    fn at(&self, number: usize) -> String {
        self.order[number % self.order.len()].clone()
    }

    fn plant(&mut self, parent: usize, number: usize) {
        let parent = self.at(parent);
        let name = format!("s{number}");
        if parent.matches('/').count() >= 3 {
            return;
        }
        let at = if parent.is_empty() { name.clone() } else { format!("{parent}/{name}") };
        let mut session = self.world.pinned(&self.world.owner);
        session.plant(&path(&parent), || vec![seedling(&name, vec![])]).expect("may plant");
        self.scopes.insert(at.clone(), Values::new());
        self.order.push(at);
    }

    fn mint(&mut self, number: usize, grants: &[(usize, bool, bool)]) {
        let mut taken: Vec<(String, Right, bool)> = Vec::new();
        for (at, writes, inherit) in grants {
            let at = self.at(*at);
            if taken.iter().all(|(held, ..)| *held != at) {
                taken.push((at, if *writes { Right::Write } else { Right::Read }, *inherit));
            }
        }
        let mut held = BTreeMap::new();
        for (at, right, inherit) in &taken {
            let own = if *right == Right::Write { Held::Write } else { Held::Read };
            held.insert(at.clone(), own);
            for above in above(at).into_iter().filter(|up| *inherit && !up.is_empty() && up != at) {
                held.entry(above).or_insert(Held::Exact);
            }
        }
        let scopes: Vec<_> =
            taken.iter().map(|(at, right, up)| (at.as_str(), *right, *up)).collect();
        let principal = self.world.token(&format!("t{number}"), &scopes);
        self.tokens.push(Token { principal, held, knows_until: None, live: true });
    }

    fn write(&mut self, by: Option<usize>, at: usize, name: u8) {
        let (at, name) = (self.at(at), format!("N{name}"));
        if at.is_empty() {
            return;
        }
        self.written += 1;
        let value = format!("v{}", self.written).into_bytes();
        let expected = match by.and_then(|by| self.tokens.get(by)) {
            Some(token) if !token.live => Err(Class::Departed),
            Some(token) if token.way(&at).is_err() => token.way(&at).map(drop),
            Some(token) if !token.may_write(&at) => Err(Class::MayNotWrite),
            _ => Ok(()),
        };
        let author = by.and_then(|by| self.tokens.get(by)).map(|token| &token.principal);
        let outcome = self.world.set(author.unwrap_or(&self.world.owner), &at, &name, &value);
        assert_eq!(outcome, expected, "writing in {at}");
        if expected.is_ok() {
            self.scopes.get_mut(&at).expect("a scope").insert(name, value);
        }
    }

    fn revoke(&mut self, number: usize, stop: Option<usize>) {
        if let Some(token) = self.tokens.get_mut(number).filter(|token| token.live) {
            self.world.revoke(&token.principal).expect("the owner may revoke");
            token.live = false;
            self.rekey(stop);
        }
    }

    fn rekey(&mut self, stop: Option<usize>) {
        self.world.store.fail_after(stop);
        let done = self.world.rekey();
        self.world.store.fail_after(None);
        if done.is_ok() {
            for token in self.tokens.iter_mut().filter(|token| !token.live) {
                token.knows_until.get_or_insert(self.written);
            }
        } else {
            assert_eq!(done, Err(Class::Trouble), "only what was told to fail fails");
        }
    }

    fn renew(&mut self) {
        let done = renew(&self.world, &self.world.owner, &[]).expect("the owner may");
        let owner = std::mem::replace(&mut self.world.owner, twin(&done.own.principal));
        let mut gone = vec![Token {
            principal: owner,
            held: [(String::new(), Held::Write)].into(),
            knows_until: None,
            live: false,
        }];
        for token in self.tokens.iter_mut().filter(|token| token.live) {
            let new = heir(&done, &token.principal);
            let principal = std::mem::replace(&mut token.principal, new);
            gone.push(Token {
                principal,
                held: token.held.clone(),
                knows_until: None,
                live: false,
            });
        }
        self.tokens.extend(gone);
        for token in self.tokens.iter_mut().filter(|token| !token.live) {
            token.knows_until.get_or_insert(self.written);
        }
    }

    /// Every head verifies, and every scope holds what was last written in it.
    fn owner_sees_all(&self) {
        let mut names = Vec::new();
        for (at, values) in &self.scopes {
            names.extend(values.keys().map(|name| format!("{}/{name}", shown(at))));
        }
        let mut seen = self.world.pinned(&self.world.owner).names(&path(""), true).expect("opens");
        seen.sort();
        names.sort();
        assert_eq!(seen, names);
    }

    fn every_token_reads_its_own(&self) {
        for token in &self.tokens {
            for at in self.scopes.keys() {
                let expected = match token.live {
                    false => Err(Class::Departed),
                    true => token.way(at).map(|way| {
                        way.iter().flat_map(|at| self.scopes[at].clone()).collect::<Values>()
                    }),
                };
                assert_eq!(self.world.read(&token.principal, at), expected, "reading {at}");
            }
            if token.live && token.held.values().any(|held| *held > Held::Exact) {
                let (top, _) =
                    token.held.iter().find(|(_, held)| **held > Held::Exact).expect("one");
                let missing = if top.is_empty() { "no".to_owned() } else { format!("{top}/no") };
                let outcome = self.world.read(&token.principal, &missing);
                assert_eq!(outcome, Err(Class::NotFound(missing)));
            }
        }
    }

    /// All envelopes there ever were, under all keys that a seed leads to.
    fn no_key_opens_more(&self) {
        let state = self.world.store.state();
        let ids: BTreeMap<ScopeId, &String> = self
            .scopes
            .keys()
            .map(|at| (way(&state, &self.world.owner, at).pop().expect("the target").id(), at))
            .collect();
        let sealed = Sealed::of(&self.world.store.history());
        for token in &self.tokens {
            let keys = Keys::of(&token.principal, self.world.vault, &sealed);
            let opened = keys.opened(self.world.vault, &sealed);
            for (id, values) in &opened {
                assert!(token.may_open(ids[id]), "{} is outside the keyring", ids[id]);
                for (_, value) in values {
                    let number: u32 = std::str::from_utf8(&value[1..])
                        .ok()
                        .and_then(|text| text.parse().ok())
                        .expect("our own value");
                    assert!(token.knows_until.is_none_or(|last| number <= last), "v{number}");
                }
            }
            let live = ids.iter().filter(|(_, at)| token.live && token.may_open(at));
            for (id, at) in live {
                let nothing = BTreeSet::new();
                let values = opened.get(id).unwrap_or(&nothing);
                for (name, value) in &self.scopes[*at] {
                    assert!(values.contains(&(name.clone(), value.clone())), "{name} in {at}");
                }
            }
        }
    }
}

fn run(plan: &Plan) {
    let mut model = Model::new(plan);
    for (number, step) in plan.steps.iter().enumerate() {
        match step {
            Step::Write(by, at, name) => model.write(*by, *at, *name),
            Step::Plant(parent) => model.plant(*parent, 100 + number),
            Step::Revoke(token, stop) => model.revoke(*token, *stop),
            Step::Rekey => model.rekey(None),
            Step::Renew => model.renew(),
        }
        model.owner_sees_all();
        if matches!(step, Step::Revoke(..) | Step::Renew) {
            model.every_token_reads_its_own();
        }
    }
    model.every_token_reads_its_own();
    model.rekey(None);
    model.write(None, 1, 0);
    model.every_token_reads_its_own();
    model.no_key_opens_more();
    assert!(model.world.store.state().roster().pending.is_empty());
}

#[expect(clippy::disallowed_methods, reason = "how many cases, and which, is asked for there")]
fn asked(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn every_token_opens_exactly_its_scopes_whatever_happens() {
    let cases = asked("ZMS_TEST_CASES").unwrap_or(64);
    let seed = asked("ZMS_TEST_SEED").unwrap_or(1);
    println!("ZMS_TEST_SEED={seed} ZMS_TEST_CASES={cases}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: u32::try_from(cases).expect("fewer cases than that"),
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let outcome = TestRunner::new_with_rng(config, rng).run(&plans(), |plan| {
        run(&plan);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("ZMS_TEST_SEED={seed}: {error}"));
}

/// Two scopes of one token, one below the other: the wider one covers all that lies between and
/// beside, however the narrower one was granted.
#[test]
fn a_narrower_scope_takes_nothing_from_a_wider_one() {
    for inherit in [true, false] {
        let world = World::new();
        let scopes = [("shop", Right::Read, false), ("shop/production/api", Right::Write, inherit)];
        let token = world.token("nested", &scopes);
        let web = world.read(&token, "shop/production/web").expect("it lies below shop");
        assert_eq!(web["WHERE"], b"shop/production/web", "inherit: {inherit}");
        let api = world.read(&token, "shop/production/api").expect("it was granted");
        assert_eq!(api["WHERE"], b"shop/production/api");
        // What lies between is nearer than what lies above, and wins over it.
        assert!(api.contains_key("ONLY_1"), "inherit: {inherit}");
    }
}
