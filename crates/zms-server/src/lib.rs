//! The engine: keeps vaults for those who do not trust it. spec/engine.md
//!
//! [`router()`] is the whole route table. `engine` is what clients of a server use, and
//! deals in ciphertext only; [`gateway`] opens for one request at a time what its caller's token
//! opens; [`vaults`] is where the vaults are; [`serve`] is everything between a socket and the
//! router.

#[cfg(not(panic = "unwind"))]
compile_error!("a handler that panics ends its request, not the server: build with panic=unwind");

mod engine;
pub mod gateway;
mod health;
mod held;
mod layers;
mod limits;
mod metrics;
mod names;
pub mod openapi;
mod problem;
mod readiness;
mod router;
pub mod serve;
mod state;
mod vault;
pub mod vaults;

pub use limits::Limits;
pub use names::Names;
pub use problem::Problem;
pub use router::{Routes, router, router_of_gateway, router_with};
pub use state::{Engine, Once, Peer, Register, Setup};
