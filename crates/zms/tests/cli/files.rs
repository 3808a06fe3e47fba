//! Files of keys and tokens: for nobody else, and nobody else's.

use std::path::Path;

use rustix::process::geteuid;

use crate::machine::Machine;

/// Gives a file to root, where the tests may.
fn give_away(path: &Path) -> bool {
    geteuid().is_root() && std::os::unix::fs::chown(path, Some(0), Some(0)).is_ok()
}

#[test]
fn what_is_made_is_for_nobody_else_whatever_the_mask() {
    for mask in ["000", "077"] {
        let machine = Machine::new();
        machine.sh(&format!("umask {mask}; zms init && printf 1 | zms set A && zms get A")).done();
        let token = "echo ZMS_TOKEN=$(zms token create ci -q) > .env";
        machine.sh(token).done();
        machine.sh(&format!("umask {mask}; zms allow && zms run -- true && zms get A")).done();
        let modes = machine.sh("cd ~/.zexio && stat -c '%a %F %n' . * pins/* allowed/*").done();
        for line in modes.lines() {
            let private = line.starts_with("700 directory ") || line.starts_with("600 regular ");
            assert!(private, "mask {mask}: {line}");
        }
        for name in ["zms.db", "zms.db-wal", "zms.db-shm", "zms.master.key", "pins/", "allowed/"] {
            assert!(modes.contains(name), "mask {mask}: {name} in {modes}");
        }
    }
}

#[test]
fn attack_the_key_file_of_somebody_else() {
    let machine = Machine::with_secret();
    if give_away(&machine.vault("zms.master.key")) {
        // Root's file of mode 600 can not even be opened; where it can, it is refused.
        machine.sh("zms get A").refused(1);
    }
}

#[test]
fn attack_the_token_file_of_somebody_else() {
    let machine = Machine::with_secret();
    let said = machine.sh("ZMS_TOKEN_FILE=/etc/passwd zms get A").refused(4);
    assert_eq!(said.lines().next(), Some("error: /etc/passwd belongs to somebody else"));
}

/// A service with a user of its own gets its credentials as files of root that it may read.
#[test]
fn a_credential_of_root_is_read_from_the_folder_of_systemd_only() {
    use std::os::unix::fs::{PermissionsExt, chown};
    let machine = Machine::with_secret();
    machine.sh("mkdir given && zms token create ci -q > given/zms-token").done();
    let file = machine.home().join("app/given/zms-token");
    let group = rustix::fs::stat(&file).unwrap().st_gid;
    if chown(&file, Some(0), Some(group)).is_err() {
        return;
    }
    let mode = |mode| std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o440);
    assert_eq!(machine.sh("CREDENTIALS_DIRECTORY=given zms get A").done(), "first");
    let said = machine.sh("ZMS_TOKEN_FILE=given/zms-token zms get A").refused(4);
    assert!(said.contains("belongs to somebody else"), "{said}");
    for open in [0o444, 0o460, 0o644] {
        mode(open);
        machine.sh("CREDENTIALS_DIRECTORY=given zms get A").refused(4);
    }
}

#[test]
fn attack_the_folder_of_somebody_else() {
    let machine = Machine::with_secret();
    if give_away(&machine.vault("")) {
        std::fs::set_permissions(
            machine.vault(""),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        assert!(machine.sh("zms get A").refused(4).contains("belongs to somebody else"));
    }
}

#[test]
fn attack_a_database_behind_a_link_or_of_somebody_else() {
    let machine = Machine::with_secret();
    machine.sh("mv ~/.zexio/zms.db ~/db && ln -s ~/db ~/.zexio/zms.db").done();
    assert!(machine.sh("zms get A").refused(1).contains("symbolic link"));
    machine.sh("rm ~/.zexio/zms.db && mv ~/db ~/.zexio/zms.db && zms get A").done();
    if give_away(&machine.vault("zms.db")) {
        assert!(machine.sh("zms get A").refused(1).contains("belongs to another user"));
    }
}

#[test]
fn attack_pins_behind_a_link() {
    let machine = Machine::with_secret();
    machine.sh("cd ~/.zexio/pins && pin=$(ls *.pins) && mv $pin ~/pin && ln -s ~/pin $pin").done();
    machine.sh("zms get A").refused(1);
}

#[test]
fn a_pipe_in_the_place_of_a_key_or_token_blocks_nobody() {
    let machine = Machine::with_secret();
    machine.sh("mkfifo -m 600 pipe").done();
    machine.sh("ZMS_TOKEN_FILE=pipe timeout 5 zms get A").refused(4);
    machine.sh("rm ~/.zexio/zms.master.key && mkfifo -m 600 ~/.zexio/zms.master.key").done();
    machine.sh("timeout 5 zms get A").refused(4);
}
