//! Without the key and without a token nothing opens.

use std::{
    fs,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
};

use crate::scratch::{Go, Scratch};

const COMMANDS: [&[&str]; 18] = [
    &["set", "NAME"],
    &["get", "NAME"],
    &["ls"],
    &["rm", "NAME"],
    &["import", "-"],
    &["export"],
    &["run", "--", "touch", "ran"],
    &["run", "--explain"],
    &["status"],
    &["token", "create", "x"],
    &["token", "ls"],
    &["token", "inspect"],
    &["token", "revoke", "ci", "--yes"],
    &["token", "revoke", "--resume"],
    &["project", "ls"],
    &["project", "create", "x"],
    &["env", "create", "x"],
    &["service", "create", "x"],
];

#[track_caller]
fn every_command_is_locked(vault: &Scratch) {
    for args in COMMANDS {
        for owner in [&[][..], &["--as-owner"]] {
            let (command, program) =
                args.split_at(args.iter().position(|word| *word == "--").unwrap_or(args.len()));
            let ran = vault.zms([command, owner, program].concat()).feed(b"A=b\n");
            assert_eq!(ran.code(), 5, "{args:?}: {}", ran.stderr);
            assert!(ran.stdout.is_empty() && ran.stderr.contains("hint: "), "{args:?}");
        }
    }
    assert!(!vault.work().join("ran").exists());
}

#[test]
fn without_key_and_token_every_command_exits_5_and_no_other_file_helps() {
    let vault = Scratch::vault();
    vault.set(&[], "NAME", "value");
    let token = vault.token(&["ci", "-e", "development"]);
    let key = vault.home().join("zms.master.key");
    let text = fs::read_to_string(&key).unwrap();
    fs::remove_file(&key).unwrap();
    every_command_is_locked(&vault);
    // Names that somebody may have given to a copy of the key, or to a token.
    let home = vault.home();
    fs::create_dir(home.join("zms.master.key.d")).unwrap();
    for name in [
        "zms.master.key.bak",
        "zms.master.key~",
        "zms.master.key.new",
        "zms.master.new.1",
        "zms.master",
        "master.key",
        "key",
        "zms.key",
        "id",
        "pins/key",
        "zms.master.key.d/key",
        "owner.json",
    ] {
        private(&home.join(name), &text);
    }
    for name in ["token", "zms-token", "zms.token.bak", "ZMS_TOKEN", "pins/token"] {
        private(&home.join(name), &token);
    }
    private(&home.join(".env"), &format!("ZMS_TOKEN={token}\n"));
    private(&home.join("zms.toml"), &format!("token = \"{token}\"\n"));
    every_command_is_locked(&vault);
    // The key itself is what was missing.
    private(&key, &text);
    assert_eq!(vault.zms(["get", "NAME"]).go().text(), "value");
}

fn private(path: &std::path::Path, text: &str) {
    use std::io::Write;
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_folder_without_a_vault_is_locked_too() {
    let empty = Scratch::empty();
    every_command_is_locked(&empty);
    assert!(!empty.home().exists(), "asking made something");
}

#[test]
fn attack_a_key_that_others_may_read_is_not_used() {
    let vault = Scratch::vault();
    let key = vault.home().join("zms.master.key");
    for mode in [0o640, 0o604, 0o660, 0o602] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        vault.zms(["ls"]).go().refused(4);
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    vault.zms(["ls"]).go().good();
}
