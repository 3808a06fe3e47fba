//! Revoking, where the leaving token has left what nobody can read.

use rusqlite::Connection;

use crate::machine::Machine;

#[test]
fn what_a_leaving_writer_may_have_spoiled_is_reported_before_it_is_left_out() {
    let machine = Machine::with_secret();
    machine.sh("zms token create ci -q --write > ci").done();
    machine.sh("printf junk | ZMS_TOKEN=$(cat ci) zms set JUNK").done();
    let spoil = "UPDATE record SET envelope = zeroblob(length(envelope)) WHERE rev_from = \
                 (SELECT max(rev_from) FROM record)";
    Connection::open(machine.vault("zms.db")).unwrap().execute_batch(spoil).unwrap();
    machine.sh("zms ls").refused(6);
    let said = machine.sh("zms token revoke ci --yes -q").refused(6);
    for words in [
        "error: the scope default/development can not be read, and the leaving token may have",
        "--leave-out-unreadable",
        "hint: the token is out already",
    ] {
        assert!(said.contains(words), "{said}");
    }
    machine.sh("ZMS_TOKEN=$(cat ci) zms get A").refused(4);
    machine.sh("zms token revoke --resume -q").refused(6);
    machine.sh("zms token revoke --resume --leave-out-unreadable -q").done();
    machine.sh("zms export").refused(3);
    machine.sh("zms export -e staging").done();
}
