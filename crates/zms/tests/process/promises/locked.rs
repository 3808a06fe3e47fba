//! Without the key and without a token nothing opens.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
};

use crate::scratch::{Go, Scratch, files_in};

/// Every command that needs the key or a token, and in more than one way where it has such.
#[rustfmt::skip]
const COMMANDS: &[&[&str]] = &[
    &["admin", "ls"],
    &["admin", "rm", "ci", "--yes"],
    &["audit"],
    &["audit", "checkpoint"],
    &["audit", "verify"],
    &["backup", "b2"],
    &["backup", "verify", "all.backup"],
    &["bundle", "create", "b2", "--token", "ci"],
    &["check"],
    &["cp", "NAME", "OTHER"],
    &["diff", "1", "2"],
    &["diff", "staging"],
    &["edit", "--yes"],
    &["env", "copy", "development", "x"],
    &["env", "create", "x"],
    &["env", "diff", "development", "staging"],
    &["env", "ls"],
    &["env", "protect", "development"],
    &["env", "rename", "development", "x"],
    &["env", "rm", "development", "--yes"],
    &["env", "unprotect", "development"],
    &["export"],
    &["exposure"],
    &["get", "NAME"],
    &["history", "NAME"],
    &["import", "-"],
    &["key", "protect", "none"],
    &["key", "rotate", "--yes"],
    &["key", "rotate", "--full", "--yes"],
    &["key", "split", "--shares", "3", "--threshold", "2", "--sheets", "."],
    &["log"],
    &["ls"],
    &["member", "add", "alice"],
    &["member", "ls"],
    &["member", "rm", "alice", "--yes"],
    &["mv", "NAME", "OTHER"],
    &["project", "create", "x"],
    &["project", "ls"],
    &["project", "rename", "default", "x"],
    &["project", "rm", "default", "--yes"],
    &["push", "--server", "127.0.0.1:1"],
    &["render", "template"],
    &["restore", "all.backup", "--yes"],
    &["rm", "NAME"],
    &["rollback", "1", "--yes"],
    &["roster", "refresh"],
    &["run", "--", "touch", "ran"],
    &["run", "--dry-run"],
    &["run", "--explain"],
    &["search", "NAME"],
    &["service", "create", "x"],
    &["service", "ls"],
    &["service", "rename", "x", "y"],
    &["service", "rm", "x", "--yes"],
    &["set", "NAME"],
    &["status"],
    &["token", "create", "x"],
    &["token", "inspect"],
    &["token", "ls"],
    &["token", "revoke", "ci", "--yes"],
    &["token", "revoke", "--resume"],
    &["token", "rotate", "ci"],
    &["undo", "--yes"],
];

/// Commands that are not in [`COMMANDS`], and what they do without the key and without a token.
const OPEN: &[(&str, &str)] = &[
    ("allow", "notes which file of this folder is trusted"),
    ("bundle inspect", "shows what stands on a bundle in the open"),
    ("bundle verify", "checks signatures, and says what only a token can tell"),
    ("completions", "prints a script"),
    ("doctor", "checks what can be checked without, and says what it skips"),
    ("generate", "makes up a value"),
    ("help", "prints help"),
    ("init", "makes the key"),
    ("join", "brings what opens the vault"),
    ("key combine", "rebuilds the key from its shares"),
    ("key drill", "rebuilds the key from its shares"),
    ("key status", "shows what the key file says of itself"),
    ("key verify-share", "checks one share, and opens nothing"),
    ("lock", "has a key forgotten"),
    ("man", "prints the manual"),
    ("pull", "says first that the vault is on this machine"),
    ("reset", "destroys, and shows nothing"),
    ("start", "serves what it can not open"),
    ("stop", "ends a server"),
    ("unlock", "rebuilds the key from its shares"),
    ("use", "writes names into zms.toml"),
    ("vault ls", "lists folders"),
];

/// The commands there are, by the pages of the manual, of which each has one.
fn there_are(scratch: &Scratch) -> BTreeSet<String> {
    let pages = scratch.folder().join("pages");
    fs::create_dir(&pages).unwrap();
    scratch.zms(["man", "--dir", &pages.display().to_string()]).go().good();
    let page = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let command = name.strip_prefix("zms").and_then(|name| name.strip_suffix(".1"));
        command.expect("zms or zms-COMMAND").to_owned()
    };
    let pages: BTreeSet<String> = fs::read_dir(&pages).unwrap().map(page).collect();
    // One that has others below does nothing of its own, but for those that are named here.
    let group = |page: &String| pages.iter().any(|other| other.starts_with(&format!("{page}-")));
    let own = ["-audit", "-backup"];
    let does = |page: &&String| !group(page) || own.contains(&page.as_str());
    pages.iter().filter(does).map(|page| page.trim_start_matches('-').to_owned()).collect()
}

#[test]
fn every_command_is_locked_or_said_to_be_open() {
    let there = there_are(&Scratch::empty());
    assert!(there.len() > 70, "{there:?}");
    // A page joins its words by hyphens, of which a word may have some too.
    let of = |words: &[&str]| -> String {
        let joined = |count: usize| words[..count.min(words.len())].join("-");
        let found = [joined(2), joined(1)].into_iter().find(|name| there.contains(name));
        found.unwrap_or_else(|| panic!("there is no command {words:?}"))
    };
    let locked: BTreeSet<String> = COMMANDS.iter().map(|words| of(words)).collect();
    let open: BTreeSet<String> =
        OPEN.iter().map(|(name, _)| of(&name.split(' ').collect::<Vec<_>>())).collect();
    let twice: Vec<_> = locked.intersection(&open).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let all: BTreeSet<String> = locked.union(&open).cloned().collect();
    let left: Vec<_> = there.difference(&all).collect();
    assert!(left.is_empty(), "nobody says what these do without a key: {left:?}");
}

/// What some of the commands read.
fn prepare(vault: &Scratch) {
    vault.file("template", "{{ NAME }}");
    vault.file("zms.toml", "[secrets.NAME]\n");
    let other = Scratch::vault();
    other.zms(["backup", "all.backup"]).go().good();
    fs::copy(other.work().join("all.backup"), vault.work().join("all.backup")).unwrap();
}

#[track_caller]
fn every_command_is_locked(vault: &Scratch) {
    let before = files_in(&vault.work());
    for &args in COMMANDS {
        for owner in [&[][..], &["--as-owner"]] {
            let (command, program) =
                args.split_at(args.iter().position(|word| *word == "--").unwrap_or(args.len()));
            let mut locked = vault.zms([command, owner, program].concat());
            let ran = locked.env("EDITOR", "/bin/true").feed(b"A=b\n");
            assert_eq!(ran.code(), 5, "{args:?}: {}", ran.stderr);
            assert!(ran.stdout.is_empty() && ran.stderr.contains("hint: "), "{args:?}");
        }
    }
    assert!(files_in(&vault.work()) == before, "something was written here");
}

#[test]
fn without_key_and_token_every_command_exits_5_and_no_other_file_helps() {
    let vault = Scratch::vault();
    vault.set(&[], "NAME", "value");
    prepare(&vault);
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
    prepare(&empty);
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
