//! One of the crowd: does one thing after another, each as a process of its own, and remembers what
//! was acknowledged.

use std::{collections::BTreeMap, time::Instant};

use serde_json::Value;

use super::{Ack, Did, Expected, OWN, SHARED};
use crate::{
    random::Random,
    scratch::{Go, Scratch},
};

/// Where two wrote the same, one is told so.
const CONFLICT: i32 = 7;
/// What another has removed meanwhile is not there.
const GONE: i32 = 3;
/// What a token may not that has left.
const DENIED: i32 = 4;

/// One of the crowd.
pub(super) struct Worker<'v> {
    vault: &'v Scratch,
    number: usize,
    /// Without a token it is the owner.
    token: Option<String>,
    random: Random,
    /// Counts what it did, so that no value comes twice.
    count: usize,
    /// A token that it replaces now and then.
    rotated: Option<String>,
    is: Expected,
}

impl<'v> Worker<'v> {
    pub(super) fn new(
        vault: &'v Scratch,
        number: usize,
        token: Option<String>,
        random: Random,
    ) -> Self {
        let is = Expected { good: token.iter().cloned().collect(), ..Expected::default() };
        Self { vault, number, token, random, count: 0, rotated: None, is }
    }

    /// Works until the time is over.
    pub(super) fn work(mut self, end: Instant) -> Expected {
        while Instant::now() < end {
            self.count += 1;
            match self.random.below(if self.token.is_some() { 20 } else { 26 }) {
                0..5 => self.set(),
                5 | 6 => self.import(),
                7 | 8 => self.mv(),
                9 => self.rm(),
                10..12 => self.get(),
                12 => drop(self.zms("run", &["run", "-e", OWN[0], "--", "true"], "", &[])),
                13 => self.history(),
                14..17 => self.set_shared(),
                17 => self.rm_shared(),
                18 | 19 => self.undo(),
                20 | 21 => self.token(),
                22 => self.rotate(),
                _ => self.env(),
            }
        }
        self.is.good.extend(self.rotated);
        self.is
    }

    /// Runs a command; its data where it went through. Whatever else may come of it is allowed by
    /// number.
    fn zms(
        &mut self,
        what: &'static str,
        args: &[&str],
        input: &str,
        allowed: &[i32],
    ) -> Option<String> {
        let mut command = self.vault.zms(args);
        self.token.as_ref().map(|token| command.env("ZMS_TOKEN", token));
        let ran = command.feed(input.as_bytes());
        let code = ran.code();
        *self.is.counts.entry((what, code)).or_default() += 1;
        let (who, said) = (self.number, &ran.stderr);
        assert!(code == 0 || allowed.contains(&code), "{who} {args:?}: exit {code} {said}");
        if code != 0 {
            ran.refused(code);
            return None;
        }
        // Whoever is told that the audit was cut is told a lie.
        assert!(!said.contains("warning"), "{who} {args:?}: {said}");
        Some(ran.text())
    }

    fn json(
        &mut self,
        what: &'static str,
        args: &[&str],
        input: &str,
        allowed: &[i32],
    ) -> Option<Value> {
        let args = [args, &["--json"]].concat();
        Some(serde_json::from_str(&self.zms(what, &args, input, allowed)?).unwrap())
    }

    fn acknowledged(&mut self, env: &'static str, revision: &Value, did: Did) {
        let revision = revision.as_u64().expect("whoever writes is told the revision");
        self.is.acks.push(Ack { env, revision, did });
    }

    fn own_name(&mut self) -> String {
        format!("OWN_{}_{}", self.number, self.random.below(4))
    }

    fn value(&self) -> String {
        format!("{}.{}", self.number, self.count)
    }

