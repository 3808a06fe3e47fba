//! Shares of the master key: read, asked for, put together, proven, kept note of. spec/shares.md

mod deliver;
mod gather;
mod handout;
mod notes;
mod proof;
mod read;
mod set;
mod sheet;
mod wanted;

pub use self::{
    deliver::{Delivered, Frame},
    gather::{Given, gather, set_name, share_name},
    handout::{Handout, perhaps},
    notes::{Drill, Notes, Split},
    proof::{Claim, Reference, rebuild},
    read::{Found, read},
    wanted::Wanted,
};

/// Which shares took part, for programs.
pub fn as_json(members: &[(u8, u8)]) -> Vec<serde_json::Value> {
    let each = members.iter();
    each.map(|(group, share)| serde_json::json!({ "group": group, "share": share })).collect()
}
