//! Where no audit entry can be stored, no secret leaves.

use std::time::{Duration, Instant};

use crate::machine::Machine;

#[test]
fn a_folder_that_can_not_be_written_gives_nothing_out() {
    let machine = Machine::with_secret();
    machine.sh("zms token create ci -q > ci && chmod 600 ci").done();
    for mode in ["500 ~/.zexio", "400 ~/.zexio/zms.db"] {
        machine.sh(&format!("chmod {mode}")).done();
        for line in [
            "zms get A",
            "zms ls",
            "zms export",
            "zms run -- echo not reached",
            "zms run --explain",
            "zms ls --json",
            "ZMS_TOKEN_FILE=ci zms get A",
            "ZMS_TOKEN_FILE=ci zms run -- echo not reached",
            "ZMS_TOKEN_FILE=ci zms export",
        ] {
            let begun = Instant::now();
            let said = machine.sh(line).refused(8);
            assert!(said.contains("nothing was given out"), "{mode} {line}: {said}");
            assert!(said.contains("hint: make the folder of the vault writable"), "{said}");
            assert!(
                begun.elapsed() < Duration::from_secs(2),
                "{mode} {line}: {:?}",
                begun.elapsed()
            );
        }
        for line in [
            "printf 2 | zms set A",
            "zms rm A",
            "printf B=2 | zms import -",
            "zms token create other",
            "zms token create other --json",
            "zms project create shop",
        ] {
            let said = machine.sh(line).refused(1);
            assert!(said.contains("hint: make the folder of the vault writable"), "{line}: {said}");
        }
        machine.sh("chmod 700 ~/.zexio; chmod 600 ~/.zexio/zms.db").done();
        assert_eq!(machine.sh("zms get A").done(), "first");
    }
}
