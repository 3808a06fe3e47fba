use std::collections::BTreeMap;

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
};
use zms_core::scope::Lineage;

use super::*;

const VAULT: VaultId = VaultId([7; 16]);

/// Ways that share ids and beginnings.
fn lineage(number: u8) -> Lineage {
    (0..=number % 3).map(|at| ScopeId([number / 3 + at; 16])).collect()
}

fn pins(generation: u64, version: u64, heads: impl IntoIterator<Item = (u8, u64)>) -> Pins {
    let heads = heads.into_iter().map(|(number, revision)| {
        (lineage(number), HeadPin { revision, hash: [number ^ revision as u8; 32] })
    });
    Pins {
        roster: Some(RosterPin { generation, version, hash: [version as u8; 32] }),
        heads: heads.collect(),
    }
}

fn table(pins: &Pins) -> PinTable {
    PinTable::default().advanced(VAULT, pins)
}

fn seen() -> impl Strategy<Value = Pins> {
    let heads = btree_map(0_u8..24, 1_u64..6, 0..12);
    let some = (1_u64..4, 1_u64..5, heads);
    let some = some.prop_map(|(generation, version, heads)| pins(generation, version, heads));
    prop_oneof![9 => some, 1 => Just(Pins::default())]
}

proptest! {
    #[test]
    fn a_table_holds_what_a_map_would(all in vec(seen(), 1..8)) {
        let (mut map, mut held) = (Pins::default(), PinTable::default());
        for seen in &all {
            prop_assert_eq!(held.gains(seen), map.gains(seen));
            map.advance(seen.clone());
            held = held.advanced(VAULT, seen);
            prop_assert_eq!(held.roster(), map.roster);
            prop_assert_eq!(held.records().len(), map.heads.len());
            for number in 0..=24 {
                let lineage = lineage(number);
                prop_assert_eq!(held.head(&lineage), map.heads.get(&lineage).copied());
            }
            // Whatever the order in which they were taken, the same pins are the same file.
            prop_assert_eq!(&held, &table(&map));
            if map.roster.is_some() {
                prop_assert_eq!(PinTable::read(held.bytes.clone(), VAULT), Some(held.clone()));
            }
        }
    }
}

#[test]
fn the_file_is_what_the_specification_says() {
    let part = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let key = |ids: &[[u8; 16]]| {
        let ids = ids.iter().flat_map(|id| part(id));
        sha256(&[&part(b"zms/v1/pin").into_iter().chain(ids).collect::<Vec<u8>>()])
    };
    let ways = [vec![[1; 16]], vec![[1; 16], [2; 16]]];
    let records: BTreeMap<[u8; 32], u64> =
        ways.iter().zip([9, 8]).map(|(ids, revision)| (key(ids), revision)).collect();
    let mut file = b"ZMSP\0\0\0\x02".to_vec();
    file.extend([7; 16]);
    file.extend([0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4]);
    file.extend([5; 32]);
    file.extend([0, 0, 0, 0, 0, 0, 0, 2]);
    for (key, revision) in records {
        file.extend(key);
        file.extend(revision.to_be_bytes());
        file.extend([6; 32]);
    }
    file.extend(sha256(&[&file]));
    let heads = ways.into_iter().zip([9, 8]).map(|(ids, revision)| {
        (ids.into_iter().map(ScopeId).collect(), HeadPin { revision, hash: [6; 32] })
    });
    let roster = RosterPin { generation: 3, version: 4, hash: [5; 32] };
    let pins = Pins { roster: Some(roster), heads: heads.collect() };
    assert_eq!(table(&pins).into_bytes(), file);
}

#[test]
fn a_damaged_file_is_refused() {
    let file = table(&pins(1, 2, [(0, 3), (4, 5), (8, 1)])).into_bytes();
    assert!(PinTable::read(file.clone(), VAULT).is_some());
    assert!(PinTable::read(file.clone(), VaultId([8; 16])).is_none(), "of another vault");
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut file = file.clone();
            file[at] ^= 1 << bit;
            assert!(PinTable::read(file, VAULT).is_none(), "bit {bit} of byte {at}");
        }
        assert!(PinTable::read(file[..at].to_vec(), VAULT).is_none(), "cut off at {at}");
    }
    for more in [vec![0], vec![0; RECORD], file.clone()] {
        assert!(PinTable::read([file.clone(), more].concat(), VAULT).is_none(), "with more");
    }
}

/// Files whose hash is right.
#[test]
fn what_no_writer_writes_is_refused() {
    let file = table(&pins(1, 2, [(0, 3), (4, 5), (8, 1)])).into_bytes();
    let said = &file[..file.len() - SUM];
    let summed = |said: &[u8]| PinTable::read([said, &sha256(&[said])].concat(), VAULT);
    assert!(summed(said).is_some());
    let changed = |at: usize, bytes: &[u8]| {
        let mut said = said.to_vec();
        said[at..at + bytes.len()].copy_from_slice(bytes);
        summed(&said)
    };
    let record = |number: usize| HEADER + RECORD * number;
    let (first, second) = (&said[record(0)..record(1)], &said[record(1)..record(2)]);
    let swapped = [second, first].concat();
    for (what, table) in [
        ("another form", changed(0, b"ZMSQ")),
        ("another version", changed(4, &[0, 0, 0, 3])),
        ("generation 0", changed(24, &[0; 8])),
        ("version 0", changed(32, &[0; 8])),
        ("too great a count", changed(HEADER - 8, &4_u64.to_be_bytes())),
        ("too small a count", changed(HEADER - 8, &2_u64.to_be_bytes())),
        ("revision 0", changed(record(1) + 32, &[0; 8])),
        ("too great a revision", changed(record(1) + 32, &(LAST_REVISION + 1).to_be_bytes())),
        ("out of order", changed(record(0), &swapped)),
        ("twice the same", changed(record(0), second)),
        ("half a record", summed(&said[..said.len() - 1])),
    ] {
        assert_eq!(table, None, "{what}");
    }
    assert!(changed(record(1) + 32, &LAST_REVISION.to_be_bytes()).is_some());
}
