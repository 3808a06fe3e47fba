//! The programs that the tests ask. One that is missing fails the test.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The program under test.
pub const ZMS: &str = env!("CARGO_BIN_EXE_zms");

/// Where a program lies.
pub fn tool(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.exists());
    found.unwrap_or_else(|| panic!("{name} is not installed: run ./check"))
}

/// The folder `node_modules` with dotenv and express.
pub fn node_modules() -> PathBuf {
    PathBuf::from(setting("ZMS_TEST_NODE_MODULES"))
}

/// A Python that has python-dotenv.
pub fn python() -> OsString {
    setting("ZMS_TEST_PYTHON")
}

fn setting(name: &str) -> OsString {
    env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: run ./check"))
}

/// A file that lies beside these tests.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process").join(name)
}
