//! The real program as a process among others: what it hands over, what it leaves behind, and
//! what is left when it is killed or the disk fails.
//!
//! `./check` installs the tools and sets `ZMS_TEST_NODE_MODULES` and `ZMS_TEST_PYTHON`. The tests
//! need root, and use it mostly to become somebody else. `ZMS_TEST_FULL=1` takes every point at
//! which a command can be killed, `ZMS_TEST_CASES` says how many random values there are, and
//! `ZMS_TEST_SEED` repeats a choice.
#![expect(clippy::disallowed_methods, reason = "tests own their scratch files")]
#![expect(clippy::print_stdout, reason = "a test that fails shows what it tried")]
#![expect(clippy::unwrap_used, reason = "a test fails where it can not go on")]

mod agent;
mod app;
mod beside;
mod crowd;
mod editing;
mod failover;
mod faults;
#[path = "../../../zms-store-postgres/tests/postgres/history.rs"]
mod history;
mod keychain;
mod limit;
#[path = "../../../zms-store-postgres/tests/postgres/load.rs"]
#[expect(dead_code, reason = "shared with the tests of that store")]
mod load;
mod mark;
mod opening;
mod partition;
#[path = "../../../zms-store-postgres/tests/postgres/server.rs"]
mod postgres;
mod promises;
#[path = "../remote/proxy.rs"]
#[expect(dead_code, reason = "shared with the tests of who sits in between")]
mod proxy;
mod random;
mod reader;
#[path = "../../../zms-store-postgres/tests/postgres/register.rs"]
mod register;
#[path = "../../../zms-store-postgres/tests/postgres/replica.rs"]
mod replica;
mod replicas;
mod run;
mod scratch;
mod server;
mod service;
mod strace;
mod stranger;
mod tools;
mod trouble;
mod values;

use zms_store_postgres::{Address, Database, Limits};
