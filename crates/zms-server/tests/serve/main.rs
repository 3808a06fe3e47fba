//! An engine on sockets, asked byte by byte.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test looks at files, and fails where it can not"
)]

mod any;
mod bodies;
mod contract;
mod hostile;
mod running;
mod secure;
mod sockets;
