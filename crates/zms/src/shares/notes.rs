//! What is kept note of: when the key was split, and when it was last rebuilt for practice. Nothing
//! of it is secret, and nothing depends on it. spec/shares.md#notes

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use zms_core::id::PrincipalId;

use super::read::id;
use crate::{
    exit::{Exit, Failure, Outcome, utc},
    home::{Home, read_private, replace_private, trouble},
    output::Output,
};

/// How many of each are kept.
const KEPT: usize = 32;

/// The file, beside the pins.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notes {
    version: u32,
    /// Each time the key was split, the last one last.
    pub splits: Vec<Split>,
    /// Each time shares were proven to rebuild it, the last one last.
    pub drills: Vec<Drill>,
}

/// The key was split.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Unix seconds.
    pub at: u64,
    /// Principal id of the key, in hex.
    pub key: String,
    /// The set that was made.
    pub set: String,
    /// How many of the groups are needed.
    pub groups_needed: u8,
    /// Each group.
    pub groups: Vec<Shares>,
}

/// A group of a set.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// How many of its shares are needed.
    pub needed: u8,
    /// How many it has.
    pub of: u8,
}

/// Shares rebuilt the key, and it opened the vault.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// Unix seconds.
    pub at: u64,
    /// Principal id of the key, in hex.
    pub key: String,
    /// The set they are of.
    pub set: String,
    /// Which ones, as group and share, from 1.
    pub shares: Vec<(u8, u8)>,
}

impl Default for Notes {
    fn default() -> Self {
        Self { version: 1, splits: Vec::new(), drills: Vec::new() }
    }
}

impl Notes {
    /// Reads them; none are as good as empty ones.
    ///
    /// # Errors
    /// [`Exit::Integrity`] where the file can not be understood.
    pub fn load(home: &Home) -> Outcome<Self> {
        let path = home.share_notes();
        let Some(text) = read_private(&path, Exit::Integrity)? else { return Ok(Self::default()) };
        let notes: Option<Self> = serde_json::from_str(&text).ok();
        notes.filter(|notes| notes.version == 1).ok_or_else(|| {
            Failure::new(Exit::Integrity, format!("{} can not be understood", path.display()))
                .hint("remove it: it only says when the key was split and rebuilt for practice")
        })
    }

    /// The sets that were made of a key, the last one last.
    pub fn of(&self, key: PrincipalId) -> impl DoubleEndedIterator<Item = &Split> {
        let key = key.to_string();
        self.splits.iter().filter(move |split| split.key == key)
    }

    /// The keys that it is about, the last one first.
    pub fn keys(&self) -> impl Iterator<Item = PrincipalId> {
        let splits = self.splits.iter().rev().map(|split| (split.at, &split.key));
        let drills = self.drills.iter().rev().map(|drill| (drill.at, &drill.key));
        let mut keys: Vec<_> = splits.chain(drills).collect();
        keys.sort_by_key(|&(at, _)| Reverse(at));
        keys.into_iter().filter_map(|(_, key)| id(key).map(PrincipalId))
    }

    /// The last time that shares were proven to rebuild a key.
    pub fn last_drill(&self, key: PrincipalId) -> Option<&Drill> {
        let key = key.to_string();
        self.drills.iter().rfind(|drill| drill.key == key)
    }

    /// Notes more. What stands in a file that can not be understood is lost, and said.
    pub fn add(home: &Home, output: Output, more: impl FnOnce(&mut Self)) -> Outcome {
        let mut notes = Self::load(home).unwrap_or_else(|failure| {
            output.warn(format!("{}; it is begun anew", failure.message));
            Self::default()
        });
        more(&mut notes);
        let over = |count: usize| count.saturating_sub(KEPT);
        notes.splits.drain(..over(notes.splits.len()));
        notes.drills.drain(..over(notes.drills.len()));
        let text = serde_json::to_string_pretty(&notes).map_err(Failure::other)? + "\n";
        let path = home.share_notes();
        replace_private(&path, &text)
            .map_err(|error| trouble(&error, format!("{} can not be written", path.display())))
    }
}

impl Split {
    /// The same for programs that ask a command.
    pub fn as_json(&self) -> serde_json::Value {
        serde_json::json!({
            "set": self.set,
            "made": utc(self.at),
            "groups_needed": self.groups_needed,
            "groups": self.groups,
        })
    }

    /// How many of how many are needed, in words.
    pub fn scheme(&self) -> String {
        let groups = self.groups.iter();
        let each: Vec<String> = groups.map(|it| format!("{} of {}", it.needed, it.of)).collect();
        match &each[..] {
            [only] => only.clone(),
            several => {
                format!(
                    "{} of {} groups: {}",
                    self.groups_needed,
                    several.len(),
                    several.join(", ")
                )
            }
        }
    }
}

impl Drill {
    /// The same for programs that ask a command.
    pub fn as_json(&self) -> serde_json::Value {
        serde_json::json!({
            "at": utc(self.at),
            "set": self.set,
            "shares": super::as_json(&self.shares),
        })
    }
}
