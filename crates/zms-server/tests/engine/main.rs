//! The engine API, asked in process by its router: what is refused is what clients would send with
//! one thing wrong.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test looks at files, and fails where it can not"
)]

mod asked;
mod audit;
mod bundle;
mod changes;
mod commits;
mod description;
mod register;
mod requests;
mod uses;
