//! From tmux and over SSH: neither is a session of its own to the agent, and it needs neither.

use std::{fs, path::Path, process::Command, thread::sleep, time::Duration};

use super::Vault;
use crate::{
    scratch::{Go, Ran},
    tools::{ZMS, tool},
};

/// tmux, and an SSH server that is started for each connection and listens nowhere.
struct Elsewhere(Vault);

impl Elsewhere {
    fn new() -> Self {
        let vault = Vault::locked();
        for name in ["host", "mine"] {
            let path = vault.scratch.work().join(name);
            let args = ["-q", "-t", "ed25519", "-N", "", "-f"];
            Command::new(tool("ssh-keygen")).args(args).arg(path).go().good();
        }
        // Where sshd keeps nothing; its service makes it, and none runs here.
        fs::create_dir_all("/run/sshd").unwrap();
        Self(vault)
    }

    fn tmux(&self, args: &[&str]) -> Command {
        let mut command = self.0.scratch.other([tool("tmux")]);
        command.args(["-S", "tmux.socket", "-f", "/dev/null"]).args(args);
        command
    }

    /// Runs a line in a terminal of tmux, to its end.
    fn in_tmux(&self, line: &str) -> String {
        let done = self.0.scratch.work().join("done");
        let line = format!("{line} > said 2>&1; touch done; sleep 1000");
        let mut start = self.tmux(&["new-session", "-d", &line]);
        start.env("CREDENTIALS_DIRECTORY", self.0.scratch.work()).go().good();
        wait_for(&done);
        fs::remove_file(done).unwrap();
        fs::read_to_string(self.0.scratch.work().join("said")).unwrap()
    }

    /// Runs the program over SSH.
    fn over_ssh(&self, args: &str) -> Ran {
        let work = self.0.scratch.work();
        let path = |name: &str| work.join(name).display().to_string();
        let server = format!(
            "/usr/sbin/sshd -i -f /dev/null -o HostKey={} -o AuthorizedKeysFile={} \
             -o StrictModes=no -o UsePAM=no -o PermitRootLogin=yes",
            path("host"),
            path("mine.pub")
        );
        let home = self.0.scratch.home();
        let line = format!("ZMS_HOME={} {ZMS} {args}", home.display());
        let mut ssh = Command::new(tool("ssh"));
        ssh.args(["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR", "-i"]);
        ssh.arg(path("mine")).args(["-o", &format!("UserKnownHostsFile={}", path("known"))]);
        ssh.args(["-o", &format!("ProxyCommand={server}"), "root@here", &line]);
        ssh.go()
    }
}

fn wait_for(path: &Path) {
    for _ in 0..1000 {
        if path.exists() {
            return;
        }
        sleep(Duration::from_millis(20));
    }
    panic!("{} does not come", path.display());
}

#[test]
fn what_tmux_unlocks_is_open_over_ssh_and_stays_so_without_tmux() {
    let elsewhere = Elsewhere::new();
    elsewhere.over_ssh("get A").refused(5);
    let said = elsewhere.in_tmux(&format!("{ZMS} unlock"));
    assert!(said.contains("is unlocked until"), "{said}");
    assert_eq!(elsewhere.over_ssh("get A").text(), "1");
    elsewhere.tmux(&["kill-server"]).go().good();
    assert_eq!(elsewhere.over_ssh("get A").text(), "1");
    elsewhere.over_ssh("lock").good();
    elsewhere.0.zms(&["get", "A"]).go().refused(5);
    elsewhere.0.until_ended();
}
