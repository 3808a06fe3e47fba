//! A key file whose key the session's keychain holds: a real Secret Service, on a bus of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    random::Random,
    scratch::{Go, Scratch},
    strace::{WRITING, kill, points},
    tools::{ZMS, tool},
};

/// How many points at which a command can be killed are tried in a run that is not full.
const SAMPLE: usize = 8;

/// A bus with a keychain, until the test ends.
struct Session {
    bus: Child,
    address: String,
}

impl Session {
    /// With a keychain that is open, or with none.
    fn start(scratch: &Scratch, keychain: bool) -> Self {
        let daemon = tool("gnome-keyring-daemon").display().to_string();
        let open =
            format!("printf pass | {daemon} --unlock --components=secrets >/dev/null 2>&1; ");
        let rest = "echo \"$DBUS_SESSION_BUS_ADDRESS\"; exec cat";
        let line = if keychain { open + rest } else { rest.to_owned() };
        let run = tool("dbus-run-session").display().to_string();
        let mut command = scratch.other([&run, "--", "sh", "-c", &line]);
        let runtime = scratch.folder().join("runtime");
        fs::create_dir_all(&runtime).unwrap();
        command.env("XDG_RUNTIME_DIR", runtime);
        let mut bus = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        assert!(address.starts_with("unix:"), "no bus: {address:?}");
        Self { bus, address: address.trim().to_owned() }
    }

    /// The processes that are the keychain.
    fn keychain(&self) -> Vec<Pid> {
        let address = format!("DBUS_SESSION_BUS_ADDRESS={}", self.address);
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let read = |pid: &i32, file: &str| fs::read(format!("/proc/{pid}/{file}")).ok();
        let found = pids.filter(|pid| {
            read(pid, "comm").is_some_and(|name| name.starts_with(b"gnome-keyring"))
                && read(pid, "environ").is_some_and(|all| {
                    all.split(|byte| *byte == 0).any(|one| one == address.as_bytes())
                })
        });
        let found: Vec<Pid> = found.filter_map(Pid::from_raw).collect();
        assert!(!found.is_empty(), "the keychain runs");
        found
    }

    /// The same folders, in this session.
    fn within(&self, scratch: Scratch) -> Scratch {
        let address = format!("DBUS_SESSION_BUS_ADDRESS={}", self.address);
        scratch.behind(vec!["env".into(), address], ZMS.into())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The end of its input is the end of the session, and that of the keychain.
        drop(self.bus.stdin.take());
        drop(self.bus.wait());
    }
}

/// A vault under a keychain.
fn protected() -> (Session, Scratch) {
    let empty = Scratch::empty();
    let session = Session::start(&empty, true);
    let vault = session.within(empty);
    vault.zms(["init", "--protect", "keychain"]).go().good();
    vault.set(&[], "A", "1");
    (session, vault)
}

/// The program outside of the session.
fn outside(vault: &Scratch, args: &[&str]) -> Command {
    let mut bare = Command::new(ZMS);
    bare.args(args).env_clear().env("ZMS_HOME", vault.home()).current_dir(vault.work());
    bare
}

fn key(vault: &Scratch) -> Vec<u8> {
    fs::read(vault.home().join("zms.master.key")).unwrap()
}

#[test]
fn within_the_session_it_opens_and_outside_it_is_locked() {
    let (_session, vault) = protected();
    assert_eq!(vault.zms(["get", "A"]).go().text(), "1");
    let said = outside(&vault, &["get", "A"]).go().refused(5);
    assert!(said.contains("the keychain can not be used: ") && said.contains("hint: "), "{said}");
    // Unlocked within, it serves whoever comes from outside, as over SSH.
    vault.zms(["unlock", "--ttl", "10m"]).go().good();
    assert_eq!(outside(&vault, &["get", "A"]).go().text(), "1");
    outside(&vault, &["lock"]).go().good();
    outside(&vault, &["get", "A"]).go().refused(5);
}

#[test]
fn each_file_has_an_entry_of_its_own_and_none_stays_behind() {
    let (_session, vault) = protected();
    let back = |old: &[u8]| {
        let now = key(&vault);
        fs::write(vault.home().join("zms.master.key"), old).unwrap();
        let said = vault.zms(["get", "A"]).go().refused(5);
        assert!(said.contains("holds no entry"), "{said}");
        fs::write(vault.home().join("zms.master.key"), now).unwrap();
        assert_eq!(vault.zms(["get", "A"]).go().text(), "1");
    };
    let first = key(&vault);
    vault.zms(["key", "protect", "keychain"]).go().good();
    back(&first);
    let second = key(&vault);
    vault.zms(["key", "rotate", "--yes"]).go().good();
    back(&second);
    let third = key(&vault);
    vault.zms(["key", "protect", "none"]).go().good();
    back(&third);
    vault.zms(["key", "protect", "keychain"]).go().good();
    let last = key(&vault);
    vault.zms(["reset", "--yes"]).go().good();
    vault.zms(["init"]).go().good();
    fs::write(vault.home().join("zms.master.key"), last).unwrap();
    let said = vault.zms(["ls"]).go().refused(5);
    assert!(said.contains("holds no entry"), "{said}");
}

#[test]
fn a_keychain_that_does_not_answer_is_waited_for_and_then_reported() {
    let (session, vault) = protected();
    let keychain = session.keychain();
    let tell = |signal| keychain.iter().for_each(|pid| kill_process(*pid, signal).unwrap());
    tell(Signal::STOP);
    let ran = vault.zms(["get", "A"]).go();
    tell(Signal::CONT);
    let said = ran.refused(5);
    assert!(said.contains("the keychain does not answer"), "{said}");
    assert_eq!(vault.zms(["get", "A"]).go().text(), "1");
}

#[test]
fn a_session_without_a_keychain_changes_nothing() {
    let empty = Scratch::empty();
    let session = Session::start(&empty, false);
    let vault = session.within(empty);
    vault.zms(["init"]).go().good();
    vault.set(&[], "A", "1");
    let before = key(&vault);
    vault.zms(["key", "protect", "keychain"]).go().refused(5);
    assert_eq!(key(&vault), before);
    assert_eq!(vault.zms(["get", "A"]).go().text(), "1");
}

#[test]
fn key_protect_keychain_survives_a_kill() {
    let empty = Scratch::empty();
    let session = Session::start(&empty, true);
    let vault = session.within(empty);
    vault.zms(["init"]).go().good();
    vault.set(&[], "A", "1");
    let keychain: &[&str] = &["key", "protect", "keychain"];
    let none: &[&str] = &["key", "protect", "none"];
    // Copies are in one session, so each of them has to have an entry of its own.
    let prepared = |before: &[&[&str]]| {
        let home = session.within(vault.copy());
        for args in before {
            home.zms(*args).go().good();
        }
        home
    };
    for (before, args) in [(&[][..], keychain), (&[keychain], keychain), (&[keychain], none)] {
        let all = points(&prepared(before), WRITING, args, b"");
        for point in Random::new().sample(all, SAMPLE) {
            println!("killed before {point:?}");
            let home = prepared(before);
            let ran = kill(&home, &point, args, b"");
            assert_eq!(home.zms(["get", "A"]).go().text(), "1");
            home.zms(["audit", "verify"]).go().good();
            home.zms(args).go().good();
            assert_eq!(home.zms(["get", "A"]).go().text(), "1");
            home.zms(["doctor"]).go().good();
            assert_eq!(ran.status.signal(), Some(9), "{}", ran.stderr);
        }
    }
}
