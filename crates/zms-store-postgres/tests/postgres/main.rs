//! The shared store: its contract, and what only a real database, its failures and several
//! replicas can show.
#![expect(clippy::disallowed_methods, reason = "tests own their servers and scratch files")]

mod concurrent;
mod contract;
mod failover;
mod feed;
mod history;
mod load;
mod processes;
mod register;
mod replica;
mod server;
mod space;
mod tls;
mod trouble;

use zms_store_postgres::{Address, Database, Limits};
