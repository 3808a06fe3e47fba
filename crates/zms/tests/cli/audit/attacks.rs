//! What verifying says of what was done to the entries.

use std::fs;

use super::{machine, *};

#[test]
fn attack_audit_edit() {
    for edit in [
        "time = time + 1",
        "principal = randomblob(16)",
        "action = 5",
        "scope = randomblob(16)",
        "scope = NULL",
        "revision = 9",
        "outcome = 2",
        "prev_hash = randomblob(32)",
        "hash = randomblob(32)",
    ] {
        let machine = machine();
        sql(&machine, &format!("UPDATE audit SET {edit} WHERE seq = 5"));
        let (line, told) = bad(&machine);
        assert!(line.starts_with("entry 5 (2"), "{edit}: {line}");
        assert!(line.ends_with("was edited"), "{edit}: {line}");
        assert!(told.contains("proven      entries 6 to 1"), "{edit}: {told}");
    }
    for edit in ["action = 99", "outcome = 0", "principal = x'00'", "hash = x'00'"] {
        let machine = machine();
        sql(&machine, &format!("UPDATE audit SET {edit} WHERE seq = 5"));
        let (line, told) = bad(&machine);
        assert_eq!(line, "entry 5 can not be read", "{edit}");
        assert!(told.contains("proven      entries 6 to 1"), "{edit}: {told}");
    }
}

/// With every hash made anew behind the edit, which only a checkpoint shows.
#[test]
fn attack_audit_edit_with_hashes() {
    let machine = machine();
    remake(&machine, |chain| chain[4].event.principal.0 = [7; 16]);
    let (line, told) = bad(&machine);
    assert!(line.ends_with("that a checkpoint covers: the chain was made anew"), "{line}");
    assert!(told.contains("proven      none: no checkpoint fits"), "{told}");
    noticed(&machine, CUT);
    // Whoever takes the kept one away as well meets the one that is elsewhere.
    fs::remove_file(kept(&machine)).unwrap();
    let ran = verify(&machine);
    assert!(ran.err.contains("nothing is proven, as no checkpoint is kept here"), "{}", ran.err);
    ran.done();
    let ran = machine.sh("zms audit verify --checkpoint elsewhere");
    assert!(ran.err.contains("the chain was made anew"), "{}", ran.err);
    assert_eq!(ran.code, 6);
}

#[test]
fn attack_audit_reorder() {
    let machine = machine();
    let swap = "UPDATE audit SET seq = -1 WHERE seq = 5; UPDATE audit SET seq = 5 WHERE seq = 7;
                UPDATE audit SET seq = 7 WHERE seq = -1;";
    sql(&machine, swap);
    assert_eq!(bad(&machine).0, "entry 5 is out of order: it stands at 7");
    // Another order with hashes that fit it.
    sql(&machine, swap);
    assert_eq!(verify(&machine).code, 0);
    remake(&machine, |chain| chain.swap(3, 4));
    assert!(bad(&machine).0.ends_with("the chain was made anew"));
    noticed(&machine, CUT);
}

#[test]
fn attack_audit_delete() {
    let machine = machine();
    sql(&machine, "DELETE FROM audit WHERE seq = 5");
    assert_eq!(bad(&machine).0, "entry 5 is missing");
    for sql_text in [
        "DELETE FROM audit WHERE seq = 5; UPDATE audit SET seq = -seq WHERE seq > 5;
         UPDATE audit SET seq = -seq - 1 WHERE seq < 0;",
        "DELETE FROM audit WHERE seq BETWEEN 5 AND 7",
    ] {
        let machine = super::machine();
        sql(&machine, sql_text);
        assert_eq!(bad(&machine).0, "entry 5 is missing", "{sql_text}");
    }
    let machine = super::machine();
    remake(&machine, |chain| {
        chain.remove(4);
    });
    assert!(bad(&machine).0.ends_with("the chain was made anew"));
    noticed(&machine, CUT);
}

#[test]
fn attack_audit_truncate() {
    let machine = machine();
    let (_, all) = entries(&machine);
    let last = all.len() as u64;
    // What no checkpoint covers yet can be cut off: that is stated in spec/audit.md.
    sql(&machine, &format!("DELETE FROM audit WHERE seq > {}", last - 2));
    let told = verify(&machine).done();
    assert!(told.contains(&format!("proven      up to entry {}", last - 2)), "{told}");
    sql(&machine, &format!("DELETE FROM audit WHERE seq > {}", last - 4));
    let (from, to) = (last - 3, last - 2);
    let cut = format!("entries {from} to {to} are cut off: a checkpoint covers them");
    assert_eq!(bad(&machine).0, cut);
    noticed(&machine, CUT);
    // By now others stand where they stood.
    assert!(bad(&machine).0.ends_with("the chain was made anew"));
}

#[test]
fn attack_audit_truncate_whole() {
    let machine = machine();
    let last = entries(&machine).1.len() - 2;
    sql(&machine, "DELETE FROM audit");
    let (line, told) = bad(&machine);
    assert_eq!(line, format!("entries 1 to {last} are cut off: a checkpoint covers them"));
    assert!(told.contains("chain 0     0 entries\n"), "{told}");
    assert!(machine.sh("zms audit checkpoint").refused(6).contains("are cut off"));
    noticed(&machine, CUT);
    // Those that came since are no substitute.
    let next = entries(&machine).1.len() + 1;
    let cut = format!("entries {next} to {last} are cut off: a checkpoint covers them");
    assert_eq!(bad(&machine).0, cut);
}

/// A checkpoint that did not follow from the one before would give up what that one proves.
#[test]
fn attack_audit_break_above_the_checkpoint() {
    let machine = machine();
    let last = entries(&machine).1.len();
    sql(&machine, &format!("UPDATE audit SET revision = 99 WHERE seq = {}", last - 1));
    noticed(&machine, CUT);
    let (line, told) = bad(&machine);
    assert!(line.starts_with(&format!("entry {} (", last - 1)), "{line}");
    assert!(told.contains(&format!("proven      up to entry {}\n", last - 2)), "{told}");
}
