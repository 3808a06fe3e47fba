use std::thread;

use zms_core::{
    id::ScopeId,
    pin::{HeadPin, RosterPin},
};

use super::*;

const VAULT: VaultId = VaultId([7; 16]);
const ME: PrincipalId = PrincipalId([8; 16]);

fn seen(version: u64) -> Pins {
    let roster = RosterPin { generation: 1, version, hash: [version as u8; 32] };
    let head = HeadPin { revision: version, hash: [9; 32] };
    Pins { roster: Some(roster), heads: [(vec![ScopeId([1; 16])], head)].into() }
}

fn held(version: u64) -> PinTable {
    PinTable::default().advanced(VAULT, &seen(version))
}

/// [`seen`], as the first version of the file has it.
fn text(version: u64) -> String {
    let byte = format!("{version:02x}");
    format!(
        r#"{{"version":1,"vault":"{}","roster":{{"generation":1,"version":{version},"hash":"{}"}},
        "heads":[{{"lineage":["{}"],"revision":{version},"hash":"{}"}}]}}"#,
        "07".repeat(16),
        byte.repeat(32),
        "01".repeat(16),
        "09".repeat(32),
    )
}

fn scratch() -> (tempfile::TempDir, PinFolder) {
    let home = tempfile::tempdir().expect("a scratch folder");
    let folder = PinFolder::new(home.path().join("pins"));
    (home, folder)
}

/// A folder in which the first version of the file lies.
fn scratch_of_old(text: &str) -> (tempfile::TempDir, PinFolder) {
    let (home, folder) = scratch();
    fs::create_dir(&folder.0).expect("a scratch folder");
    fs::write(folder.json_path(ME), text).expect("writable");
    (home, folder)
}

#[test]
fn pins_are_kept_and_never_lowered() {
    let (_home, folder) = scratch();
    assert_eq!(folder.load(VAULT, ME).expect("first use"), PinTable::default());
    folder.advance(VAULT, ME, &seen(5)).expect("kept");
    folder.advance(VAULT, ME, &seen(4)).expect("kept");
    assert_eq!(folder.load(VAULT, ME).expect("kept"), held(5));
    assert!(folder.load(VaultId([6; 16]), ME).is_err(), "pins of another vault are no pins");
    for damaged in ["", "{}", &text(5)] {
        fs::write(folder.path(ME), damaged).expect("writable");
        assert!(folder.load(VAULT, ME).is_err(), "damaged pins are not a first use");
        assert!(folder.advance(VAULT, ME, &seen(6)).is_err(), "and nothing is kept over them");
        assert_eq!(fs::read(folder.path(ME)).expect("readable"), damaged.as_bytes());
    }
}

#[test]
fn the_first_version_is_read_and_replaced_at_the_next_keep() {
    for (newer, then) in [(4, 5), (5, 5), (6, 6)] {
        let (_home, folder) = scratch_of_old(&text(5));
        assert_eq!(folder.load(VAULT, ME).expect("the first version"), held(5));
        assert!(!folder.path(ME).exists(), "a read writes nothing");
        folder.advance(VAULT, ME, &seen(newer)).expect("kept");
        assert_eq!(folder.load(VAULT, ME).expect("kept"), held(then));
        assert!(folder.path(ME).exists() && !folder.json_path(ME).exists());
    }
}

#[test]
fn a_damaged_first_version_is_no_first_use_and_stays() {
    for damaged in ["", "{}", &text(0), &text(5).replacen("07", "06", 1)] {
        let (_home, folder) = scratch_of_old(damaged);
        assert!(folder.load(VAULT, ME).is_err());
        assert!(folder.advance(VAULT, ME, &seen(6)).is_err());
        assert_eq!(fs::read_to_string(folder.json_path(ME)).expect("it stays"), damaged);
    }
}

/// A crash may leave both: the new file was whole before the old one went.
#[test]
fn beside_the_second_version_the_first_counts_for_nothing() {
    let (_home, folder) = scratch();
    folder.advance(VAULT, ME, &seen(5)).expect("kept");
    fs::write(folder.json_path(ME), text(4)).expect("writable");
    assert_eq!(folder.load(VAULT, ME).expect("kept"), held(5));
    folder.advance(VAULT, ME, &seen(6)).expect("kept");
    assert!(!folder.json_path(ME).exists());
    assert_eq!(folder.load(VAULT, ME).expect("kept"), held(6));
}

#[test]
fn while_another_process_replaces_the_first_version_nobody_takes_it_for_a_first_use() {
    for _ in 0..50 {
        let (_home, folder) = scratch_of_old(&text(5));
        thread::scope(|scope| {
            let other = scope.spawn(|| folder.advance(VAULT, ME, &seen(5)).expect("kept"));
            while !other.is_finished() {
                assert_eq!(folder.load(VAULT, ME).expect("one of both"), held(5));
            }
        });
    }
}
