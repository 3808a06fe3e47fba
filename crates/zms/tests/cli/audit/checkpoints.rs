//! Checkpoints: kept, damaged, another's, at once.

use std::{fs, thread};

use super::{machine, *};

#[test]
fn a_damaged_checkpoint_is_reported_and_stays() {
    let machine = machine();
    let good = fs::read_to_string(kept(&machine)).unwrap();
    let foreign = fs::read_to_string(kept(&super::machine())).unwrap();
    let words = "is damaged or not yours: run `zms audit verify`";
    for text in ["garbage\n", &good.replace("time 1", "time 2"), &foreign, &"x".repeat(1 << 20)] {
        fs::write(kept(&machine), text).unwrap();
        noticed(&machine, words);
        let ran = verify(&machine);
        assert_eq!(ran.code, 6);
        assert!(ran.err.contains("error: the audit does not verify: the checkpoint in "));
        assert!(ran.err.contains("hint: move it away"), "{}", ran.err);
    }
    // As the hint says.
    fs::rename(kept(&machine), machine.home().join("evidence")).unwrap();
    assert_eq!(machine.sh("zms get A").err, "");
    assert_eq!(verify(&machine).code, 0);
}

#[test]
fn a_checkpoint_that_can_not_be_kept_fails_no_command() {
    let machine = machine();
    let path = kept(&machine);
    fs::remove_file(&path).unwrap();
    machine.sh(&format!("mkdir {}", path.display())).done();
    let ran = machine.sh("zms get A");
    assert!(ran.err.starts_with("warning: no checkpoint of the audit was kept: "), "{}", ran.err);
    assert_eq!(ran.done(), "2");
}

#[test]
fn checkpoints_of_others_are_refused() {
    let machine = machine();
    let other = super::machine();
    let theirs = fs::read_to_string(other.home().join("app/elsewhere")).unwrap();
    let good = fs::read_to_string(machine.home().join("app/elsewhere")).unwrap();
    for (text, why) in [
        (theirs, "is signed by nobody who is an administrator of this vault"),
        (good.replace("time 1", "time 2"), "carries a signature that does not verify"),
        (good.replace("time 1", "time  1"), "is no checkpoint, or was changed"),
        (String::new(), "is no checkpoint, or was changed"),
    ] {
        fs::write(machine.home().join("app/brought"), text).unwrap();
        let ran = machine.sh("zms audit verify --checkpoint brought");
        assert_eq!(ran.code, 6);
        let words =
            format!("error: the audit does not verify: the checkpoint that was brought {why}");
        assert!(ran.err.starts_with(&words), "{}", ran.err);
    }
    let told = machine.sh("ZMS_TOKEN_FILE=ci zms audit verify --checkpoint elsewhere").done();
    assert!(told.contains("proven      up to entry "), "{told}");
}

#[test]
fn commands_at_once_keep_a_checkpoint_of_all() {
    let machine = machine();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..4 {
                    assert_eq!(machine.sh("zms get A").err, "");
                }
            });
        }
    });
    machine.sh("zms get A").done();
    let last = entries(&machine).1.len();
    let note = fs::read_to_string(kept(&machine)).unwrap();
    assert!(note.contains(&format!("\nchain 0 {last} ")), "{last}: {note}");
    let told = verify(&machine).done();
    assert!(told.contains(&format!("proven      up to entry {last}\n")), "{told}");
}

/// A checkpoint goes on where the last one ended, however much came since.
#[test]
fn a_checkpoint_catches_up_step_by_step() {
    let machine = machine();
    let before = entries(&machine).1.len();
    remake(&machine, |chain| {
        let read = chain.last().unwrap().clone();
        chain.extend(vec![read; 2500]);
    });
    let proven = || {
        let note = fs::read_to_string(kept(&machine)).unwrap();
        let line = note.lines().find_map(|line| line.strip_prefix("chain 0 ")).unwrap();
        line.split(' ').next().unwrap().parse::<usize>().unwrap()
    };
    let first = proven();
    assert!(first < before);
    for step in 1..=2 {
        assert_eq!(machine.sh("zms get A").err, "");
        assert_eq!(proven(), first + step * 1000);
    }
    assert_eq!(verify(&machine).code, 0);
    assert_eq!(proven(), entries(&machine).1.len());
}
