//! A file system that was mounted read-only: nothing leaves, nothing is lost.

use super::disk_full::Small;
use crate::scratch::{Go, numbered};

impl Small {
    fn mount(&self, how: &str) {
        let home = self.scratch.home().display().to_string();
        let how = format!("remount,{how}");
        self.scratch.other(["mount", "-o", &how, "zms", &home]).go().good();
    }
}

#[test]
fn where_nothing_can_be_written_nothing_is_given_out_and_nothing_lost() {
    let small = Small::new("8M");
    let vault = &small.scratch;
    small.mount("ro");
    let said = vault.zms(["init"]).go().refused(1);
    assert!(said.contains("can not be made: read-only file system"), "{said}");
    small.mount("rw");
    vault.zms(["init"]).go().good();
    vault.import(&[], &numbered("KEPT", 20));
    let token = vault.token(&["ci"]);
    let before = vault.secrets(&[]);
    // What the owner is told, and who has a token: an attempt of that is noted too.
    let commands: [(&[&str], i32, i32); 10] = [
        (&["get", "KEPT_1"], 8, 8),
        (&["ls"], 8, 8),
        (&["export"], 8, 8),
        (&["run", "--", "printenv"], 8, 8),
        (&["history", "KEPT_1"], 8, 8),
        (&["status"], 8, 8),
        (&["set", "NEW"], 1, 8),
        (&["rm", "KEPT_1"], 1, 8),
        (&["token", "revoke", "ci", "--yes"], 8, 4),
        (&["reset", "--yes"], 1, 1),
    ];
    // With a log of the session before, and without.
    for logged in [true, false] {
        small.mount("ro");
        for (args, owner, holder) in commands {
            for (token, code) in [(None, owner), (Some(&token), holder)] {
                let mut command = vault.zms(args);
                token.map(|token| command.env("ZMS_TOKEN", token));
                let ran = command.feed(b"new\n");
                assert_eq!(ran.code(), code, "{args:?} {logged}: {}", ran.stderr);
                let said = ran.refused(code);
                assert!(!said.contains("KEPT value"), "{said}");
                if code == 8 {
                    assert!(said.contains("hint: make the folder of the vault writable"), "{said}");
                }
            }
        }
        small.mount("rw");
        assert!(vault.secrets(&[]) == before, "secrets are missing, changed or new");
        // A session that wrote leaves no log.
        vault.set(&[], "KEPT_1", "KEPT value 1");
    }
    assert_eq!(vault.json(&["token", "ls"])["tokens"].as_array().unwrap().len(), 2);
    vault.zms(["audit", "verify"]).go().good();
}
