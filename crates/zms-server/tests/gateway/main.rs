//! The gateway in process: requests in, answers out, over a vault on disk.

#![expect(clippy::disallowed_methods, reason = "tests own their files, clock and entropy")]

mod attacks;
mod browser;
mod clients;
mod kv;
mod limits;
mod logged;
mod native;
mod replay;
mod sequences;
mod shared;
mod tokens;
mod upstream;
mod vaultrs;
mod world;
mod wrapping;
