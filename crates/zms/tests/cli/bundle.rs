//! Bundle files that mean ill, and machines that keep nothing.

use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::machine::Machine;

/// A machine with a bundle `app.zms` for the token in the file `ci`.
fn with_bundle() -> Machine {
    let machine = Machine::with_secret();
    machine.sh("printf 2 | zms set B; zms token create ci -q > ci && chmod 600 ci").done();
    machine.sh("zms bundle create app.zms --token ci").done();
    machine
}

/// Reading from a file with an address space that holds no more than what a file may be.
fn get(machine: &Machine, file: &str) -> String {
    let line = format!("ulimit -v 900000; ZMS_TOKEN_FILE=ci zms get A -q --bundle {file}");
    let begun = Instant::now();
    let ran = machine.sh(&line);
    assert!(begun.elapsed() < Duration::from_secs(20), "{file}: {:?}", begun.elapsed());
    if ran.code == 0 { ran.done() } else { format!("{} {}", ran.code, ran.err) }
}

#[test]
fn attack_a_hostile_bundle_is_refused_in_bounded_memory() {
    let machine = with_bundle();
    assert_eq!(get(&machine, "app.zms"), "first");
    let app = machine.home().join("app");
    let good = fs::read_to_string(app.join("app.zms")).unwrap();
    let write = |name: &str, text: &[u8]| {
        fs::write(app.join(name), text).unwrap();
        let said = get(&machine, name);
        assert!(said.starts_with("6 ") || said.starts_with("2 "), "{name}: {said}");
        assert!(!said.contains("first"), "{name}: {said}");
    };
    let armoured = |bytes: &[u8]| {
        let sum = zms_crypto::digest::sha256(&[bytes]);
        let lines = bytes.chunks(57).chain([&sum[..]]);
        let body: Vec<String> = lines.map(|line| STANDARD.encode(line)).collect();
        let rule = "-----BEGIN ZMS BUNDLE-----";
        format!("{rule}\n{}\n{}\n", body.join("\n"), rule.replace("BEGIN", "END")).into_bytes()
    };
    write("empty.zms", b"");
    write("huge.zms", &vec![b'A'; 70 << 20]);
    write("lines.zms", "-----BEGIN ZMS BUNDLE-----\n".repeat(2_000_000).as_bytes());
    write("deep.zms", &armoured(&[b"ZMB\x01".as_slice(), &vec![0x81; 8 << 20]].concat()));
    write("maps.zms", &armoured(&[b"ZMB\x01".as_slice(), &vec![0xa1; 8 << 20]].concat()));
    // Eight million empty messages, and as many empty maps in their place.
    for item in [0x40, 0xa0] {
        let count = 8_000_000_u32.to_be_bytes();
        let head = [&b"ZMB\x01\xa1\x03\x9a"[..], &count].concat();
        write("many.zms", &armoured(&[head, vec![item; 8_000_000]].concat()));
    }
    let count = [&b"ZMB\x01\xa1\x03\x9b"[..], &u64::MAX.to_be_bytes()].concat();
    write("claims.zms", &armoured(&count));
    for at in (0..good.len()).step_by(good.len() / 20) {
        write("cut.zms", &good.as_bytes()[..at]);
        let mut spoilt = good.clone().into_bytes();
        spoilt[at] ^= 1;
        write("flipped.zms", &spoilt);
    }
    assert_eq!(get(&machine, "app.zms"), "first");
}

#[test]
fn a_bundle_of_another_vault_or_for_another_token_gives_nothing_out() {
    let machine = with_bundle();
    machine
        .sh("export ZMS_HOME=$PWD/other; zms init -q; printf theirs | zms set A; \
             zms token create ci -q > theirs; chmod 600 theirs; zms bundle create theirs.zms --token ci")
        .done();
    machine.sh("zms token create more -e staging -q > more; chmod 600 more").done();
    for (token, file) in [("ci", "theirs.zms"), ("theirs", "app.zms"), ("more", "app.zms")] {
        machine.sh(&format!("ZMS_TOKEN_FILE={token} zms get A --bundle {file}")).refused(4);
        machine
            .sh(&format!("ZMS_TOKEN_FILE={token} zms run --bundle {file} -- echo no"))
            .refused(4);
    }
    assert_eq!(
        machine.sh("ZMS_TOKEN_FILE=theirs zms get A -q --bundle theirs.zms").done(),
        "theirs"
    );
}

#[test]
fn a_machine_that_can_keep_nothing_reads_and_is_told_so() {
    let machine = with_bundle();
    machine.sh("mkdir locked && chmod 500 locked").done();
    let read = "ZMS_HOME=$PWD/locked/home ZMS_TOKEN_FILE=ci zms get A --bundle app.zms";
    let ran = machine.sh(read);
    assert!(ran.err.contains("an older bundle could not be told next time"), "{}", ran.err);
    assert_eq!(ran.done(), "first");
    let ran = machine.sh(&format!("ZMS_PIN=$(zms status --pin) && export ZMS_PIN; {read}"));
    assert!(!ran.err.contains("older bundle"), "{}", ran.err);
    assert_eq!(ran.done(), "first");
    // Without any folder at all there is no place for what is seen, and it says so.
    machine.sh("env -u HOME ZMS_TOKEN_FILE=ci zms get A --bundle app.zms").refused(1);
}

