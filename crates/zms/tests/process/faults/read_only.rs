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
    let commands: [(&[&str], i32); 10] = [
        (&["get", "KEPT_1"], 8),
        (&["ls"], 8),
        (&["export"], 8),
        (&["run", "--", "printenv"], 8),
        (&["history", "KEPT_1"], 8),
        (&["status"], 8),
        (&["set", "NEW"], 1),
        (&["rm", "KEPT_1"], 1),
        (&["token", "revoke", "ci", "--yes"], 8),
        (&["reset", "--yes"], 1),
    ];
    // With a log of the session before, and without.
    for logged in [true, false] {
        small.mount("ro");
        for (args, expected) in commands {
            for token in [None, Some(&token)] {
                let mut command = vault.zms(args);
                token.map(|token| command.env("ZMS_TOKEN", token));
                let ran = command.feed(b"new\n");
                let code = ran.code();
                // What a token may not do is denied before, and the key is not asked for beside one.
                let denied = token.is_some() && [2, 4, 5, 8].contains(&code);
                assert!(
                    code == expected || denied,
                    "{args:?} {logged}: exit {code} {}",
                    ran.stderr
                );
                let said = ran.refused(code);
                assert!(!said.contains("KEPT value"), "{said}");
                if code == 8 {
                    assert!(said.contains("hint: make the folder of the vault writable"), "{said}");
                }
            }
        }
        small.mount("rw");
        if logged {
            vault.set(&[], "LAST", "1");
            vault.zms(["rm", "LAST"]).go().good();
        }
        assert!(vault.secrets(&[]) == before, "secrets are missing, changed or new");
        if logged {
            // A session that wrote leaves no log.
            vault.set(&[], "KEPT_1", "KEPT value 1");
        }
    }
    assert_eq!(vault.json(&["token", "ls"])["tokens"].as_array().unwrap().len(), 2);
    vault.zms(["audit", "verify"]).go().good();
}
