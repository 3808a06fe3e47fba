//! A session: a seed at work on a store, with the pins of what it has seen.
//!
//! Every door to a vault goes through here: open, audit, pin, and prepare a change again where
//! somebody was faster.

pub mod pins;
pub mod remote;
pub mod session;

pub use session::{
    After, AuditAlarm, AuditNames, AuditReader, AuditReport, Before, Choose, Copied, Demand,
    Exposed, Exposure, Glance, Inventory, Listed, NoteError, Own, Past, Progress, Proof, Received,
    Session, SessionError, Snapshot, Standing, Subject, Times, TokenInfo, TokenRequest, TokenScope,
    View, Whole, Written, most_versions,
};
