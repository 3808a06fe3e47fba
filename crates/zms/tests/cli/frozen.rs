//! What older versions wrote opens for ever, and reads the same. `tests/frozen/README.md` says
//! what lies there.

mod difference;
mod folder;
mod list;
mod make;
mod reader;
mod survey;

use std::{collections::BTreeMap, fs, thread};

use base64::{Engine, engine::general_purpose::STANDARD};
use rusqlite::Connection;
use serde_json::{Value, json};

use self::{
    difference::same,
    folder::{Frozen, GUARDED, HOME, lay, schema},
    survey::{Who, zms},
};
use crate::{machine::Machine, terminal::Terminal};

/// Opens the guarded vault of each folder.
const PASSPHRASE: &str = "a frozen passphrase, known to all";

/// What is written on top.
const LATER: &str = "SET_LATER";

fn base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

/// Everything that is compared. What is read first is the audit, as reading goes into it.
fn gather(machine: &Machine, tokens: &BTreeMap<String, String>) -> Value {
    let audit = survey::audit(machine);
    let members = survey::members(machine);
    let places = survey::places(machine);
    let seen = |who: Who<'_>| -> Value {
        places.iter().map(|place| (place.clone(), survey::seen(machine, who, place))).collect()
    };
    let past: Value =
        places.iter().map(|place| (place.clone(), survey::past(machine, place))).collect();
    let counts = |name: &str| {
        let counted = |member: &&Value| member["name"] == name && !member["uses"].is_null();
        members.as_array().unwrap().iter().any(|member| counted(&member))
    };
    let (mut by_token, mut uses_left) = (BTreeMap::new(), BTreeMap::new());
    for (name, token) in tokens {
        if counts(name) {
            let read = || zms(machine, Who::Token(token), "", &["ls"]).code == 0;
            uses_left.insert(name, (0..100).take_while(|_| read()).count());
        } else {
            by_token.insert(name, seen(Who::Token(token)));
        }
    }
    json!({
        "audit": audit, "members": members, "places": places, "owner": seen(Who::Owner),
        "past": past, "tokens": by_token, "uses_left": uses_left,
    })
}

/// Writes at every place, and gives those that asked for a confirmation.
fn write_on(machine: &Machine) -> Value {
    let mut protected = Vec::new();
    for place in survey::places(machine) {
        let set = ["set", LATER, "--unsafe-argv", "later"];
        let ran = zms(machine, Who::Owner, &place, &set);
        if ran.code == 2 && ran.err.contains("is protected") {
            zms(machine, Who::Owner, &place, &[&set[..], &["--yes"]].concat()).done();
            protected.push(place);
        } else {
            ran.done();
        }
    }
    json!(protected)
}

/// For every frozen folder, at once.
fn each(check: impl Fn(&Frozen) + Sync) {
    let all = Frozen::all();
    thread::scope(|scope| {
        let started: Vec<_> = all.iter().map(|frozen| scope.spawn(|| check(frozen))).collect();
        let ended: Vec<_> = started.into_iter().map(thread::ScopedJoinHandle::join).collect();
        let failed: Vec<_> = all.iter().zip(&ended).filter(|(_, ended)| ended.is_err()).collect();
        let names: Vec<_> = failed.iter().map(|(frozen, _)| frozen.name()).collect();
        assert!(names.is_empty(), "failed: {}", names.join(", "));
    });
}

/// The schema that this program writes.
fn today() -> u32 {
    let machine = Machine::with_vault();
    machine.sh("zms ls").done();
    schema(&machine.vault("zms.db"))
}

#[test]
fn the_schema_of_today_is_frozen() {
    let today = today();
    let schemas: Vec<u32> = Frozen::all().iter().map(Frozen::schema).collect();
    for schema in 1..=today {
        assert!(schemas.contains(&schema), "freeze schema {schema}: see tests/frozen/README.md");
    }
}

#[test]
fn a_frozen_vault_reads_as_ever() {
    let today = today();
    each(|frozen| {
        let machine = frozen.machine(HOME);
        let mut expected = frozen.expected.clone();
        for other in ["protected", "guarded"] {
            expected.as_object_mut().unwrap().remove(other);
        }
        same(&frozen.name(), &expected, &gather(&machine, &frozen.tokens));
        machine.sh("zms audit verify").done();
        let doctor = machine.sh("zms doctor").done();
        assert!(!doctor.contains("FAIL"), "{doctor}");
        assert_eq!(schema(&machine.vault("zms.db")), today);
        let backup = machine.vault(&format!("zms.db.v{}.bak", frozen.schema()));
        assert_eq!(backup.exists(), frozen.schema() < today);
        if backup.exists() {
            let old = frozen.machine(HOME);
            fs::write(old.vault("zms.db"), fs::read(backup).unwrap()).unwrap();
            assert_eq!(schema(&old.vault("zms.db")), frozen.schema());
            same("the backup's audit", &expected["audit"], &survey::audit(&old));
            for (place, seen) in expected["owner"].as_object().unwrap() {
                same("the backup", seen, &survey::seen(&old, Who::Owner, place));
            }
        }
    });
}

