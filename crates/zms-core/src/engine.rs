//! What clients and engines say to each other over HTTP, beside bundles and batches: paths,
//! queries, headers, audit entries. Both ends use this one writer and this one reader of each.
//! spec/engine.md#http

mod listed;
pub mod path;
mod query;

pub use listed::{
    MAX_EVENTS, Unlisted, decode_chains, decode_entries, decode_events, encode_chains,
    encode_entries, encode_events,
};
pub use query::{
    AuditQuery, BundleQuery, ChangesQuery, CommitQuery, MAX_PAGE, MAX_QUERY, MAX_WAIT, Records,
    Whose,
};
use zms_crypto::{Key, Purpose, derive::derive_key, digest::sha256};

/// How many commits there were when an answer was made.
pub const COMMITS: &str = "zms-commits";
/// RFC 9530: digest of the body.
pub const CONTENT_DIGEST: &str = "content-digest";
/// RFC 9421: what is signed.
pub const SIGNATURE_INPUT: &str = "signature-input";
/// RFC 9421: the MAC.
pub const SIGNATURE: &str = "signature";

/// Media type of a bundle.
pub const BUNDLE_TYPE: &str = "application/vnd.zms.bundle";
/// Media type of every other body.
pub const CBOR_TYPE: &str = "application/cbor";
/// Media type of an error (RFC 9457).
pub const PROBLEM_TYPE: &str = "application/problem+json";

/// The key of a registration secret: who has it may make vaults. spec/engine.md#http
pub fn register_key(secret: &str) -> Key {
    let hash = Key::from_bytes(&sha256(&[secret.as_bytes()]));
    derive_key(&hash, Purpose::ENGINE_REGISTER)
}
