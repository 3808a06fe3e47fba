//! `audit.json`: chains of audit entries.

use zms_core::{
    audit::{Action, Entry, Event, Outcome, first_bad},
    id::{PrincipalId, ScopeId, VaultId},
};

use crate::{
    cases,
    json::{Json, hex, list, map, text},
    name,
};

const VAULT: VaultId = VaultId([0x11; 16]);

fn to_json(entry: &Entry) -> Json {
    let event = &entry.event;
    map([
        ("chain", Json::Number(entry.chain)),
        ("seq", Json::Number(entry.seq)),
        ("time", Json::Number(event.time)),
        ("principal", hex(event.principal.as_bytes())),
        ("action", Json::Number(event.action as u64)),
        ("scope", hex(event.scope.as_ref().map_or(&[], ScopeId::as_bytes))),
        ("revision", Json::Number(event.revision)),
        ("outcome", Json::Number(event.outcome as u64)),
        ("prev_hash", hex(&entry.prev_hash)),
        ("hash", hex(&entry.hash)),
    ])
}

fn from_json(entry: &Json) -> Entry {
    let small = |key: &str| u8::try_from(entry[key].number()).expect("one byte");
    Entry {
        chain: entry["chain"].number(),
        seq: entry["seq"].number(),
        event: Event {
            time: entry["time"].number(),
            principal: PrincipalId(entry["principal"].array()),
            action: Action::from_number(small("action")).expect("known"),
            scope: ScopeId::try_from(&entry["scope"].bytes()[..]).ok(),
            revision: entry["revision"].number(),
            outcome: Outcome::from_number(small("outcome")).expect("known"),
        },
        prev_hash: entry["prev_hash"].array(),
        hash: entry["hash"].array(),
    }
}

fn chain(number: u64) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (action, scope, revision, outcome) in [
        (Action::Init, None, 0, Outcome::Done),
        (Action::Shape, Some(ScopeId([0x22; 16])), 2, Outcome::Done),
        (Action::Write, Some(ScopeId([0x22; 16])), 3, Outcome::Done),
        (Action::Grant, None, 0, Outcome::Done),
        (Action::Read, Some(ScopeId([0x22; 16])), 3, Outcome::Integrity),
        (Action::Revoke, None, 0, Outcome::Done),
        (Action::Rekey, Some(ScopeId([0x22; 16])), 4, Outcome::Done),
        (Action::Read, None, 0, Outcome::Denied),
    ] {
        let seq = entries.len() as u64 + 1;
        let prev_hash = entries.last().map_or([0; 32], |entry| entry.hash);
        let principal = PrincipalId([0x33; 16]);
        let time = 1_700_000_000 + seq;
        let event = Event { time, principal, action, scope, revision, outcome };
        entries.push(Entry::new(VAULT, number, seq, prev_hash, event));
    }
    entries
}

fn make(_: &mut rand_chacha::ChaCha20Rng) -> Vec<Json> {
    let case = |title: &str, entries: &[Entry], bad: u64| {
        map([
            ("name", text(title)),
            ("vault", hex(VAULT.as_bytes())),
            ("entries", list(entries.iter().map(to_json))),
            ("first_bad", Json::Number(bad)),
        ])
    };
    let good = chain(0);
    let changed = |edit: fn(&mut Vec<Entry>)| {
        let mut entries = good.clone();
        edit(&mut entries);
        entries
    };
    vec![
        case("a chain", &good, 0),
        case("another chain", &chain(7), 0),
        case("a chain cut short is still one", &good[..5], 0),
        case("no entries", &[], 0),
        case("a time changed", &changed(|e| e[2].event.time += 1), 3),
        case("a scope taken out", &changed(|e| e[2].event.scope = None), 3),
        case("an outcome changed", &changed(|e| e[7].event.outcome = Outcome::Done), 8),
        case("a revision changed", &changed(|e| e[6].event.revision += 1), 7),
        case("a principal changed", &changed(|e| e[1].event.principal.0[0] ^= 1), 2),
        case("an entry left out", &changed(|e| e.retain(|entry| entry.seq != 4)), 4),
        case("two entries swapped", &changed(|e| e.swap(4, 5)), 5),
        case("the first left out", &changed(|e| e.retain(|entry| entry.seq != 1)), 1),
        case("a hash changed", &changed(|e| e[4].hash[0] ^= 1), 5),
        case(
            "an entry made anew, the next not",
            &changed(|e| {
                e[4].event.revision = 9;
                e[4].hash = e[4].computed_hash(VAULT);
            }),
            6,
        ),
    ]
}

#[test]
fn audit_chains() {
    for case in cases("audit.json", "Audit chains, 0 where all fit: spec/audit.md", make) {
        let entries: Vec<Entry> = case["entries"].list().iter().map(from_json).collect();
        let bad = first_bad(VaultId(case["vault"].array()), &entries);
        assert_eq!(bad.unwrap_or(0), case["first_bad"].number(), "{}", name(&case));
    }
}
