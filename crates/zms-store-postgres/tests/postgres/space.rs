//! A network of its own for a replica, that can lose its way to here.
//!
//! Between the two lies a switch in a third network: here, wire, near, switch, far, replica. Where
//! the wire is cut both ends see that it is; where the switch lets go of a port, nobody sees
//! anything but that nothing comes any more.

use std::process::{Command, Stdio};

/// A network, gone when it is dropped.
pub struct Space {
    name: String,
    hub: String,
    wire: String,
    here: String,
}

impl Space {
    /// Makes one with a way to here.
    pub fn new() -> Self {
        let number = std::process::id() % 50_000;
        let (high, low) = (number / 250, number % 250);
        let here = format!("198.18.{high}.{low}");
        let [name, hub, wire] = ["zms", "zh", "zv"].map(|kind| format!("{kind}{number}"));
        let space = Self { name, hub, wire, here };
        let Self { name, hub, wire, here } = &space;
        let there = format!("198.19.{high}.{low}");
        ip(&["netns", "add", name]);
        ip(&["netns", "add", hub]);
        ip(&["-n", hub, "link", "add", "name", "switch", "type", "bridge"]);
        ip(&["-n", hub, "link", "set", "switch", "up"]);
        ip(&["link", "add", wire, "type", "veth", "peer", "name", "near", "netns", hub]);
        let far = ["-n", hub, "link", "add", "name", "far", "type", "veth"];
        ip(&[&far[..], &["peer", "name", "replica", "netns", name]].concat());
        for port in ["near", "far"] {
            ip(&["-n", hub, "link", "set", port, "master", "switch"]);
            ip(&["-n", hub, "link", "set", port, "up"]);
        }
        ip(&["addr", "add", here, "peer", &there, "dev", wire]);
        ip(&["link", "set", wire, "up"]);
        ip(&["-n", name, "addr", "add", &there, "peer", here, "dev", "replica"]);
        ip(&["-n", name, "link", "set", "replica", "up"]);
        ip(&["-n", name, "link", "set", "lo", "up"]);
        space
    }

    /// The address of this end.
    pub fn here(&self) -> &str {
        &self.here
    }

    /// What a command is put behind, to run in there.
    pub fn inside(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// Cuts the wire, and both ends see it.
    pub fn cut(&self) {
        ip(&["link", "set", &self.wire, "down"]);
    }

    /// Has whatever is sent vanish, without a word to anybody.
    pub fn silence(&self) {
        ip(&["-n", &self.hub, "link", "set", "far", "nomaster"]);
    }

    /// Lets everything through again.
    pub fn mend(&self) {
        ip(&["-n", &self.hub, "link", "set", "far", "master", "switch"]);
        ip(&["link", "set", &self.wire, "up"]);
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        for space in [&self.name, &self.hub] {
            let _ = Command::new("ip").args(["netns", "del", space]).status();
        }
        // It goes with its other end, a moment later.
        let _ = Command::new("ip").args(["link", "del", &self.wire]).stderr(Stdio::null()).status();
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output();
    let output = output.expect("iproute2 is installed: scripts/tools does");
    let told = String::from_utf8_lossy(&output.stderr);
    let needs = "networks are made by root, in a kernel that has them";
    assert!(output.status.success(), "ip {}: {told}{needs}", arguments.join(" "));
}
