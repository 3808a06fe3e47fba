//! What `zms push` and `zms pull` say alike.

use zms_core::{address::Address, change::transplant::Transplanted, id::VaultId};

use crate::{
    exit::{Exit, Failure, Outcome},
    output::Output,
    session::Acting,
};

/// A vault on its way.
pub struct Moving<'m> {
    /// What goes.
    pub made: &'m Transplanted,
    /// Of which vault.
    pub vault: VaultId,
    /// `to` a server, or `from` it.
    pub way: &'static str,
    /// The server.
    pub address: &'m Address,
    /// Whether it is only shown.
    pub dry_run: bool,
}

impl Moving<'_> {
    /// What goes, in words.
    pub fn what(&self) -> String {
        let (records, scopes) = (self.made.records, self.made.scopes);
        let members = self.made.batch.members.len();
        let many = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        };
        let (records, scopes) = (many(records, "secret"), many(scopes, "scope"));
        format!("{records} in {scopes}, and {}", many(members, "member"))
    }

    /// Tells programs of it, and people who stays behind. Whether that is all there is to say.
    pub fn tell(&self, output: Output) -> Outcome<bool> {
        if output.json {
            output.json(serde_json::json!({
                "server": self.address.to_string(),
                "vault": self.vault.to_string(),
                "secrets": self.made.records,
                "scopes": self.made.scopes,
                "members": self.made.batch.members.len(),
                "left_behind": self.made.left,
                "moved": !self.dry_run,
            }))?;
            return Ok(true);
        }
        if !self.made.left.is_empty() {
            let left = self.made.left.join(", ");
            output.note(format!("left behind, as their time is over: {left}"));
        }
        if self.dry_run {
            output.note(format!("would move {} {} {}", self.what(), self.way, self.address));
        }
        Ok(self.dry_run)
    }
}

/// Refuses everybody but the owner.
pub fn only_the_owner(acting: &Acting) -> Outcome {
    if acting.owner {
        return Ok(());
    }
    Err(Failure::new(Exit::Denied, "only the owner moves a vault")
        .hint("run it without ZMS_TOKEN, or with `--as-owner`"))
}
