//! Tests as somebody who is not root: root passes by half of what protects files and processes.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    process::Command,
};

use crate::{
    scratch::{Go, Scratch},
    tools::{ZMS, tool},
};

/// An unprivileged user.
const UID: u32 = 65534;

/// Folders that belong to an unprivileged user, who runs every command in them, with core dumps
/// allowed.
pub fn stranger() -> Scratch {
    let scratch = Scratch::empty();
    let folder = scratch.folder().to_owned();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    // A copy that everybody can read: the system forbids dumps of programs that nobody may read.
    let zms = folder.join("zms");
    // Another process makes it: what this one has open for writing, its other children inherit, and
    // nobody may start a program meanwhile.
    assert!(Command::new("cp").arg(ZMS).arg(&zms).status().unwrap().success());
    fs::set_permissions(&zms, fs::Permissions::from_mode(0o755)).unwrap();
    for path in [folder.clone(), scratch.work(), folder.join("user")] {
        chown(&path, Some(UID), Some(UID)).expect("these tests need root: run ./check as root");
    }
    let sh = tool("sh").display().to_string();
    let setpriv = tool("setpriv").display().to_string();
    let (uid, gid) = (format!("--reuid={UID}"), format!("--regid={UID}"));
    let become_other = "ulimit -c unlimited; exec \"$@\"";
    let wrapper = [&sh, "-c", become_other, "sh", &setpriv, &uid, &gid, "--clear-groups", "--"];
    let wrapper: Vec<String> = wrapper.iter().map(ToString::to_string).collect();
    let scratch = scratch.behind(wrapper, zms);
    let id = scratch.other(["id", "-u"]).go().text();
    assert_eq!(id.trim(), UID.to_string(), "a test as root would show nothing");
    scratch
}
