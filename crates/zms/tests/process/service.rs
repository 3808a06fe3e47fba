//! What stands in `docs` for a service of systemd.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    process::Command,
};

use crate::{
    scratch::{Go, Scratch},
    stranger::stranger,
    tools::{ZMS, tool},
};

const UNIT: &str = include_str!("../../../../docs/service/app.service");

/// What systemd has against a unit.
fn verified(folder: &Path, unit: &str) -> String {
    let path = folder.join("app.service");
    fs::write(&path, unit).unwrap();
    let mut verify = Command::new(tool("systemd-analyze"));
    let ran = verify.arg("verify").arg(&path).go();
    assert_eq!(ran.code(), 0, "{}", ran.stderr);
    ran.stderr
}

#[test]
fn the_unit_of_the_page_is_one_that_systemd_understands() {
    let folder = tempfile::tempdir().unwrap();
    let unit = UNIT.replace("/usr/local/bin/zms", ZMS).replace("/usr/local/bin/app", "/bin/true");
    assert_eq!(verified(folder.path(), &unit), "");
    let misspelt = unit.replace("LoadCredentialEncrypted", "LoadCredentialEncripted");
    assert!(verified(folder.path(), &misspelt).contains("LoadCredentialEncripted"));
}

/// systemd leaves a credential to root, and names the service's user in an access list, whose mask
/// shows as the group's bits.
#[test]
fn credentials_of_root_are_read_unless_others_can_read_or_write_them() {
    let vault = stranger();
    vault.zms(["init"]).go().good();
    vault.set(&[], "A", "1");
    let token = vault.token(&["ci", "-e", "development"]);
    vault.zms(["key", "protect", "systemd", "--credential", "zms-key"]).go().good();
    let folder = vault.folder().join("credentials");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    let get = |vault: &Scratch| vault.zms(["get", "A"]).env("CREDENTIALS_DIRECTORY", &folder).go();
    let put = |name: &str, text: &str, owner: u32, mode: u32| {
        let path = folder.join(name);
        drop(fs::remove_file(&path));
        fs::write(&path, text).unwrap();
        chown(&path, Some(owner), Some(65534)).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    };
    let key = fs::read_to_string(vault.work().join("zms-key")).unwrap();
    for (name, text) in [("zms-key", &key), ("zms-token", &token)] {
        for (owner, mode) in [(0, 0o440), (65534, 0o400)] {
            put(name, text, owner, mode);
            assert_eq!(get(&vault).text(), "1", "{name} {owner} {mode:o}");
        }
        for (owner, mode) in [(0, 0o444), (0, 0o460), (65533, 0o440), (65534, 0o440)] {
            put(name, text, owner, mode);
            get(&vault).refused(4);
        }
        fs::remove_file(folder.join(name)).unwrap();
    }
    get(&vault).refused(5);
}
