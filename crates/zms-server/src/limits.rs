//! What an engine puts up with. docs/server.md has the table.

use std::time::Duration;

/// Bounds on everything that somebody else decides.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of all headers of a request.
    pub headers: usize,
    /// Headers of a request.
    pub header_count: usize,
    /// Bytes of a body that hands in a commit or makes a vault.
    pub commit: usize,
    /// Bytes of a body that hands in audit entries.
    pub audit: usize,
    /// Bytes of all bodies that are read at the same time.
    pub bodies: usize,
    /// Until all headers have come, also between two requests.
    pub header_time: Duration,
    /// Until a body has come, beside a second for each 16 KiB of it.
    pub body_time: Duration,
    /// Until the other end takes more of what it is sent, beside a second for each 16 KiB of it.
    pub write_time: Duration,
    /// Until TLS has shaken hands.
    pub handshake_time: Duration,
    /// Connections at the same time.
    pub connections: usize,
    /// Connections at the same time from one address, save this machine's; 0 is without a limit.
    pub connections_per_address: usize,
    /// HTTP/2 requests at the same time on one connection.
    pub streams: u32,
    /// Requests a second from one address; 0 is without a limit.
    pub per_address: u32,
    /// Requests a second of one principal; 0 is without a limit.
    pub per_principal: u32,
    /// Refusals of strangers a minute from one address; 0 is without a limit.
    pub failures: u32,
    /// Bytes of bundles that are kept ready.
    pub shown: usize,
    /// How long requests may go on once the engine is to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: 64 * 1024,
            header_count: 64,
            commit: 64 * 1024 * 1024,
            audit: 4 * 1024 * 1024,
            bodies: 256 * 1024 * 1024,
            header_time: Duration::from_secs(30),
            body_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            handshake_time: Duration::from_secs(10),
            connections: 4096,
            connections_per_address: 256,
            streams: 128,
            per_address: 500,
            per_principal: 200,
            failures: 120,
            shown: 64 * 1024 * 1024,
            grace: Duration::from_secs(20),
        }
    }
}