#[test]
fn a_frozen_vault_is_written_on() {
    each(|frozen| {
        let (name, machine) = (frozen.name(), frozen.machine(HOME));
        same(&name, &frozen.expected["protected"], &write_on(&machine));
        machine.sh("zms token create made-later -q").done();
        machine.sh("zms token revoke reads --yes").done();
        let after = gather(&machine, &frozen.tokens);
        for who in ["owner", "tokens"] {
            let (mut before, mut after) = (frozen.expected[who].clone(), after[who].clone());
            if who == "tokens" {
                let mut reads = before.as_object_mut().unwrap().remove("reads").unwrap();
                let now = after.as_object_mut().unwrap().remove("reads").unwrap();
                for place in reads.as_object_mut().unwrap().values_mut() {
                    *place = json!({ "refused": 4 });
                }
                same("the token that was revoked", &reads, &now);
            }
            forget(&mut after);
            same(&format!("{name} {who}"), &before, &after);
        }
        let past = frozen.expected["past"].as_object().unwrap();
        for (place, before) in past {
            let mut secrets = after["past"][place]["secrets"].clone();
            secrets.as_object_mut().unwrap().remove(LATER).unwrap();
            same(&format!("{name}, the past of {place}"), &before["secrets"], &secrets);
        }
        unchanged_audit(&machine, &frozen.expected["audit"]);
        machine.sh("zms undo -p shop -e production").done();
        machine.sh(&format!("zms get {LATER} -p shop -e production")).refused(3);
        machine.sh("zms audit verify").done();
        machine.sh("zms doctor").done();
    });
}

/// Takes what was written on top out of what somebody sees.
fn forget(seen: &mut Value) {
    if let Some(object) = seen.as_object_mut() {
        object.remove(LATER);
        object.values_mut().for_each(forget);
    }
}

/// The entries that were there are there.
fn unchanged_audit(machine: &Machine, expected: &Value) {
    let database = Connection::open(machine.vault("zms.db")).unwrap();
    for last in expected.as_array().unwrap() {
        let hash: Vec<u8> = database
            .query_row("SELECT hash FROM audit WHERE seq = ?", [last["seq"].as_i64()], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(last["hash"], hex::encode(hash));
    }
}

#[test]
fn a_frozen_vault_behind_a_passphrase_opens() {
    each(|frozen| {
        let machine = frozen.machine(GUARDED);
        let mut terminal = Terminal::start(&machine, &["get", "KEPT", "--json"]);
        terminal.until_hidden("Passphrase of the master key: ");
        let (code, screen) = terminal.press(&format!("{PASSPHRASE}\n")).end();
        let value = format!("\"value\": {}", frozen.expected["guarded"]["KEPT"]);
        assert!(code == 0 && screen.contains(&value), "{screen}");
    });
}

/// Whether zms, asked for this place, acts in the one below it that the token is for.
fn completed(frozen: &Frozen, who: &str, place: &str) -> bool {
    let members = frozen.expected["members"].as_array().unwrap();
    let scopes = members.iter().filter(|member| member["name"] == who);
    let scopes = scopes.flat_map(|member| member["scopes"].as_array().unwrap());
    let paths: Vec<_> = scopes.map(|scope| scope["path"].as_str().unwrap()).collect();
    paths.iter().any(|path| path.starts_with(&format!("{place}/")))
}

#[test]
fn the_second_reader_reads_what_is_frozen() {
    each(|frozen| {
        let machine = Machine::new();
        lay(&machine, &frozen.folder.join(HOME));
        let vault = machine.vault("");
        let compare = |who: &str, key: Result<&str, &str>, seen: &Value| {
            let mut refused = 0;
            for (place, seen) in seen.as_object().unwrap() {
                refused += usize::from(!seen["refused"].is_null());
                // What is refused like the last one is asked for twice, which is enough.
                if completed(frozen, who, place) || !seen["refused"].is_null() && refused > 2 {
                    continue;
                }
                let is = reader::read(&vault, key, place);
                let should = reader::expected(seen);
                match (should["refused"].as_i64(), is["refused"].as_str()) {
                    (Some(code), Some(said)) => {
                        assert!(reader::class(code).contains(&said), "{who} {place}: {said}");
                    }
                    _ => same(&format!("{} {who} {place}", frozen.name()), &should, &is),
                }
            }
        };
        compare("owner", Err(""), &frozen.expected["owner"]);
        for (name, seen) in frozen.expected["tokens"].as_object().unwrap() {
            compare(name, Ok(&frozen.tokens[name]), seen);
        }
        let guarded = frozen.folder.join(GUARDED);
        let machine = Machine::new();
        lay(&machine, &guarded);
        let is = reader::read(&machine.vault(""), Err(PASSPHRASE), "default/development");
        same("guarded", &frozen.expected["guarded"], &is);
    });
}
