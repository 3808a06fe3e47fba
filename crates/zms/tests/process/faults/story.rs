//! The commands that write, each with the vault that it starts from and what must hold after it.

use std::collections::BTreeMap;

use crate::scratch::{Go, Scratch, numbered};

/// Every secret of a place.
pub type Secrets = BTreeMap<String, String>;

const DEVELOPMENT: &[&str] = &["-e", "development"];
const STAGING: &[&str] = &["-e", "staging"];

/// A command that writes.
pub struct Story {
    pub args: &'static [&'static str],
    pub input: String,
    pub before: Scratch,
    /// Says whether a state is the old one or the new one, and fails where it is neither.
    pub state: fn(&Scratch, &World) -> State,
    pub world: World,
}

/// What was acknowledged before the command.
pub struct World {
    pub old: [Secrets; 2],
    pub new: [Secrets; 2],
    /// A token for two scopes.
    token: String,
    /// Another for the same.
    bystander: String,
}

/// Which state the vault is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Old,
    New,
}

/// A vault that was written to in several ways, whose log was not folded away by the last one.
fn world() -> (Scratch, World) {
    let vault = Scratch::vault();
    vault.import(DEVELOPMENT, &numbered("KEPT", 20));
    vault.set(DEVELOPMENT, "A", "old");
    vault.import(STAGING, &numbered("STAGED", 5));
    let token = vault.token(&["ci", "-e", "development,staging"]);
    let bystander = vault.token(&["bystander", "-e", "development,staging", "--write"]);
    let old = [vault.secrets(DEVELOPMENT), vault.secrets(STAGING)];
    assert_eq!([old[0].len(), old[1].len()], [21, 5]);
    vault.run(&[], &["true"]).go().good();
    let new = old.clone();
    (vault, World { old, new, token, bystander })
}

fn story(
    args: &'static [&'static str],
    input: &str,
    state: fn(&Scratch, &World) -> State,
    change: impl FnOnce(&mut [Secrets; 2]),
) -> Story {
    let (before, mut world) = world();
    change(&mut world.new);
    Story { args, input: input.to_owned(), before, state, world }
}

pub fn set() -> Story {
    story(&["set", "A"], "new\n", by_secrets, |new| {
        new[0].insert("A".to_owned(), "new".to_owned());
    })
}

pub fn import() -> Story {
    let more = numbered("MORE", 100);
    let json = serde_json::to_string(&more).unwrap();
    story(&["import", "-"], &json, by_secrets, |new| new[0].extend(more))
}

pub fn create() -> Story {
    story(&["token", "create", "web", "-e", "development"], "", by_tokens, |_| {})
}

pub fn revoke() -> Story {
    story(&["token", "revoke", "ci", "--yes"], "", by_the_token, |_| {})
}

impl Story {
    /// The state of a copy of the vault. Everything acknowledged before is there, for everybody.
    #[track_caller]
    pub fn state(&self, vault: &Scratch) -> State {
        let state = (self.state)(vault, &self.world);
        let expected = if state == State::New { &self.world.new } else { &self.world.old };
        let seen = [vault.secrets(DEVELOPMENT), vault.secrets(STAGING)];
        assert!(seen == *expected, "{state:?}, but secrets are missing or changed");
        let both =
            [DEVELOPMENT, STAGING].map(|place| as_token(vault, place, &self.world.bystander));
        for (seen, expected) in both.into_iter().zip(expected) {
            assert!(seen.as_ref() == Some(expected), "a bystander's token sees something else");
        }
        state
    }

    /// Runs the command again after it was interrupted, as a user would.
    #[track_caller]
    pub fn again(&self, vault: &Scratch) {
        match (self.args, self.state(vault)) {
            (["token", "create", ..], State::New) => {
                // Nobody has seen the token, so it is taken back; only then its name is free.
                vault.zms(self.args).go().refused(2);
                vault.zms(["token", "revoke", "web", "--yes"]).go().good();
                vault.zms(self.args).go().good();
            }
            (["token", "revoke", ..], State::New) => {
                vault.zms(["token", "revoke", "--resume"]).go().good();
                vault.zms(self.args).go().refused(3);
            }
            _ => drop(vault.zms(self.args).feed(self.input.as_bytes()).good()),
        }
        assert_eq!(self.state(vault), State::New);
        let status = vault.json(&["status"]);
        assert_eq!(status["pending_rekeys"], 0);
    }
}

/// What a token sees in a place; `None` where it is refused.
fn as_token(vault: &Scratch, place: &[&str], token: &str) -> Option<Secrets> {
    let mut export = vault.zms([place, &["export", "--format", "json"]].concat());
    let ran = export.env("ZMS_TOKEN", token).go();
    if ran.code() == 4 {
        return None;
    }
    Some(serde_json::from_slice(&ran.good()).unwrap())
}

fn by_secrets(vault: &Scratch, world: &World) -> State {
    let seen = vault.secrets(DEVELOPMENT);
    assert!(seen == world.old[0] || seen == world.new[0], "a mixture: {seen:?}");
    if seen == world.new[0] { State::New } else { State::Old }
}

fn by_tokens(vault: &Scratch, _: &World) -> State {
    let tokens = vault.zms(["token", "ls"]).go().text();
    assert!(tokens.contains("bystander") && tokens.contains("ci "), "{tokens}");
    if tokens.contains("web ") { State::New } else { State::Old }
}

/// A token is in for all of its scopes or for none.
fn by_the_token(vault: &Scratch, world: &World) -> State {
    let seen = [DEVELOPMENT, STAGING].map(|place| as_token(vault, place, &world.token));
    let listed = vault.zms(["token", "ls"]).go().text().contains("ci ");
    match seen {
        [Some(a), Some(b)] if listed && [&a, &b] == [&world.old[0], &world.old[1]] => State::Old,
        [None, None] if !listed => State::New,
        seen => panic!("a mixture: listed {listed}, {seen:?}"),
    }
}
