//! The rules of a ZMS vault, pure: no I/O, no clock, no entropy of its own.
//!
//! A caller brings a seed ([`principal`]), a store hands over a [`bundle`] of ciphertext,
//! [`open`] verifies and opens it, and a [`change`] turns what was opened into a
//! [`batch`] to commit. The formats are written down in `spec/`.

pub mod about;
pub mod address;
pub mod admit;
pub mod audit;
pub mod backup;
pub mod batch;
pub mod bundle;
mod cbor;
pub mod change;
pub mod child;
pub mod engine;
pub mod handover;
pub mod history;
pub mod id;
pub mod key_file;
pub mod keyring;
pub mod merge;
pub mod open;
pub mod path;
pub mod personal;
pub mod pin;
pub mod principal;
pub mod record;
pub mod request;
pub mod revision;
pub mod roster;
pub mod scope;
pub mod tree_head;
pub mod wrapped;
