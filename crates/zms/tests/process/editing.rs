//! Where the text of `zms edit` may lie: in memory, or nowhere.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use tempfile::TempDir;

use crate::{
    scratch::{Go, Ran, Scratch},
    tools::{ZMS, tool},
};

/// An editor that hands its file to another process as a name, and says where that is.
const EDITOR: &str = "#!/bin/sh\nprintf '%s\\n' \"$1\" >named\nprintf 'A=2\\n' >\"$1\"\n";

/// Edits with it, with all places in which memory could be turned into a disk's; then `more`. What
/// lies below one of them is taken along.
fn edited(vault: &Scratch, disk: &Path, more: &str) -> Ran {
    let editor = vault.file("editor", EDITOR);
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o700)).unwrap();
    let script = format!(
        "exec 8<\"$3\" 9<\"$1\"
         for place in /dev/shm /run/shm /tmp; do
             test ! -d $place || mount --bind \"$2\" $place
         done
         mkdir -p \"$1\"
         mount -c --bind /proc/self/fd/9 \"$1\"
         cd \"$1/work\"
         {more}
         EDITOR=\"$PWD/editor\" exec /proc/self/fd/8 edit --yes"
    );
    let unshare = tool("unshare").display().to_string();
    let words = ["env", "-u", "XDG_RUNTIME_DIR", &unshare, "--mount", "sh", "-ec", &script, "sh"];
    let places = [vault.folder(), disk, Path::new(ZMS)].map(|path| path.display().to_string());
    vault.other(words.into_iter().map(str::to_owned).chain(places)).go()
}

#[test]
fn attack_where_there_is_no_memory_file_system_no_text_is_written() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    let disk = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let said = edited(&vault, disk.path(), "").refused(1);
    assert!(said.contains("there is no place in memory for the text"), "{said}");
    assert!(said.contains("mount a tmpfs on /dev/shm"), "{said}");
    assert!(!vault.work().join("named").exists(), "no editor was started");
    let held: Vec<_> = fs::read_dir(disk.path()).unwrap().map(|it| it.unwrap().path()).collect();
    let ours = held.iter().filter(|path| path.to_string_lossy().contains("zms-edit"));
    assert_eq!(ours.count(), 0, "{held:?}");
    assert_eq!(vault.zms(["get", "A"]).go().text(), "1");

    // The same where there is one.
    edited(&vault, disk.path(), "mount -t tmpfs zms /dev/shm").good();
    let named = fs::read_to_string(vault.work().join("named")).unwrap();
    assert!(named.starts_with("/dev/shm/zms-edit-"), "{named}");
    assert_eq!(vault.zms(["get", "A"]).go().text(), "2");
}
