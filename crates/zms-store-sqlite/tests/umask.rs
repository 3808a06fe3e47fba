//! Alone in its process, since the umask is the process's.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path};

use rustix::{fs::Mode, process::umask};
use tempfile::TempDir;
use zms_core::audit::Action;
use zms_store::{
    Store,
    contract::vault::{Vault, event},
};
use zms_store_sqlite::SqliteStore;

fn assert_private(folder: &Path, count: usize) {
    let files: Vec<_> = folder
        .read_dir()
        .expect("the folder is read")
        .map(|entry| entry.expect("the folder is read"))
        .collect();
    assert_eq!(files.len(), count);
    for file in files {
        let mode = file.metadata().expect("the folder is read").permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
}

#[test]
fn every_file_is_private_whatever_the_umask() {
    for mask in [0o000, 0o022, 0o277] {
        let folder = TempDir::new().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let path = folder.path().join("zms.db");
        let before = umask(Mode::from_raw_mode(mask));
        let mut store = SqliteStore::create(&path).unwrap();
        let vault = Vault::written(&mut store);
        store.audit_append(&[event(vault.owner.id(), Action::Read)]).unwrap();
        assert_private(folder.path(), 3);
        store.copy_to(&folder.path().join("copy.db")).unwrap();
        assert_private(folder.path(), 4);
        drop(store);
        assert_private(folder.path(), 2);
        umask(before);
    }
}
