//! A session: a seed at work on a store, with the pins of what it has seen.
//!
//! Every door to a vault goes through here: open, audit, pin, and prepare a change again where
//! somebody was faster.

pub mod pins;
pub mod remote;
pub mod session;

pub use session::{
    AuditAlarm, AuditNames, AuditReader, AuditReport, Choose, Copied, Demand, Exposed, Exposure,
    Glance, Inventory, NoteError, Own, Past, Progress, Proof, Received, Session, SessionError,
    Standing, Subject, TokenInfo, TokenRequest, TokenScope, View, Written,
};
