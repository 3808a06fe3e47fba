//! What holds when the crowd has gone: each place is what its acknowledged revisions make of it, in
//! their order.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Ack, Did, Expected, OWN, SHARED};
use crate::scratch::{Go, Scratch};

type Secrets = BTreeMap<String, String>;

impl Expected {
    /// Checks all of it.
    pub(super) fn holds(&self, vault: &Scratch) {
        for env in [OWN[0], OWN[1], SHARED] {
            let there = vault.secrets(&["-e", env]);
            assert_eq!(self.replayed(vault, env), there, "{env} is not what was acknowledged");
            if env != SHARED {
                let own = self.own.iter().filter(|((of, _), _)| *of == env);
                let own: Secrets =
                    own.map(|((_, name), value)| (name.clone(), value.clone())).collect();
                assert_eq!(own, there, "what somebody wrote in {env} is lost");
            }
        }
        let envs = vault.json(&["env", "ls"]);
        let envs: BTreeSet<&str> =
            envs["names"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let made = self.envs.iter().map(String::as_str);
        assert_eq!(
            made.chain([OWN[0], OWN[1], SHARED, "production"]).collect::<BTreeSet<_>>(),
            envs
        );
        for (tokens, code) in [(&self.good, 0), (&self.out, 4)] {
            for token in tokens {
                let ran = vault.zms(["token", "inspect"]).env("ZMS_TOKEN", token).go();
                assert_eq!(ran.code(), code, "{}", ran.stderr);
            }
        }
        for args in [&["audit", "verify"][..], &["doctor"]] {
            let ran = vault.zms(args).go();
            assert_eq!((ran.code(), &*ran.stderr), (0, ""), "{args:?}");
        }
        assert_eq!(vault.json(&["status"])["pending_rekeys"], 0);
        let (conflicts, done) = (self.ended(7), self.ended(0));
        assert!(done > 20 && conflicts < done, "{done} done and {conflicts} conflicts");
    }

    fn ended(&self, code: i32) -> usize {
        self.counts.iter().filter(|((_, with), _)| *with == code).map(|(_, count)| count).sum()
    }

    /// What the acknowledged revisions of a place make of it. Each stands in its log, and nothing
    /// else that changed a secret does.
    fn replayed(&self, vault: &Scratch, env: &str) -> Secrets {
        let acks = self.acks.iter().filter(|ack| ack.env == env);
        let mut acked: BTreeMap<u64, &Ack> = BTreeMap::new();
        for ack in acks {
            let before = acked.insert(ack.revision, ack);
            assert!(before.is_none(), "revision {} of {env} was given twice", ack.revision);
        }
        // The state at each revision, and the newest that changed anything.
        let mut states = vec![Secrets::new()];
        let mut newest = 0;
        let log = vault.json(&["log", "-e", env]);
        for (entry, number) in log["revisions"].as_array().unwrap().iter().rev().zip(1..) {
            assert_eq!(entry["revision"], number, "a gap in the log of {env}");
            let changes = entry["changes"].as_array().unwrap_or_else(|| panic!("{entry}"));
            let mut state = states[states.len() - 1].clone();
            match acked.remove(&number).map(|ack| &ack.did) {
                Some(Did::Edit(edits)) => edits.iter().for_each(|(name, value)| {
                    drop(state.remove(name));
                    state.extend(value.iter().map(|value| (name.clone(), value.clone())));
                }),
                Some(Did::Undo) => state = states[newest - 1].clone(),
                // Before the crowd came.
                None if env == SHARED && number == 2 => {
                    state.insert("FIRST".to_owned(), "1".to_owned());
                }
                None => assert!(changes.is_empty(), "nobody was told of {entry}"),
            }
            let told: BTreeSet<&str> =
                changes.iter().filter_map(|change| change["name"].as_str()).collect();
            let last = &states[states.len() - 1];
            let differs = |name: &&String| last.get(*name) != state.get(*name);
            let differ: BTreeSet<&str> =
                last.keys().chain(state.keys()).filter(differs).map(String::as_str).collect();
            assert_eq!(told, differ, "{entry}");
            states.push(state);
            newest = if changes.is_empty() { newest } else { states.len() - 1 };
        }
        let lost: Vec<_> = acked.values().map(|ack| (ack.revision, &ack.did)).collect();
        assert!(lost.is_empty(), "acknowledged and not in the log of {env}: {lost:?}");
        states.pop().unwrap()
    }
}