#[test]
fn what_can_not_be_noted_is_not_given_out() {
    let machine = with_bundle();
    let read = "ZMS_TOKEN_FILE=ci zms run -q --bundle app.zms --audit-to";
    for file in ["/dev/full", "/dev/null", "/proc/self/mem", "locked/log"] {
        machine.sh("mkdir -p locked && chmod 500 locked").done();
        machine.sh(&format!("{read} {file} -- echo not reached")).refused(8);
    }
    // A file may grow to 512 bytes: the first entries do not fit, and no half line stays.
    machine.sh(&format!("trap '' XFSZ; ulimit -f 1; {read} small -- echo not reached")).refused(8);
    assert_eq!(machine.sh("cat small").done(), "");
    machine.sh(&format!("for n in 1 2 3 4 5 6 7 8; do {read} log -- true & done; wait")).done();
    assert_eq!(machine.sh("wc -l < log").done().trim(), "16", "eight readers, two scopes each");
    machine.sh(&format!("{read} log -- true")).done();
}

/// What the independent reader says of a path in a bundle.
fn second_reader(machine: &Machine, file: &str, token: &str, path: &str) -> Output {
    let python = env::var_os("ZMS_TEST_PYTHON").expect("ZMS_TEST_PYTHON is set by ./check");
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/reader/zms_reader.py");
    let token = fs::File::open(machine.home().join("app").join(token)).unwrap();
    let mut command = Command::new(python);
    command.arg(reader).args(["bundle", file, path]).stdin(Stdio::from(token));
    command.current_dir(machine.home().join("app")).output().unwrap()
}

#[test]
fn the_second_reader_reads_a_bundle_of_the_binary() {
    let machine = with_bundle();
    let read = |file: &str| second_reader(&machine, file, "ci", "default/development");
    let output = read("app.zms");
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen, serde_json::json!({ "A": "Zmlyc3Q=", "B": "Mg==" }));
    let good = fs::read_to_string(machine.home().join("app/app.zms")).unwrap();
    for at in [30, 100, good.len() / 2, good.len() - 40] {
        let mut spoilt = good.clone().into_bytes();
        spoilt[at] ^= 1;
        fs::write(machine.home().join("app/spoilt.zms"), spoilt).unwrap();
        let output = read("spoilt.zms");
        assert!(!output.status.success() && output.stdout.is_empty(), "byte {at}: {output:?}");
    }
}

/// Bundle files of older versions open for ever: `tests/frozen/README.md`.
#[test]
fn a_frozen_bundle_opens_as_ever() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/frozen");
    let entries = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<_> = entries.filter(|path| path.join("sees.json").exists()).collect();
    assert!(!folders.is_empty(), "frozen bundles are missing");
    for folder in folders {
        let machine = Machine::new();
        for name in ["app.zms", "dev.token", "api.token", "dev.pin"] {
            fs::copy(folder.join(name), machine.home().join("app").join(name)).unwrap();
        }
        machine.own(&machine.home().join("app"));
        machine.sh("chmod 600 *.token").done();
        let sees = fs::read_to_string(folder.join("sees.json")).unwrap();
        let sees: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&sees).unwrap();
        for (who, seen) in &sees {
            let (token, path) = who.split_once(' ').unwrap();
            let place: String = ["-p", "-e", "-s"]
                .iter()
                .zip(path.split('/'))
                .map(|(flag, name)| format!(" {flag} {name}"))
                .collect();
            let line = format!(
                "ZMS_TOKEN_FILE={token}.token zms export -q --format json --bundle app.zms{place}"
            );
            let reader = second_reader(&machine, "app.zms", &format!("{token}.token"), path);
            if seen.is_null() {
                machine.sh(&line).refused(4);
                assert!(!reader.status.success(), "{who}");
                continue;
            }
            let now: serde_json::Value = serde_json::from_str(&machine.sh(&line).done()).unwrap();
            assert_eq!(&now, seen, "{who}");
            let read: BTreeMap<String, String> = serde_json::from_slice(&reader.stdout).unwrap();
            let read = read.into_iter().map(|(name, value)| {
                let value = STANDARD.decode(value).unwrap();
                (name, serde_json::Value::from(String::from_utf8(value).unwrap()))
            });
            assert_eq!(&serde_json::Value::Object(read.collect()), seen, "{who}");
        }
        let pinned = "ZMS_HOME=new ZMS_PIN=$(cat dev.pin) ZMS_TOKEN_FILE=dev.token zms get LEVEL -q --bundle app.zms";
        assert_eq!(machine.sh(pinned).done(), "trace");
        machine.sh("zms bundle verify app.zms").done();
    }
}
