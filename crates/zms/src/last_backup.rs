//! What is known of the last backup: a small file beside the vault, without secrets.

use serde::{Deserialize, Serialize};
use zms_core::{backup::Head, id::PrincipalId};

use crate::{
    exit::{Outcome, utc},
    files,
    home::{Home, replace_private, trouble},
};

/// A backup older than this many seconds is worth a word: 30 days.
pub const OLD: u64 = 30 * DAY;
const DAY: u64 = 24 * 60 * 60;

/// The backup that was made or verified last.
#[derive(Clone, Serialize, Deserialize)]
pub struct LastBackup {
    /// Of which vault.
    vault: String,
    /// When it was made, in unix seconds.
    pub made: u64,
    /// When it was opened last to verify it.
    pub verified: u64,
    /// Where it was then.
    pub file: String,
    /// Ids of those whose keys open it.
    holders: Vec<String>,
}

impl LastBackup {
    /// Notes that a backup was opened just now, unless a later one is known.
    pub fn note(home: &Home, head: &Head, file: &std::path::Path, now: u64) -> Outcome {
        let vault = head.vault.to_string();
        if Self::of(home, &vault).is_some_and(|last| last.made > head.made_at) {
            return Ok(());
        }
        let file = files::canonical(file).unwrap_or_else(|_| file.to_owned());
        let last = Self {
            vault,
            made: head.made_at,
            verified: now,
            file: file.display().to_string(),
            holders: head.holders.iter().map(|(id, _)| id.to_string()).collect(),
        };
        let text = serde_json::to_string(&last).expect("it is text and numbers");
        replace_private(&home.last_backup(), &(text + "\n")).map_err(|error| {
            trouble(&error, format!("{} can not be written", home.last_backup().display()))
        })
    }

    /// The last backup of a vault; `None` where none is known of.
    pub fn of(home: &Home, vault: &str) -> Option<Self> {
        let text = files::read_found(&home.last_backup()).ok()??;
        let last: Self = serde_json::from_slice(&text).ok()?;
        (last.vault == vault).then_some(last)
    }

    /// Whether a principal's key opens it.
    pub fn opens_for(&self, principal: PrincipalId) -> bool {
        self.holders.contains(&principal.to_string())
    }

    /// How long ago it was made, in seconds.
    pub const fn age(&self, now: u64) -> u64 {
        now.saturating_sub(self.made)
    }

    /// As a part of an answer in JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "made": utc(self.made), "verified": utc(self.verified), "file": self.file,
        })
    }

    /// When it was made, for people.
    pub fn shown(&self, now: u64) -> String {
        let ago = match self.age(now) / DAY {
            0 => "today".to_owned(),
            1 => "1 day ago".to_owned(),
            days => format!("{days} days ago"),
        };
        format!("{} ({ago}), in {}", utc(self.made), self.file)
    }
}
