//! `zms reset` is final: what was kept from before does not open what comes after.

use std::{fs, os::unix::fs::symlink, path::Path};

use crate::scratch::{Go, Scratch, copy_folder};

/// A vault with a secret and a token, whose files were kept in another folder, then reset and
/// made anew, with a secret and a token again.
struct Twice {
    vault: Scratch,
    kept: Scratch,
    old_token: String,
    new_token: String,
}

fn twice() -> Twice {
    let vault = Scratch::vault();
    vault.set(&[], "NAME", "of the old vault");
    let old_token = vault.token(&["ci", "-e", "development"]);
    let kept = vault.copy();
    vault.zms(["reset", "--yes"]).go().good();
    vault.zms(["init"]).go().good();
    vault.set(&[], "NAME", "of the new vault");
    let new_token = vault.token(&["ci", "-e", "development"]);
    Twice { vault, kept, old_token, new_token }
}

/// The parts of a home, and the file each is.
const KEY: &str = "zms.master.key";
const DATABASE: &str = "zms.db";

/// A home of parts that come from several vaults.
fn mixed(key: Option<&Scratch>, database: &Scratch, pins: Option<&Scratch>) -> Scratch {
    let mixed = Scratch::empty();
    fs::create_dir(mixed.home()).unwrap();
    let put = |from: &Scratch, name: &str| copy_folder(&from.home().join(name), &mixed.home());
    put(database, DATABASE);
    for beside in ["zms.db-wal", "zms.db-shm"] {
        if database.home().join(beside).exists() {
            put(database, beside);
        }
    }
    if let Some(key) = key {
        put(key, KEY);
    }
    if let Some(pins) = pins {
        put(pins, "pins");
    }
    fs::set_permissions(mixed.home(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    mixed
}

/// Nobody reads, writes or looks, and nothing of either vault is given out.
#[track_caller]
fn shut(home: &Scratch, token: Option<&str>) {
    let commands: [&[&str]; 9] = [
        &["get", "NAME"],
        &["ls"],
        &["export"],
        &["status"],
        &["run", "--", "echo", "ran"],
        &["token", "inspect"],
        &["project", "ls"],
        &["rm", "NAME"],
        &["import", "-"],
    ];
    for args in commands {
        let mut command = home.zms(args);
        if let Some(token) = token {
            command.env("ZMS_TOKEN", token);
        }
        let ran = command.feed(b"A=b\n");
        // Denied or broken, where it came to that; else why it did not: no token to inspect, pins
        // of another vault.
        assert!([1, 2, 4, 6, 125].contains(&ran.code()), "{args:?} {} {}", ran.code(), ran.stderr);
        assert!(ran.stderr.starts_with("error: "), "{args:?} {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{args:?}");
        assert!(!ran.stderr.contains("of the "), "{args:?} {}", ran.stderr);
    }
}

#[test]
fn a_new_vault_has_another_key() {
    let Twice { vault, kept, .. } = twice();
    let keys = [&vault, &kept].map(|home| fs::read_to_string(home.home().join(KEY)).unwrap());
    assert_ne!(keys[0], keys[1]);
    let seeds = keys.map(|key| key.lines().map(str::to_owned).collect::<Vec<_>>());
    let same = seeds[0].iter().filter(|line| line.len() > 16 && seeds[1].contains(line));
    let same: Vec<_> = same.filter(|line| line.contains("zms_") || !line.contains(' ')).collect();
    assert!(same.is_empty(), "the key files share {same:?}");
}

#[test]
fn old_token_key_and_database_do_not_open_with_anything_new() {
    let Twice { vault, kept, old_token, new_token } = twice();
    // What belongs together opens: the searches below would otherwise show nothing.
    for (home, token, value) in
        [(&vault, &new_token, "of the new vault"), (&kept, &old_token, "of the old vault")]
    {
        assert_eq!(home.zms(["get", "NAME"]).go().text(), value);
        assert_eq!(home.zms(["get", "NAME"]).env("ZMS_TOKEN", token).go().text(), value);
    }
    shut(&vault, Some(&old_token));
    shut(&kept, Some(&new_token));
    for pins in [None, Some(&vault), Some(&kept)] {
        shut(&mixed(Some(&kept), &vault, pins), None);
        shut(&mixed(Some(&vault), &kept, pins), None);
        for key in [None, Some(&vault), Some(&kept)] {
            shut(&mixed(key, &vault, pins), Some(&old_token));
            shut(&mixed(key, &kept, pins), Some(&new_token));
        }
    }
}

#[test]
fn an_old_database_in_the_place_of_the_new_one_is_refused() {
    let Twice { vault, kept, new_token, .. } = twice();
    let old = fs::read(kept.home().join(DATABASE)).unwrap();
    fs::write(vault.home().join(DATABASE), old).unwrap();
    for beside in ["zms.db-wal", "zms.db-shm"] {
        drop(fs::remove_file(vault.home().join(beside)));
    }
    shut(&vault, None);
    shut(&vault, Some(&new_token));
}

/// A database that is not the one seen before was exchanged: that is no trouble of files.
#[test]
fn attack_other_vault_in_the_place_of_ours_is_an_integrity_failure() {
    let ours = Scratch::vault();
    ours.set(&[], "NAME", "value");
    let exchanged = mixed(Some(&ours), &Scratch::vault(), Some(&ours));
    exchanged.zms(["get", "NAME"]).go().refused(6);
    exchanged.run(&[], &["true"]).go().refused(6);
}

#[test]
fn reset_leaves_no_file_behind() {
    let vault = Scratch::vault();
    vault.set(&[], "NAME", "value");
    vault.token(&["ci", "-e", "development"]);
    vault.run(&[], &["true"]).go().good();
    vault.file(".env", format!("ZMS_TOKEN={}\n", vault.token(&["web", "-e", "staging"])));
    vault.zms(["allow"]).go().good();
    assert!(vault.files().len() > 4, "{:?}", vault.files().len());
    vault.zms(["reset"]).go().refused(2);
    vault.zms(["reset", "--dry-run"]).go().good();
    assert!(vault.files().len() > 4);
    vault.zms(["reset", "--yes"]).go().good();
    let left: Vec<_> = vault.files().into_iter().map(|(path, _)| path).collect();
    assert_eq!(left, Vec::<&Path>::new());
    vault.zms(["reset", "--yes"]).go().refused(3);
}

#[test]
fn attack_reset_empties_no_folder_behind_a_link() {
    let vault = Scratch::vault();
    let folder = vault.work().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("inside"), "precious").unwrap();
    fs::remove_dir_all(vault.home().join("pins")).unwrap();
    symlink(&folder, vault.home().join("pins")).unwrap();
    vault.zms(["reset", "--yes"]).go();
    assert_eq!(fs::read_to_string(folder.join("inside")).unwrap(), "precious");
}

#[test]
fn attack_reset_overwrites_no_file_behind_a_link() {
    let vault = Scratch::vault();
    let outside = vault.file("outside", "precious");
    symlink(&outside, vault.home().join("zms.db.copy")).unwrap();
    // Whether it refuses or goes on: what lies elsewhere is not its to destroy.
    vault.zms(["reset", "--yes"]).go();
    assert_eq!(fs::read_to_string(outside).unwrap(), "precious");
}
