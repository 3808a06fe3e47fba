//! Nothing is left behind: by no end that can be caught, and not for long by one that can not.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::watch::within;
use crate::{
    random::full,
    scratch::{Go, Scratch},
};

fn start(vault: &Scratch, folder: &Path, script: &str) -> std::process::Child {
    let folder = folder.display().to_string();
    let options = ["run", "--mount", "secrets.env", "--files", &folder, "--", "sh", "-c", script];
    // Whoever starts the tests may ignore some signals.
    let mut command = vault.under(&["env", "--default-signal"], options);
    let zms = command.stdout(Stdio::null()).spawn().unwrap();
    assert!(within(20, || fs::exists(vault.work().join("ready")).unwrap()));
    zms
}

fn folder(name: &str) -> PathBuf {
    format!("/dev/shm/zms-test-{name}-{}", std::process::id()).into()
}

fn there(vault: &Scratch, folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(vault.work())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("ready"))
        .collect();
    all.extend(
        fs::read_dir(vault.home().join("left"))
            .into_iter()
            .flatten()
            .map(|note| note.unwrap().path()),
    );
    all.extend(fs::exists(folder).unwrap().then(|| folder.to_owned()));
    all
}

#[test]
fn every_signal_that_ends_a_run_leaves_nothing() {
    let some = ["HUP", "INT", "QUIT", "TERM", "USR1", "ALRM", "SEGV", "ABRT", "34"];
    // All that end a program and can be caught, as the full runs do.
    let all = (1..=64).filter(|it| ![9, 17, 18, 19, 20, 21, 22, 23, 28, 32, 33].contains(it));
    let all: Vec<String> = all.map(|number: i32| number.to_string()).collect();
    let signals: Vec<&str> =
        if full() { all.iter().map(String::as_str).collect() } else { some.to_vec() };
    for signal in signals {
        let vault = Scratch::vault();
        vault.set(&[], "KEY", "value");
        let folder = folder(signal);
        let mut zms = start(&vault, &folder, "touch ready; exec sleep 60");
        assert_eq!(there(&vault, &folder).len(), 3, "{signal}");
        vault.other(["kill", "-s", signal, &zms.id().to_string()]).go().good();
        assert!(!zms.wait().unwrap().success(), "{signal}");
        assert_eq!(there(&vault, &folder), [] as [PathBuf; 0], "{signal}");
    }
}

#[test]
fn what_a_killed_run_leaves_the_next_command_removes() {
    let vault = Scratch::vault();
    vault.set(&[], "PRIVATE_NAME", "private value");
    let folder = folder("killed");
    let mut zms = start(&vault, &folder, "touch ready; exec sleep 60");
    // What lives is left alone.
    vault.zms(["ls"]).go().good();
    assert_eq!(there(&vault, &folder).len(), 3);
    for note in fs::read_dir(vault.home().join("left")).unwrap() {
        let text = fs::read(note.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&text);
        assert!(text.contains("secrets.env"), "{text}");
        assert!(!text.contains("PRIVATE_NAME") && !text.contains("private value"), "{text}");
    }
    zms.kill().unwrap();
    zms.wait().unwrap();
    assert_eq!(there(&vault, &folder).len(), 3);
    let gone = within(10, || {
        vault.zms(["--version"]).go().good();
        vault.zms(["ls"]).go().good();
        there(&vault, &folder).is_empty()
    });
    assert!(gone, "{:?}", there(&vault, &folder));
    assert!(!fs::exists(vault.home().join("left")).unwrap());
}

#[test]
fn a_pipe_gives_each_reader_all_of_it_as_often_as_it_may() {
    let vault = Scratch::vault();
    let value = "x".repeat(200_000);
    vault.set(&[], "KEY", &value);
    let script = "for i in 1 2 3; do wc -c <all.json; done; ls all.json 2>&1 | grep -c 'No such'; \
                  stat -c %a .";
    let options = ["--mount", "all.json", "--max-reads", "3"];
    let said = vault.run(&options, &["sh", "-c", script]).go().text();
    let size = value.len() + "{\n  \"KEY\": \"\"\n}\n".len();
    let mode = said.lines().last().unwrap();
    assert_eq!(said, format!("{size}\n{size}\n{size}\n1\n{mode}\n"));
}

#[test]
fn a_reader_that_takes_its_time_keeps_no_other_from_all_of_it() {
    let vault = Scratch::vault();
    let value = "x".repeat(250_000);
    ["A", "B", "C"].iter().for_each(|name| vault.set(&[], name, &value));
    // The moment between that one opens it and that the next may is not promised.
    let script = "exec 3<all.json; sleep 0.5; exec 4<all.json; sleep 0.5; \
                  timeout 10 wc -c <all.json; wc -c <&4; wc -c <&3";
    let command = ["timeout", "20", "sh", "-c", script];
    let said = vault.run(&["--mount", "all.json"], &command).go().text();
    let size = 3 * value.len() + "{\n  \"A\": \"\",\n  \"B\": \"\",\n  \"C\": \"\"\n}\n".len();
    assert_eq!(said, format!("{size}\n{size}\n{size}\n"));
}

#[test]
fn attack_nothing_is_served_to_others_or_put_where_others_could_look() {
    let vault = Scratch::vault();
    vault.set(&[], "KEY", "value");
    let open = folder("open");
    fs::create_dir(&open).unwrap();
    let shown = open.display().to_string();
    let link = folder("link");
    std::os::unix::fs::symlink(vault.work(), &link).unwrap();
    for refused in [&shown, &link.display().to_string(), "on-disk"] {
        let ran = vault.run(&["--files", refused], &["true"]).go();
        assert!(ran.refused(4).contains(refused), "{refused}");
    }
    fs::write(open.join("theirs"), "kept").unwrap();
    let closed = fs::Permissions::from_mode(0o700);
    fs::set_permissions(&open, closed).unwrap();
    vault.run(&["--files", &shown], &["true"]).go().refused(2);
    assert_eq!(fs::read_to_string(open.join("theirs")).unwrap(), "kept");
    fs::remove_dir_all(&open).unwrap();
    fs::remove_file(&link).unwrap();
    let script = "umask 0; exec \"$0\" \"$@\"";
    let look = "stat -c '%a %F' pipe";
    let zms =
        ["sh", "-c", script, crate::tools::ZMS, "run", "--mount", "pipe", "--", "sh", "-c", look];
    assert_eq!(vault.other(zms).go().text(), "600 fifo\n");
}

/// In a folder of somebody else's, a pipe of theirs can take the place of ours.
#[test]
fn attack_a_pipe_is_not_made_where_others_can_replace_it() {
    assert_eq!(rustix::process::geteuid().as_raw(), 0, "the folders are given to others");
    let vault = Scratch::vault();
    vault.set(&[], "KEY", "value");
    let place = vault.work().join("place");
    fs::create_dir(&place).unwrap();
    let mounted = || vault.run(&["--mount", "place/secrets.env"], &["cat", "place/secrets.env"]);
    for (owner, mode, taken) in
        [(0, 0o755, true), (0, 0o1777, true), (0, 0o777, false), (65534, 0o755, false)]
    {
        std::os::unix::fs::chown(&place, Some(owner), None).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(mode)).unwrap();
        let ended = mounted().go();
        if taken {
            assert_eq!(ended.good(), b"KEY=value\n", "{owner} {mode:o}");
        } else {
            let told = ended.refused(4);
            assert!(told.contains("others can put a pipe of theirs in its place"), "{told}");
        }
    }
}
