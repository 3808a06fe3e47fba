//! Replicas of a test.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use tokio::runtime::{Handle, Runtime};

use crate::{Address, Database, Limits};

/// Where the driver runs, for all tests of the process.
pub fn runtime() -> &'static Handle {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME
        .get_or_init(|| {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(2).enable_all().build().expect("a runtime starts")
        })
        .handle()
}

/// A name that no other replica has.
pub fn name() -> [u8; 16] {
    static NAMES: AtomicU64 = AtomicU64::new(1);
    let (number, process) = (NAMES.fetch_add(1, Ordering::Relaxed), std::process::id());
    (u128::from(number) << 64 | u128::from(process)).to_le_bytes()
}

/// A replica on a database.
pub fn replica(url: &str) -> Arc<Database> {
    replica_with(url, Limits::default())
}

/// A replica that takes so much.
pub fn replica_with(url: &str, limits: Limits) -> Arc<Database> {
    let address = Address::parse(url).expect("the test's address is good");
    Arc::new(Database::connect(&address, limits, runtime(), name()).expect("it connects"))
}
