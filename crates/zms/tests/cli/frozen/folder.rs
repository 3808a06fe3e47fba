//! A frozen folder: the files of a vault, its tokens, and all that they once showed.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::machine::Machine;

/// The vault that a passphrase protects lies in this folder of a frozen one.
pub const GUARDED: &str = "guarded";
/// The other one.
pub const HOME: &str = "home";

/// Where all of them lie.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/frozen")
}

/// One frozen version.
pub struct Frozen {
    pub folder: PathBuf,
    pub tokens: BTreeMap<String, String>,
    pub expected: Value,
}

impl Frozen {
    /// Every frozen version.
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
        let mut folders: Vec<_> =
            entries.filter(|path| path.join("expected.json").exists()).collect();
        folders.sort();
        assert!(folders.len() >= 2, "frozen folders are missing: {folders:?}");
        folders.into_iter().map(Self::read).collect()
    }

    fn read(folder: PathBuf) -> Self {
        let json = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let tokens = serde_json::from_str(&json("tokens.json")).unwrap();
        let expected = serde_json::from_str(&json("expected.json")).unwrap();
        Self { folder, tokens, expected }
    }

    pub fn name(&self) -> String {
        self.folder.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// The number of its schema, as the database says.
    pub fn schema(&self) -> u32 {
        schema(&self.folder.join(HOME).join("zms.db"))
    }

    /// A machine with a copy of one of its vaults.
    pub fn machine(&self, vault: &str) -> Machine {
        let machine = Machine::new();
        lay(&machine, &self.folder.join(vault));
        machine
    }
}

/// `user_version`, from the header of a database. SQLite file format, 1.3.
pub fn schema(database: &Path) -> u32 {
    let bytes = fs::read(database).unwrap();
    assert!(bytes.starts_with(b"SQLite format 3\0"), "{}", database.display());
    u32::from_be_bytes(bytes[60..64].try_into().unwrap())
}

/// Lays the files of a vault into a machine's home, as zms would have.
pub fn lay(machine: &Machine, from: &Path) {
    copy(from, &machine.vault(""));
    for folder in [machine.vault("pins"), machine.vault("")] {
        if folder.exists() {
            fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).unwrap();
            machine.own(&folder);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::write(&target, fs::read(&path).unwrap()).unwrap();
            fs::set_permissions(&target, PermissionsExt::from_mode(0o600)).unwrap();
        }
    }
}