    fn own_env(&mut self) -> &'static str {
        OWN[self.random.below(OWN.len())]
    }

    fn set(&mut self) {
        let (env, name, value) = (self.own_env(), self.own_name(), self.value());
        let said = self.json("set", &["set", &name, "-e", env], &value, &[]).unwrap();
        self.acknowledged(env, &said["revision"], one(&name, Some(&value)));
        self.is.own.insert((env, name), value);
    }

    fn import(&mut self) {
        let (env, value) = (self.own_env(), self.value());
        let all: BTreeMap<String, String> =
            (0..3).map(|n| (format!("OWN_{}_{n}", self.number), format!("{value}.{n}"))).collect();
        let text = serde_json::to_string(&all).unwrap();
        let said = self.json("import", &["import", "-", "-e", env], &text, &[]).unwrap();
        let some = all.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        self.acknowledged(env, &said["revision"], Did::Edit(some.collect()));
        self.is.own.extend(all.into_iter().map(|(name, value)| ((env, name), value)));
    }

    /// From one place to the other, over what is there: two revisions in one commit.
    fn mv(&mut self) {
        let (from, name) = (self.own_env(), self.own_name());
        let to = if from == OWN[0] { OWN[1] } else { OWN[0] };
        let Some(value) = self.is.own.remove(&(from, name.clone())) else { return };
        let args = ["mv", &name, "-e", from, "--to-env", to, "--force"];
        let said = self.json("mv", &args, "", &[]).unwrap();
        self.acknowledged(from, &said["revisions"][0], one(&name, None));
        self.acknowledged(to, &said["revisions"][1], one(&name, Some(&value)));
        self.is.own.insert((to, name), value);
    }

    fn rm(&mut self) {
        let (env, name) = (self.own_env(), self.own_name());
        if self.is.own.remove(&(env, name.clone())).is_none() {
            drop(self.zms("rm", &["rm", &name, "-e", env], "", &[GONE]));
            return;
        }
        let said = self.json("rm", &["rm", &name, "-e", env], "", &[]).unwrap();
        self.acknowledged(env, &said["revision"], one(&name, None));
    }

    fn get(&mut self) {
        let (env, name) = (self.own_env(), self.own_name());
        let got = self.zms("get", &["get", &name, "-e", env], "", &[GONE]);
        assert_eq!(got.as_ref(), self.is.own.get(&(env, name.clone())), "{name} in {env}");
    }

    fn history(&mut self) {
        let (env, name) = (self.own_env(), self.own_name());
        let args = ["history", &name, "-e", env, "--reveal"];
        let Some(said) = self.json("history", &args, "", &[GONE]) else { return };
        let newest = &said["versions"][0];
        let now = newest["value"].as_str().filter(|_| newest["ended_by"].is_null());
        assert_eq!(now, self.is.own.get(&(env, name)).map(String::as_str), "{said}");
    }

    fn set_shared(&mut self) {
        let (name, value) = (format!("SHARED_{}", self.random.below(3)), self.value());
        let args = ["set", &name, "-e", SHARED];
        let Some(said) = self.json("set shared", &args, &value, &[CONFLICT]) else { return };
        self.acknowledged(SHARED, &said["revision"], one(&name, Some(&value)));
    }

    fn rm_shared(&mut self) {
        let name = format!("SHARED_{}", self.random.below(3));
        let args = ["rm", &name, "-e", SHARED];
        let Some(said) = self.json("rm shared", &args, "", &[CONFLICT, GONE]) else { return };
        self.acknowledged(SHARED, &said["revision"], one(&name, None));
    }

    fn undo(&mut self) {
        let args = ["undo", "-e", SHARED];
        let Some(said) = self.json("undo", &args, "", &[CONFLICT]) else { return };
        self.acknowledged(SHARED, &said["revision"], Did::Undo);
    }

    /// Reads as a token; whether it is let in.
    fn reads(&self, token: &str) -> bool {
        let ran = self.vault.zms(["ls", "-e", OWN[0]]).env("ZMS_TOKEN", token).go();
        if ran.code() == DENIED {
            return false;
        }
        ran.good();
        true
    }

    /// Makes a token, and mostly takes it out again, with new keys for all that it could open.
    fn token(&mut self) {
        let name = format!("t{}-{}", self.number, self.count);
        let token = self.zms("token create", &["token", "create", &name, "-e", OWN[0]], "", &[]);
        let token = token.unwrap().trim().to_owned();
        assert!(self.reads(&token));
        if self.random.below(4) == 0 {
            self.is.good.push(token);
            return;
        }
        self.zms("token revoke", &["token", "revoke", &name, "--yes", "--quiet"], "", &[]);
        assert!(!self.reads(&token), "a token is out from the moment that it is said");
        self.is.out.push(token);
    }

    fn rotate(&mut self) {
        let name = format!("r{}", self.number);
        let Some(old) = self.rotated.take() else {
            let args = ["token", "create", &name, "-e", OWN[1]];
            let made = self.zms("token create", &args, "", &[]).unwrap();
            self.rotated = Some(made.trim().to_owned());
            return;
        };
        let made = self.zms("token rotate", &["token", "rotate", &name], "", &[]).unwrap();
        self.rotated = Some(made.trim().to_owned());
        self.is.out.push(old);
    }

    fn env(&mut self) {
        let name = format!("e{}-{}", self.number, self.count);
        self.zms("env create", &["env", "create", &name], "", &[]);
        if self.random.below(2) == 0 {
            self.zms("env rm", &["env", "rm", &name, "--yes"], "", &[]);
        } else {
            self.is.envs.push(name);
        }
    }
}

fn one(name: &str, value: Option<&str>) -> Did {
    Did::Edit([(name.to_owned(), value.map(str::to_owned))].into())
}
