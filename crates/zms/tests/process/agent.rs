//! The unlock agent: whom it serves, what it keeps, and when it ends.

mod elsewhere;
mod ends;
mod folder;
mod memory;
mod stranger;
mod use_it;

use std::{fs, path::PathBuf, process::Command, thread::sleep, time::Duration};

use zms_core::key_file::{KeyFile, Opener};
use zms_crypto::Key;

use crate::scratch::{Go, Scratch};

/// A vault whose key file opens with a credential that lies beside it; without it, it is locked.
struct Vault {
    scratch: Scratch,
}

impl Vault {
    /// Of this test's own user.
    fn locked() -> Self {
        Self::over(Scratch::empty())
    }

    /// Of somebody who is not root.
    fn of_stranger() -> Self {
        Self::over(crate::stranger::stranger())
    }

    fn over(scratch: Scratch) -> Self {
        let vault = Self { scratch };
        vault.zms(&["init"]).go().good();
        vault.scratch.set(&[], "A", "1");
        let credential = vault.credential().display().to_string();
        vault.zms(&["key", "protect", "systemd", "--credential", &credential]).go().good();
        vault.zms(&["get", "A"]).go().refused(5);
        vault
    }

    fn credential(&self) -> PathBuf {
        self.scratch.work().join("zms-key")
    }

    fn zms(&self, args: &[&str]) -> Command {
        self.scratch.zms(args)
    }

    /// The program where the credential is at hand.
    fn with_credential(&self, args: &[&str]) -> Command {
        let mut command = self.zms(args);
        command.env("CREDENTIALS_DIRECTORY", self.scratch.work());
        command
    }

    fn unlock(&self, args: &[&str]) -> String {
        let ran = self.with_credential(&[&["unlock"], args].concat()).go();
        assert_eq!(ran.code(), 0, "{}", ran.stderr);
        ran.stderr
    }

    /// The key that the agent holds.
    fn seed(&self) -> Key {
        let text = fs::read_to_string(self.scratch.home().join("zms.master.key")).unwrap();
        let digits = fs::read_to_string(self.credential()).unwrap();
        let key = Key::fill(|key| hex::decode_to_slice(digits.trim_end(), key).unwrap());
        let owner = KeyFile::parse(&text).unwrap().open(Some(Opener::Key(&key))).unwrap();
        owner.seed().duplicate()
    }

    /// The processes that are agents of this vault.
    fn agents(&self) -> Vec<u32> {
        let home = format!("ZMS_HOME={}", self.scratch.home().display());
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let of_ours = |pid: &u32| {
            let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            comm == "zms-agent\n"
                && variables.split(|byte| *byte == 0).any(|it| it == home.as_bytes())
        };
        pids.filter(of_ours).collect()
    }

    /// The one agent.
    #[track_caller]
    fn agent(&self) -> u32 {
        let [pid] = self.agents()[..] else { panic!("{:?} agents", self.agents()) };
        pid
    }

    /// Waits until no agent is left.
    #[track_caller]
    fn until_ended(&self) {
        for _ in 0..500 {
            if self.agents().is_empty() {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        panic!("an agent is left");
    }

    /// Kills the agent, and waits until the system has closed what it had open.
    fn kill(&self) {
        let pid = self.agent();
        send("KILL", pid);
        let stat = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        while !stat().is_empty() && !stat().contains(") Z ") {
            sleep(Duration::from_millis(5));
        }
    }

    fn socket(&self) -> PathBuf {
        self.scratch.home().join("agent/socket")
    }
}

/// No test leaves an agent behind.
impl Drop for Vault {
    fn drop(&mut self) {
        for pid in self.agents() {
            send("KILL", pid);
        }
    }
}

fn send(signal: &str, pid: u32) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}
