//! The machine: cores, swap, the clock.

use std::path::Path;

use rustix::process::{Resource, geteuid, getrlimit};

use super::report::Report;
use crate::{
    environment,
    exit::{Exit, utc},
    files,
    hygiene::Inherited,
};

/// The first second of 2024: this program is younger.
const OLDEST: u64 = 1_704_067_200;
/// How far clocks of machines that are kept in time may differ, in seconds.
const DRIFT: u64 = 300;
/// Bytes that keys take at most, in whole pages.
const LOCKED: u64 = 64 * 1024;

/// Checks cores and swap.
pub(super) fn check(report: &mut Report, inherited: &Inherited) {
    cores(report, inherited);
    swap(report);
}

/// A file of the system, as text; `None` where there is none.
fn text(path: &str) -> Option<String> {
    let bytes = files::read_found(Path::new(path)).ok()??;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn cores(report: &mut Report, inherited: &Inherited) {
    let pattern = text("/proc/sys/kernel/core_pattern").unwrap_or_default();
    if let Some(program) = pattern.trim().strip_prefix('|') {
        let program = program.split_whitespace().next().unwrap_or_default();
        report.warn(
            "core dumps",
            format!("the memory of a program that crashes is handed to {program}"),
            "a limit does not prevent that: see to where it keeps what it gets (zms itself leaves \
             no core)",
        );
    } else if inherited.core_limit() == Some(0) {
        report.ok("core dumps", "programs that crash leave none");
    } else {
        report.warn(
            "core dumps",
            "a program that crashes may leave its secrets in a core file",
            "`ulimit -c 0` before `zms run` (zms itself leaves no core)",
        );
    }
}

fn swap(report: &mut Report) {
    let Some(swaps) = text("/proc/swaps") else {
        return report.skip("swap", "this system does not say");
    };
    let limit = getrlimit(Resource::Memlock).current;
    let locked = geteuid().is_root() || limit.is_none_or(|limit| limit >= LOCKED);
    judge(report, &swaps, locked, |device| text(&format!("/sys/block/{device}/dm/uuid")));
}

/// Tells what `/proc/swaps` names, by what lies below each device and whether keys are locked in
/// memory.
fn judge(report: &mut Report, swaps: &str, locked: bool, below: impl Fn(&str) -> Option<String>) {
    let places: Vec<&str> =
        swaps.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
    let plain: Vec<&str> = places.iter().copied().filter(|place| !sealed(place, &below)).collect();
    if plain.is_empty() {
        let none = if places.is_empty() { "none" } else { "encrypted, or in memory" };
        return report.ok("swap", none);
    }
    let keys = if locked { "keys are kept out of it" } else { "keys may get there too" };
    report.warn(
        "swap",
        format!(
            "{} is not encrypted, and programs' secrets may get there; {keys}",
            plain.join(", ")
        ),
        if locked { "encrypt it, or do without" } else { "encrypt it, or raise `ulimit -l` to 64" },
    );
}

/// Whether nothing readable of a swap stays on a disk: it is in memory, or dm-crypt lies below.
fn sealed(place: &str, below: impl Fn(&str) -> Option<String>) -> bool {
    let Some(device) = place.strip_prefix("/dev/") else { return false };
    device.starts_with("zram") || below(device).is_some_and(|uuid| uuid.starts_with("CRYPT-"))
}

/// Checks the clock against this program's age and the newest time that the vault holds.
pub(super) fn clock(report: &mut Report, newest: Option<u64>) {
    let now = environment::now();
    let hint = "set it: expiry is told by the clock alone";
    if now < OLDEST {
        report.fail("clock", Exit::Other, format!("it says {}", utc(now)), hint);
    } else if let Some(newest) = newest.filter(|newest| now + DRIFT < *newest) {
        let finding = format!("it says {}, and the vault was used on {}", utc(now), utc(newest));
        report.fail("clock", Exit::Other, finding, hint);
    } else {
        report.ok("clock", utc(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    fn said(places: &[&str], locked: bool) -> String {
        let line = |place: &&str| format!("{place:<40}partition\t1048572\t\t0\t\t-2\n");
        let swaps = HEAD.to_owned() + &places.iter().map(line).collect::<String>();
        let mut report = Report::default();
        judge(&mut report, &swaps, locked, |device| match device {
            "dm-0" => Some("CRYPT-LUKS2-0a-swap\n".to_owned()),
            "dm-1" => Some("LVM-0a\n".to_owned()),
            _ => None,
        });
        report.checks().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn swap_that_keeps_nothing_readable_is_no_worry() {
        assert!(said(&[], true).starts_with("ok    swap"));
        assert!(said(&[], true).ends_with("none"));
        let sealed = said(&["/dev/zram0", "/dev/dm-0"], true);
        assert!(sealed.starts_with("ok    swap") && sealed.contains("encrypted"), "{sealed}");
    }

    #[test]
    fn swap_on_a_plain_disk_is_named_with_what_becomes_of_keys() {
        for place in ["/dev/sda2", "/dev/dm-1", "/swapfile", "/var/zram0", "/swap\\040file"] {
            let said = said(&["/dev/dm-0", place], true);
            assert!(said.starts_with("warn  swap"), "{said}");
            let named = format!("{place} is not encrypted");
            assert!(said.contains(&named) && !said.contains("dm-0"), "{said}");
            assert!(said.contains("keys are kept out of it"), "{said}");
        }
        let several = said(&["/dev/sda2", "/dev/sdb3"], false);
        assert!(several.contains("/dev/sda2, /dev/sdb3 is not encrypted"), "{several}");
        assert!(several.contains("keys may get there too"), "{several}");
        assert!(several.contains("`ulimit -l` to 64"), "{several}");
    }
}
